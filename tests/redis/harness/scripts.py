"""Runs small scripts: steps of several connections, one after the other.

A step is a line: the name of a connection and the words of a command, quoted
as redis-cli quotes; `sleep SECONDS` waits. `{b.id}` and `{b.addr}` stand for
the number and the address of connection b.
"""

import ast
import itertools
import re
import time

from . import resp
from .comparator import Stream
from .links import Pair, pump

QUIET_SECONDS = 0.004
PATIENCE_SECONDS = 15.0
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')


def words_of(text):
    """The words of a line; "..." may hold Python's escapes."""
    return [ast.literal_eval("b" + word) if word.startswith('"')
            else word.encode() for word in WORD.findall(text)]


class Actor:
    """One connection of a script, on both servers."""

    def __init__(self, servers, with_ids):
        self.pair = Pair(servers)
        self.stream = Stream()
        # What it has sent since its last reply, which may be late.
        self.unanswered = []
        self.names = [{}, {}]
        if with_ids:
            replies = self.pair.ask(b"CLIENT", b"ID")
            for link, reply, names in zip(self.pair.links, replies,
                                          self.names):
                names["id"] = reply[1:-2].decode()
                names["addr"] = "%s:%d" % link.socket.getsockname()


class Script:
    """Plays the steps; `play` returns what differs, or None."""

    def __init__(self, servers, text, strict=False):
        self.servers = servers
        self.steps = [line.strip() for line in text.strip().splitlines()
                      if line.strip()]
        named = re.findall(r"\{(\w)\.", text)
        self.names = {step.split()[0] for step in self.steps} | set(named)
        self.names.discard("sleep")
        self.with_ids = bool(named)
        self.strict = strict
        self.actors = {}
        self.played = []
        self.lost = False

    def play(self):
        """Yields what differs; goes on where that makes sense."""
        try:
            with Pair(self.servers) as pair:
                # Whatever a script before this one has left behind.
                pair.ask(b"FLUSHALL")
            for name in sorted(self.names):
                self.actors[name] = Actor(self.servers, self.with_ids)
            for step in self.steps:
                self.played.append(step)
                name, text = step.split(None, 1)
                if name == "sleep":
                    time.sleep(float(text))
                else:
                    self.send(name, text)
                yield from self.compare(name)
                if self.lost:
                    return
            time.sleep(0.03)
            yield from self.compare("")
        finally:
            for actor in self.actors.values():
                actor.pair.close()

    def send(self, name, text):
        for at, link in enumerate(self.actors[name].pair.links):
            line = re.sub(r"\{(\w)\.(\w+)\}", lambda found: self.actors[
                found[1]].names[at][found[2]], text)
            link.unsent = memoryview(resp.encode(words_of(line)))
        self.actors[name].unanswered.append(words_of(text))

    def links(self, at):
        return [actor.pair.links[at] for actor in self.actors.values()
                if not actor.pair.links[at].closed]

    def compare(self, name):
        """Takes what redis-server has sent by now, and as much of kvs."""
        pump(self.links(0) + self.links(1), lambda link: True)
        seen = -1
        while seen != (seen := self.seen()):
            pump(self.links(0), lambda link: False, QUIET_SECONDS)
        for actor_name, actor in self.actors.items():
            one, two = actor.pair.links
            # No longer than what redis-server has sent takes to arrive.
            pump([two], lambda link: link.closed if one.closed else
                 len(link.replies) >= len(one.replies), PATIENCE_SECONDS)
            count = len(one.replies) if name else None
            sides = [link.take(count) if name else link.take(1 << 30)
                     for link in (one, two)]
            ends = [b"closed" if link.closed else b"open"
                    for link in (one, two)]
            if self.agree(actor, *sides) and ends[0] == ends[1]:
                continue
            # One reply for one reply: the next ones still belong together.
            self.lost |= len(sides[0]) != len(sides[1]) or ends[0] != ends[1]
            yield [b"on %b:" % actor_name.encode(),
                   *([b"".join(side), end] for side, end in zip(sides, ends))]

    def seen(self):
        return [(len(link.replies), len(link.received), link.closed)
                for link in self.links(0)]

    def agree(self, actor, left, right):
        commands = actor.unanswered
        if left:
            actor.unanswered = []
        # Not every command has a reply. On a busy machine replies come late,
        # and then several at a time.
        if len(left) == 1:
            commands = commands[-1:]
        agreed = (len(left) == len(right) == len(commands)
                  and all([actor.stream.agree(*each)
                           for each in zip(commands, left, right)]))
        if left == right:
            return True
        if by_pattern_in_order(left) == by_pattern_in_order(right):
            return True
        return agreed and not self.strict


def is_by_pattern(reply):
    return b"\r\npmessage\r\n" in reply[:20]


def flattened(replies):
    """What EXEC executes may send messages into the midst of its reply."""
    for reply in replies:
        items = resp.items_of(reply) or []
        if not is_by_pattern(reply) and any(map(is_by_pattern, items)):
            yield reply[:reply.index(b"\n")]
            yield from items
        else:
            yield reply


def by_pattern_in_order(replies):
    """The same replies; messages of patterns that came in a row sorted."""
    ordered = []
    for is_message, run in itertools.groupby(flattened(replies),
                                             is_by_pattern):
        ordered += sorted(run) if is_message else run
    return ordered


def run_scripts(context, scripts, strict=False):
    """`scripts`: pairs of a title and the text."""
    for title, text in scripts:
        script = Script(context.servers, text, strict)
        for where, redis, other in script.play():
            last = script.played[-1].split()[1:2]
            if context.is_new([word.encode() for word in last],
                              *(b"".join(side) for side in (redis, other))):
                context.report([f"  script: {title}",
                                *(f"  > {step}" for step in
                                  script.played[-12:]),
                                "  " + where.decode()], redis, other)
        context.compared += len(script.played)
        if context.full:
            return
