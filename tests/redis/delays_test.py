#!/usr/bin/env python3
"""How long others wait for what strangers do.

It measures time: nothing else should run beside it. KVS_RESP_SERVER as in
hostile_test.py.
"""

import resource
import socket
import time
import unittest

from harness import resp
from harness.hostile import (CONNECTIONS, MEBIBYTE, BoundedCase, HostileCase,
                             Pulse, memory_bytes)
from harness.links import pump


class UnreadTest(BoundedCase):
    def test_clients_that_never_read(self):
        """10,000 MB are asked for, and not one byte of them is read."""
        self.ask(b"SET", b"big", b"x" * MEBIBYTE)
        before = memory_bytes(self.server)
        with Pulse(self.server) as pulse:
            sockets = [self.deaf() for _ in range(10)]
            request = resp.encode([b"GET", b"big"]) * 1000
            for each in sockets:
                each.send(request)
            most = 0
            for _ in range(60):
                time.sleep(0.1)
                most = max(most, memory_bytes(self.server))
            pulse.stopped.set()
        print(f"\nnobody reads: {(most - before) >> 20} MiB more, slowest of"
              f" {pulse.count} others {pulse.slowest * 1000:.1f} ms")
        self.assertLessEqual((most - before) / MEBIBYTE, 300)
        self.assertLessEqual(pulse.slowest, 0.1)
        self.assertGreater(pulse.count, 100)

    def test_a_listener_that_never_reads(self):
        before = memory_bytes(self.server)
        deaf = self.deaf()
        deaf.sendall(b"SUBSCRIBE c\r\n")
        time.sleep(0.2)
        link = self.link()
        message = resp.encode([b"PUBLISH", b"c", b"m" * MEBIBYTE])
        with Pulse(self.server) as pulse:
            for _ in range(40):
                self.exchange(link, message * 10, 10)
        self.assert_memory_grew_by_at_most(before, 300)
        self.assertLessEqual(pulse.slowest, 0.25)


class CrowdTest(HostileCase):
    def test_ten_thousand_connections(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[0] < CONNECTIONS + 200:
            self.skipTest("too few file descriptors")
        sockets = []
        before = memory_bytes(self.server)
        try:
            for _ in range(CONNECTIONS):
                made = socket.create_connection(self.server.address, 20)
                sockets.append(made)
            for made in sockets:
                made.sendall(b"INCR all\r\n")
            with Pulse(self.server) as pulse:
                time.sleep(1)
            self.assertLess(pulse.slowest, 0.25)
            seen = {made.recv(64) for made in sockets}
            self.assertEqual(len(seen), CONNECTIONS)
            self.assertIn(b":%d\r\n" % CONNECTIONS, seen)
            self.assert_memory_grew_by_at_most(before, 200)
            if self.is_kvs:
                self.assert_is_idle()
        finally:
            for made in sockets:
                made.close()

    def assert_is_idle(self):
        """Clients that do nothing cost nothing."""
        time.sleep(1)
        before = self.server.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.server.cpu_seconds() - before, 0.05)

    def test_partial_commands(self):
        """Who begins a command and waits holds up nobody else."""
        whole = resp.encode([b"SET", b"partial", b"v" * 100])
        links = []
        for number in range(len(whole)):
            link = self.link()
            link.unsent = memoryview(whole[:number])
            pump([link], lambda link: True)
            links.append(link)
        with Pulse(self.server) as pulse:
            time.sleep(0.5)
        self.assertLess(pulse.slowest, 0.1)
        for number, link in enumerate(links):
            if number:
                self.assertEqual(self.exchange(link, whole[number:]),
                                 [b"+OK\r\n"])


if __name__ == "__main__":
    unittest.main()
