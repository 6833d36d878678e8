"""Compares the replies of both servers to one stream of commands."""

from collections import namedtuple

from normalisation import RULES

from . import resp

Difference = namedtuple("Difference", "at words redis other")


def equal(words, left, right):
    """Whether the replies to one command agree."""
    if left == right:
        return True
    if not left or not right or b"-" in (left[:1], right[:1]):
        return False
    name = words[0].upper()
    rule = RULES.get(name)
    if len(words) > 1:
        rule = RULES.get(name + b" " + words[1].upper(), rule)
    return rule is not None and rule(words, left, right)


class Stream:
    """Follows one connection, to know what the items of an EXEC answer."""

    def __init__(self):
        self.queued = []

    def agree(self, words, left, right):
        name = words[0].upper() if words else b""
        if left == right == b"+QUEUED\r\n":
            self.queued.append(words)
            return True
        queued = self.queued
        ends = name in (b"EXEC", b"DISCARD", b"RESET")
        # A MULTI within a transaction is refused and leaves it as it is.
        if ends or (name == b"MULTI" and left == b"+OK\r\n"):
            self.queued = []
        if equal(words, left, right):
            return True
        return name == b"EXEC" and self.agree_in_exec(queued, left, right)

    def agree_in_exec(self, queued, left, right):
        if left[:1] != b"*" or right[:1] != b"*":
            return False
        sides = resp.items_of(left), resp.items_of(right)
        return (len(sides[0]) == len(sides[1]) == len(queued)
                and all(map(equal, queued, *sides)))

    def compare(self, commands, left, right):
        """The first difference, or None."""
        for at, words in enumerate(commands):
            one = left[at] if at < len(left) else b""
            two = right[at] if at < len(right) else b""
            if not self.agree(words, one, two):
                return Difference(at, words, one, two)
        return None
