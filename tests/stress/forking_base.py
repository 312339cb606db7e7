"""What the kinds of objects of `forking.py` have in common."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import threadwell as threading

#: The threads of the parent that do not end before it has done all its forks.
others: list[threading.Thread] = []
stop = threading.Event()


def start(function: Callable[..., object], *arguments: object) -> None:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    others.append(thread)


def brief() -> float:
    """Return a timeout that passes before a wait begins, during it, or not."""
    return random.choice((0, 1e-5, 1e-4, 1e-3))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def refuses(error: type[Exception], function: Callable[[], object]) -> bool:
    try:
        function()
    except error:
        return True
    return False


class Kind:
    """Some objects of one kind."""

    #: They hold or wait, each in a thread of its own, until `finish`.
    parked: list[Callable[[], object]]
    #: They are called again and again, each in a thread of its own.
    steps: list[Callable[[], object]]

    def settle(self) -> None:
        """Return when those that are parked are where they shall be."""

    def prepare(self) -> None:
        """Called before a fork, by the thread that forks."""

    def undo(self) -> None:
        """Take that back, in the parent."""

    def child(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Let those go that are parked."""
