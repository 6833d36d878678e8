"""What strangers send: malformed, lying, endless and silent frames.

The node answers with an error that names the fault, or closes; it takes no
memory for what was only announced; other clients notice nothing.
"""

import random
import socket
import time
import unittest

from support import wire
from support.node import Node

MEBIBYTE = 1 << 20
FRAME_TIMEOUT_MS = 1500

# One valid frame of every request.
FRAMES = [
    wire.hello(1),
    wire.ping(b"payload", 2),
    wire.get(b"key", 3),
    wire.multi_get([b"a", b"bc"], 4),
    wire.put(b"key", b"value", 5, condition=wire.IF_VERSION, version=9,
             expiry_ms=60_000),
    wire.erase(b"key", 6, version=3),
    wire.erase(b"key", 7),
    wire.frame(wire.EXISTS, wire.blob(b"key"), 8),
    wire.increment(b"number", -5, 9),
    wire.append(b"key", b"more", 10),
    wire.touch(b"key", 1000, 11),
    wire.frame(wire.PERSIST, wire.blob(b"key"), 12),
    wire.batch([wire.put_operation(b"a", b"1", 5),
                wire.erase_operation(b"b")], 13),
    wire.transact([(b"a", 1)], [wire.put_operation(b"b", b"2")], 14),
    wire.scan(0, 10, b"k", 15),
    wire.frame(wire.COUNT, b"", 16),
    wire.frame(wire.STATS, b"", 17),
    wire.frame(wire.SYNC, b"", 18),
    wire.frame(wire.COMPACT, b"", 19),
    wire.frame(wire.FLUSH, b"", 20),
]


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node("--sync", "none", "--frame-timeout-ms",
                        FRAME_TIMEOUT_MS)
        cls.addClassCleanup(cls.node.__exit__)
        cls.node.start()
        with cls.node.connect() as connection:
            cls.frame_bytes_max = connection.ask(wire.hello()).frame_bytes_max

    def setUp(self):
        self.addCleanup(self.assert_others_are_served)

    def assert_others_are_served(self):
        with self.node.connect() as honest:
            self.assertEqual(honest.ask(wire.ping(b"alive")), b"alive")

    def answers(self, sent, *, end=False):
        """What the node says before it closes the connection."""
        with self.node.connect() as connection:
            connection.send(sent)
            if end:
                connection.end_sending()
            return connection.receive_until_closed()

    def assert_closed_with(self, status, sent):
        answers = self.answers(sent)
        self.assertEqual([answer.status for answer in answers], [status],
                         sent[:60])

    def assert_refused(self, status, sent):
        """An error, and the connection stays open."""
        with self.node.connect() as connection:
            answer = connection.ask(sent)
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(connection.ask(wire.ping(b"on")), b"on")

    # -- headers --------------------------------------------------------------

    def test_other_protocols(self):
        for sent in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\r\n",
                     b"SSH-2.0-OpenSSH_9.2\r\n", b"*1\r\n$4\r\nPING\r\n",
                     b"\0" * 24, b"K" * 1000):
            with self.subTest(sent=sent[:20]):
                self.assert_closed_with(wire.BAD_MAGIC, sent)

    def test_a_tls_hello_is_closed_without_a_word(self):
        sent = bytes.fromhex("16030100c8010000c40303") + bytes(194)
        self.assertEqual(self.answers(sent), [])

    def test_unknown_versions(self):
        for version in (0, 2, 255):
            self.assert_closed_with(
                wire.BAD_VERSION,
                wire.header(wire.PING, 9, version=version) + bytes(9))

    def test_unknown_types(self):
        for kind in (0, 21, 0x7F, 0x82, 0xFF):
            self.assert_refused(wire.BAD_TYPE, wire.frame(kind, b"whatever"))

    def test_flags(self):
        self.assert_closed_with(wire.MALFORMED,
                                wire.header(wire.PING, 9, flags=1) + bytes(9))

    # -- lengths --------------------------------------------------------------

    def test_short_bodies(self):
        self.assert_closed_with(wire.MALFORMED, wire.header(wire.PING, 0))
        self.assert_closed_with(wire.MALFORMED,
                                wire.header(wire.PING, 1) + wire.MARK)
        with self.node.connect() as connection:
            answer = connection.ask(wire.header(wire.COUNT, 1) + wire.MARK)
            self.assertIsInstance(answer, int)

    def test_lengths_above_the_limit_take_no_memory(self):
        body_max = self.frame_bytes_max - wire.HEADER.size
        before = self.node.memory_bytes()
        for size in (body_max + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63,
                     2**64 - 1):
            if size > body_max:
                with self.subTest(size=size):
                    self.assert_closed_with(
                        wire.TOO_BIG, wire.header(wire.PUT, size) + wire.MARK)
        self.assertLess(self.node.memory_bytes() - before, MEBIBYTE)

    def test_announced_lengths_take_no_memory(self):
        body_max = self.frame_bytes_max - wire.HEADER.size
        before = self.node.memory_bytes()
        connections = []
        for size in (body_max - 1, body_max):
            connections.append(self.node.connect())
            connections[-1].send(wire.header(wire.PUT, size) + wire.MARK)
        self.assert_others_are_served()
        self.assertLess(self.node.memory_bytes() - before, MEBIBYTE)
        for connection in connections:
            connection.close()

    def test_the_largest_frame_is_served(self):
        with Node("--sync", "none", "--value-bytes-max", MEBIBYTE) as node, \
                node.connect() as connection:
            limits = connection.ask(wire.hello())
            self.assertEqual(limits.value_bytes_max, MEBIBYTE)
            value = random.Random(1).randbytes(MEBIBYTE)
            done = connection.ask(wire.put(b"k" * limits.key_bytes_max, value))
            self.assertIsInstance(done, wire.Write, done)
            found = connection.ask(wire.get(b"k" * limits.key_bytes_max))
            self.assertEqual(found.value, value)
            refused = connection.ask(wire.put(b"", value + b"x"))
            self.assertEqual(refused.status, wire.VALUE_TOO_LARGE, refused)
            payload = bytes(limits.frame_bytes_max - wire.HEADER.size - 9)
            self.assertEqual(connection.ask(wire.ping(payload)), payload)
            # A byte more is refused before it is there.
            connection.send(wire.ping(payload + b"x")[:1000])
            answer, = connection.receive_until_closed()
            self.assertEqual(answer.status, wire.TOO_BIG)

    # -- silence --------------------------------------------------------------

    def test_a_frame_that_never_ends_is_closed(self):
        # Method: 2 MiB announced, 10 bytes sent, then silence; also within
        # the header, and one byte at a time.
        begun = time.monotonic()
        beginnings = [wire.header(wire.PUT, 2 * MEBIBYTE) + bytes(10),
                      wire.get(b"key")[:5], wire.get(b"key")[:-1]]
        connections = [self.node.connect() for _ in beginnings]
        for connection, beginning in zip(connections, beginnings):
            connection.send(beginning)
        dripping = self.node.connect()
        request = wire.put(b"key", b"v" * 1000)
        closed = False
        for position in range(len(request)):
            try:
                dripping.send(request[position:position + 1])
            except OSError:
                closed = True
                break
            time.sleep(0.05)
            if time.monotonic() - begun > 10:
                break
        self.assertTrue(closed, "one byte at a time holds a connection")
        for connection in [dripping, *connections]:
            answer, = connection.receive_until_closed()
            self.assertEqual(answer.status, wire.TOO_SLOW)
            connection.close()
        self.assertGreater(time.monotonic() - begun, FRAME_TIMEOUT_MS / 1000)

    def test_a_thousand_unfinished_frames_take_little_memory(self):
        before = self.node.memory_bytes()
        sent = wire.header(wire.PUT, 2 * MEBIBYTE) + bytes(10)
        connections = []
        for _ in range(1000):
            connections.append(self.node.connect())
            connections[-1].send(sent)
        self.assert_others_are_served()
        grown = self.node.memory_bytes() - before
        for connection in connections:
            answer, = connection.receive_until_closed()
            self.assertEqual(answer.status, wire.TOO_SLOW)
            connection.close()
        print(f"1,000 unfinished frames: {grown >> 10} KiB")
        self.assertLess(grown, 1000 * (64 << 10))

    def test_a_client_that_reads_no_replies_is_bounded(self):
        # Method: 1 MiB a hundred times, asked for and never read.
        with self.node.connect() as connection:
            connection.ask(wire.put(b"large", bytes(MEBIBYTE)))
            before = self.node.memory_bytes()
            connection.send(wire.get(b"large") * 400)
            time.sleep(0.5)
            self.assert_others_are_served()
            grown = self.node.memory_bytes() - before
        print(f"unread replies: {grown >> 20} MiB")
        self.assertLess(grown, 64 * MEBIBYTE)

    # -- bodies ---------------------------------------------------------------

    def test_sizes_that_lie(self):
        for size in (1, 100, 2**31, 2**32, 2**61, 2**63, 2**64 - 1):
            for kind, fields in (
                    (wire.GET, wire.u64(size)),
                    (wire.PUT, wire.u64(size)),
                    (wire.PUT, wire.blob(b"k") + bytes(17) + wire.u64(size)),
                    (wire.MULTI_GET, wire.u64(size)),
                    (wire.MULTI_GET, wire.u64(1) + wire.u64(size)),
                    (wire.BATCH, wire.u64(size)),
                    (wire.TRANSACT, wire.u64(size)),
                    (wire.TRANSACT, wire.u64(0) + wire.u64(size)),
                    (wire.SCAN, bytes(12) + wire.u64(size))):
                with self.subTest(kind=kind, size=size):
                    self.assert_closed_with(wire.MALFORMED,
                                            wire.frame(kind, fields))

    def test_counts_of_items_that_cannot_all_be_there(self):
        # A million one-byte items would become a million objects.
        for kind, before in ((wire.MULTI_GET, b""), (wire.BATCH, b""),
                             (wire.TRANSACT, b"")):
            self.node.forget_memory_peak()
            resident = self.node.memory_bytes()
            self.assert_closed_with(
                wire.MALFORMED,
                wire.frame(kind, before + wire.u64(MEBIBYTE)
                           + bytes(MEBIBYTE)))
            grown = self.node.memory_bytes("VmHWM") - resident
            self.assertLess(grown, 4 * MEBIBYTE)

    def test_many_small_items(self):
        for request in (wire.multi_get([b""] * 500_000),
                        wire.batch([wire.erase_operation(b"")] * 200_000)):
            self.node.forget_memory_peak()
            resident = self.node.memory_bytes()
            self.assert_refused(wire.BATCH_TOO_LARGE, request)
            grown = self.node.memory_bytes("VmHWM") - resident
            # Four times the frame, and what the allocator keeps.
            self.assertLess(grown, 4 * len(request) + 8 * MEBIBYTE)

    def test_trailing_and_missing_bytes(self):
        for request in FRAMES:
            kind, body = request[5], request[wire.HEADER.size:]
            for wrong in (body + b"\0", body[:-1]):
                with self.subTest(kind=kind, body=wrong):
                    self.assert_closed_with(
                        wire.MALFORMED, wire.header(kind, len(wrong)) + wrong)

    def test_other_marks_flags_and_kinds(self):
        self.assert_closed_with(wire.MALFORMED,
                                wire.header(wire.COUNT, 1) + b"\0")
        self.assert_closed_with(
            wire.MALFORMED,
            wire.frame(wire.ERASE, wire.blob(b"k") + wire.u8(2)))
        self.assert_refused(wire.BAD_ARGUMENT,
                            wire.put(b"k", b"", condition=4))

    def test_single_byte_mutations(self):
        # The full sweep is a unit test of the codec; here each byte of each
        # frame takes some other values in front of a real node.
        chance = random.Random(7)
        for request in FRAMES:
            for position in range(len(request)):
                for flipped in (1, 0x80, chance.randrange(1, 256)):
                    mutant = bytearray(request)
                    mutant[position] ^= flipped
                    # Closing must come, an answer may; both are decoded.
                    self.answers(bytes(mutant), end=True)

    def test_prefixes(self):
        for request in FRAMES:
            for size in range(len(request)):
                self.assertEqual(self.answers(request[:size], end=True), [])

    def test_random_bytes(self):
        chance = random.Random(8)
        for _ in range(300):
            sent = chance.randbytes(chance.randrange(1, 200))
            if chance.random() < 0.7:
                sent = wire.frame(chance.randrange(20), sent)
            self.answers(sent, end=True)

    # -- connections ----------------------------------------------------------

    def test_connect_and_close(self):
        for _ in range(2000):
            connection = self.node.connect()
            connection.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

    def test_many_requests_without_reading(self):
        # Method: 400 MiB of pings are sent and no reply is read. The node must
        # stop reading long before that; then everything is read.
        request = wire.ping(bytes(4096))
        requests = memoryview(request * 1000)
        before = self.node.memory_bytes()
        sent = received = 0
        stopped = False
        with self.node.connect() as connection:
            connection.socket.settimeout(1)
            try:
                while sent < 400 * MEBIBYTE:
                    at = sent % len(requests)
                    sent += connection.socket.send(requests[at:])
            except TimeoutError:
                stopped = True
            grown = self.node.memory_bytes() - before
            connection.socket.settimeout(20)
            complete = sent - sent % len(request)
            while received < complete:
                received += len(connection.socket.recv(1 << 18))
        print(f"{sent >> 20} MiB of requests without reading: "
              f"{grown >> 20} MiB")
        self.assertTrue(stopped, "the node reads on without a bound")
        self.assertLess(grown, 64 * MEBIBYTE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
