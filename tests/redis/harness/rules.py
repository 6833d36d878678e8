"""Rules by which two replies may differ; normalisation.py applies them."""

from . import resp


def same_kind(_, left, right):
    """Null and not null differ, the content does not matter."""
    return (left[0] == right[0]
            and (left[1:3] == b"-1") == (right[1:3] == b"-1"))


def same_length(_, left, right):
    items = resp.items_of(left), resp.items_of(right)
    return None not in items and len(items[0]) == len(items[1])


def any_order(_, left, right):
    if left[:left.index(b"\r")] != right[:right.index(b"\r")]:
        return False
    return sorted(resp.items_of(left)) == sorted(resp.items_of(right))


def any_order_of_pairs(_, left, right):
    """Names and their values, as a list or as a map."""
    sides = resp.items_of(left), resp.items_of(right)
    return (None not in sides and left[0] == right[0]
            and sorted(zip(sides[0][::2], sides[0][1::2]))
            == sorted(zip(sides[1][::2], sides[1][1::2])))


def near(tolerance):
    """Integers; those below zero have a meaning and must be equal."""
    def compare(_, left, right):
        if left[:1] != b":" or right[:1] != b":":
            return False
        numbers = int(left[1:]), int(right[1:])
        return min(numbers) >= 0 and abs(numbers[0] - numbers[1]) <= tolerance
    return compare


def same_keys_as_map(_, left, right):
    """All but the value behind `id`."""
    sides = []
    for raw in (left, right):
        items = resp.items_of(raw)
        if items is None:
            return False
        for at, item in enumerate(items[:-1]):
            if item == b"$2\r\nid\r\n":
                items[at + 1] = b":?"
        sides.append((raw[0], items))
    return sides[0] == sides[1]


def without_notes(entry):
    """A description of a command in which no key specification has notes."""
    parts = resp.items_of(entry)
    specifications = resp.items_of(parts[8])
    for at, each in enumerate(specifications):
        pairs = resp.items_of(each)
        if pairs[0] == b"$5\r\nnotes\r\n":
            pairs = pairs[2:]
        specifications[at] = pairs
    parts[8] = specifications
    return parts


def same_commands(_, left, right):
    """Entries of commands; the last item of one lists its subcommands."""
    entries = resp.items_of(left), resp.items_of(right)
    if None in entries or len(entries[0]) != len(entries[1]):
        return False
    for one, two in zip(*entries):
        if one == two:
            continue
        if resp.items_of(one) is None or resp.items_of(two) is None:
            return False
        one, two = without_notes(one), without_notes(two)
        theirs = list(map(without_notes, resp.items_of(one[9])))
        ours = list(map(without_notes, resp.items_of(two[9])))
        if one[:9] != two[:9] or any(each not in theirs for each in ours):
            return False
    return True
