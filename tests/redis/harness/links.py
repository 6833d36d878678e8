"""Connections to both servers that are driven in step."""

import select
import socket
import time

from . import resp


class Silent(Exception):
    """A server did not reply in time."""


class Link:
    """One connection to one server; `replies` holds those not yet taken."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.create_connection(server.address, timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unsent = memoryview(b"")
        self.received = bytearray()
        self.replies = []
        self.closed = False

    def close(self):
        self.socket.close()

    def send_some(self):
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        except OSError:  # the server has closed; its last words count
            self.unsent = self.unsent[:0]

    def receive_some(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.closed = self.closed or not data
        self.received += data
        at = 0
        while at < len(self.received):
            end = resp.end_of(self.received, at)
            if end is None:
                break
            self.replies.append(bytes(self.received[at:end]))
            at = end
        del self.received[:at]

    def take(self, count):
        taken = self.replies[:count]
        del self.replies[:count]
        return taken


def pump(links, finished, timeout=20.0):
    """Sends and receives on all links until each is `finished(link)`.

    False if that takes longer than `timeout`.
    """
    deadline = time.monotonic() + timeout
    waiting = {link.socket.fileno(): link for link in links
               if not finished(link) or link.unsent}
    poller = select.poll()
    for number, link in waiting.items():
        poller.register(number, select.POLLIN
                        | (select.POLLOUT if link.unsent else 0))
    while waiting:
        ready = poller.poll(max(0, deadline - time.monotonic()) * 1000)
        if not ready:
            return False
        for number, events in ready:
            link = waiting[number]
            if link.unsent:
                link.send_some()
                if not link.unsent:
                    poller.modify(number, select.POLLIN)
            if events & ~select.POLLOUT:
                link.receive_some()
            if link.closed or (finished(link) and not link.unsent):
                poller.unregister(number)
                del waiting[number]
    return True


class Pair:
    """A connection to each of two servers that get the same bytes."""

    def __init__(self, servers):
        self.links = [Link(server) for server in servers]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for link in self.links:
            link.close()

    def send(self, data):
        for link in self.links:
            link.unsent = memoryview(data)

    def exchange(self, data, count, timeout=20.0):
        """Sends `data`; the `count` replies of each server.

        Fewer if a server has closed its connection; raises Silent.
        """
        self.send(data)
        if not pump(self.links, lambda link: len(link.replies) >= count,
                    timeout):
            raise Silent("; ".join(
                f"{link.server.name} sent {len(link.replies)} of {count}"
                f" replies and {bytes(link.received[:80])!r}"
                for link in self.links))
        return [link.take(count) for link in self.links]

    def dribble(self, pieces, count, pause):
        """Like `exchange`, but each piece travels alone."""
        for piece in pieces:
            self.send(piece)
            pump(self.links, lambda link: True)
            time.sleep(pause)
        return self.exchange(b"", count)

    def ask(self, *words):
        """The reply of each server to one command."""
        replies = self.exchange(resp.encode(words), 1)
        return [got[0] if got else b"" for got in replies]
