"""Runs a program to the end of its interpreter, over and over, a few at once: see conftest.py, which starts it.

Starting an interpreter costs more than ending one. So most of the programs are run by children of this process, forked
when it has imported threadwell: a child leaves the loop below, runs the program as what is left of ``__main__``, and
ends as every interpreter does. The others are run by interpreters of their own.

Few modules are imported here, as each child has to take all of them apart.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
import time


class Child:
    """A program that runs, or has run: its output is a pipe that ends with it."""

    def __init__(self, pid: int, limit: float, run: dict) -> None:
        self.pid = pid
        self.run = run
        self._deadline = time.monotonic() + limit
        self._output: list[bytes] = []

    def is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def read(self, reading: int) -> bool:
        """Read some output; return whether there is more to come."""
        self._output.append(os.read(reading, 1 << 16))
        return bool(self._output[-1])

    def output(self) -> str:
        return b"".join(self._output).decode(errors="backslashreplace")

    def code(self) -> int | None:
        """Return the exit code, negative for a signal; None if the process does not come to its end."""
        while not self.is_late():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.0005)
        return None

    def end(self, reading: int) -> None:
        """End it, but let it say first where it was."""
        os.kill(self.pid, signal.SIGABRT)
        self._deadline = time.monotonic() + 5
        poll = select.poll()
        poll.register(reading)
        while poll.poll(1000) and self.read(reading):
            pass
        if self.code() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def main(order: dict) -> tuple[int, str] | None:
    """Run the programs, and report how many have ended, and the first that failed.

    Returns:
        In a child, the seed and the program that it is to run.
    """
    running: dict[int, Child] = {}
    runs = iter(order["runs"])
    head, dots, tail = order["output"].partition("...")
    poll = select.poll()
    ended, failure = 0, None
    while failure is None:
        while len(running) < order["at once"] and (run := next(runs, None)) is not None:
            reading, writing = os.pipe()
            pid = os.fork()
            if not pid:
                return begin(order, run, writing)
            os.close(writing)
            running[reading] = Child(pid, order["limit"], run)
            poll.register(reading, select.POLLIN)
        if not running:
            break
        readable = {reading for reading, _ in poll.poll(100)}
        for reading, child in list(running.items()):
            if reading in readable and child.read(reading):
                continue
            if reading not in readable and not child.is_late():
                continue
            code = child.code() if reading in readable else None
            if code is None:
                child.end(reading)
            poll.unregister(reading)
            os.close(reading)
            del running[reading]
            ended += 1
            output = child.output()
            as_expected = output.startswith(head) and output.endswith(tail) if dots else output == head
            if failure is None and (code != order["code"] or not as_expected):
                failure = child.run | {"code": code, "output": output}
    for reading, child in running.items():
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        os.close(reading)
    sys.stdout.buffer.write(marshal.dumps((ended, failure)))
    sys.stdout.buffer.flush()
    return None


def begin(order: dict, run: dict, writing: int) -> tuple[int, str]:
    """Become the process for a program."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    source = order["programs"][run["way"]]
    if run["fresh"]:
        source = f"import sys; sys.path[:0] = {order['path']!r}; SEED = {run['seed']}\n{source}"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:-1], "-c", source])
    return run["seed"], source


def next_order() -> dict | None:
    """Return what is to be done next; None if there is nothing more."""
    try:
        order: dict = marshal.load(sys.stdin.buffer)
    except EOFError:
        return None
    if order["path"] != sys.path[:1]:
        sys.path[:0] = order["path"]
    for module in order["modules"]:
        __import__(module)
    return order


program = None
while program is None and (order := next_order()) is not None:
    program = main(order)
if program is not None:
    SEED, program = program
    exec(program)
