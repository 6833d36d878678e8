"""Seeded random keys, values, numbers and times, with a taste for edges."""

import random

KEYS = [b"k%d" % number for number in range(18)] + [
    b"", b"\0", b"a b", b"x\r\ny", b"*", b"k[1]", b"\\", b"K1",
    bytes(range(256)), b"long" * 90, "ключ".encode()]
# Their values stay short, because LCS takes the product of two lengths.
SHORT_KEYS = [b"s%d" % number for number in range(5)]

PATTERNS = [b"*", b"k?", b"k*", b"k[0-3]", b"k[^1]*", b"[", b"\\*", b"k[1-",
            b"**", b"", b"?", b"k[a-]", b"k\\[1\\]", b"[3-0]*", b"*\0*",
            b"k[]1]", b"*1*", b"k[1", b"[^", b"\\", b"s[0-9]", b"*[[]1*"]

INTEGERS = [b"0", b"1", b"-1", b"10", b"9999", b"10000", b"-10000", b"100",
            b"2147483647", b"2147483648", b"-2147483649", b"4294967296",
            b"9223372036854775807", b"-9223372036854775808",
            b"9223372036854775806", b"-9223372036854775807",
            b"4611686018427387904", b"-4611686018427387904"]
NO_INTEGERS = [b"", b" 1", b"1 ", b"+1", b"-0", b"00", b"01", b"-01", b"1.0",
               b"1e3", b"0x10", b"9223372036854775808", b"one", b"1\0",
               b"-9223372036854775809", b"18446744073709551615", b"-", b"--1",
               b"99999999999999999999999", b"\xff", b"1_000", b"1,0"]
FLOATS = [b"0.1", b"1.5", b"-2.25", b"3.0e2", b"1e17", b"1e-17", b"-1e18",
          b"5.0", b"3.00000000000000001", b"1e300", b"0.5e-3", b".5", b"5.",
          b"-0.0", b"123456789.123456789", b"1e19", b"-0", b"0x1p3", b"0x10",
          b"17179869184.5", b"99999999999999.99", b"00.1", b"1e5"]
NO_FLOATS = [b"nan", b"inf", b"-inf", b"+inf", b"1e5000", b" 1.5", b"1.5 ",
             b"1.5x", b"", b"abc", b"1e", b"e1", b"-", b"--1.5", b"infinity",
             b"1.5\0", b"\0", b"NaN", b"1e-5000", b"0x"]

WORDS = [b"ok", b"hello world", b"\0", b"\r\n", b"$-1\r\n", b"\xff\xfe",
         b"0123456789", b"a" * 43, b"b" * 44, b"c" * 45, b"ohmytext",
         b"mynewtext", b"foobar", b"\x0f" * 9, b"\xf0\x0f", b"ab" * 40]

# Deadlines are far away or past, so that nothing expires during a run: when
# it would, depends on the speed of each server.
YEAR_2100 = 4102444800
NO_TIMES = [b"0", b"-1", b"-9223372036854775808", b"9223372036854775808",
            b"abc", b"", b"1.5", b" 100000", b"+100000", b"0100000",
            b"-100000"]
BAD_TIMES = [*NO_TIMES, b"9223372036854775807"]


class Source(random.Random):
    """What the commands are made of."""

    def pick(self, choices):
        return choices[int(self.random() * len(choices))]

    def chance(self, probability):
        return self.random() < probability

    def key(self):
        at = self.random()
        return KEYS[int(at * at * len(KEYS))]

    def short_key(self):
        return self.pick(SHORT_KEYS)

    def number(self):
        at = self.random()
        if at < 0.4:
            return b"%d" % self.randint(-20, 20)
        if at < 0.5:
            return b"%d" % self.getrandbits(self.randint(1, 63))
        return self.pick(INTEGERS if at < 0.85 else NO_INTEGERS)

    def float(self):
        at = self.random()
        if at < 0.3:
            return b"%.*f" % (self.randint(0, 18), self.uniform(-1e3, 1e3))
        if at < 0.4:
            return repr(self.uniform(-1, 1) * 10.0 ** self.randint(-20, 20)
                        ).encode()
        if at < 0.5:
            return self.number()
        return self.pick(FLOATS if at < 0.85 else NO_FLOATS)

    def bytes(self, size_max):
        return self.randbytes(self.randint(0, size_max))

    def short_value(self):
        if self.chance(0.5):
            return self.pick(WORDS)
        return bytes(self.choices(b"abc", k=self.randint(0, 24)))

    def value(self):
        at = self.random()
        if at < 0.3:
            return self.pick(WORDS)
        if at < 0.5:
            return self.number()
        if at < 0.65:
            return self.float()
        if at < 0.9:
            return self.bytes(24)
        return self.bytes(600) if at < 0.995 else self.bytes(40000)

    def index(self):
        """A start or an end in a value, often outside of it."""
        at = self.random()
        if at < 0.7:
            return b"%d" % self.randint(-12, 12)
        if at < 0.85:
            return b"%d" % self.randint(-700, 700)
        return self.number()

    def offset(self, far):
        """Where something is written; nothing that is valid and huge."""
        at = self.random()
        if at < 0.75:
            return b"%d" % self.randint(0, 130)
        if at < 0.9:
            return b"%d" % self.randint(0, far)
        return self.pick((b"-1", b"4294967296", b"9223372036854775807", b"",
                          b"x", b"1.0", b"9223372036854775808", b"007",
                          b"-9223372036854775808", b" 1"))

    def after(self, unit):
        """A relative time; `unit` per second."""
        if self.chance(0.15):
            return self.pick(BAD_TIMES)
        return b"%d" % (self.randint(10 ** 4, 10 ** 8) * unit)

    def until(self, unit):
        """An absolute time; few different ones, so that some are equal."""
        if self.chance(0.15):
            return self.pick(BAD_TIMES)
        if self.chance(0.1):
            return b"%d" % (self.randint(1, 10 ** 6) * unit)
        return self.later(unit)

    def later(self, unit):
        if self.chance(0.05):
            return self.pick(NO_TIMES)
        return b"%d" % ((YEAR_2100 + self.randint(0, 9)) * unit)

    def spelled(self, word):
        """In upper, lower or mixed case."""
        at = self.random()
        if at < 0.7:
            return word
        return word.lower() if at < 0.9 else word.title()
