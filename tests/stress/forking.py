"""A program that forks again and again while its threads use objects at full speed; `test_forks.py` runs it.

    python forking.py PLACE FORKS SEED KIND...

Threads hold, wait for and change objects of the given kinds. Meanwhile it forks, at the given place. Each child looks
at what it has become, uses everything, and ends in one of the ways that there are; the parent knows with which code.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable

from forking_base import Kind, brief, others, start, stop
from forking_threads import Threads, Timers
from forking_waits import Barriers, Conditions, Events, Locks, RLocks, Semaphores

import threadwell as threading

#: Seconds after which a child that has not ended says where its threads are, and is gone.
LIMIT = 10

#: What a child ends with that has found something wrong.
WRONG = 99


def check_alone() -> None:
    """What the thread that has forked sees of the others."""
    me = threading.current_thread()
    assert me is threading.main_thread(), (me, threading.main_thread())
    assert threading.active_count() == 1
    assert threading.enumerate() == [me]
    assert me.is_alive()
    assert (me.ident, me.native_id) == (threading.get_ident(), os.getpid())
    for thread in others:
        assert not thread.is_alive(), thread
        thread.join()
        thread.join(1)
        assert "stopped" in repr(thread)


def check_starts() -> None:
    """Threads and timers start and end."""
    done: list[str] = []
    timer = threading.Timer(0.0002, done.append, ["timer"])
    late = threading.Timer(1000, done.append, ["late"])
    thread = threading.Thread(target=done.append, args=["thread"])
    for one in (timer, late, thread):
        one.start()
    thread.join()
    timer.join()
    late.cancel()
    late.join()
    assert sorted(done) == ["thread", "timer"]
    assert threading.enumerate() == [threading.main_thread()]


def wait_for(pid: int) -> int:
    """Return a child's exit code. It may also hang before it can have set an alarm, in what follows a fork."""
    deadline = time.monotonic() + 2 * LIMIT
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.0005)


class Forker:
    """Forks, and expects of each child that it ends with the code that it was told to."""

    def __init__(self, kinds: list[Kind], *, unwinds: bool, depth: int = 0) -> None:
        self._kinds = kinds
        #: Whether an exception gets from here to the end of the thread.
        self._unwinds = unwinds
        self._depth = depth
        self.failure = ""

    def __call__(self) -> None:
        code = random.choice((0, 7))
        unwinds = self._unwinds and random.random() < 0.5
        # If it is not the main thread that ends, the last one of its process does, which is a good end.
        expected = 0 if unwinds and threading.current_thread() is not threading.main_thread() else code
        for kind in self._kinds:
            kind.prepare()
        pid = os.fork()
        if pid:
            for kind in self._kinds:
                kind.undo()
            ended = wait_for(pid)
            if ended != expected:
                self.failure = f"a child has ended with {ended} instead of {expected}"
            return
        signal.alarm(LIMIT)
        try:
            self._in_child()
        except:  # noqa: E722 - whatever it is, it must not reach what the parent does next
            sys.excepthook(*sys.exc_info())
            os._exit(WRONG)
        if unwinds:
            # Through all `finally` of the parent's; in the main thread, through the whole of the interpreter's end.
            raise SystemExit(code)
        threading._shutdown()
        os._exit(code)

    def _in_child(self) -> None:
        check_alone()
        for kind in self._kinds:
            kind.child()
        check_starts()
        if self._depth < 2 and random.random() < 0.2:
            others.clear()
            again = Forker([], unwinds=False, depth=self._depth + 1)
            random.choice((in_place, in_worker, in_timer))(again)
            assert not again.failure, again.failure


# -- Where it forks --------------------------------------------------------------------------------------------------


def in_place(fork: Callable[[], None]) -> None:
    fork()


def in_worker(fork: Callable[[], None]) -> None:
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()


def in_subclass(fork: Callable[[], None]) -> None:
    class Daemon(threading.Thread):
        def run(self) -> None:
            fork()

    thread = Daemon(daemon=True)
    thread.start()
    thread.join()


def in_timer(fork: Callable[[], None]) -> None:
    timer = threading.Timer(0.0001, fork)
    timer.start()
    timer.join()


def in_foreign_thread(fork: Callable[[], None]) -> None:
    """In a thread that nobody has made an object for."""
    done = _thread.allocate_lock()

    def run() -> None:
        with done:
            started.set()
            fork()

    started = threading.Event()
    _thread.start_new_thread(run, ())
    started.wait()
    done.acquire()


def in_del(fork: Callable[[], None]) -> None:
    class Dies:
        def __del__(self) -> None:
            fork()

    Dies()


def in_action(fork: Callable[[], None]) -> None:
    """In what a barrier calls when all are there."""

    def party() -> None:
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            # The action of a child has ended it.
            assert barrier.broken

    barrier = threading.Barrier(2, action=fork)
    other = threading.Thread(target=party)
    other.start()
    try:
        party()
    finally:
        other.join()


def in_predicate(fork: Callable[[], None]) -> None:
    """In what a condition asks, with its lock held, by which another thread wants to notify."""

    def notify() -> None:
        with condition:
            condition.notify_all()

    condition = threading.Condition(random.choice((threading.Lock, threading.RLock))())
    notifier = threading.Thread(target=notify)
    with condition:
        notifier.start()
        condition.wait_for(lambda: fork() is None)
    notifier.join()


def in_handler(fork: Callable[[], None]) -> None:
    """In a signal handler of the main thread, which waits."""

    def handler(*_: object) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        fork()
        handled.set()

    def send() -> None:
        # One that comes just before the thread sleeps is seen only with the next.
        while not handled.wait(0.01):
            signal.pthread_kill(main, signal.SIGUSR1)

    def wait_by_condition() -> None:
        with condition:
            while not handled.is_set():
                condition.wait(0.001)

    def wait_by_semaphore() -> None:
        while not handled.is_set():
            semaphore.acquire(timeout=0.001)

    handled, semaphore, condition = threading.Event(), threading.Semaphore(0), threading.Condition()
    signal.signal(signal.SIGUSR1, handler)
    main = threading.get_ident()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        random.choice((handled.wait, wait_by_condition, wait_by_semaphore))()
    finally:
        sender.join()


PLACES = {
    # Whether an exception gets from there to the end of the thread.
    "main": (in_place, True),
    "worker": (in_worker, True),
    "subclass": (in_subclass, True),
    "timer": (in_timer, True),
    "foreign": (in_foreign_thread, True),
    "del": (in_del, False),
    "action": (in_action, True),
    "predicate": (in_predicate, True),
    "handler": (in_handler, True),
}


KINDS: dict[str, type[Kind]] = {
    "lock": Locks,
    "rlock": RLocks,
    "condition": Conditions,
    "semaphore": Semaphores,
    "event": Events,
    "barrier": Barriers,
    "timer": Timers,
    "thread": Threads,
}


def again_and_again(step: Callable[[], object]) -> None:
    while not stop.is_set():
        step()
        if random.random() < 0.1:
            stop.wait(brief())


def main() -> None:
    place, forks, seed, *names = sys.argv[1:]
    warnings.simplefilter("ignore", DeprecationWarning)
    faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
    random.seed(seed)
    # So that the threads are met at many places.
    sys.setswitchinterval(0.0002)
    kinds = [KINDS[name]() for name in names]
    function, unwinds = PLACES[place]
    fork = Forker(kinds, unwinds=unwinds)
    try:
        for kind in kinds:
            for park in kind.parked:
                start(park)
            kind.settle()
            for step in kind.steps:
                start(again_and_again, step)
        for _ in range(int(forks)):
            function(fork)
            if fork.failure:
                raise SystemExit(fork.failure)
        assert all(thread.is_alive() for thread in others)
    finally:
        stop.set()
        for kind in kinds:
            kind.finish()
        for thread in others:
            thread.join()
    print(f"{forks} forks")


if __name__ == "__main__":
    main()
