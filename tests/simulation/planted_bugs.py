"""Plants bugs into a store and has the simulations find them.

planted_bugs.py --programs FOLDER             every bug has to be caught
planted_bugs.py --programs FOLDER --bug NAME  only this one
planted_bugs.py --programs FOLDER --none      no bug: nothing may fail
planted_bugs.py --programs FOLDER --write     puts the table into
                                              docs/reliability.md

The bugs are those of storage/planted_bugs.hpp. FOLDER holds the programs
planted_storage_simulation and planted_actor_simulation.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
HEADER = ROOT / "storage/planted_bugs.hpp"
PAGE = ROOT / "docs/reliability.md"
BEGIN = "<!-- begin of the table of planted bugs -->\n"
END = "<!-- end of the table of planted bugs -->\n"

STORAGE = "planted_storage_simulation"
ACTORS = "planted_actor_simulation"
# (program, tests), those first that need the least time.
SUITES = [(program, tests)
          for program in (STORAGE, ACTORS)
          for tests in ("*IoError*:*BitRotTest*", "*Exhaustive*",
                        "*CrashSweep*", "*Model*", "*BitRotStart*")]
# Where a bug is looked for first that most suites do not see. It saves time.
FIRST = {
    "ignore_durable_to": (STORAGE, "*BitRotStart*/idle*", 10),
    "trust_hint": (STORAGE, "*BitRotStart*/idle*", 10),
    "drop_tombstone_early": (STORAGE, "*CrashSweep*", 100),
    "drop_expired_shadow": (STORAGE, "*CrashSweep*", 100),
    "forget_flush": (STORAGE, "*CrashSweep*", 100),
    "move_without_comparing": (STORAGE, "*Model*", 10),
    "forget_reported_time": (ACTORS, "*Model*", 10),
    "keep_failed_write": (ACTORS, "*IoError*", 10),
}
SECONDS_MAX = 240


def planted_bugs():
    """Name and number of each, and whether only actors have it."""
    body = re.search(r"enum class planted_bug[^{]*{(.*?)};",
                     HEADER.read_text(), re.S)[1]
    in_storage, in_actors = body.split("// In actors/.")
    found = []
    for part, needs_actors in ((in_storage, False), (in_actors, True)):
        names = re.findall(r"^\s*(\w+),$", part, re.M)
        found += [(name, needs_actors) for name in names]
    return [(name, number, needs_actors)
            for number, (name, needs_actors) in enumerate(found)]


def run(folder, program, tests, percent, number):
    environment = dict(os.environ, KVS_PROOF_PERCENT=str(percent))
    if number is not None:
        environment["KVS_PLANTED_BUG"] = str(number)
    try:
        done = subprocess.run(
            [str(folder / program), "--gtest_filter=" + tests,
             "--gtest_fail_fast", "--gtest_brief=1"],
            env=environment, capture_output=True, text=True, errors="replace",
            timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return None
    return done


class Catch:
    """How a bug was caught."""

    def __init__(self, done, seconds):
        failed = re.search(r"\[  FAILED  \] (?:All/)?(\w+?)Test\.",
                           done.stdout)
        again = re.search(r"--seed=(\d+)(?: --at=(\d+))?", done.stdout)
        self.suite = failed[1] if failed else "died"
        self.seed = again[1] if again else ""
        self.step = again[2] if again and again[2] else ""
        self.seconds = seconds


def places(name, needs_actors):
    """Less and then more of every suite."""
    if name in FIRST:
        yield FIRST[name]
    for percent in (10, 100):
        for program, tests in SUITES:
            if program == ACTORS or not needs_actors:
                yield program, tests, percent


def hunt(folder, name, number, needs_actors):
    """Looks in one place after the other until a test fails."""
    began = time.monotonic()
    for program, tests, percent in places(name, needs_actors):
        done = run(folder, program, tests, percent, number)
        if done is not None and done.returncode != 0:
            caught = Catch(done, time.monotonic() - began)
            caught.program = program.replace("planted_", "")
            caught.percent = percent
            return caught
    return None


def check_without(folder):
    """What fails without a bug proves nothing about one."""
    for program, tests in SUITES:
        done = run(folder, program, tests, 10, None)
        if done is None or done.returncode != 0:
            output = "it takes too long" if done is None else done.stdout
            sys.exit(f"{program} {tests} fails without a bug:\n{output}")


def table(rows):
    lines = ["| Planted bug | Caught by | Seed | Step | Seconds |",
             "| --- | --- | --- | --- | --- |"]
    for name, caught in rows:
        if caught is None:
            lines.append(f"| `{name}` | **nobody** | | | |")
        else:
            lines.append(
                f"| `{name}` | `{caught.program}`, {caught.suite} "
                f"({caught.percent} %) | {caught.seed} | {caught.step} "
                f"| {caught.seconds:.1f} |")
    found = sum(caught is not None for _, caught in rows)
    lines.append("")
    lines.append(f"{found} of {len(rows)} are caught.")
    return "\n".join(lines) + "\n"


def write(text):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, behind = rest.split(END)
    PAGE.write_text(before + BEGIN + "\n" + text + "\n" + END + behind)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--bug")
    parser.add_argument("--none", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.programs = options.programs.resolve()
    if options.none:
        check_without(options.programs)
        return
    chosen = [bug for bug in planted_bugs()
              if options.bug in (None, bug[0])]
    if not chosen:
        sys.exit(f"there is no bug {options.bug}")
    rows = []
    for name, number, needs_actors in chosen:
        caught = hunt(options.programs, name, number, needs_actors)
        rows.append((name, caught))
        print(table([(name, caught)]).splitlines()[2], flush=True)
    if options.write:
        write(table(rows))
    missed = [name for name, caught in rows if caught is None]
    if missed:
        sys.exit("not caught: " + ", ".join(missed))


if __name__ == "__main__":
    main()
