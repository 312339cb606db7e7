"""Waits of the main thread, which are over as soon as a handler has run in the middle of them."""

from __future__ import annotations

from interruptions import Shape

import threadwell as threading

#: Seconds.
LONG = 1000


class Wait(Shape):
    pause = 0.00002
    waits = False

    def operate(self) -> None:
        self.waits = True
        self.wait()
        assert not self.waits

    def again(self) -> None:
        if self.waits:
            self.waits = False
            self.end()

    def wait(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class WaitForLock(Wait):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def wait(self) -> None:
        assert self.lock.acquire()

    def end(self) -> None:
        self.lock.release()

    def check(self) -> None:
        assert self.lock.locked()


class WaitForPermit(Wait):
    def __init__(self) -> None:
        self.semaphore = threading.Semaphore(0)

    def wait(self) -> None:
        assert self.semaphore.acquire(timeout=LONG)

    def end(self) -> None:
        self.semaphore.release()

    def check(self) -> None:
        assert self.semaphore._value == 0


class WaitForEvent(Wait):
    def __init__(self) -> None:
        self.event = threading.Event()

    def wait(self) -> None:
        assert self.event.wait(LONG)
        self.event.clear()

    def end(self) -> None:
        self.event.set()


class WaitForNotification(Wait):
    def __init__(self) -> None:
        self.condition = threading.Condition()

    def wait(self) -> None:
        with self.condition:
            # The handler may have run before the wait began.
            while self.waits:
                self.condition.wait(0.01)

    def end(self) -> None:
        with self.condition:
            self.condition.notify()

    def check(self) -> None:
        assert not self.condition._is_owned()
        assert len(self.condition._waiters) == 0


class WaitAtBarrier(Wait):
    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def wait(self) -> None:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            self.barrier.reset()
        else:
            raise AssertionError("nobody else came")

    def end(self) -> None:
        self.barrier.abort()

    def check(self) -> None:
        assert (self.barrier.n_waiting, self.barrier.broken) == (0, False)


class WaitForEnd(Wait):
    def __init__(self) -> None:
        self.end_of_thread = threading.Lock()
        self.end_of_thread.acquire()

    def wait(self) -> None:
        thread = threading.Thread(target=self.end_of_thread.acquire)
        thread.start()
        thread.join()
        assert not thread.is_alive()

    def end(self) -> None:
        self.end_of_thread.release()
