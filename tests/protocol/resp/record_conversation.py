#!/usr/bin/env python3
"""Records what a Redis 7.0 says to the commands of conversation.txt.

usage: record_conversation.py data/conversation.txt

Needs redis-server 7.0. Reads the lines that begin with '> ', each an inline
command, and writes the file anew:

    > SET k "a\\x00b"
    < +OK\\r\\n              the reply, escaped
    ! new k                the notifications, one per line, in their order
    ! set k

The commands may depend on nothing but each other: no times from now on, no
order of several keys.
"""

import socket
import subprocess
import sys
import tempfile
import time

PORT = 7397
END = b"end-of-events"


class Connection:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", PORT))
        self.file = self.socket.makefile("rb")

    def send(self, line):
        self.socket.sendall(line + b"\r\n")

    def reply(self):
        """The bytes of one reply."""
        line = self.file.readline()
        kind, count = line[:1], line[1:-2]
        if kind == b"$" and count != b"-1":
            return line + self.file.read(int(count) + 2)
        if kind == b"*" and count != b"-1":
            return line + b"".join(self.reply() for _ in range(int(count)))
        return line

    def call(self, line):
        self.send(line)
        return self.reply()


def escape(data):
    named = {0x22: '\\"', 0x5C: "\\\\", 0x0D: "\\r", 0x0A: "\\n"}
    return "".join(
        named.get(byte) or (chr(byte) if 32 <= byte <= 126
                            else f"\\x{byte:02x}") for byte in data)


def words(reply):
    """The bulk strings of a flat array."""
    parts = []
    while reply:
        line, reply = reply.split(b"\r\n", 1)
        if line[:1] == b"$":
            size = int(line[1:])
            parts.append(reply[:size])
            reply = reply[size + 2:]
    return parts


def events(listener, talker):
    """The notifications of the last command."""
    talker.call(b"PUBLISH __keyevent@0__:" + END + b" .")
    while True:
        _, _, channel, key = words(listener.reply())
        event = channel.split(b":", 1)[1]
        if event == END:
            return
        yield event + b" " + key


def record(path):
    with open(path, encoding="ascii") as file:
        commands = [line[2:-1] for line in file if line.startswith("> ")]
    talker, listener = Connection(), Connection()
    talker.call(b"CONFIG SET notify-keyspace-events KEAmn")
    listener.call(b"PSUBSCRIBE __keyevent@0__:*")
    with open(path, "w", encoding="ascii") as file:
        for command in commands:
            reply = talker.call(command.encode())
            file.write(f"> {command}\n< {escape(reply)}\n")
            for event in events(listener, talker):
                file.write(f"! {escape(event)}\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(PORT), "--save", "", "--dir",
             folder], stdout=subprocess.DEVNULL)
        try:
            time.sleep(1)
            record(sys.argv[1])
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
