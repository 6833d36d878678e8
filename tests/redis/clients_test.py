#!/usr/bin/env python3
"""Libraries that people use: redis-py, hiredis and node-redis.

Needs the Python of Debian for redis-py; KVS_RESP_SERVER=redis runs the same
against redis-server.
"""

import os
import pathlib
import shutil
import subprocess
import threading
import time
import unittest

import redis

from harness.servers import under_test

HERE = pathlib.Path(__file__).parent


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(under_test())
        cls.host, cls.port = cls.server.address

    def run_program(self, *command):
        done = subprocess.run([*command, str(self.port)], timeout=120,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def connect(self, **options):
        client = redis.Redis(self.host, self.port, **options)
        self.addCleanup(client.close)
        return client


class RedisPyTest(ClientTest):
    def setUp(self):
        self.client = self.connect()
        self.client.flushall()

    def test_values(self):
        client = self.client
        self.assertTrue(client.ping())
        self.assertTrue(client.set("k", b"\0\r\n", ex=100))
        self.assertEqual(client.get("k"), b"\0\r\n")
        self.assertEqual(client.ttl("k"), 100)
        self.assertIsNone(client.set("k", "x", nx=True))
        self.assertEqual(client.set("k", "y", get=True), b"\0\r\n")
        self.assertEqual(client.incr("n", 5), 5)
        self.assertEqual(client.incrbyfloat("n", 0.25), 5.25)
        self.assertEqual(client.mget("k", "nothing"), [b"y", None])
        self.assertTrue(client.msetnx({"m": 1, "o": 2}))
        self.assertEqual(client.getrange("k", 0, -1), b"y")
        self.assertEqual(client.setbit("b", 7, 1), 0)
        self.assertEqual(client.bitcount("b"), 1)
        self.assertEqual(client.bitpos("b", 1), 7)
        self.assertEqual(client.bitfield("b").get("u8", 0).incrby(
            "u8", 0, 9).execute(), [1, 10])
        self.assertEqual(client.getex("k", px=100_000), b"y")
        self.assertEqual(client.getdel("k"), b"y")
        self.assertTrue(client.copy("n", "n2"))
        self.assertEqual(client.object("encoding", "m"), b"int")
        self.assertEqual(client.type("m"), b"string")
        self.assertEqual(client.restore("r", 0, client.dump("m")), b"OK")
        self.assertEqual(client.get("r"), b"1")
        self.assertGreater(client.memory_usage("m"), 0)
        with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
            client.incr("n")

    def test_the_server(self):
        client = self.client
        self.assertIn("redis_version", client.info())
        self.assertEqual(client.info("keyspace"), {})
        client.set("k", "v", ex=100)
        self.assertEqual(client.info("keyspace")["db0"]["keys"], 1)
        self.assertEqual(len(client.time()), 2)
        self.assertTrue(client.client_setname("me"))
        self.assertEqual(client.client_getname(), "me")
        self.assertEqual(client.client_info()["name"], "me")
        self.assertIn(client.client_id(),
                      [int(each["id"]) for each in client.client_list()])
        self.assertEqual(client.config_get("databases"), {"databases": "1"})
        self.assertIn("get", client.command())
        self.assertEqual(client.command_getkeys("SET", "k", "v"), ["k"])
        self.assertTrue(client.lastsave())
        self.assertEqual(client.slowlog_len(), len(client.slowlog_get(1000)))

    def test_pipelines_and_transactions(self):
        pipe = self.client.pipeline(transaction=False)
        for number in range(10_000):
            pipe.set(f"p:{number}", number)
        self.assertTrue(all(pipe.execute()))
        found = list(self.client.scan_iter("p:*", count=100))
        self.assertEqual(len(set(found)), 10_000)
        with self.client.pipeline() as pipe:
            replies = pipe.set("a", 1).incr("a").get("a").execute()
        self.assertEqual(replies, [True, 2, b"2"])

    def test_watch_loses_no_increment(self):
        def add(client):
            for _ in range(100):
                client.transaction(lambda pipe: (
                    number := int(pipe.get("n") or 0),
                    pipe.multi(), pipe.set("n", number + 1)), "n")
        threads = [threading.Thread(target=add, args=(self.connect(),))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get("n"), b"400")

    def test_channels(self):
        listener = self.client.pubsub()
        self.addCleanup(listener.close)
        listener.subscribe("news")
        listener.psubscribe("n*")
        heard = [listener.get_message(timeout=5) for _ in range(2)]
        self.assertEqual([each["data"] for each in heard], [1, 2])
        self.assertEqual(self.client.publish("news", "one"), 2)
        heard = [listener.get_message(timeout=5) for _ in range(2)]
        self.assertEqual([each["type"] for each in heard],
                         ["message", "pmessage"])
        self.assertEqual(self.client.pubsub_channels(), [b"news"])
        self.assertEqual(self.client.pubsub_numsub("news"), [(b"news", 1)])
        self.assertEqual(self.client.pubsub_numpat(), 1)

    def test_info_has_what_tools_read(self):
        info = self.client.info("everything")
        for name in ("redis_version", "uptime_in_seconds", "connected_clients",
                     "maxclients", "blocked_clients", "used_memory",
                     "used_memory_rss", "used_memory_peak", "maxmemory",
                     "mem_fragmentation_ratio", "total_system_memory",
                     "rdb_last_save_time", "rdb_changes_since_last_save",
                     "rdb_last_bgsave_status", "aof_enabled",
                     "aof_last_write_status", "total_commands_processed",
                     "total_connections_received", "evicted_keys",
                     "instantaneous_ops_per_sec", "expired_keys",
                     "instantaneous_input_kbps", "keyspace_hits",
                     "keyspace_misses", "pubsub_channels", "pubsub_patterns",
                     "latest_fork_usec", "total_error_replies", "role",
                     "connected_slaves", "master_repl_offset",
                     "repl_backlog_size", "used_cpu_sys", "used_cpu_user",
                     "cluster_enabled"):
            self.assertIn(name, info)
        self.assertGreater(info["total_system_memory"], info["used_memory"])
        self.client.config_resetstat()
        self.client.info()  # The rates count from here.
        time.sleep(1.05)
        for _ in range(3):
            with self.assertRaises(redis.ResponseError):
                self.client.execute_command("NOPE")
        with self.client.pubsub() as listener:
            listener.subscribe("x", "y")
            listener.psubscribe("z*")
            for _ in range(3):
                listener.get_message(timeout=10)
            info = self.client.info("everything")
        self.assertEqual((info["pubsub_channels"], info["pubsub_patterns"]),
                         (2, 1))
        self.assertEqual(info["total_error_replies"], 3)
        self.assertEqual(info["errorstat_ERR"], "count=3")
        self.assertGreaterEqual(info["instantaneous_ops_per_sec"], 1)
        self.assertLess(info["total_commands_processed"], 50)

    def test_counters_and_clients_that_leave(self):
        for number in range(30):
            guests = [self.connect(client_name=f"guest{at}")
                      for at in range(5)]
            for each in guests:
                each.ping()
            for each in guests[:3]:
                each.close()
            self.client.client_kill_filter(_type="normal", skipme=True)
            if number % 3 == 0:
                self.client.config_resetstat()
            info = self.client.info()
            self.assertLess(info["total_commands_processed"], 500)
            self.assertLess(info["total_net_input_bytes"], 50_000)
        names = [each["name"] for each in self.client.client_list()]
        self.assertEqual(names, [""])

    def test_monitor(self):
        with self.client.monitor() as monitor:
            self.client.get("watched")
            seen = monitor.next_command()
            self.assertEqual(seen["command"], "GET watched")


class ProgramTest(ClientTest):
    def test_hiredis(self):
        self.run_program(os.environ["KVS_HIREDIS_CLIENT"])

    def test_node_redis(self):
        # npm installs beside its package.json, which is not in the sources.
        folder = pathlib.Path(os.environ["KVS_NODE_FOLDER"])
        folder.mkdir(parents=True, exist_ok=True)
        for file in (HERE / "node").iterdir():
            shutil.copy(file, folder)
        lock = (folder / "package-lock.json").read_bytes()
        installed = folder / "node_modules" / ".installed-lock"
        if not installed.exists() or installed.read_bytes() != lock:
            subprocess.run(["npm", "ci"], cwd=folder, check=True, timeout=200,
                           stdout=subprocess.DEVNULL)
            installed.write_bytes(lock)
        self.run_program("node", str(folder / "client_test.js"))


if __name__ == "__main__":
    unittest.main()
