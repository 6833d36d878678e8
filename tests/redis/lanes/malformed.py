"""Bytes that are no commands: what is replied, and whether it closes."""

import time

from harness.links import Pair, pump
from normalisation import OWN_ANSWERS

PING = b"*1\r\n$4\r\nPING\r\n"
QUIET_SECONDS = 0.4

ROWS = [
    b"*x\r\n", b"*\r\n", b"*1x\r\n", b"* 1\r\n", b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n", b"*-1\r\n" + PING, b"*0\r\n" + PING,
    b"*-10\r\n" + PING, b"*1048576\r\n", b"*1048577\r\n", b"*2147483647\r\n",
    b"*2147483648\r\n", b"*9223372036854775807\r\n",
    b"*99999999999999999999\r\n", b"*-2147483649\r\n", b"*1\n$4\nPING\n",
    b"*1\r\n+PING\r\n", b"*1\r\n:4\r\n", b"*1\r\nPING\r\n", b"*1\r\n\r\n",
    b"*1\r\n*1\r\n$4\r\nPING\r\n", b"*1\r\n$\r\n", b"*1\r\n$x\r\n",
    b"*1\r\n$-1\r\n", b"*1\r\n$-2\r\nPING\r\n", b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$4x\r\nPING\r\n", b"*1\r\n$536870912\r\n", b"*1\r\n$536870913\r\n",
    b"*1\r\n$2147483648\r\n", b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$4\r\nPINGxx" + PING, b"*1\r\n$4\r\nPING\n\n" + PING,
    b"*1\r\n$5\r\nPING\r\n" + PING, b"*1\r\n$3\r\nPING\r\n" + PING,
    b"*1\r\n$0\r\n\r\n" + PING, b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*1\r\n$4\r\nPI", b"*1\r\n$4", b"*1\r", b"*", b"P", b"PING", b"PING\r",
    b"\r\n", b"\n", b"\r\n\r\n\n\n" + PING, b"PING\n", b"PING\r\n", b"ping\n",
    b" PING\r\n", b"PING \r\n", b"\tPING\t\r\n", b"\0PING\r\n", b"PING\0\r\n",
    b"PING a\rb\r\n", b"PING\rx\n", b"   \r\n" + PING, b"PING \"\r\n",
    b"PING 'a\r\n", b"PING \"a\"b\r\n", b"PING 'a'b\r\n", b"PING a\"b\"\r\n",
    b"PING \"a\\x41\\n\\r\\t\\b\\a\\q\\\"\"\r\n", b"PING 'a\\'b\\n'\r\n",
    b"PING \"\\xZZ\\x4\"\r\n", b"PING ''\r\n", b"PING \"\"\r\n",
    b"\"PING\" x\r\n", b"'PI''NG'\r\n", b"\"\"\r\n" + PING, b"''\r\n",
    b"PING a  b\r\n", b"SET k v\r\nGET k\r\n", b"GET nokey\nPING\n",
    b"$4\r\nPING\r\n", b"+PING\r\n", b":1\r\n", b"-x\r\n", b"%1\r\n", b">1\r\n",
    b"~0\r\n", b"_\r\n", b"#t\r\n", b"(1\r\n", b"|1\r\n", b",1\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + PING, b"Host: a\r\n" + PING,
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + PING, b"post\r\n" + PING,
    b"host:\r\n" + PING, b"Host:a b\r\n" + PING, b"\x16\x03\x01\x02\0\x01\0",
    b"KVS\xf1\x01\x01\0\0" + b"\0" * 16, b"x" * 65535, b"x" * 65536,
    b"x" * 70000, b"x" * 65000 + b"\r\n" + PING,
    b"PING " + b"y" * 60000 + b"\r\n", b"*1\r\n$" + b"1" * 65600,
    b"*1\r\n$" + b"0" * 65600, b"*" + b"1" * 65600, b"*" + b"1" * 70000,
    b"*2\r\n$4\r\nECHO\r\n$" + b" " * 65535, b"*" + b"1" * 65530 + b"\r\n",
    PING + b"*x\r\n" + PING, PING * 3 + b"*1\r\n$x\r\n", b"*3\r\n" + PING,
    PING + b"QUIT\r\n" + PING, b"*1\r\n$4\r\nQUIT\r\n" + PING,
    b"*2\r\n$4\r\nQUIT\r\n$1\r\nx\r\n" + PING, b"QUIT\r\n*x\r\n",
    b"MULTI\r\nPING\r\n*x\r\n", b"MULTI\r\nSET m 1\r\nQUIT\r\n",
    b"*1\r\n$4\r\nPING\r\nPING\r\n" + PING, b"PING\r\n" + PING + b"PING\r\n",
    b"*100\r\n", b"*2\r\n$4\r\nPING\r\n", b"*1048576\r\n$1\r\n",
    b"HELLO 3\r\n*x\r\n", b"SUBSCRIBE c\r\n*x\r\n", b"\xff\xfe\xfd\r\n" + PING,
    b"*1\r\n$65536\r\n" + b"x" * 65536 + b"\r\n" + PING, b"*1\r\n$1\r\nxPING",
    b"CLIENT REPLY OFF\r\n*x\r\n", b"CLIENT REPLY SKIP\r\n*x\r\n",
    b"*4294967297\r\n$4\r\nPING\r\n", b"*1\r\n$4294967300\r\nPING\r\n",
]


def said(link):
    """Everything a server has sent, without numbers of connections."""
    replies = [reply for reply in link.replies if b"\r\n$2\r\nid" not in reply]
    return b"".join(replies) + bytes(link.received)


def malformed(context):
    """Each row on a connection of its own, all of them at once.

    Twice: with the connection left open, so that closing it is the decision
    of the server; and with the end of the input behind the row.
    """
    for half_close in (False, True):
        pairs = [Pair(context.servers) for _ in ROWS]
        for row, pair in zip(ROWS, pairs):
            pair.send(row)
        links = [link for pair in pairs for link in pair.links]
        pump(links, lambda link: not link.unsent, QUIET_SECONDS)
        if half_close:
            for link in links:
                shut_down(link)
        quiet = time.monotonic() + QUIET_SECONDS * 2
        while time.monotonic() < quiet:
            pump([link for link in links if not link.closed],
                 lambda link: False, QUIET_SECONDS)
        for row, pair in zip(ROWS, pairs):
            one, two = pair.links
            left = said(one) + (b" closed" if one.closed else b" open")
            right = said(two) + (b" closed" if two.closed else b" open")
            if left != right and row not in OWN_ANSWERS:
                way = "then end of input" if half_close else "left open"
                context.report([f"  sent {row[:90]!r}, {way}"], left, right)
            context.compared += 1
            pair.close()


def shut_down(link):
    try:
        link.socket.shutdown(1)
    except OSError:
        pass
