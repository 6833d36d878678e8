"""Writes under load, and remembers which of them the node has acknowledged.

Each writer has a connection and keys of its own, so program order says exactly
which states of a key are possible after a crash: the one after its last
acknowledged write, or one after any later write that was sent.
"""

import random
import select
import time

from . import wire


class History:
    """The states of one key in the order of the writes that were sent."""

    def __init__(self):
        self.states = [None]
        self.acknowledged = 0

    def add(self, state):
        self.states.append(state)
        return len(self.states) - 1

    @property
    def newest(self):
        return self.states[-1]

    def settle(self, found, key):
        """Checks what a node holds after a crash, and goes on from there."""
        possible = self.states[self.acknowledged:]
        if found not in possible:
            known = "earlier state" if found in self.states else "no state"
            raise AssertionError(
                f"key {key!r} holds {found!r:.60}, {known} of it; "
                f"acknowledged is {possible[0]!r:.60}, sent were "
                f"{len(possible) - 1} more writes")
        self.states = [found]
        self.acknowledged = 0


class Writer:
    """One pipelined connection that puts, erases, increments and batches."""

    window = 64

    def __init__(self, name, key_count, seed):
        self.random = random.Random(seed)
        self.keys = [b"%s:%d" % (name, number) for number in range(key_count)]
        self.counter = b"%s:counter" % name
        # Always written together; a crash may not tear them apart.
        self.group = [b"%s:group%d" % (name, number) for number in range(3)]
        self.histories = {key: History()
                          for key in [*self.keys, self.counter, *self.group]}
        self.sent = 0
        self.acknowledged = 0
        self.waiting = {}
        self.connection = None

    def next_write(self):
        """A request and the states that it leads to."""
        self.sent += 1
        choice = self.random.random()
        value = b"%d:" % self.sent + b"x" * self.random.randrange(300)
        if choice < 0.1:
            operations = [wire.put_operation(key, value) for key in self.group]
            return (wire.batch(operations, self.sent),
                    dict.fromkeys(self.group, value))
        if choice < 0.2:
            number = int(self.histories[self.counter].newest or b"0") + 1
            return (wire.increment(self.counter, 1, self.sent),
                    {self.counter: b"%d" % number})
        key = self.random.choice(self.keys)
        if choice < 0.3:
            return wire.erase(key, self.sent), {key: None}
        return wire.put(key, value, self.sent), {key: value}

    def fill_window(self):
        requests = []
        while len(self.waiting) < self.window:
            request, states = self.next_write()
            requests.append(request)
            self.waiting[self.sent] = [
                (self.histories[key], self.histories[key].add(state))
                for key, state in states.items()]
        self.connection.send(b"".join(requests))

    def take_acknowledgements(self):
        if not self.connection.fill():
            raise ConnectionError("the node closed the connection")
        for reply in self.connection.take_replies():
            if isinstance(reply.message, wire.Error):
                raise AssertionError(f"a write was refused: {reply.message}")
            for history, index in self.waiting.pop(reply.id):
                history.acknowledged = max(history.acknowledged, index)
            self.acknowledged += 1

    def settle(self, connection):
        """After a restart: compares the node with the ledger."""
        keys = list(self.histories)
        values = connection.ask(wire.multi_get(keys))
        found = {key: value.value if value.found else None
                 for key, value in zip(keys, values)}
        group = {found[key] for key in self.group}
        if len(group) != 1:
            raise AssertionError(f"a batch was torn: {group!r:.200}")
        for key, history in self.histories.items():
            history.settle(found[key], key)
        self.waiting.clear()


def connect_all(writers, node):
    for writer in writers:
        writer.connection = node.connect()


def write_for(writers, seconds):
    """Keeps all windows full for a while; the last ones stay unanswered."""
    by_socket = {writer.connection.socket: writer for writer in writers}
    for writer in writers:
        writer.fill_window()
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select(list(by_socket), [], [], left)
        for ready in readable:
            by_socket[ready].take_acknowledgements()
            by_socket[ready].fill_window()


def take_last_acknowledgements(writers):
    """After a crash: what was acknowledged before it but not read yet."""
    for writer in writers:
        try:
            while True:
                writer.take_acknowledgements()
        except (ConnectionError, OSError):
            writer.connection.close()
