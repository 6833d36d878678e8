"""Every request of the wire protocol, and its promises, against a real node."""

import time
import unittest

from support import wire
from support.case import WireTestCase


class RequestsTest(WireTestCase):
    # -- single keys ----------------------------------------------------------

    def test_hello_names_the_limits(self):
        answer = self.ask(wire.hello())
        self.assertEqual(answer.version, 1)
        self.assertEqual(answer.key_bytes_max, 64 << 10)
        self.assertEqual(answer.value_bytes_max, 512 << 20)
        self.assertGreaterEqual(answer.frame_bytes_max, (512 << 20)
                                + (64 << 10))
        self.assertGreater(answer.batch_operations_max, 0)

    def test_ping_repeats_its_payload(self):
        for payload in (b"", b"\0\xff" * 1000):
            self.assertEqual(self.ask(wire.ping(payload)), payload)

    def test_versions_of_a_key_only_rise(self):
        last = 0
        for round_number in range(50):
            version = self.write(wire.put(b"a", b"%d" % round_number))
            self.assertGreater(version, last)
            last = version
            found = self.ask(wire.get(b"a"))
            self.assertEqual((found.version, found.value),
                             (version, b"%d" % round_number))
            if round_number % 7 == 0:
                erased = self.ask(wire.erase(b"a"))
                self.assertGreater(erased.version, last)
                last = erased.version

    def test_keys_and_values_are_bytes(self):
        everything = bytes(range(256))
        keys = [b"", b"\0", b"a\0b", b"\n", b"\r\n", b"\x1b[2J", everything,
                b"\xff\xfe", "ключ".encode(), b"../../etc/passwd",
                b"k" * (64 << 10), b"\0" * (64 << 10)]
        for number, key in enumerate(keys):
            self.write(wire.put(key, everything + b"%d" % number))
        for number, key in enumerate(keys):
            found = self.ask(wire.get(key))
            self.assertEqual(found.value, everything + b"%d" % number)
            self.assertEqual(found.ttl_ms, -1)
        self.assertEqual(self.ask(wire.frame(wire.COUNT)), len(keys))
        page = self.ask(wire.scan(0, 100_000))
        keys_found = page.keys
        while page.cursor:
            page = self.ask(wire.scan(page.cursor, 100_000))
            keys_found += page.keys
        self.assertEqual(sorted(keys_found), sorted(keys))
        self.assert_error(self.ask(wire.put(b"k" * ((64 << 10) + 1), b"")),
                          wire.KEY_TOO_LARGE)

    def test_an_absent_key(self):
        self.assertEqual(self.ask(wire.get(b"a")),
                         wire.Value(False, 0, -1, b""))
        self.assertEqual(self.ask(wire.frame(wire.EXISTS, wire.blob(b"a"))),
                         wire.Exists(False, 0, -1))
        erased = self.ask(wire.erase(b"a"))
        self.assertEqual((erased.existed, erased.applied), (False, False))
        touched = self.ask(wire.touch(b"a", 1000))
        self.assertEqual((touched.applied, touched.version), (False, 0))

    def test_conditions_of_a_put(self):
        put = wire.put
        self.assertFalse(self.ask(put(b"a", b"", condition=wire.IF_PRESENT))
                         .applied)
        first = self.write(put(b"a", b"1", condition=wire.IF_ABSENT))
        refused = self.ask(put(b"a", b"2", condition=wire.IF_ABSENT))
        self.assertEqual((refused.applied, refused.version), (False, first))
        second = self.write(put(b"a", b"3", condition=wire.IF_PRESENT))
        stale = put(b"a", b"4", condition=wire.IF_VERSION, version=first)
        refused = self.ask(stale)
        self.assertEqual((refused.applied, refused.version), (False, second))
        self.write(put(b"a", b"5", condition=wire.IF_VERSION, version=second))
        self.assertEqual(self.ask(wire.get(b"a")).value, b"5")

    def test_erase_of_a_version(self):
        version = self.write(wire.put(b"a", b"1"))
        refused = self.ask(wire.erase(b"a", version=version + 1))
        self.assertEqual(refused[:3], (True, False, version))
        done = self.ask(wire.erase(b"a", version=version))
        self.assertEqual(done[:2], (True, True))
        self.assertFalse(self.ask(wire.get(b"a")).found)

    def test_increment(self):
        low, high = -1 << 63, (1 << 63) - 1
        self.assertEqual(self.ask(wire.increment(b"n", high)).value, high)
        self.assert_error(self.ask(wire.increment(b"n", 1)), wire.OUT_OF_RANGE)
        self.assertEqual(self.ask(wire.increment(b"n", low)).value, -1)
        self.assertEqual(self.ask(wire.get(b"n")).value, b"-1")
        self.write(wire.put(b"t", b"12 "))
        self.assert_error(self.ask(wire.increment(b"t", 1)), wire.WRONG_TYPE)

    def test_pipelined_increments_answer_distinct_versions(self):
        count = 2000
        self.connection.send(b"".join(wire.increment(b"n", 1, number)
                                      for number in range(count)))
        replies = self.connection.receive(count)
        values = [reply.message.value for reply in
                  sorted(replies, key=lambda reply: reply.id)]
        self.assertEqual(values, list(range(1, count + 1)))
        self.assertEqual(len({reply.message.version for reply in replies}),
                         count)

    def test_pipelined_puts_of_one_key_answer_distinct_versions(self):
        """Most of them need no record, and nobody can tell."""
        count = 2000
        self.connection.send(b"".join(
            wire.put(b"k%d" % (number % 3), b"%d" % number, number)
            for number in range(count)))
        replies = self.connection.receive(count)
        versions = [reply.message.version for reply in
                    sorted(replies, key=lambda reply: reply.id)]
        self.assertEqual(versions, sorted(set(versions)))
        figures = dict(self.ask(wire.frame(wire.STATS)))
        self.assertGreater(int(figures[b"writes_coalesced"]), 0)
        self.connection.close()
        self.node.kill()
        self.node.start()
        with self.node.connect() as connection:
            for number in range(count - 3, count):
                found = connection.ask(wire.get(b"k%d" % (number % 3)))
                self.assertEqual(found.value, b"%d" % number)
                self.assertEqual(found.version, versions[number])

    def test_two_connections_lose_no_increment(self):
        with self.node.connect() as other:
            for connection in (self.connection, other):
                connection.send(wire.increment(b"n", 1) * 1000)
            for connection in (self.connection, other):
                connection.receive(1000)
        self.assertEqual(self.ask(wire.get(b"n")).value, b"2000")

    def test_append(self):
        self.assertEqual(self.ask(wire.append(b"a", b"12")).size, 2)
        self.assertEqual(self.ask(wire.append(b"a", b"345")).size, 5)
        self.assertEqual(self.ask(wire.get(b"a")).value, b"12345")

    def test_expiry(self):
        self.write(wire.put(b"a", b"1", expiry_ms=1))
        self.write(wire.put(b"b", b"1", expiry_ms=60_000))
        ttl = self.ask(wire.get(b"b")).ttl_ms
        self.assertTrue(0 < ttl <= 60_000, ttl)
        deadline = time.monotonic() + 5
        while self.ask(wire.get(b"a")).found:
            self.assertLess(time.monotonic(), deadline)
        self.write(wire.frame(wire.PERSIST, wire.blob(b"b")))
        self.assertEqual(self.ask(wire.get(b"b")).ttl_ms, -1)
        self.write(wire.touch(b"b", 1))
        deadline = time.monotonic() + 5
        while self.ask(wire.get(b"b")).found:
            self.assertLess(time.monotonic(), deadline)
        # An expired key is absent to every condition.
        self.write(wire.put(b"a", b"2", condition=wire.IF_ABSENT))
        for wrong in (-1, -1 << 63, (1 << 63) - 1):
            self.assert_error(self.ask(wire.put(b"a", b"", expiry_ms=wrong)),
                              wire.BAD_ARGUMENT)
        self.assert_error(self.ask(wire.touch(b"a", 0)), wire.BAD_ARGUMENT)
        self.assertEqual(self.ask(wire.get(b"a")).value, b"2")

    # -- several keys ---------------------------------------------------------

    def test_multi_get(self):
        keys = [b"%d" % number for number in range(500)]
        for key in keys[::2]:
            self.connection.send(wire.put(key, b"v" + key))
        self.connection.receive(250)
        values = self.ask(wire.multi_get([*keys, keys[0]]))
        self.assertEqual([value.value for value in values if value.found],
                         [b"v" + key for key in [*keys[::2], keys[0]]])
        self.assertEqual([value.found for value in values],
                         [True, False] * 250 + [True])
        self.assertEqual(self.ask(wire.multi_get([])), [])

    def test_batch(self):
        self.write(wire.put(b"old", b"1"))
        put, erase = wire.put_operation, wire.erase_operation
        version = self.write(wire.batch(
            [put(b"%d" % number, b"v") for number in range(100)]
            + [erase(b"old"), put(b"5", b"first"), put(b"5", b"last"),
               erase(b"6"), put(b"mortal", b"", 60_000)]))
        self.assertGreater(version, 0)
        self.assertEqual(self.ask(wire.frame(wire.COUNT)), 100)
        self.assertEqual(self.ask(wire.get(b"5")).value, b"last")
        self.assertFalse(self.ask(wire.get(b"6")).found)
        self.assertFalse(self.ask(wire.get(b"old")).found)
        self.assertGreater(self.ask(wire.get(b"mortal")).ttl_ms, 0)

    def test_an_empty_batch_changes_nothing(self):
        answer = self.ask(wire.batch([]))
        self.assertIsInstance(answer, wire.Write)
        self.assertEqual(self.ask(wire.frame(wire.COUNT)), 0)

    def test_no_reader_sees_half_a_batch(self):
        # Method: one connection writes the same number under 16 keys; another
        # reads them at once and one by one, and may never see the number fall.
        keys = [b"k%d" % number for number in range(16)]
        requests = [wire.batch([wire.put_operation(key, b"%08d" % number)
                                for key in keys], number)
                    for number in range(400)]
        self.write(requests[0])
        with self.node.connect() as reader:
            for begin in range(1, 400, 20):
                self.connection.send(b"".join(requests[begin:begin + 20]))
                for _ in range(5):
                    values = {value.value for value
                              in reader.ask(wire.multi_get(keys))}
                    self.assertEqual(len(values), 1, values)
                    seen = values.pop()
                    for key in keys:
                        value = reader.ask(wire.get(key)).value
                        self.assertGreaterEqual(value, seen)
                        seen = value
                self.connection.receive(min(20, 400 - begin))

    def test_transactions(self):
        put = wire.put_operation
        version = self.write(wire.put(b"a", b"1"))
        self.write(wire.transact([(b"a", version), (b"b", 0)],
                                 [put(b"a", b"2"), put(b"b", b"2")]))
        self.assert_error(self.ask(wire.transact([(b"a", version)],
                                                 [put(b"c", b"3")])),
                          wire.CONFLICT)
        self.assert_error(self.ask(wire.transact([(b"b", 0)],
                                                 [put(b"c", b"3")])),
                          wire.CONFLICT)
        self.assertFalse(self.ask(wire.get(b"c")).found)
        # A read set alone asks whether all of it still holds.
        current = self.ask(wire.get(b"b")).version
        answer = self.ask(wire.transact([(b"b", current)], []))
        self.assertIsInstance(answer, wire.Write, answer)

    def test_transfers_lose_no_money(self):
        # Method: four connections move money between accounts; a conflict is
        # read and tried again.
        accounts = [b"account%d" % number for number in range(4)]
        for account in accounts:
            self.write(wire.put(account, b"100"))
        connections = [self.node.connect() for _ in range(4)]
        conflicts = 0
        for step in range(200):
            balances = [connection.ask(wire.multi_get(accounts))
                        for connection in connections]
            for number, connection in enumerate(connections):
                give = (step + number) % 4
                take = (give + 1 + step // 4 % 3) % 4
                seen = balances[number]
                connection.send(wire.transact(
                    [(accounts[i], seen[i].version) for i in (give, take)],
                    [wire.put_operation(accounts[i],
                                        b"%d" % (int(seen[i].value) + sign))
                     for i, sign in ((give, -1), (take, 1))]))
            for connection in connections:
                answer = connection.receive()[0].message
                if isinstance(answer, wire.Error):
                    self.assert_error(answer, wire.CONFLICT)
                    conflicts += 1
        for connection in connections:
            connection.close()
        self.assertGreater(conflicts, 0)
        values = self.ask(wire.multi_get(accounts))
        self.assertEqual(sum(int(value.value) for value in values), 400)

    # -- the whole store ------------------------------------------------------

    def test_a_scan_returns_every_key_that_stays(self):
        # Method: keys come and go between the pages.
        staying = {b"stay%d" % number for number in range(3000)}
        self.connection.send(b"".join(wire.put(key, b"") for key in staying))
        self.connection.receive(3000)
        found, cursor, page_number = [], 0, 0
        while True:
            page = self.ask(wire.scan(cursor, 100))
            found += page.keys
            cursor = page.cursor
            if cursor == 0:
                break
            page_number += 1
            self.connection.send(b"".join(
                wire.put(b"new%d:%d" % (page_number, number), b"")
                for number in range(300)))
            self.connection.receive(300)
        self.assertLessEqual(staying, set(found))
        prefixed, cursor = [], 0
        while True:
            page = self.ask(wire.scan(cursor, 100, b"stay1"))
            prefixed += page.keys
            cursor = page.cursor
            if cursor == 0:
                break
        self.assertEqual(set(prefixed), {key for key in staying
                                         if key.startswith(b"stay1")})

    def test_a_forged_cursor(self):
        for cursor in (1 << 63, (1 << 64) - 1, 12345678901234567):
            answer = self.ask(wire.scan(cursor, 10))
            if not isinstance(answer, wire.Page):
                self.assert_error(answer, wire.BAD_ARGUMENT)
        self.assertEqual(self.ask(wire.ping(b"alive")), b"alive")

    def test_count_flush_and_stats(self):
        self.connection.send(b"".join(wire.put(b"%d" % number, b"")
                                      for number in range(1000)))
        self.connection.receive(1000)
        self.assertEqual(self.ask(wire.frame(wire.COUNT)), 1000)
        self.assertTrue(self.ask(wire.frame(wire.STATS)))
        self.write(wire.frame(wire.FLUSH))
        self.assertEqual(self.ask(wire.frame(wire.COUNT)), 0)
        self.assertFalse(self.ask(wire.get(b"5")).found)
        self.node.restart()
        with self.node.connect() as connection:
            self.assertEqual(connection.ask(wire.frame(wire.COUNT)), 0)

    def test_sync_answers_a_version_that_covers_all_writes(self):
        version = self.write(wire.put(b"a", b"1"))
        durable = self.ask(wire.frame(wire.SYNC))
        self.assertGreaterEqual(durable, version)

    def test_compact(self):
        for _ in range(20):
            self.write(wire.put(b"a", b"v" * 10_000))
        answer = self.ask(wire.frame(wire.COMPACT))
        self.assertIsInstance(answer, wire.Compacted)
        self.assertLessEqual(answer.after, answer.before)
        self.assertEqual(self.ask(wire.get(b"a")).value, b"v" * 10_000)

if __name__ == "__main__":
    unittest.main(verbosity=2)
