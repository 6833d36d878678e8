"""The contract of kvs-client, row by row, against a real node."""

import base64
import json
import os
import re
import socket
import tempfile
import unittest

from support.node import Node, client


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node("--sync", "none")
        cls.addClassCleanup(cls.node.__exit__)
        cls.node.start()

    def setUp(self):
        self.succeed("flush", "--yes")

    def run_client(self, *words, **options):
        return self.node.client(*words, **options)

    def succeed(self, *words, stdout=b"", **options):
        """It prints exactly `stdout` and nothing to stderr, and exits 0."""
        done = self.run_client(*words, **options)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, stdout, b""), words)

    def ask_json(self, *words, **options):
        done = self.run_client("--json", *words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def refuse(self, *words, stdout=b"", **options):
        """It exits non-zero and says why on stderr."""
        done = self.run_client(*words, **options)
        self.assertNotEqual(done.returncode, 0, words)
        self.assertEqual(done.stdout, stdout, words)
        self.assertTrue(done.stderr.strip(), words)
        return done.stderr.decode()

    # -- the contract of set, get and rm --------------------------------------

    def test_set_prints_nothing(self):
        self.succeed("set", "key1", "value1")

    def test_get_prints_the_value_and_a_newline(self):
        self.succeed("set", "key1", "value1")
        self.succeed("get", "key1", stdout=b"value1\n")

    def test_set_overwrites(self):
        self.succeed("set", "key1", "value1")
        self.succeed("set", "key1", "value2")
        self.succeed("get", "key1", stdout=b"value2\n")

    def test_get_of_an_absent_key_is_no_failure(self):
        self.succeed("get", "key1", stdout=b"Key not found\n")

    def test_rm_of_an_existing_key_prints_nothing(self):
        self.succeed("set", "key1", "value1")
        self.succeed("rm", "key1")
        self.succeed("get", "key1", stdout=b"Key not found\n")

    def test_rm_of_an_absent_key_fails(self):
        done = self.run_client("rm", "key1")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual((done.stdout, done.stderr), (b"", b"Key not found\n"))

    def test_wrong_arguments_fail(self):
        for words in (["get"], ["get", "a", "b"], ["set"], ["set", "a"],
                      ["set", "a", "b", "c"], ["rm"], ["rm", "a", "b"],
                      ["unknown"], ["get", "a", "--unknown"], ["incr"],
                      ["incr", "a", "one"], ["cas", "a", "b"], ["expire", "a"],
                      ["expire", "a", "-1"], ["batch"], ["import"], []):
            with self.subTest(words=words):
                self.refuse(*words)

    def test_a_bad_address_fails(self):
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:", ":4000",
                        "127.0.0.1:99999", "127.0.0.1:x"):
            for words in (["--addr", address, "get", "a"],
                          ["get", "a", "--addr", address]):
                with self.subTest(words=words):
                    done = client(*words)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertEqual(done.stdout, b"")
                    self.assertTrue(done.stderr)

    def test_a_node_that_is_not_there_fails(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            done = client("get", "a", address=probe.getsockname())
        self.assertEqual((done.returncode, done.stdout), (69, b""))
        self.assertTrue(done.stderr)

    def test_a_server_error_fails(self):
        self.succeed("set", "text", "abc")
        self.assertIn("wrong_type", self.refuse("incr", "text"))

    def test_addr_stands_before_or_behind_the_subcommand(self):
        address = "%s:%d" % self.node.address
        for words in (["--addr", address, "set", "a", "1"],
                      ["set", "--addr", address, "a", "1"],
                      ["set", "a", "1", "--addr", address]):
            done = client(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, b"", b""), words)

    def test_version_and_help(self):
        for words in (["-V"], ["--version"]):
            done = client(*words)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout.decode(),
                             r"\Akvs-client \d+\.\d+\.\d+\n\Z")
        for words in (["--help"], ["get", "--help"]):
            done = client(*words)
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"--help", done.stdout)

    def test_wrong_words_are_told_as_all_errors_are(self):
        for words, what, topic in ((["nosuch"], b"nosuch", b""),
                                   (["get"], b"KEY is required", b"get "),
                                   (["get", "a", "--bogus"], b"--bogus",
                                    b"get ")):
            done = client(*words)
            self.assertEqual((done.returncode, done.stdout), (64, b""))
            self.assertRegex(done.stderr, rb"\Akvs-client: [^\n]*" + what)
            self.assertTrue(done.stderr.endswith(
                b"\nTry 'kvs-client " + topic + b"--help'.\n"), done.stderr)

    # -- other commands on keys -----------------------------------------------

    def test_mget_answers_in_the_order_of_the_keys(self):
        self.succeed("set", "a", "1")
        self.succeed("set", "b", "2")
        self.succeed("mget", "b", "x", "a",
                     stdout=b"2\nKey not found\n1\n")

    def test_exists(self):
        self.succeed("set", "a", "1")
        self.succeed("exists", "a", stdout=b"yes\n")
        self.succeed("exists", "b", stdout=b"no\n")

    def test_incr(self):
        self.succeed("incr", "n", stdout=b"1\n")
        self.succeed("incr", "n", "41", stdout=b"42\n")
        self.succeed("incr", "n", "-50", stdout=b"-8\n")
        self.succeed("set", "n", "9223372036854775807")
        self.refuse("incr", "n")
        self.succeed("get", "n", stdout=b"9223372036854775807\n")

    def test_append(self):
        self.succeed("append", "a", "one", stdout=b"3\n")
        self.succeed("append", "a", "two", stdout=b"6\n")
        self.succeed("get", "a", stdout=b"onetwo\n")

    def test_ttl_expire_and_persist(self):
        self.succeed("set", "a", "1")
        self.succeed("ttl", "a", stdout=b"never expires\n")
        self.succeed("expire", "a", "100")
        left = self.ask_json("ttl", "a")["ttl_ms"]
        self.assertTrue(90_000 < left <= 100_000, left)
        self.succeed("persist", "a")
        self.succeed("ttl", "a", stdout=b"never expires\n")
        self.refuse("ttl", "b")
        self.refuse("expire", "b", "1")

    def test_a_key_is_gone_when_its_time_is_over(self):
        self.succeed("set", "a", "1", "--ttl", "0.001")
        for _ in range(100):
            if self.run_client("get", "a").stdout == b"Key not found\n":
                break
        else:
            self.fail("the key does not expire")
        self.succeed("set", "a", "1", "--if-absent")

    def test_conditions_of_set(self):
        self.succeed("set", "a", "1", "--if-absent")
        self.refuse("set", "a", "2", "--if-absent")
        self.succeed("set", "a", "3", "--if-present")
        self.refuse("set", "b", "4", "--if-present")
        self.succeed("get", "a", stdout=b"3\n")
        self.succeed("get", "b", stdout=b"Key not found\n")

    def test_cas(self):
        self.succeed("cas", "a", "0", "first")
        version = self.ask_json("get", "a")["version"]
        self.succeed("cas", "a", str(version), "second")
        self.assertIn("version", self.refuse("cas", "a", str(version), "no"))
        self.succeed("get", "a", stdout=b"second\n")

    # -- values of other shapes -----------------------------------------------

    def test_values_come_from_files_and_stdin(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)))
            file.flush()
            self.succeed("set", "a", "--value-file", file.name)
        self.succeed("get", "a", "--raw", stdout=bytes(range(256)))
        self.succeed("set", "b", "-", input=b"\0piped\n")
        self.succeed("get", "b", "--raw", stdout=b"\0piped\n")
        self.refuse("set", "a", "--value-file", "/does/not/exist")
        self.refuse("get", "absent", "--raw")

    def test_empty_keys_and_values(self):
        self.succeed("set", "", "")
        self.succeed("get", "", stdout=b"\n")
        self.succeed("rm", "")

    def test_words_that_look_like_syntax(self):
        for text in ("[1,2]", "[", "a b", "\n", "é", "--", "-"):
            with self.subTest(text=text):
                self.succeed("set", "--", text, "[" + text)
                self.succeed("get", "--", text,
                             stdout=b"[" + text.encode() + b"\n")

    def test_json(self):
        done = self.ask_json("set", "a", "1")
        self.assertTrue(done["applied"])
        self.assertEqual(self.ask_json("get", "a"),
                         {"found": True, "key": "a", "value": "1",
                          "version": done["version"]})
        self.assertEqual(self.ask_json("get", "b"),
                         {"found": False, "key": "b"})
        self.succeed("set", "bin", "-", input=b"\xff\0")
        self.assertEqual(self.ask_json("get", "bin")["value_base64"],
                         base64.b64encode(b"\xff\0").decode())

    # -- the whole store ------------------------------------------------------

    def test_batch_is_all_or_nothing(self):
        self.succeed("set", "old", "1")
        lines = b"""{"key": "a", "value": "1", "ttl_ms": 100000}
{"op": "put", "key": "b", "value_base64": "AAE="}
{"op": "erase", "key": "old"}
"""
        self.succeed("batch", "-", input=lines)
        self.succeed("count", stdout=b"2\n")
        self.succeed("get", "b", "--raw", stdout=b"\0\1")
        said = self.refuse("batch", "-", input=b'{"key": "c", "value": "1"}\n'
                                               b'{"key": "d"}\n')
        self.assertIn("line 2", said)
        self.succeed("count", stdout=b"2\n")

    def test_scan_and_count(self):
        keys = {b"%s%d" % (prefix, number) for prefix in (b"a:", b"b:")
                for number in range(700)}
        lines = b"".join(b'{"key": "%s", "value": ""}\n' % key for key in keys)
        self.run_client("import", "-", input=lines)
        self.succeed("count", stdout=b"1400\n")
        found = self.run_client("scan").stdout.split(b"\n")
        self.assertEqual(set(found[:-1]), keys)
        found = self.run_client("scan", "--prefix", "b:").stdout.split(b"\n")
        self.assertEqual(set(found[:-1]),
                         {key for key in keys if key.startswith(b"b:")})

    def test_stats_sync_compact_and_ping(self):
        self.succeed("set", "a", "1")
        self.assertTrue(self.ask_json("stats"))
        self.assertIn(b"durable", self.run_client("sync").stdout)
        self.assertGreaterEqual(self.ask_json("sync")["durable_version"], 1)
        self.assertIn("bytes_after", self.ask_json("compact"))
        self.assertIn(b"segments rewritten", self.run_client("compact").stdout)
        self.assertRegex(self.run_client("ping").stdout, rb"\Apong after ")

    def test_import_and_export_are_inverse(self):
        keys = {"text": b"ABC", "binary": b"\xff\0\n", "empty": b"",
                "with\nnewline": "ü".encode(), "long": b"v" * 300_000}
        for key, value in keys.items():
            self.succeed("set", key, "-", input=value)
        self.succeed("set", "mortal", "x", "--ttl", "1000")
        done = self.run_client("export", "-")
        self.assertEqual(done.returncode, 0)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 6)
        ttl, = (line["ttl_ms"] for line in lines if "ttl_ms" in line)
        self.assertTrue(900_000 < ttl <= 1_000_000)
        self.succeed("flush", "--yes")
        imported = self.ask_json("import", "-", input=done.stdout)
        self.assertEqual((imported["imported"], imported["failed"]), (6, 0))
        for key, value in keys.items():
            self.succeed("get", key, "--raw", stdout=value)

    def test_import_names_bad_lines_and_imports_the_others(self):
        lines = (b'{"key": "a", "value": "1"}', b"nonsense", b'{"key": "b"}',
                 b'{"key": "c", "value": "3", "ttl_ms": 0}', b"",
                 b'{"key": "d", "value": "4"}')
        done = self.run_client("import", "-", input=b"\n".join(lines))
        self.assertNotEqual(done.returncode, 0)
        named = re.findall(r"line (\d+)", done.stderr.decode())
        self.assertEqual(named, ["2", "3", "4"])
        self.succeed("count", stdout=b"2\n")

    def test_export_to_a_file(self):
        self.succeed("set", "a", "1")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out")
            self.assertEqual(self.run_client("export", path).returncode, 0)
            with open(path, "rb") as file:
                self.assertEqual(json.load(file), {"key": "a", "value": "1"})

    def test_flush_asks_first(self):
        self.succeed("set", "a", "1")
        self.refuse("flush")
        self.succeed("count", stdout=b"1\n")

    def test_the_shell_reads_commands(self):
        done = self.run_client("repl", input=b"set a 'b c'\nget a\nrm nope\n")
        self.assertIn(b"b c\n", done.stdout)
        self.assertIn(b"Key not found", done.stderr + done.stdout)

    def test_bench(self):
        done = self.run_client("bench", "--clients", "5", "--pipeline", "4",
                               "--requests", "2000")
        self.assertEqual(done.returncode, 0, done.stderr)
        for test in (b"set", b"get"):
            self.assertIn(test, done.stdout.lower())


if __name__ == "__main__":
    unittest.main(verbosity=2)
