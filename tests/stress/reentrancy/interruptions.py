"""What interrupts an operation, and what it can be done to: the collector, weak references, signals."""

from __future__ import annotations

import collections
import gc
import os
import signal
import sys
import sysconfig
import weakref

import threadwell as threading

_PACKAGE = os.path.dirname(threading.__file__)

#: Without an interpreter lock, the collector comes where signal handlers do, but seldom: at a thread's every 512th
#: object more. So each of so many handlers has it come.
COLLECTING = 4 if sysconfig.get_config_var("Py_GIL_DISABLED") else 0

#: How often an operation was interrupted, by what.
counts: collections.Counter[str] = collections.Counter()

shape: Shape
_in_the_middle = 0
_handling = False
_interval = 0.0
_watched: set[weakref.ref] = set()


class Shape:
    """An object, what is done to it, and what is done to it in the middle of that."""

    #: Of how many rounds there is one.
    share = 1
    #: Seconds between the end of a signal's handler and the next signal.
    pause = 0.0001

    def operate(self) -> None:
        raise NotImplementedError

    def again(self) -> None:
        """What interrupts `operate`."""
        raise NotImplementedError

    def beside(self) -> None:
        """What another thread does all the time."""

    def check(self) -> None:
        """Look whether the object is as it was."""


class Litter:
    """Garbage that only the collector frees."""

    def __init__(self) -> None:
        self.me = self
        _watched.add(weakref.ref(self, _called_back))

    def __del__(self) -> None:
        _interrupt("__del__")


def _called_back(reference: weakref.ref) -> None:
    _watched.discard(reference)
    _interrupt("callback")


def _handler(number: int, frame: object) -> None:
    # It may take longer than it is until the next signal.
    global _handling
    if not _handling:
        _handling = True
        try:
            _interrupt("handler")
            if COLLECTING and counts["handler"] % COLLECTING == 0:
                Litter()
                gc.collect()
        finally:
            _handling = False
            # Only now, so that what was interrupted gets on.
            signal.setitimer(signal.ITIMER_REAL, _interval)


def _interrupt(by: str) -> None:
    counts[by] += 1
    if _in_the_middle or package_runs():
        counts[f"{by} in the middle"] += 1
    shape.again()


def package_runs() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            return True
        frame = frame.f_back
    return False


class Inside:
    """An argument that an operation asks for its value, in the middle of it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def _happen(self) -> None:
        global _in_the_middle
        _in_the_middle += 1
        try:
            Litter()
            [[] for _ in range(4)]
            # Its handler runs at once, in the main thread.
            signal.raise_signal(signal.SIGALRM)
        finally:
            _in_the_middle -= 1

    def __call__(self, *_: object) -> object:
        self._happen()
        return self.value

    def __index__(self) -> int:
        return int(self())

    def __bool__(self) -> bool:
        return bool(self())

    def __lt__(self, other: object) -> bool:
        return self() < other

    def __le__(self, other: object) -> bool:
        return self() <= other

    def __gt__(self, other: object) -> bool:
        return self() > other

    def __radd__(self, other: object) -> object:
        return other + self()

    def __sub__(self, other: object) -> object:
        return self() - other


def begin(what: Shape) -> None:
    """Interrupt `what` from now on."""
    global shape, _interval
    shape = what
    signal.signal(signal.SIGALRM, _handler)
    # So that a collection has but little to look at.
    gc.freeze()
    gc.set_threshold(1)
    _interval = what.pause
    signal.setitimer(signal.ITIMER_REAL, _interval)


def end() -> None:
    """Interrupt nothing any more."""
    global _interval
    _interval = 0
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.set_threshold(700, 10, 10)
    gc.collect()
