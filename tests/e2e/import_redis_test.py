"""kvs-client import --redis, from a real Redis that runs."""

import os
import pty
import socket
import threading
import unittest

from support.import_case import ImportCase
from support.redis_server import (OTHER_TYPES, RedisServer,
                                  fill_with_every_type, free_port)


class ImportRedisTest(ImportCase):
    def start_redis(self, *options):
        server = RedisServer(*options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def run_with_password(self, password, *words):
        return self.run_import(*words, env={**os.environ,
                                            "REDISCLI_AUTH": password})

    def test_takes_the_strings_and_counts_the_rest(self):
        redis = self.start_redis()
        strings = fill_with_every_type(redis)
        code, report, said = self.run_import("--redis", redis.address)
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=len(strings) + 1,
                           other_types=OTHER_TYPES, other_databases={"3": 2})
        self.assertIn("2 keys of type hash", said)
        self.assertTrue(900_000 < self.take_mortal(b"mortal") <= 1_000_000)
        self.assert_stored(strings)

    def test_another_database(self):
        redis = self.start_redis()
        fill_with_every_type(redis)
        code, report, said = self.run_import("--redis", redis.address,
                                             "--db", "3")
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=1, other_types={"list": 1},
                           other_databases={"0": 17})
        self.assert_stored({b"third": b"3"})
        code, _, said = self.run_import("--redis", redis.address,
                                        "--db", "99")
        self.assertEqual(code, 1)
        self.assertIn("DB index is out of range", said)

    def test_many_keys_and_large_ones(self):
        redis = self.start_redis()
        expected = {b"key:%d" % number: b"%d" % number
                    for number in range(3000)}
        expected.update((b"large:%d" % number, os.urandom(1 << 20))
                        for number in range(40))
        expected.update((b"%01000d" % number, b"long key")
                        for number in range(500))
        for key, value in expected.items():
            redis.send("SET", key, value)
        for _ in expected:
            redis.read_reply()
        code, report, said = self.run_import("--redis", redis.address)
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=len(expected))
        self.assert_stored(expected)

    def test_a_terminal_sees_how_far_it_is(self):
        redis = self.start_redis()
        for number in range(100):
            redis.ask("SET", f"key:{number}", "v")
        seen, terminal = pty.openpty()
        self.addCleanup(os.close, seen)
        done = self.node.client("import", "--redis", redis.address,
                                stdout=None, stderr=terminal)
        os.close(terminal)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(os.read(seen, 4096).decode(),
                         r"100 keys imported, [\d,]+/s")

    # Servers that write no dumps, or dumps of a version that is not known, are
    # asked for the values themselves.
    def test_a_server_without_dumps(self):
        redis = self.start_redis()
        strings = fill_with_every_type(redis)
        redis.ask("ACL", "SETUSER", "default", "-dump")
        code, report, said = self.run_import("--redis", redis.address)
        self.assertEqual(code, 0, said)
        self.assert_report(report, imported=len(strings) + 1,
                           other_types=OTHER_TYPES, other_databases={"3": 2})
        self.take_mortal(b"mortal")
        self.assert_stored(strings)

    def test_what_the_node_does_not_take_is_named(self):
        redis = self.start_redis()
        redis.ask("SET", "large", "v" * ((1 << 20) + 1))
        redis.ask("SET", "k" * 1025, "v")
        redis.ask("SET", "small", "v")
        code, report, said = self.run_import("--redis", redis.address)
        self.assertEqual(code, 1)
        self.assert_report(report, imported=1, failed=2)
        self.assertIn("key 'large': a value of 1048577 bytes", said)
        self.assert_stored({b"small": b"v"})

    # Keys come, go and change their type while they are copied.
    def test_a_server_that_is_written_to(self):
        redis = self.start_redis()
        for number in range(2000):
            redis.send("SET", f"fixed:{number}", number)
        for _ in range(2000):
            redis.read_reply()
        stopped = threading.Event()

        def write():
            turn = 0
            while not stopped.is_set():
                turn += 1
                for number in range(100):
                    key = f"busy:{number}"
                    redis.send("DEL", key)
                    redis.send(*(("SET", key, "x", "PX", 5), ("SET", key, "x"),
                                 ("RPUSH", key, "x"))[(turn + number) % 3])
                for _ in range(200):
                    redis.read_reply()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(5):
                code, report, said = self.run_import("--redis", redis.address)
                self.assertEqual((code, report["failed"]), (0, 0), said)
                self.assertGreaterEqual(report["imported"], 2000)
        finally:
            stopped.set()
            writer.join()

    def test_passwords(self):
        redis = self.start_redis("--requirepass", "secret")
        redis.ask("AUTH", "secret")
        redis.ask("SET", "a", "1")
        redis.ask("ACL", "SETUSER", "alice", "on", ">wonder", "~*", "+@all")
        source = ("--redis", redis.address)
        code, report, said = self.run_import(*source)
        self.assertEqual((code, report["imported"]), (1, 0))
        self.assertIn("wants a password; set REDISCLI_AUTH", said)
        code, _, said = self.run_with_password("wrong", *source)
        self.assertEqual(code, 1)
        self.assertIn("does not know the user or the password", said)
        self.assertEqual(self.run_with_password("secret", *source)[0], 0)
        self.assertEqual(self.run_with_password(
            "wonder", *source, "--redis-user", "alice")[0], 0)

    def test_a_server_that_is_loading(self):
        first = self.start_redis()
        for number in range(50):
            first.ask("SET", f"key:{number}", os.urandom(2000))
        first.snapshot()
        loading = self.start_redis(
            "--dir", first.directory, "--key-load-delay", "200000",
            "--loading-process-events-interval-bytes", "1024")
        code, _, said = self.run_import("--redis", loading.address)
        self.assertEqual(code, 1)
        self.assertIn("still loading its data", said)

    def test_nobody_is_there(self):
        port = free_port()
        code, _, said = self.run_import("--redis", f"127.0.0.1:{port}")
        self.assertEqual(code, 69)
        self.assertIn(f"cannot connect to 127.0.0.1:{port}", said)
        self.assertEqual(self.run_import("--redis", "nonsense")[0], 64)

    def test_a_server_that_is_no_redis(self):
        code, _, said = self.run_import(
            "--redis", "%s:%d" % self.node.address)
        self.assertEqual(code, 1)
        self.assertIn("the Redis at", said)

    def test_a_silent_server(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = "127.0.0.1:%d" % silent.getsockname()[1]
            code, _, said = self.run_import("--timeout", "0.2",
                                            "--redis", address)
        self.assertEqual(code, 1)
        self.assertIn("did not answer in time", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
