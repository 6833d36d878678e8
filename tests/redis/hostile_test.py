#!/usr/bin/env python3
"""What strangers send to the listener for RESP.

Memory is not taken for what was only announced nor for replies that nobody
reads, and others are served. KVS_RESP_SERVER=redis runs the same
against redis-server, but for the bounds on memory, which it does not keep.
"""

import os
import random
import select
import socket
import time
import unittest

from harness import resp
from harness.hostile import PING, BoundedCase, HostileCase, memory_bytes
from harness.links import pump


class MemoryTest(BoundedCase):
    def test_sizes_that_are_only_announced(self):
        before = memory_bytes(self.server)
        for row in (b"*2\r\n$3\r\nGET\r\n$536870912\r\n", b"*1048576\r\n",
                    b"*1048576\r\n$536870912\r\nx",
                    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000000\r\nabc"):
            for _ in range(100):
                link = self.link()
                link.unsent = memoryview(row)
                pump([link], lambda link: True)
        time.sleep(0.5)
        self.assert_memory_grew_by_at_most(before, 100)

    def test_a_pipeline_of_a_million_commands(self):
        before = memory_bytes(self.server)
        link = self.link()
        replies = self.exchange(link, b"PING\r\n" * 500_000
                                + PING * 500_000, 1_000_000)
        self.assertEqual(replies, [b"+PONG\r\n"] * 1_000_000)
        self.assert_memory_grew_by_at_most(before, 300)

    def test_a_million_commands_without_reading(self):
        before = memory_bytes(self.server)
        deaf = self.deaf()
        deaf.setblocking(False)
        data = memoryview(resp.encode([b"SET", b"k", b"v"]) * 1_000_000)
        until = time.monotonic() + 4
        while data and time.monotonic() < until:
            if select.select([], [deaf], [], 0.1)[1]:
                data = data[deaf.send(data[:1 << 16]):]
        self.assert_memory_grew_by_at_most(before, 300)

    def test_a_transaction_without_end(self):
        before = memory_bytes(self.server)
        link = self.link()
        part = resp.encode([b"SET", b"k", b"v" * 10_000]) * 1000
        self.exchange(link, b"MULTI\r\n")
        for _ in range(100):
            link.unsent = memoryview(part)
            pump([link], lambda link: link.closed or len(link.replies) >= 1000)
            if link.closed or any(reply != b"+QUEUED\r\n"
                                  for reply in link.replies):
                break
            link.replies.clear()
        self.assert_memory_grew_by_at_most(before, 1200)

    def test_a_transaction_that_multiplies(self):
        """Few bytes that stand for gigabytes are refused, and harm nobody."""
        if not self.is_kvs:
            self.skipTest("redis-server does what it is told")
        before = memory_bytes(self.server)
        self.assertEqual(self.ask(b"SET", b"kept", b"v"), b"+OK\r\n")
        words = [[b"MULTI"]]
        words += [[b"SETBIT", b"k%d" % number, b"587202560", b"1"]
                  for number in range(20)]
        words += [[b"EXEC"]]
        replies = self.exchange(self.link(),
                                b"".join(resp.encode(each) for each in words),
                                len(words))
        self.assertIn(b"128 MiB", replies[-1])
        self.assertEqual(self.ask(b"EXISTS", b"k0"), b":0\r\n")
        self.assertEqual(self.ask(b"GET", b"kept"), b"$1\r\nv\r\n")
        self.assert_memory_grew_by_at_most(before, 300)

    def test_watches_without_end(self):
        link = self.link()
        before = memory_bytes(self.server)
        for begin in range(0, 300_000, 1000):
            self.exchange(link, resp.encode(
                [b"WATCH", *(b"%064d" % (begin + number)
                             for number in range(1000))]))
        self.assert_memory_grew_by_at_most(before, 300)


class ConnectionTest(HostileCase):
    def test_one_byte_at_a_time(self):
        link = self.link()
        for byte in resp.encode([b"SET", b"slow", b"\0\r\n$"]):
            link.unsent = memoryview(bytes((byte,)))
            pump([link], lambda link: True)
            time.sleep(0.01)
        self.assertEqual(self.exchange(link, b""), [b"+OK\r\n"])
        self.assertEqual(self.ask(b"GET", b"slow"), b"$4\r\n\0\r\n$\r\n")

    def test_floods_of_connections(self):
        """Buffers that were used once are kept, but are used again."""
        self.flood(9000)
        before = memory_bytes(self.server)
        self.flood(9000)
        time.sleep(0.5)
        self.assert_memory_grew_by_at_most(before, 100)
        self.assertEqual(self.ask(b"PUBSUB", b"NUMSUB", b"c"),
                         b"*2\r\n$1\r\nc\r\n:0\r\n")
        descriptors = len(os.listdir(f"/proc/{self.server.pid}/fd"))
        self.assertLess(descriptors, 200)

    def flood(self, count):
        sent = (b"", PING, b"*1\r\n$4\r\nPI", b"MULTI\r\nSET k v\r\n",
                b"SUBSCRIBE c\r\n", b"WATCH k\r\n", b"*x\r\n")
        for number in range(count):
            made = socket.create_connection(self.server.address, 20)
            if sent[number % len(sent)]:
                made.sendall(sent[number % len(sent)])
            if number % 3 == 0:  # with a reset instead of an end
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                b"\1\0\0\0\0\0\0\0")
            made.close()

    def test_noise(self):
        source = random.Random(5)
        alphabet = [b"*", b"$", b"\r\n", b"\n", b"1", b"3", b"-1", b"GET",
                    b"\0", b"\xff", b'"', b"'", b" ", b"SET k v", b"999999999",
                    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", b"MULTI\r\n",
                    b"EXEC\r\n", b"+", b":", b"WATCH k\r\n", b"HELLO 3\r\n"]
        for _ in range(2000):
            made = socket.create_connection(self.server.address, 20)
            try:
                made.sendall(b"".join(source.choices(alphabet, k=40)))
            except OSError:
                pass  # it was closed already
            made.close()


class ContentTest(HostileCase):
    def test_keys_of_any_bytes(self):
        for key in (b"\0", b"a\nb", b"\r\n", b"", b"k" * 65535, b"k" * 65536,
                    bytes(range(256)), b"*1\r\n$4\r\nPING\r\n"):
            self.assertEqual(self.ask(b"SET", key, b"v:" + key[:9]),
                             b"+OK\r\n", key[:20])
            self.assertEqual(resp.blob_of(self.ask(b"GET", key)),
                             b"v:" + key[:9])
            self.assertEqual(self.ask(b"DEL", key), b":1\r\n")

    def test_deadlines(self):
        self.ask(b"SET", b"k", b"v")
        self.assertEqual(self.ask(b"EXPIRE", b"k", b"-1"), b":1\r\n")
        self.assertEqual(self.ask(b"EXISTS", b"k"), b":0\r\n")
        self.ask(b"SET", b"k", b"v")
        for words in ([b"EXPIRE", b"k", b"9223372036854775807"],
                      [b"PEXPIRE", b"k", b"9223372036854775807"],
                      [b"EXPIREAT", b"k", b"9223372036854775807"],
                      [b"EXPIRE", b"k", b"-9223372036854775808"],
                      [b"SET", b"k", b"x", b"EX", b"9223372036854775807"],
                      [b"SETEX", b"k", b"9223372036854775807", b"x"],
                      [b"GETEX", b"k", b"EXAT", b"9223372036854775807"]):
            said = self.ask(*words)
            self.assertRegex(said, rb"^-ERR invalid expire time", words)
        self.assertEqual(self.ask(b"TTL", b"k"), b":-1\r\n")
        self.assertEqual(self.ask(b"GET", b"k"), b"$1\r\nv\r\n")

    def test_forged_cursors(self):
        for number in range(200):
            self.ask(b"SET", b"k%d" % number, b"v")
        source = random.Random(6)
        for _ in range(300):
            cursor = b"%d" % source.getrandbits(source.randint(1, 64))
            said = self.ask(b"SCAN", cursor, b"COUNT", b"10")
            self.assertEqual(said[:1], b"*", said[:80])
        for cursor in (b"x", b"18446744073709551616", b"1.5", b" 1"):
            self.assertEqual(self.ask(b"SCAN", cursor),
                             b"-ERR invalid cursor\r\n")

    def test_sizes_that_are_refused(self):
        too_large = (b"-ERR string exceeds maximum allowed size"
                     b" (proto-max-bulk-len)\r\n")
        self.assertEqual(self.ask(b"SETRANGE", b"k", b"536870912", b"x"),
                         too_large)
        self.assertEqual(self.ask(b"SETBIT", b"k", b"4294967296", b"1"),
                         b"-ERR bit offset is not an integer or out of range"
                         b"\r\n")
        self.assertEqual(self.ask(b"EXISTS", b"k"), b":0\r\n")


if __name__ == "__main__":
    unittest.main()
