"""Program order, and frames that arrive in unusual portions."""

import unittest

from support import wire
from support.case import WireTestCase


class OrderTest(WireTestCase):
    def test_requests_of_one_connection_keep_their_order(self):
        # Method: a pipeline that mixes all routes on a few keys; every answer
        # follows from the ones sent before it.
        requests, expected = [], []
        value = {}
        for number in range(3000):
            key = b"k%d" % (number * 7 % 5)
            kind = number % 6
            if kind == 0:
                requests.append(wire.put(key, b"%d" % number, number))
                value[key] = b"%d" % number
                expected.append(True)
            elif kind == 1:
                requests.append(wire.increment(key, 1, number))
                value[key] = b"%d" % (int(value.get(key, b"0")) + 1)
                expected.append(int(value[key]))
            elif kind == 2:
                requests.append(wire.batch(
                    [wire.put_operation(key, b"1%d" % number)], number))
                value[key] = b"1%d" % number
                expected.append(True)
            elif kind == 3 and number % 4 == 1:
                requests.append(wire.erase(key, number))
                expected.append(value.pop(key, None) is not None)
            else:
                requests.append(wire.get(key, number))
                expected.append(value.get(key))
        self.connection.send(b"".join(requests))
        for reply in self.connection.receive(len(requests)):
            message = reply.message
            if isinstance(message, wire.Value):
                found = message.value if message.found else None
            else:
                found = message[0]
            self.assertEqual(found, expected[reply.id], reply)

    def test_a_frame_in_single_bytes(self):
        request = wire.put(b"key", b"value", 7)
        for position in range(len(request)):
            self.connection.send(request[position:position + 1])
        reply, = self.connection.receive()
        self.assertEqual(reply.id, 7)
        self.assertTrue(reply.message.applied)

    def test_a_thousand_frames_in_one_segment(self):
        self.connection.send(b"".join(
            wire.increment(b"n", 1, number) + wire.get(b"n", 1000 + number)
            for number in range(500)))
        for reply in self.connection.receive(1000):
            if reply.id < 1000:
                self.assertEqual(reply.message.value, reply.id + 1)
            else:
                self.assertEqual(reply.message.value,
                                 b"%d" % (reply.id - 1000 + 1))

    def test_half_close_is_answered_first(self):
        self.connection.send(b"".join(wire.put(b"%d" % number, b"", number)
                                      for number in range(100)))
        self.connection.end_sending()
        answers = self.connection.receive_until_closed()
        self.assertEqual(len(answers), 100)

    def test_the_worked_example_of_the_page(self):
        request = bytes.fromhex(
            "4B5653F1 01050000 0700000000000000 2900000000000000 01"
            "0400000000000000 6E616D65 01 0000000000000000 60EA000000000000"
            "0300000000000000 416461")
        self.assertEqual(request, wire.put(
            b"name", b"Ada", 7, condition=wire.IF_ABSENT, expiry_ms=60_000))
        self.connection.send(request)
        reply, = self.connection.receive()
        self.assertEqual((reply.id, reply.message.applied), (7, True))

if __name__ == "__main__":
    unittest.main(verbosity=2)
