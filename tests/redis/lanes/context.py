"""What a lane gets, and where it reports differences."""

from harness.values import Source

SHOWN_BYTES = 300


def shown(raw):
    """Bytes for people; the middle of long ones is left out."""
    if isinstance(raw, (list, tuple)):
        return " ".join(map(shown, raw))
    if len(raw) > SHOWN_BYTES:
        half = SHOWN_BYTES // 2
        return f"{raw[:half]!r}…{len(raw)} bytes…{raw[-half:]!r}"
    return repr(bytes(raw))[1:]


class Context:
    """The servers, the seed, and the differences that were found."""

    def __init__(self, servers, seed, commands, failures_max):
        self.servers = servers
        self.seed = seed
        self.commands = commands
        self.failures_max = failures_max
        self.failures = []
        self.seen = set()
        self.lane = ""
        self.compared = 0

    def begin(self, lane):
        self.lane = lane

    def source(self, more=""):
        return Source(f"{self.seed}/{self.lane}/{more}")

    @property
    def full(self):
        return len(self.failures) >= self.failures_max

    def is_new(self, words, redis, other):
        """Whether such a difference was not reported yet."""
        # Of errors the text counts, of others only what kind of reply it is.
        kind = (self.lane, words[0].upper() if words else b"",
                *(side[:24] if side[:1] == b"-" else side[:1]
                  for side in (redis, other)))
        if kind in self.seen:
            return False
        self.seen.add(kind)
        return True

    def report(self, context, redis, other):
        """`context`: lines of what was sent before, oldest first."""
        lines = [f"lane {self.lane}, --seed {self.seed}", *context,
                 f"  redis: {shown(redis)}",
                 f"  {self.servers[1].name}: {shown(other)}"]
        self.failures.append("\n".join(lines))
        print("\n".join(lines), flush=True)

    def report_commands(self, commands, difference, last=12):
        context = [f"  > {shown(words)}" for words in commands[-last:]]
        if len(commands) > last:
            context.insert(0, f"  ({len(commands) - last} commands before)")
        self.report(context, difference.redis, difference.other)
