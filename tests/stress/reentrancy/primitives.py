"""The primitives."""

from __future__ import annotations

from interruptions import Inside, Shape

import threadwell as threading


def mine(holder: int | None) -> bool:
    return holder == threading.get_ident()


class Lock(Shape):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: int | None = None

    def operate(self) -> None:
        lock = self.lock
        lock.acquire(Inside(True))
        self.holder = threading.get_ident()
        lock.locked()
        self.holder = None
        lock.release()
        lock.acquire(True, Inside(1))
        lock.release()
        with lock:
            [[]]

    def again(self) -> None:
        if mine(self.holder):
            # What was interrupted holds it.
            self.lock.release()
            self.lock.acquire()
        elif self.lock.acquire(False):
            self.lock.release()
        self.lock.locked()

    def beside(self) -> None:
        if self.lock.acquire(timeout=0.001):
            self.lock.release()

    def check(self) -> None:
        assert not self.lock.locked()


class RLock(Shape):
    def __init__(self) -> None:
        self.lock = threading.RLock()

    def operate(self) -> None:
        lock = self.lock
        lock.acquire(Inside(True))
        lock.acquire(True, Inside(1))
        lock.release()
        lock.release()
        with lock:
            [[]]
        lock._is_owned()

    def again(self) -> None:
        if self.lock.acquire(timeout=1):
            self.lock.release()
        if self.lock._is_owned():
            self.lock._acquire_restore(self.lock._release_save())

    beside = again

    def check(self) -> None:
        assert not self.lock._is_owned()
        assert repr(self.lock).startswith("<unlocked")


class Condition(Shape):
    def __init__(self) -> None:
        self.condition = threading.Condition()

    def operate(self) -> None:
        condition = self.condition
        with condition:
            condition.notify(Inside(1))
            condition.notify()
            condition.notify_all()
            condition.wait(Inside(0))
            condition.wait_for(Inside(False), 0)

    def again(self) -> None:
        condition = self.condition
        with condition:
            condition.notify()
            condition.wait(0)
            condition.wait_for(bool, 0)
            condition.notify_all()

    def beside(self) -> None:
        with self.condition:
            self.condition.wait(0.001)

    def check(self) -> None:
        assert not self.condition._is_owned()
        assert len(self.condition._waiters) == 0


class ConditionOfLock(Condition):
    """Its lock cannot be taken again: what was interrupted holds it, or someone else does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.condition = threading.Condition(self.lock)

    def again(self) -> None:
        for notify in (self.condition.notify, self.condition.notify_all):
            try:
                notify()
            except RuntimeError:
                pass

    def check(self) -> None:
        assert not self.lock.locked()
        assert len(self.condition._waiters) == 0


class Semaphore(Shape):
    make = threading.Semaphore

    def __init__(self) -> None:
        self.semaphore = self.make(3)

    def operate(self) -> None:
        semaphore = self.semaphore
        semaphore.acquire(Inside(True))
        semaphore.acquire()
        semaphore.release(Inside(1))
        semaphore.release()
        with semaphore:
            [[]]

    def again(self) -> None:
        # Beside all that holds one already: two at most in the main thread, one beside it.
        if self.semaphore.acquire(False):
            self.semaphore.release()

    def beside(self) -> None:
        if self.semaphore.acquire(timeout=0.001):
            self.semaphore.release()

    def check(self) -> None:
        assert self.semaphore._value == 3


class BoundedSemaphore(Semaphore):
    make = threading.BoundedSemaphore


class Event(Shape):
    def __init__(self) -> None:
        self.event = threading.Event()

    def operate(self) -> None:
        event = self.event
        event.wait(Inside(0))
        event.set()
        event.is_set()
        event.wait()
        event.clear()

    def again(self) -> None:
        # It leaves the flag as it is for whoever waits without a timeout.
        if self.event.is_set():
            self.event.clear()
            self.event.wait(0)
        self.event.set()

    def beside(self) -> None:
        self.event.wait(0.001)


class Barrier(Shape):
    def __init__(self) -> None:
        self.barrier = threading.Barrier(1, Inside(True))
        self.passed = self.turn = 0

    def operate(self) -> None:
        self.turn += 1
        try:
            self.passed += self.barrier.wait() == 0
        except threading.BrokenBarrierError:
            self.barrier.reset()
        self.barrier.n_waiting, self.barrier.broken

    def again(self) -> None:
        self.barrier.n_waiting, self.barrier.broken
        # Every other time the round goes on as it began.
        if self.turn % 2:
            self.barrier.abort()
            self.barrier.reset()

    def check(self) -> None:
        assert self.passed
        assert not self.barrier.broken
        assert self.barrier.n_waiting == 0
