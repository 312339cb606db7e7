"""Models of what threads meet at, and of threads themselves. See ``models.py``."""

from __future__ import annotations

import importlib

from models import BLOCKS, RUNTIME, SKIP, Error, Lock, Model

LOW_LEVEL = {"threadwell": "threadwell._thread", "threading": "_thread"}

ATTRIBUTE, BROKEN = Error("AttributeError"), Error("BrokenBarrierError")


class Event(Model):
    """A flag to wait for."""

    operations = {
        "set": lambda _, event: event.set(),
        "clear": lambda _, event: event.clear(),
        "is_set": lambda _, event: event.is_set(),
        "wait": lambda _, event: event.wait(),
        "wait_for_no_time": lambda _, event: event.wait(0),
        "wait_for_less": lambda _, event: event.wait(timeout=-1),
        "show": lambda _, event: repr(event).rpartition(": ")[2],
    }
    rescue = ("set",)
    flag = False

    @staticmethod
    def make(t):
        return t.Event()

    def set(self, _):
        self.flag = True
        self.woken = dict.fromkeys(self.waiting, True)
        self.waiting = []

    def clear(self, _):
        self.flag = False

    def is_set(self, _):
        return self.flag

    wait_for_no_time = wait_for_less = is_set

    def wait(self, thread):
        if self.flag:
            return True
        self.waiting.append(thread)
        return BLOCKS

    def show(self, _):
        return "set>" if self.flag else "unset>"


class Barrier(Model):
    """A meeting of two."""

    operations = {
        "wait": lambda _, barrier: barrier.wait(),
        "wait_for_no_time": lambda _, barrier: barrier.wait(0),
        "reset": lambda _, barrier: barrier.reset(),
        "abort": lambda _, barrier: barrier.abort(),
        "n_waiting": lambda _, barrier: barrier.n_waiting,
        "parties": lambda _, barrier: barrier.parties,
        "broken": lambda _, barrier: barrier.broken,
        "show": lambda _, barrier: repr(barrier).rpartition(": ")[2],
    }
    rescue = ("abort",)
    is_broken = False

    @staticmethod
    def make(t):
        return t.Barrier(2)

    def wait(self, thread):
        if self.is_broken:
            return BROKEN
        if self.waiting:
            self.woken[self.waiting.pop()] = 0
            return 1
        self.waiting.append(thread)
        return BLOCKS

    def wait_for_no_time(self, thread):
        if self.is_broken or self.waiting:
            return self.wait(thread)
        self.is_broken = True
        return BROKEN

    def end(self):
        self.woken = dict.fromkeys(self.waiting, BROKEN)
        self.waiting = []

    def reset(self, _):
        self.end()
        self.is_broken = False

    def abort(self, _):
        self.end()
        self.is_broken = True

    def n_waiting(self, _):
        return len(self.waiting)

    def parties(self, _):
        return 2

    def broken(self, _):
        return self.is_broken

    def show(self, _):
        return "broken>" if self.is_broken else f"waiters={len(self.waiting)}/2>"


class LowLevelLock(Lock):
    """The same lock, by its older names."""

    operations = Lock.operations | {
        "attempt": lambda _, lock: lock.acquire_lock(False),
        "release": lambda _, lock: lock.release_lock(),
        "locked": lambda _, lock: lock.locked_lock(),
    }

    @staticmethod
    def make(t):
        return importlib.import_module(LOW_LEVEL[t.__name__]).allocate_lock()


class Thread(Model):
    """A thread that has nothing to do. Once it is started it is waited for."""

    operations = {
        "start": lambda _, thread: (thread.start(), thread.join()),
        "join": lambda _, thread: thread.join(),
        "join_for_no_time": lambda _, thread: thread.join(0),
        "run": lambda _, thread: thread.run(),
        "is_alive": lambda _, thread: thread.is_alive(),
        "name": lambda _, thread: thread.name,
        "rename": lambda _, thread: setattr(thread, "name", thread.name + "n"),
        "daemon": lambda _, thread: thread.daemon,
        "make_daemon": lambda _, thread: setattr(thread, "daemon", True),
        "identified": lambda _, thread: thread.ident is not None,
        "enumerated": lambda t, thread: thread in t.enumerate(),
        "show": lambda _, thread: repr(thread).partition(", ")[2].split()[0].rstrip(")>"),
    }
    was_started = has_run = is_daemon = False
    called = "n"

    @staticmethod
    def make(t):
        return t.Thread(target=int, name="n")

    def start(self, _):
        if self.was_started:
            return RUNTIME
        if self.has_run:
            return SKIP  # it ends with a traceback
        self.was_started = self.has_run = True
        return (None, None)

    def join(self, _):
        return None if self.was_started else RUNTIME

    join_for_no_time = join

    def run(self, _):
        had_run, self.has_run = self.has_run, True
        return ATTRIBUTE if had_run else None

    def is_alive(self, _):
        return False

    enumerated = is_alive

    def name(self, _):
        return self.called

    def rename(self, _):
        self.called += "n"

    def daemon(self, _):
        return self.is_daemon

    def make_daemon(self, _):
        if self.was_started:
            return RUNTIME
        self.is_daemon = True
        return None

    def identified(self, _):
        return self.was_started

    def show(self, _):
        return "stopped" if self.was_started else "initial"


class Timer(Model):
    """A timer for later. Once it is cancelled it is waited for."""

    operations = {
        "start": lambda _, timer: timer.start(),
        "cancel": lambda _, timer: (timer.cancel(), timer.is_alive() and timer.join())[0],
        "join": lambda _, timer: timer.join(),
        "join_for_no_time": lambda _, timer: timer.join(0),
        "is_alive": lambda _, timer: timer.is_alive(),
        "finished": lambda _, timer: timer.finished.is_set(),
        "enumerated": lambda t, timer: timer in t.enumerate(),
        "interval": lambda _, timer: timer.interval,
        "show": lambda _, timer: repr(timer).partition(", ")[2].split()[0].rstrip(")>"),
    }
    rescue = ("cancel",)
    was_started = is_pending = is_finished = False

    @staticmethod
    def make(t):
        timer = t.Timer(3600, int)
        timer.name = "n"
        return timer

    def start(self, _):
        if self.was_started:
            return RUNTIME
        if self.is_finished:
            return SKIP  # it ends at some moment
        self.was_started = self.is_pending = True
        return None

    def cancel(self, _):
        self.is_pending, self.is_finished = False, True

    def join(self, _):
        if not self.was_started:
            return RUNTIME
        return BLOCKS if self.is_pending else None

    def join_for_no_time(self, _):
        return None if self.was_started else RUNTIME

    def is_alive(self, _):
        return self.is_pending

    enumerated = is_alive

    def finished(self, _):
        return self.is_finished

    def interval(self, _):
        return 3600

    def show(self, _):
        if not self.was_started:
            return "initial"
        return "started" if self.is_pending else "stopped"


class Local(Model):
    """Attributes for each thread of its own, which begin with those that `__init__` sets."""

    operations = {
        "put": lambda _, local: setattr(local, "x", 1),
        "put_another": lambda _, local: setattr(local, "x", 2),
        "get": lambda _, local: local.x,
        "drop": lambda _, local: delattr(local, "x"),
        "first": lambda _, local: local.first,
        "all": lambda _, local: sorted(vars(local)),
    }
    glances = ()

    def __init__(self):
        super().__init__()
        self.values = {}

    @staticmethod
    def make(t):
        class Named(t.local):
            def __init__(self, first):
                self.first = first

        return Named(0)

    def put(self, thread):
        self.values[thread] = 1

    def put_another(self, thread):
        self.values[thread] = 2

    def get(self, thread):
        return self.values.get(thread, ATTRIBUTE)

    def drop(self, thread):
        return ATTRIBUTE if self.values.pop(thread, None) is None else None

    def first(self, _):
        return 0

    def all(self, thread):
        return ["first", "x"] if thread in self.values else ["first"]
