"""Payloads for RESTORE: valid, compressed and damaged ones."""

POLYNOMIAL = 0x95AC9329AC4BC9B5  # Jones, bits reflected


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def sealed(body, version=10):
    """A body with its footer."""
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def length(size):
    if size < 64:
        return bytes((size,))
    if size < 1 << 14:
        return bytes((0x40 | size >> 8, size & 255))
    return b"\x80" + size.to_bytes(4, "big")


def plain(value):
    return b"\0" + length(len(value)) + value


def integer(number, size):
    """An integer of 1, 2 or 4 bytes."""
    code = {1: 0, 2: 1, 4: 2}[size]
    return bytes((0, 0xC0 | code)) + number.to_bytes(size, "little",
                                                     signed=True)


def compressed(value, size=None):
    """LZF without a single reference back."""
    packed = b"".join(
        bytes((len(value[at:at + 32]) - 1,)) + value[at:at + 32]
        for at in range(0, len(value), 32))
    return (b"\0\xc3" + length(len(packed))
            + length(len(value) if size is None else size) + packed)


def repeated(byte, count):
    """LZF that refers back: one literal, then copies of it."""
    packed = bytes((0, byte, 0xE0, count - 1 - 9, 0))
    return b"\0\xc3" + length(len(packed)) + length(count) + packed


def payload(source):
    """Some payload; about half of them are valid."""
    value = source.bytes(90)
    body = source.pick((
        plain(value), plain(value), plain(b"12"), compressed(value or b"x"),
        integer(source.randint(-128, 127), 1),
        integer(source.randint(-32768, 32767), 2),
        integer(source.randint(-2 ** 31, 2 ** 31 - 1), 4),
        repeated(65, source.randint(20, 200)),
        compressed(b"abc", 4), b"\0\xc4", b"\0\x3f", b"", b"\x1d", b"\xff",
        b"\0\x81" + (5).to_bytes(8, "big") + b"12345",
        b"\0\x05abc", b"\0\xc3\x03\x20\xe0\xff\xff"))
    whole = sealed(body, source.pick((10, 10, 10, 10, 9, 6, 1, 11, 65535)))
    at = source.random()
    if at < 0.1:
        spoiled = source.randrange(len(whole))
        whole = (whole[:spoiled] + bytes((whole[spoiled] ^ 1,))
                 + whole[spoiled + 1:])
    elif at < 0.15:
        whole = whole[:source.randrange(len(whole))]
    return whole
