"""Waits of the main thread and signals: one that ends the wait, and those that leave it its deadline.

`pytest` runs the tests in the main thread.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading as stdlib
import time
from typing import TYPE_CHECKING

import pytest

import threadwell as threading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Handlers, Stress

MAIN = threading.get_ident()
#: Seconds, more than any test has.
LONG = 1000


class Handled(Exception):
    pass


# -- Waits of the main thread ----------------------------------------------------------------------------------------


class Wait:
    """A wait that nobody ends. Its state is as before when a handler has ended it."""

    #: Whether the interpreter does the waiting. Its own may miss a signal that comes just before it sleeps.
    of_interpreter = False

    def wait(self, timeout: float | None) -> object:
        raise NotImplementedError

    def check(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Leave nothing behind."""


class LockWait(Wait):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def wait(self, timeout):
        return self.lock.acquire(timeout=-1 if timeout is None else timeout)

    def check(self):
        assert self.lock.locked()
        self.lock.release()
        assert self.lock.acquire(False)


class WithLockWait(LockWait):
    def wait(self, timeout):
        if timeout is not None:
            return super().wait(timeout)
        with self.lock:
            raise AssertionError


class RLockWait(Wait):
    def __init__(self) -> None:
        self.lock, self.over, held = threading.RLock(), threading.Event(), threading.Event()

        def hold():
            with self.lock:
                held.set()
                self.over.wait()

        self.thread = threading.Thread(target=hold)
        self.thread.start()
        held.wait()

    def wait(self, timeout):
        return self.lock.acquire(timeout=-1 if timeout is None else timeout)

    def check(self):
        assert not self.lock._is_owned()
        assert not self.lock.acquire(False)

    def end(self):
        self.over.set()
        self.thread.join()
        assert self.lock.acquire(False)
        self.lock.release()


class SemaphoreWait(Wait):
    make = threading.Semaphore

    def __init__(self) -> None:
        self.semaphore = self.make(0)

    def wait(self, timeout):
        return self.semaphore.acquire(timeout=timeout)

    def check(self):
        assert self.semaphore._value == 0


class BoundedSemaphoreWait(SemaphoreWait):
    make = threading.BoundedSemaphore


class EventWait(Wait):
    def __init__(self) -> None:
        self.event = threading.Event()

    def wait(self, timeout):
        return self.event.wait(timeout)

    def check(self):
        assert not self.event.is_set()
        self.event.set()
        assert self.event.wait()
        self.event.clear()


class ConditionWait(Wait):
    make_lock = staticmethod(threading.RLock)

    def __init__(self) -> None:
        self.condition = threading.Condition(self.make_lock())

    def wait(self, timeout):
        with self.condition:
            try:
                return self.condition.wait(timeout)
            finally:
                assert self.condition._is_owned()

    def check(self):
        assert len(self.condition._waiters) == 0
        assert self.condition.acquire(False)
        self.condition.release()


class ConditionOfLockWait(ConditionWait):
    make_lock = threading.Lock


class PredicateWait(ConditionWait):
    def wait(self, timeout):
        with self.condition:
            return self.condition.wait_for(bool, timeout)


class BarrierWait(Wait):
    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def wait(self, timeout):
        try:
            self.barrier.wait(timeout)
        except threading.BrokenBarrierError:
            return False

    def check(self):
        assert self.barrier.n_waiting == 0
        self.barrier.reset()


class ThreadWait(Wait):
    of_interpreter = True

    def __init__(self) -> None:
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.over.wait)
        self.thread.start()

    def wait(self, timeout):
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def check(self):
        assert self.thread.is_alive()

    def end(self):
        self.over.set()
        self.thread.join()
        assert not self.thread.is_alive()


class TimerWait(Wait):
    def __init__(self) -> None:
        self.timer = threading.Timer(LONG, pytest.fail)
        self.timer.start()

    def wait(self, timeout):
        self.timer.join(timeout)
        return not self.timer.is_alive()

    def check(self):
        assert self.timer.is_alive()

    def end(self):
        self.timer.cancel()
        self.timer.join()
        assert not self.timer.is_alive()


WAITS = [
    *(LockWait, WithLockWait, RLockWait, SemaphoreWait, BoundedSemaphoreWait, EventWait, ConditionWait),
    *(ConditionOfLockWait, PredicateWait, BarrierWait, ThreadWait, TimerWait),
]


@contextlib.contextmanager
def sender(number: int, *, again: bool) -> Iterator[Callable[[float], None]]:
    """``send(delay)`` has a thread signal the main thread in so many seconds, again and again if one may be missed."""

    def work() -> None:
        while (delay := orders.get()) is not None:
            begin = time.monotonic()
            while time.monotonic() - begin < delay:
                pass
            sent.clear()
            signal.pthread_kill(MAIN, number)
            while again and not handled.wait(0.01):
                signal.pthread_kill(MAIN, number)
            sent.set()

    def send(delay: float) -> None:
        handled.clear()
        orders.put(delay)

    orders: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    sent, handled = stdlib.Event(), stdlib.Event()
    send.handled, send.sent = handled, sent  # type: ignore[attr-defined]
    thread = stdlib.Thread(target=work)
    thread.start()
    try:
        yield send
    finally:
        handled.set()
        orders.put(None)
        thread.join()


@pytest.mark.parametrize("kind", WAITS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("timeout", [None, LONG], ids=["endless", "timed"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1], ids=["Ctrl-C", "handler"])
def test_one_signal_ends_the_wait(stress: Stress, handlers: Handlers, kind, timeout, number) -> None:
    def handle(*args: object) -> None:
        if not send.handled.is_set():
            send.handled.set()
            if number == signal.SIGINT:
                signal.default_int_handler(*args)
            raise Handled

    rounds = stress.rounds(10, 10_000)
    wait = kind()
    ended = 0
    handlers(number, handle)
    with sender(number, again=wait.of_interpreter) as send:
        for _ in range(rounds):
            try:
                # Before the wait, as it begins, and in the middle of it.
                send(stress.random.choice([0, 0.00002, 0.00005, 0.0002]))
                wait.wait(timeout)
            except (KeyboardInterrupt, Handled):
                ended += 1
            send.sent.wait()
            wait.check()
    wait.end()
    assert ended == rounds
    stress.counted(f"{rounds} signals, {ended} waits ended, 0 hangs")


@pytest.mark.parametrize("kind", WAITS, ids=lambda kind: kind.__name__)
def test_a_handler_that_returns_leaves_the_wait_its_deadline(stress: Stress, handlers: Handlers, kind) -> None:
    handled = []
    rounds = stress.rounds(1, 1_000)
    wait = kind()
    handlers(signal.SIGALRM, lambda *_: handled.append(threading.get_ident()))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(rounds):
            before, began = len(handled), time.monotonic()
            assert wait.wait(0.01) is False
            # Not early. How late is the machine's affair.
            assert time.monotonic() - began >= 0.01
            assert len(handled) > before
            wait.check()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    wait.end()
    assert set(handled) == {MAIN}
    stress.counted(f"{rounds} waits, {len(handled)} handlers")
