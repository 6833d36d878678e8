"""Random streams on one connection, in pipelines of many sizes."""

import time

from harness import resp
from harness.comparator import Stream
from harness.episodes import play, shortest
from harness.generator import commands as random_commands
from harness.links import Pair
from harness.odd import odd_commands, wrong_counts

EPISODE = 1500


def chunks(source, count):
    """Sizes of pipelines with the sum `count`."""
    sizes = []
    while count:
        size = min(count, source.randint(1, source.pick((3, 50, 200, 1000))))
        sizes.append(size)
        count -= size
    return sizes


def transactions(source, commands):
    """Puts some stretches of the stream into MULTI and EXEC."""
    made, at = [], 0
    while at < len(commands):
        size = source.randint(1, 60)
        part = commands[at:at + size]
        if source.chance(0.2):
            part = [[b"MULTI"], *part,
                    [source.pick((b"EXEC", b"EXEC", b"EXEC", b"DISCARD"))]]
        made += part
        at += size
    return made


def run_episodes(context, count, make, encode=resp.encode):
    """Plays `count` commands made by `make(source, size)`."""
    number = 0
    while count > 0 and not context.full:
        source = context.source(number)
        commands = make(source, min(count, EPISODE))
        count -= len(commands)
        found = play(context.servers, commands,
                     chunks(source, len(commands)), encode)
        if found and context.is_new(found.words, found.redis, found.other):
            failure = shortest(context.servers, commands, found, encode)
            context.report_commands(*failure)
        context.compared += len(commands)
        number += 1


def data_stream(source, size):
    commands = random_commands(source, size)
    if source.chance(0.4):
        commands = transactions(source, commands)
    if source.chance(0.4):
        commands.insert(0, [b"HELLO", b"3"])
    return commands


def data(context):
    """All commands on strings, bits and keys."""
    run_episodes(context, context.commands * 82 // 100, data_stream)


def odd(context):
    """Wrong numbers of arguments, unknown names, arguments of any kind."""
    run_episodes(context, context.commands * 14 // 100, odd_commands)
    table = wrong_counts()
    run_episodes(context, len(table), lambda _, size: [
        table.pop() for _ in range(size)])


def inline(context):
    """The same commands as a person would type them."""
    run_episodes(context, context.commands * 2 // 100,
                 lambda source, size: [
                     words for words in random_commands(source, size)
                     if sum(map(len, words)) < 8000], resp.inline)


def large(context):
    """Values around and above a mebibyte, and empty arguments."""
    def make(source, _):
        commands = random_commands(source, 40)
        for _ in range(8):
            value = source.randbytes(source.pick(
                (1 << 20, (1 << 20) - 1, (1 << 20) + 1, 70000, 3 << 20)))
            commands.insert(source.randrange(len(commands)), source.pick((
                [b"SET", source.key(), value],
                [b"APPEND", source.key(), value],
                [b"SETRANGE", source.key(), b"%d" % (1 << 20), value],
                [b"SETBIT", source.key(), b"9000001", b"1"],
                [b"SET", value[:65536], b"v"], [value, b""],
                [b"GET", b"", value], [b"ECHO", value])))
        return commands
    run_episodes(context, 400, make)


def cut(context):
    """Pipelines that arrive in pieces, cut at every byte or anywhere."""
    for number in range(12):
        source = context.source(number)
        commands = random_commands(source, source.randint(1, 200))
        data_sent = b"".join(map(resp.encode, commands))
        if number < 4:
            data_sent = data_sent[:2000]
            commands = random_commands(source, 30)
            data_sent = b"".join(map(resp.encode, commands))[:1500]
            places = range(1, len(data_sent))
        else:
            places = sorted(source.sample(range(1, len(data_sent)),
                                          min(100, len(data_sent) - 1)))
        whole = complete_commands(commands, len(data_sent))
        bounds = [0, *places, len(data_sent)]
        pieces = [data_sent[a:b] for a, b in zip(bounds, bounds[1:])]
        with Pair(context.servers) as pair:
            pair.ask(b"FLUSHALL")
            sides = pair.dribble(pieces, whole, 0.0002)
            found = Stream().compare(commands[:whole], *sides)
        if found:
            context.report_commands(commands[:found.at + 1], found)
        context.compared += whole
        time.sleep(0)


def complete_commands(commands, size):
    """How many commands are complete in the first `size` bytes."""
    count = 0
    for words in commands:
        size -= len(resp.encode(words))
        if size < 0:
            break
        count += 1
    return count
