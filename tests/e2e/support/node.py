"""Starts, watches and stops a kvs-node."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

from . import wire

PROGRAMS = {"node": "KVS_NODE", "client": "KVS_CLIENT"}


def program(name):
    """The path of a program under test; ctest names it in the environment."""
    return os.environ[PROGRAMS[name]]


def use_programs(folder):
    """For scripts that ctest does not start."""
    folder = pathlib.Path(folder).resolve()
    os.environ["KVS_NODE"] = str(folder / "kvs-node")
    os.environ["KVS_CLIENT"] = str(folder / "kvs-client")


def client(*words, address=None, **options):
    """Runs kvs-client and returns what subprocess.run returns."""
    command = [program("client")]
    if address is not None:
        command += ["--addr", "%s:%d" % address]
    options.setdefault("timeout", 60)
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    if "stdout" not in options:
        options["capture_output"] = True
    return subprocess.run([*command, *words], check=False, **options)


def node_command(directory, options):
    """With a port that the system chooses unless `options` name another."""
    address = [] if "--addr" in options else ["--addr", "127.0.0.1:0"]
    return [program("node"), "--dir", directory, *address, *options]


def run_node(command, timeout=20, **options):
    """Runs a node that is expected to end by itself."""
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, check=False,
                          **options)


def bytes_on_disk(directory):
    """What the files take on the disk, reserved space included."""
    return sum(entry.stat().st_blocks * 512 for entry in os.scandir(directory))


class Node:
    """A node on a port that the system chooses, with its own directory.

    A context manager: leaving it kills the node and removes a directory that
    was made here.
    """

    def __init__(self, *options, directory=None, environment=None):
        self.options = [str(option) for option in options]
        self.owns_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="kvs-e2e-")
        self.environment = environment
        self.process = None
        self.stderr = None
        self.address = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.kill()
        if self.stderr is not None:
            self.stderr.close()
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, timeout=30.0):
        """Returns when the node has printed `ready`."""
        if self.stderr is not None:
            self.stderr.close()
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            node_command(self.directory, self.options),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.stderr,
            env={**os.environ, **(self.environment or {})})
        deadline = time.monotonic() + timeout
        output = b""
        while b"ready\n" not in output:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.process.stdout], [], [],
                                           max(left, 0))
            chunk = os.read(self.process.stdout.fileno(), 4096) \
                if readable else b""
            if not chunk:
                log = self.read_log()
                self.process.kill()
                raise RuntimeError("the node did not get ready, exit code "
                                   f"{self.wait(None)}:\n{log}")
            output += chunk
        found = re.search(r"node\.listening addr=(\S+):(\d+)", self.read_log())
        self.address = (found[1], int(found[2]))
        return self

    def read_log(self):
        """What the node wrote to stderr since its last start."""
        # Not seek and read: the node shares the position of this file.
        size = os.fstat(self.stderr.fileno()).st_size
        return os.pread(self.stderr.fileno(), size, 0).decode(
            errors="replace")

    @property
    def pid(self):
        return self.process.pid

    def connect(self, timeout=20.0):
        return wire.Connection(self.address, timeout)

    def client(self, *words, **options):
        return client(*words, address=self.address, **options)

    def kill(self):
        """SIGKILL: what a crash of the process leaves behind."""
        if self.process is None:
            return
        self.process.kill()
        self.wait(None)

    def stop(self, sent=signal.SIGTERM, timeout=10.0):
        """Asks the node to stop; returns its exit code."""
        self.process.send_signal(sent)
        return self.wait(timeout)

    def wait(self, timeout):
        """Waits for its end; returns its exit code."""
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def restart(self):
        self.kill()
        return self.start()

    def memory_bytes(self, field="VmRSS"):
        """Resident memory now (VmRSS) or at its peak (VmHWM)."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            found = re.search(rf"^{field}:\s+(\d+) kB", status.read(), re.M)
        return int(found[1]) * 1024

    def forget_memory_peak(self):
        """Lets VmHWM begin anew."""
        path = f"/proc/{self.pid}/clear_refs"
        with open(path, "w", encoding="ascii") as file:
            file.write("5")

    def cpu_seconds(self):
        """Processor time of all its threads, in nanosecond steps."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            path = f"/proc/{self.pid}/task/{task}/schedstat"
            with open(path, encoding="ascii") as schedule:
                total += int(schedule.read().split()[0])
        return total / 1e9
