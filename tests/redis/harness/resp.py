"""RESP2 and RESP3: requests to bytes, and replies that keep their bytes."""

SIMPLE = frozenset(b"+-:,#_(")
BLOBS = frozenset(b"$=!")
LISTS = frozenset(b"*~>")
MAPS = frozenset(b"%|")


def encode(words):
    """A command as clients send it."""
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


def end_of(data, at):
    """The position behind the reply that begins at `at`.

    None if it is incomplete, ValueError if this is no reply.
    """
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind = data[at]
    if kind in SIMPLE:
        return line + 2
    count = int(data[at + 1:line])
    if kind in BLOBS:
        end = line + 2 if count < 0 else line + 4 + count
        return end if end <= len(data) else None
    if kind not in LISTS and kind not in MAPS:
        raise ValueError(f"no reply: {bytes(data[at:at + 40])!r}")
    end = line + 2
    # What an attribute (|) describes is part of the same reply.
    items = count * (2 if kind in MAPS else 1) + (kind == ord("|"))
    for _ in range(items):
        end = end_of(data, end) if end < len(data) else None
        if end is None:
            return None
    return end


def items_of(raw):
    """The bytes of each item of a list or map, or None for other replies."""
    if raw[0] not in LISTS and raw[0] not in MAPS:
        return None
    at = raw.index(b"\r\n") + 2
    items = []
    while at < len(raw):
        end = end_of(raw, at)
        items.append(raw[at:end])
        at = end
    return items


def blob_of(raw):
    """The content of a bulk string; None for null."""
    if raw[:1] not in (b"$", b"="):
        raise ValueError(f"no bulk string: {raw[:40]!r}")
    line = raw.index(b"\r\n")
    return None if raw[1:line] == b"-1" else raw[line + 2:-2]


def split(data):
    """The replies in `data`, each with its bytes."""
    at, replies = 0, []
    while at < len(data):
        end = end_of(data, at)
        if end is None:
            raise ValueError(f"incomplete: {bytes(data[at:at + 40])!r}")
        replies.append(bytes(data[at:end]))
        at = end
    return replies


def inline(words):
    """A command as a person types it; every word is quoted."""
    def quote(word):
        return b'"' + b"".join(
            b"\\x%02x" % byte if byte < 32 or byte > 126 or byte in b'"\\'
            else bytes((byte,)) for byte in word) + b'"'
    return b" ".join(map(quote, words)) + b"\r\n"
