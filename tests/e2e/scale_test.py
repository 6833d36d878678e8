"""Large values, many connections, and a directory that stops growing."""

import hashlib
import os
import resource
import subprocess
import tempfile
import time
import unittest

from support import wire
from support.node import Node, bytes_on_disk

MEBIBYTE = 1 << 20


class ScaleTest(unittest.TestCase):
    def test_a_thousand_connections_at_once(self):
        count = 1000
        with Node("--sync", "interval") as node:
            # Only this process needs so many descriptors; the node has to
            # care for itself.
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE,
                               (min(max(soft, 4096), hard), hard))
            connections = [node.connect() for _ in range(count)]
            for round_number in range(3):
                for number, connection in enumerate(connections):
                    value = b"%d:%d" % (round_number, number)
                    connection.send(wire.put(b"key%d" % number, value)
                                    + wire.get(b"key%d" % number)
                                    + wire.increment(b"shared", 1))
                for number, connection in enumerate(connections):
                    replies = [reply.message
                               for reply in connection.receive(3)]
                    found = [reply for reply in replies
                             if isinstance(reply, wire.Value)]
                    self.assertEqual(found[0].value,
                                     b"%d:%d" % (round_number, number))
            total = connections[0].ask(wire.get(b"shared")).value
            self.assertEqual(total, b"%d" % (3 * count))
            for connection in connections:
                connection.close()

    def test_more_clients_than_allowed(self):
        with Node("--max-clients", 5) as node:
            connections = [node.connect() for _ in range(5)]
            for connection in connections:
                self.assertEqual(connection.ask(wire.ping(b"x")), b"x")
            with node.connect() as refused:
                for answer in refused.receive_until_closed():
                    self.assertEqual(answer.status, wire.OVERLOADED)
            connections.pop().close()
            deadline = time.monotonic() + 5
            while True:
                try:
                    with node.connect() as connection:
                        if connection.ask(wire.ping(b"x")) == b"x":
                            break
                except (ConnectionError, OSError):
                    pass
                self.assertLess(time.monotonic(), deadline)
            for connection in connections:
                connection.close()

    def test_a_value_of_512_mebibytes(self):
        with tempfile.TemporaryDirectory(prefix="kvs-e2e-") as directory, \
                Node("--sync", "always") as node:
            path = os.path.join(directory, "value")
            sent = hashlib.sha256()
            with open(path, "wb") as file:
                block = os.urandom(MEBIBYTE)
                for number in range(512):
                    block = block[1:] + bytes([number & 255])
                    file.write(block)
                    sent.update(block)
            before = node.memory_bytes()
            done = node.client("set", "large", "--value-file", path,
                               timeout=120)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            after_set = node.memory_bytes("VmHWM") - before
            os.unlink(path)
            self.assert_large_value(node, sent)
            after_get = node.memory_bytes("VmHWM") - before
            print(f"peak memory: {after_set >> 20} MiB after the set, "
                  f"{after_get >> 20} MiB after the get")
            # One copy in the node, and buffers.
            self.assertLess(after_set, 900 * MEBIBYTE)
            self.assertLess(after_get, 1400 * MEBIBYTE)
            node.restart()
            self.assert_large_value(node, sent)
            # A byte more is refused and harms nobody.
            with open(path, "wb") as file:
                file.truncate(512 * MEBIBYTE + 1)
            done = node.client("set", "larger", "--value-file", path,
                               timeout=120)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"limit", done.stderr)
            with node.connect() as connection:
                self.assertEqual(connection.ask(wire.frame(wire.COUNT)), 1)

    def assert_large_value(self, node, expected):
        command = node.client("get", "large", "--raw", timeout=120,
                              stdout=subprocess.PIPE)
        self.assertEqual(command.returncode, 0)
        self.assertEqual(len(command.stdout), 512 * MEBIBYTE)
        self.assertEqual(hashlib.sha256(command.stdout).digest(),
                         expected.digest())

    def test_the_directory_stops_growing(self):
        # Method: 1,000 rounds of 1,000 sets on the same 1,000 keys.
        keys = [b"key%04d" % number for number in range(1000)]
        heads = [wire.blob(key) + bytes(17) + wire.u64(100) for key in keys]
        frame_head = wire.header(wire.PUT, len(heads[0]) + 101) + wire.MARK
        reply_bytes = wire.HEADER.size + 18
        with Node("--sync", "interval", "--segment-bytes", "1MiB") as node:
            with node.connect() as connection:
                for round_number in range(1000):
                    value = b"%-100d" % round_number
                    connection.send(b"".join(
                        frame_head + head + value for head in heads))
                    while len(connection.received) < 1000 * reply_bytes:
                        self.assertTrue(connection.fill())
                    replies = bytes(connection.received)
                    connection.received.clear()
                    self.assertEqual(replies[5::reply_bytes],
                                     bytes([wire.REPLY + wire.PUT]) * 1000)
                    self.assertEqual(replies[25::reply_bytes], b"\1" * 1000)
            record_bytes = 24 + 7 + 100
            live = 1000 * (record_bytes + -record_bytes % 8)
            allowed = 3 * live + 3 * MEBIBYTE
            deadline = time.monotonic() + 5
            while bytes_on_disk(node.directory) > allowed:
                sizes = {entry.name: entry.stat().st_blocks * 512
                         for entry in os.scandir(node.directory)}
                self.assertLess(time.monotonic(), deadline, sizes)
                time.sleep(0.1)
            print(f"{bytes_on_disk(node.directory) >> 10} KiB on disk, "
                  f"{allowed >> 10} KiB allowed")
            for restart in (node.restart, lambda: (node.stop(), node.start())):
                restart()
                with node.connect() as connection:
                    values = connection.ask(wire.multi_get(keys))
                    self.assertEqual({found.value for found in values},
                                     {b"%-100d" % 999})
                    self.assertEqual(connection.ask(wire.frame(wire.COUNT)),
                                     1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
