"""Locks and what threads wait for, in `forking.py`: what the parent's threads do with them, and what the child finds.

It is what a child finds that uses the standard library's objects (`tests/unit/test_fork_objects.py` compares them), but
that two ways to wait for ever are gone: by a condition and by a barrier that the parent's threads waited for.
"""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial
from typing import Any

from forking_base import Kind, brief, refuses, stop, until

import threadwell as threading

# -- Locks -----------------------------------------------------------------------------------------------------------


def use_lock(lock: Any) -> None:
    """See it held by one thread at a time, and go from one to the other."""

    def take() -> None:
        tried.append(lock.acquire(False))
        with lock:
            tried.append("taken")

    tried: list[object] = []
    thread = threading.Thread(target=take)
    with lock:
        thread.start()
        until(lambda: tried)
        assert tried == [False]
    thread.join()
    assert tried == [False, "taken"]


class Locks(Kind):
    def __init__(self) -> None:
        self.free, self.held, self.mine, self.shared = (threading.Lock() for _ in range(4))
        self.parked = [self.hold, self.wait, self.wait]
        self.steps = [self.use, self.use, self.try_to_use]

    def hold(self) -> None:
        with self.held:
            stop.wait()

    def wait(self) -> None:
        until(self.held.locked)
        with self.held:
            pass

    def use(self) -> None:
        with self.shared:
            pass

    def try_to_use(self) -> None:
        if self.shared.acquire(timeout=brief()):
            self.shared.release()

    def settle(self) -> None:
        until(self.held.locked)

    def prepare(self) -> None:
        self.mine.acquire()

    def undo(self) -> None:
        self.mine.release()

    def child(self) -> None:
        # A thread that is not there holds it. Anyone may release it.
        assert self.held.locked()
        assert not self.held.acquire(False)
        assert not self.held.acquire(timeout=0.0002)
        if random.random() < 0.5:
            self.held.release()
        else:
            self.held._at_fork_reinit()
        assert self.mine.locked()
        self.mine.release()
        if self.shared.locked():
            self.shared.release()
        for lock in (self.free, self.held, self.mine, self.shared):
            assert not lock.locked()
            use_lock(lock)


class RLocks(Kind):
    def __init__(self) -> None:
        self.free, self.held, self.mine, self.shared = (threading.RLock() for _ in range(4))
        self.parked = [self.hold, self.wait, self.wait]
        self.steps = [self.use, self.use, self.try_to_use]
        self.holds = False

    def hold(self) -> None:
        with self.held, self.held:
            self.holds = True
            stop.wait()

    def wait(self) -> None:
        until(lambda: self.holds)
        with self.held:
            pass

    def use(self) -> None:
        with self.shared, self.shared:
            pass

    def try_to_use(self) -> None:
        if self.shared.acquire(timeout=brief()):
            self.shared.release()

    def settle(self) -> None:
        until(lambda: self.holds)

    def prepare(self) -> None:
        self.mine.acquire()
        self.mine.acquire()

    def undo(self) -> None:
        self.mine.release()
        self.mine.release()

    def child(self) -> None:
        # A thread that is not there owns it, and nobody else may release it.
        assert not self.held._is_owned()
        assert not self.held.acquire(False)
        assert not self.held.acquire(timeout=0.0002)
        assert refuses(RuntimeError, self.held.release)
        self.held._at_fork_reinit()
        assert self.mine._is_owned()
        self.undo()
        assert refuses(RuntimeError, self.mine.release)
        if self.shared.acquire(False):
            self.shared.release()
        else:
            self.shared._at_fork_reinit()
        for lock in (self.free, self.held, self.mine, self.shared):
            use_lock(lock)


# -- Conditions, semaphores, events, barriers ------------------------------------------------------------------------


class Conditions(Kind):
    def __init__(self) -> None:
        self.quiet, self.shared = ([threading.Condition(), threading.Condition(threading.Lock())] for _ in range(2))
        self.parked = [partial(self.wait, quiet) for quiet in self.quiet]
        self.steps = [self.wait_briefly, self.wait_briefly, self.notify]

    def wait(self, quiet: Any) -> None:
        with quiet:
            quiet.wait_for(stop.is_set)

    def wait_briefly(self) -> None:
        shared = random.choice(self.shared)
        with shared:
            if random.random() < 0.5:
                shared.wait(brief())
            else:
                shared.wait_for(lambda: random.random() < 0.5, brief())

    def notify(self) -> None:
        shared = random.choice(self.shared)
        with shared:
            shared.notify(random.randrange(4))
            if random.random() < 0.2:
                shared.notify_all()

    def settle(self) -> None:
        until(lambda: all(quiet._waiters for quiet in self.quiet))

    def child(self) -> None:
        for quiet in self.quiet:
            assert not quiet._waiters
            with quiet:
                quiet.notify(random.randrange(4))
        for shared in self.shared:
            if shared.acquire(False):
                shared.release()
            else:
                shared._at_fork_reinit()
        for condition in (*self.quiet, *self.shared):
            self.use(condition)

    def use(self, condition: Any) -> None:
        """See one notification wake a thread that is there."""

        def wait() -> None:
            with condition:
                waits.set()
                woken.append(condition.wait())

        waits, woken = threading.Event(), []
        thread = threading.Thread(target=wait)
        thread.start()
        waits.wait()
        with condition:
            assert len(condition._waiters) == 1
            condition.notify()
        thread.join()
        assert woken == [True]
        with condition:
            assert not condition.wait(0.0002)

    def finish(self) -> None:
        for quiet in self.quiet:
            with quiet:
                quiet.notify_all()


class Semaphores(Kind):
    def __init__(self) -> None:
        makes = (threading.Semaphore, threading.BoundedSemaphore)
        self.empty, self.kept, self.shared = ([make(2) for make in makes] for _ in range(3))
        for semaphore in (*self.empty, *self.empty, *self.kept):
            semaphore.acquire()
        self.parked = [semaphore.acquire for semaphore in self.empty for _ in range(2)]
        self.steps = [self.use, self.use, self.try_to_use]

    def use(self) -> None:
        with random.choice(self.shared):
            pass

    def try_to_use(self) -> None:
        semaphore = random.choice(self.shared)
        if semaphore.acquire(timeout=brief()):
            semaphore.release()

    def child(self) -> None:
        for empty, kept, shared in zip(self.empty, self.kept, self.shared, strict=True):
            # Nobody of those that waited takes what is released here.
            assert not empty.acquire(False)
            empty.release()
            assert [empty.acquire(False), empty.acquire(timeout=0.0002)] == [True, False]
            assert [kept.acquire(False), kept.acquire(False)] == [True, False]
            while shared.acquire(False):
                pass
            for semaphore in (empty, kept, shared):
                thread = threading.Thread(target=semaphore.acquire)
                thread.start()
                semaphore.release()
                thread.join()
                assert semaphore._value == 0
                semaphore.release(2)
                if isinstance(semaphore, threading.BoundedSemaphore):
                    assert refuses(ValueError, semaphore.release)

    def finish(self) -> None:
        # In a child it has been released.
        for empty in self.empty:
            with suppress(ValueError):
                empty.release(2)


class Events(Kind):
    def __init__(self) -> None:
        self.quiet, self.shared = threading.Event(), threading.Event()
        self.parked = [self.quiet.wait, self.quiet.wait]
        self.steps = [self.wait, self.wait, self.change]

    def wait(self) -> None:
        self.shared.wait(brief())

    def change(self) -> None:
        random.choice((self.shared.set, self.shared.clear))()

    def child(self) -> None:
        assert not self.quiet.is_set()
        assert not self.quiet.wait(0.0002)
        self.shared.clear()
        for event in (self.quiet, self.shared):
            thread = threading.Thread(target=event.wait)
            thread.start()
            event.set()
            thread.join()
            assert event.is_set()
            assert event.wait()
            event.clear()

    def finish(self) -> None:
        self.quiet.set()


class Barriers(Kind):
    def __init__(self) -> None:
        self.quiet, self.shared = threading.Barrier(3), threading.Barrier(2, action=self.act)
        self.parked = [self.wait, self.wait]
        self.steps = [self.wait_briefly, self.wait_briefly, self.disturb]

    def act(self) -> None:
        if random.random() < 0.1:
            stop.wait(brief())

    def wait(self) -> None:
        with suppress(threading.BrokenBarrierError):
            self.quiet.wait()

    def wait_briefly(self) -> None:
        try:
            self.shared.wait(brief())
        except threading.BrokenBarrierError:
            self.shared.reset()

    def disturb(self) -> None:
        stop.wait(brief())
        random.choice((self.shared.reset, self.shared.abort))()

    def settle(self) -> None:
        until(lambda: self.quiet.n_waiting == 2)

    def child(self) -> None:
        assert (self.quiet.n_waiting, self.quiet.broken) == (2, False)
        if random.random() < 0.5:
            # They count, although they do not go on.
            assert self.quiet.wait() == 2
        for barrier in (self.quiet, self.shared):
            barrier.reset()
            assert (barrier.n_waiting, barrier.broken) == (0, False)
            self.use(barrier)
            barrier.abort()
            assert refuses(threading.BrokenBarrierError, barrier.wait)

    def use(self, barrier: Any) -> None:
        numbers: list[int] = []
        threads = [threading.Thread(target=lambda: numbers.append(barrier.wait())) for _ in range(barrier.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(barrier.parties))

    def finish(self) -> None:
        self.quiet.abort()
