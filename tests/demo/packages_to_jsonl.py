#!/usr/bin/env python3
"""Turns the Debian package index into JSON Lines for `kvs-client import`.

    apt-cache dumpavail | packages_to_jsonl.py > packages.jsonl

One line for each package: its name is the key, its whole stanza the value. Of
several stanzas with one name the last one wins, as it would in the store.
"""

import base64
import json
import sys


def read_stanzas(lines):
    """(name, stanza) of every package, both as bytes."""
    stanza, name = [], None
    for line in lines:
        if line.strip():
            stanza.append(line)
            if line.startswith(b"Package:"):
                name = line[len(b"Package:"):].strip()
        elif name is not None:
            yield name, b"".join(stanza)
            stanza, name = [], None
    if name is not None:
        yield name, b"".join(stanza)


def to_line(key, value):
    fields = {}
    for field, content in (("key", key), ("value", value)):
        try:
            fields[field] = content.decode()
        except UnicodeDecodeError:
            fields[field + "_base64"] = base64.b64encode(content).decode()
    return json.dumps(fields) + "\n"


def from_line(line):
    """(key, value) of a line, both as bytes."""
    fields = json.loads(line)
    return tuple(
        fields[field].encode() if field in fields
        else base64.b64decode(fields[field + "_base64"])
        for field in ("key", "value"))


def main():
    packages = dict(read_stanzas(sys.stdin.buffer))
    for key, value in packages.items():
        sys.stdout.write(to_line(key, value))


if __name__ == "__main__":
    main()
