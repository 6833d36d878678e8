"""A small client of the native protocol (docs/wire_protocol.md).

Written from the page, not from the C++ code, so that the tests also prove that
the page says enough. Standard library only.
"""

import socket
import struct
from collections import namedtuple

MAGIC = b"KVS\xf1"
HEADER = struct.Struct("<4sBBHQQ")
MARK = b"\x01"

(HELLO, PING, GET, MULTI_GET, PUT, ERASE, EXISTS, INCREMENT, APPEND, TOUCH,
 PERSIST, BATCH, TRANSACT, SCAN, COUNT, STATS, SYNC, COMPACT,
 FLUSH, BACKUP) = range(1, 21)
REPLY = 0x80
ERROR = 0xFF

# Conditions of a put.
NONE, IF_ABSENT, IF_PRESENT, IF_VERSION = range(4)

BAD_MAGIC, BAD_VERSION, BAD_TYPE, TOO_BIG, MALFORMED = 1, 2, 3, 4, 5
KEY_TOO_LARGE, VALUE_TOO_LARGE, BATCH_TOO_LARGE = 16, 17, 18
BAD_ARGUMENT, OUT_OF_RANGE, WRONG_TYPE, CONFLICT = 32, 33, 34, 35
NO_SPACE, READ_ONLY, IO_ERROR, CORRUPT = 64, 65, 66, 67
OVERLOADED, SHUTTING_DOWN, OUTCOME_UNKNOWN, TOO_SLOW = 96, 97, 98, 99


# -- encoding -----------------------------------------------------------------

def u8(number):
    return struct.pack("<B", number)


def u32(number):
    return struct.pack("<I", number)


def u64(number):
    return struct.pack("<Q", number)


def i64(number):
    return struct.pack("<q", number)


def blob(content):
    return u64(len(content)) + content


def listing(items):
    return u64(len(items)) + b"".join(items)


def header(kind, body_bytes, request_id=0, *, version=1, flags=0, magic=MAGIC):
    return HEADER.pack(magic, version, kind, flags, request_id, body_bytes)


def frame(kind, fields=b"", request_id=0):
    return header(kind, len(fields) + 1, request_id) + MARK + fields


def put(key, value, request_id=0, *, condition=NONE, version=0, expiry_ms=0):
    return frame(PUT, blob(key) + u8(condition) + u64(version)
                 + i64(expiry_ms) + blob(value), request_id)


def get(key, request_id=0):
    return frame(GET, blob(key), request_id)


def multi_get(keys, request_id=0):
    return frame(MULTI_GET, listing([blob(key) for key in keys]), request_id)


def erase(key, request_id=0, *, version=None):
    expected = u8(1) if version is None else u8(0) + u64(version)
    return frame(ERASE, blob(key) + expected, request_id)


def increment(key, delta, request_id=0):
    return frame(INCREMENT, blob(key) + i64(delta), request_id)


def append(key, value, request_id=0):
    return frame(APPEND, blob(key) + blob(value), request_id)


def touch(key, ttl_ms, request_id=0):
    return frame(TOUCH, blob(key) + i64(ttl_ms), request_id)


def put_operation(key, value, expiry_ms=0):
    return u8(0) + blob(key) + i64(expiry_ms) + blob(value)


def erase_operation(key):
    return u8(1) + blob(key) + i64(0) + blob(b"")


def batch(operations, request_id=0):
    return frame(BATCH, listing(operations), request_id)


def transact(read_set, operations, request_id=0):
    reads = listing([blob(key) + u64(version) for key, version in read_set])
    return frame(TRANSACT, reads + listing(operations), request_id)


def scan(cursor, count_hint, prefix=b"", request_id=0):
    return frame(SCAN, u64(cursor) + u32(count_hint) + blob(prefix), request_id)


def backup(name, earlier=b"", copies=False, request_id=0):
    return frame(BACKUP, blob(name) + blob(earlier)
                 + (b"\1" if copies else b"\0"), request_id)


def hello(request_id=0):
    return frame(HELLO, u32(1) + u64(0) + blob(b"e2e"), request_id)


def ping(payload=b"", request_id=0):
    return frame(PING, blob(payload), request_id)


# -- decoding -----------------------------------------------------------------

Error = namedtuple("Error", "status message request_type")
Hello = namedtuple(
    "Hello", "version features name node_version key_bytes_max"
    " value_bytes_max frame_bytes_max batch_operations_max")
Value = namedtuple("Value", "found version ttl_ms value")
Write = namedtuple("Write", "applied version durable")
Erased = namedtuple("Erased", "existed applied version durable")
Exists = namedtuple("Exists", "found version ttl_ms")
Incremented = namedtuple("Incremented", "value version durable")
Appended = namedtuple("Appended", "size version durable")
Page = namedtuple("Page", "cursor keys")
Compacted = namedtuple("Compacted", "segments before after")
BackedUp = namedtuple("BackedUp",
                      "segments bytes kept linked copied copied_bytes version")
Reply = namedtuple("Reply", "id message")


class Reader:
    """Takes fields off the front of a body."""

    def __init__(self, body):
        self.body = memoryview(body)
        self.at = 0

    def take(self, size):
        if size > len(self.body) - self.at:
            raise ValueError("the body ends too early")
        self.at += size
        return self.body[self.at - size:self.at]

    def number(self, form):
        form = struct.Struct("<" + form)
        return form.unpack(self.take(form.size))[0]

    def flag(self):
        return {0: False, 1: True}[self.number("B")]

    def blob(self):
        return bytes(self.take(self.number("Q")))

    def listing(self, item):
        return [item() for _ in range(self.number("Q"))]

    def value(self):
        return Value(self.flag(), self.number("Q"), self.number("q"),
                     self.blob())


def decode(kind, body):
    """The reply of type `kind` in `body`, read to its last byte."""
    reader = Reader(body)
    if bytes(reader.take(1)) != MARK:
        raise ValueError("the body has no mark")
    flag, number = reader.flag, reader.number
    readers = {
        ERROR: lambda: Error(number("H"), reader.blob(), number("B")),
        REPLY + HELLO: lambda: Hello(
            number("I"), number("Q"), reader.blob(), reader.blob(),
            number("Q"), number("Q"), number("Q"), number("Q")),
        REPLY + PING: reader.blob,
        REPLY + GET: reader.value,
        REPLY + MULTI_GET: lambda: reader.listing(reader.value),
        REPLY + ERASE: lambda: Erased(flag(), flag(), number("Q"),
                                      number("Q")),
        REPLY + EXISTS: lambda: Exists(flag(), number("Q"), number("q")),
        REPLY + INCREMENT: lambda: Incremented(number("q"), number("Q"),
                                               number("Q")),
        REPLY + APPEND: lambda: Appended(number("Q"), number("Q"),
                                         number("Q")),
        REPLY + SCAN: lambda: Page(number("Q"), reader.listing(reader.blob)),
        REPLY + COUNT: lambda: number("Q"),
        REPLY + STATS: lambda: dict(
            reader.listing(lambda: (reader.blob(), reader.blob()))),
        REPLY + SYNC: lambda: number("Q"),
        REPLY + COMPACT: lambda: Compacted(number("Q"), number("Q"),
                                           number("Q")),
        REPLY + BACKUP: lambda: BackedUp(*(number("Q") for _ in range(7))),
    }
    for request in (PUT, TOUCH, PERSIST, BATCH, TRANSACT, FLUSH):
        readers[REPLY + request] = lambda: Write(flag(), number("Q"),
                                                 number("Q"))
    message = readers[kind]()
    if reader.at != len(reader.body):
        raise ValueError(f"bytes behind a reply of type {kind:#x}")
    return message


class Connection:
    """A blocking connection. Raises TimeoutError when the node is silent."""

    def __init__(self, address, timeout=20.0):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, sent):
        self.socket.sendall(sent)

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def take_replies(self):
        """The replies that have arrived already."""
        replies = []
        at = 0
        while len(self.received) - at >= HEADER.size:
            magic, version, kind, flags, request_id, size = \
                HEADER.unpack_from(self.received, at)
            if (magic, version, flags) != (MAGIC, 1, 0):
                raise ValueError("the node sent no frame")
            end = at + HEADER.size + size
            if len(self.received) < end:
                break
            body = bytes(self.received[at + HEADER.size:end])
            replies.append(Reply(request_id, decode(kind, body)))
            at = end
        del self.received[:at]
        return replies

    def fill(self):
        """Waits for bytes; False if the node has closed the connection."""
        received = self.socket.recv(1 << 18)
        self.received += received
        return bool(received)

    def receive(self, count=1):
        """The next `count` replies. ConnectionError if it ends earlier."""
        replies = self.take_replies()
        while len(replies) < count:
            if not self.fill():
                raise ConnectionError("the node closed the connection")
            replies += self.take_replies()
        assert len(replies) == count, "more replies than expected"
        return replies

    def ask(self, request):
        self.send(request)
        return self.receive()[0].message

    def receive_until_closed(self):
        """All replies before the node closes the connection."""
        try:
            while self.fill():
                pass
        except ConnectionResetError:
            pass
        replies = self.take_replies()
        assert not self.received, "the last frame is incomplete"
        return [reply.message for reply in replies]
