#!/usr/bin/env python3
"""redis-cli and redis-benchmark against the node, as people use them."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unittest

from harness import resp
from harness.servers import under_test

# What redis-cli prints to move the cursor, to colour and to erase.
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(under_test())
        cls.port = str(cls.server.address[1])

    def setUp(self):
        self.cli("FLUSHALL")

    def cli(self, *words, **options):
        options.setdefault("input", b"")
        done = subprocess.run(["redis-cli", "-p", self.port, *words],
                              capture_output=True, timeout=60, check=False,
                              **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.decode()

    def fill(self, count):
        sent = b"".join(resp.encode([b"SET", b"key:%d" % number,
                                     b"x" * (number % 100)])
                        for number in range(count))
        return self.cli("--pipe", input=sent)

    def test_one_command(self):
        self.assertEqual(self.cli("SET", "k", "v"), "OK\n")
        self.assertEqual(self.cli("GET", "k"), "v\n")
        self.assertEqual(self.cli("--no-raw", "GET", "nothing"), "(nil)\n")
        self.assertEqual(self.cli("--csv", "MGET", "k", "nothing"),
                         '"v",NULL\n')
        self.assertEqual(self.cli("--json", "MGET", "k", "nothing"),
                         '["v",null]\n')
        self.assertEqual(self.cli("-x", "SET", "k", input=b"from stdin"),
                         "OK\n")
        self.assertEqual(self.cli("-r", "3", "-i", "0.01", "APPEND", "k", "!"),
                         "11\n12\n13\n")
        self.assertIn("ERR unknown command", self.cli("NOPE"))

    def test_resp3(self):
        self.assertEqual(self.cli("-3", "--no-raw", "GET", "nothing"),
                         "(nil)\n")
        self.assertIn('1# "server" => "redis"',
                      self.cli("-3", "--no-raw", "HELLO", "3"))

    def test_pipe(self):
        self.assertIn("errors: 0, replies: 20000", self.fill(20_000))
        self.assertEqual(self.cli("DBSIZE"), "20000\n")

    def test_scan(self):
        self.fill(3000)
        found = self.cli("--scan", "--pattern", "key:1*").split()
        self.assertEqual(len(found), 1111)
        self.assertEqual(len(self.cli("--scan").split()), 3000)

    def test_bigkeys_and_memkeys(self):
        self.fill(500)
        self.cli("SET", "big", "y" * 5000)
        text = self.cli("--bigkeys")
        self.assertIn('Biggest string found \'"big"\' has 5000 bytes', text)
        self.assertIn("Sampled 501 keys in the keyspace!", text)
        self.assertIn("Sampled 501 keys", self.cli("--memkeys"))

    def test_latency(self):
        # Not a terminal: one second of samples, then one line.
        least, most, mean, count = self.cli("--latency", "--raw").split()
        self.assertLessEqual(float(least), float(mean))
        self.assertLessEqual(float(mean), float(most))
        self.assertGreater(int(count), 10)

    def test_stat(self):
        with subprocess.Popen(
                ["redis-cli", "-p", self.port, "--stat", "-i", "0.1"],
                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            try:
                lines = [process.stdout.readline().decode()
                         for _ in range(5)]
            finally:
                process.kill()
        self.assertRegex(lines[1], "keys +mem +clients +blocked +requests")
        # keys, memory, clients, blocked, requests (+new), connections
        self.assertRegex(lines[3], r"^0 +[\d.]+[BKMG] +\d+ +\d+ +\d+ \(\+\d+\)"
                                   r" +\d+")

    def test_typing_with_hints(self):
        with Terminal(self.port) as terminal:
            terminal.expect(b"> ")
            terminal.type(b"set k ")
            # The rest of the syntax appears while one types.
            terminal.expect(b"value [")
            terminal.type(b"'a b'\r")
            # Only behind a prompt is the terminal redis-cli's again.
            terminal.expect(b"OK")
            for typed, shown in (
                    (b"get k", b'"a b"'),
                    (b"multi", b"OK"),
                    (b"incr n", b"QUEUED"),
                    (b"exec", b"1) (integer) 1"),
                    (b"help getrange", b"GETRANGE key start end"),
                    (b"hello 3", b'"proto" => (integer) 3')):
                terminal.expect(b"> ")
                terminal.type(typed + b"\r")
                terminal.expect(shown)
            # The reply to HELLO contains the sign of a prompt, too.
            terminal.expect(b"%s> " % self.port.encode())
            terminal.type(b"subscribe c\r")
            terminal.expect(b'"subscribe"')
            self.assertEqual(self.cli("PUBLISH", "c", "heard"), "1\n")
            terminal.expect(b'"heard"')

    def test_benchmark(self):
        # Those of its default tests that need only strings.
        for pipeline in ("1", "16"):
            done = subprocess.run(
                ["redis-benchmark", "-p", self.port, "-n", "20000", "-c", "20",
                 "-P", pipeline, "-q", "-r", "1000",
                 "-t", "ping,set,get,incr,mset"],
                capture_output=True, timeout=120, check=False, text=True,
                stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("rror", done.stdout + done.stderr)
            self.assertNotIn("WARNING", done.stdout + done.stderr)
            self.assertEqual(len(re.findall(
                r"requests per second, p50", done.stdout)), 6)


class Terminal:
    """redis-cli on a terminal of its own."""

    def __init__(self, port):
        self.seen = b""
        home = {**os.environ, "TERM": "xterm", "HOME": "/nonexistent",
                "REDISCLI_HISTFILE": "/dev/null"}
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            # Or it would ask the terminal, which is nobody, how wide it is.
            fcntl.ioctl(0, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 50, 200, 0, 0))
            os.execvpe("redis-cli", ["redis-cli", "-p", port], home)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        os.close(self.terminal)

    def type(self, keys):
        for key in keys:
            os.write(self.terminal, bytes((key,)))

    def expect(self, text, timeout=10):
        """Waits until `text` is shown behind what was expected before."""
        deadline = time.monotonic() + timeout
        while text not in CONTROL.sub(b"", self.seen):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.terminal], [], [], max(0, left))
            if not ready:
                raise AssertionError(
                    f"{text!r} is not in {CONTROL.sub(b'', self.seen)!r}")
            self.seen += os.read(self.terminal, 4096)
        self.seen = CONTROL.sub(b"", self.seen).split(text, 1)[1]


if __name__ == "__main__":
    unittest.main()
