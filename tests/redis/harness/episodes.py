"""Runs episodes: streams that begin with an empty database.

When the replies differ, the episode is made as short as possible first.
"""

import collections

from . import resp
from .comparator import Stream
from .links import Pair, Silent

Failure = collections.namedtuple("Failure", "commands difference")

SETUP = (b"FLUSHALL",)


def play(servers, commands, chunks=None, encode=resp.encode, timeout=20):
    """The first difference of one episode, or None.

    `chunks` are the sizes of the pipelines; all at once by default. Servers
    that are silent for `timeout` seconds have sent their last reply.
    """
    stream, at = Stream(), 0
    with Pair(servers) as pair:
        pair.ask(*SETUP)
        for size in chunks or (len(commands),):
            part = commands[at:at + size]
            try:
                sides = pair.exchange(b"".join(map(encode, part)), len(part),
                                      timeout)
            except Silent:
                sides = [link.take(len(part)) for link in pair.links]
            found = stream.compare(part, *sides)
            if found:
                return found._replace(at=at + found.at)
            at += size
        found = stream.compare([[b"DISCARD"], [b"PING", b"the end"]],
                               *pair.exchange(b"DISCARD\r\nPING 'the end'\r\n",
                                              2))
        return found and found._replace(at=len(commands))


def shortest(servers, commands, found, encode=resp.encode, tries=200):
    """A part of the commands that still differs, and how."""
    commands = commands[:found.at + 1]
    size = max(1, len(commands) // 2)
    while size and tries > 0:
        at = len(commands) - 1
        while at > 0 and tries > 0:
            begin = max(0, at - size)
            shorter = commands[:begin] + commands[at:]
            tries -= 1
            again = play(servers, shorter, encode=encode, timeout=1)
            if again is not None:
                commands, found = shorter[:again.at + 1], again
                at = min(begin, len(commands) - 1)
            else:
                at = begin
        size //= 2
    return Failure(commands, found)
