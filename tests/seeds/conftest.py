"""What the seeds state, tried on two modules: the standard library's and threadwell.

Every test takes the module under test as ``threading``. The standard library is the oracle: a test
that fails there states something untrue. Tests wait for a state, with a deadline, and leave no
thread behind.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import time
from _thread import get_ident
from pathlib import Path

import pytest

#: Seconds after which a state that is waited for will not come any more.
PATIENCE = 30

#: Threads of a crowd, and how often each visits the room.
CROWD, VISITS = 6, 200

MODULES = {"stdlib": "threading", "threadwell": "threadwell"}


def poll(condition, what):
    """Wait until ``condition()`` is true, and return what it returned."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {PATIENCE} s: {what}")
        time.sleep(0.001)
    return value


@pytest.fixture(params=MODULES)
def module_name(request):
    return MODULES[request.param]


@pytest.fixture
def threading(module_name):
    """The module under test."""
    return importlib.import_module(module_name)


@pytest.fixture
def low_level(module_name):
    """The ``_thread`` that belongs to the module under test."""
    return importlib.import_module("_thread" if module_name == "threading" else f"{module_name}._thread")


@pytest.fixture
def stdlib():
    """The oracle, whichever module is under test."""
    return importlib.import_module("threading")


@pytest.fixture
def eventually():
    return poll


@pytest.fixture(autouse=True)
def no_thread_left(threading):
    """Fails a test that leaves a thread behind, except those that only the interpreter knows."""

    def left():
        dummy = threading._DummyThread
        return [t for t in threading.enumerate() if t not in before and not isinstance(t, dummy)]

    before = threading.enumerate()
    yield
    poll(lambda: not left(), f"no thread left, of {left()}")


def sleep_of(thread):
    """What the system calls the sleep that the thread is in, None if it is awake.

    A thread that wakes up only to find that it has to wait on, say for the interpreter, is in another sleep then.
    """
    try:
        text = Path(f"/proc/self/task/{thread.native_id}/status").read_text(encoding="utf-8")
    except OSError:
        # The thread has ended, unless the system has no such files and does not tell.
        return None if os.path.exists("/proc/self/task") else "unknown"
    status = dict(line.split(":", 1) for line in text.splitlines())
    return status["voluntary_ctxt_switches"] if status["State"].split()[0] == "S" else None


class Call:
    """A function that runs in a thread of the module under test, and its outcome."""

    def __init__(self, threading, function, args):
        self._function, self._args = function, args
        self._value = self._error = None
        # A daemon: a test that hangs is to fail, not to keep the process from ending.
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self._value = self._function(*self._args)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asks
            self._error = error

    def join(self):
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), f"{self._function} has not returned"

    def result(self):
        """What the function returned; raises what it raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._value

    def blocked(self):
        """Wait until the thread stays asleep at one instruction, as in a call that blocks.

        It gives a test the interleaving it is about. Most tests pass in any other, too; one that does not needs a
        system that tells who sleeps: elsewhere a thread may be taken for blocked just before it is.
        """
        places = []

        def stays():
            frame, sleep = sys._current_frames().get(self.thread.ident), sleep_of(self.thread)
            places.append(frame and sleep and (frame.f_code, frame.f_lasti, sleep))
            return not self.thread.is_alive() or (len(places) > 5 and places[-1] and len(set(places[-5:])) == 1)

        poll(stays, f"{self._function} blocks")
        assert self.thread.is_alive(), f"{self._function} returned instead of blocking"
        return self


@pytest.fixture
def spawn(threading):
    """``spawn(function, *args)`` runs the function in a new thread; joined when the test ends."""
    calls = []

    def spawn(function, *args):
        calls.append(Call(threading, function, args))
        return calls[-1]

    yield spawn
    for call in calls:
        call.join()


class Room:
    """Where threads go in and out, each giving the others every chance to come in as well."""

    def __init__(self):
        self.visitors = set()
        self._inside = []
        self._seen = []
        self._visits = 0  # some are not counted when several threads are inside at once

    @property
    def highest(self):
        """How many were inside at once."""
        return max(self._seen)

    @property
    def lost(self):
        """How many visits were not counted, for one that came meanwhile."""
        return len(self._seen) - self._visits

    def visit(self):
        self._inside.append(None)
        visits = self._visits
        # The interpreter switches between threads at few places only. This is one.
        time.sleep(0)
        self._seen.append(len(self._inside))
        self._visits = visits + 1
        self.visitors.add(get_ident())
        self._inside.pop()


@pytest.fixture
def crowd(threading, spawn):
    """``crowd(guard)`` has six threads visit a room, each time inside of ``with guard()``, and returns the room."""

    def crowd(guard):
        room = Room()
        together = threading.Barrier(CROWD, timeout=PATIENCE)

        def work():
            together.wait()
            for _ in range(VISITS):
                with guard():
                    room.visit()

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for call in [spawn(work) for _ in range(CROWD)]:
                call.result()
        finally:
            sys.setswitchinterval(interval)
        return room

    return crowd


@pytest.fixture
def child(module_name):
    """``child(code)`` runs code in an interpreter of its own, ``threading`` being the module under
    test; with ``installed=True`` it is that for every other module of the child, too."""

    def child(code, *, installed=False, returncode=0):
        if installed and module_name != "threading":
            prelude = f"import {module_name}; {module_name}.install(); import threading\n"
        else:
            prelude = f"import {module_name} as threading\n"
        done = subprocess.run(
            [sys.executable, "-c", prelude + textwrap.dedent(code)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == returncode, done
        return done

    return child
