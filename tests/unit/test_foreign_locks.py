"""`Condition` over locks that are not ours, and over ours in disguise."""

import threading as stdlib

import pytest

from threadwell import _native


class Minimal:
    """A lock with the two methods that a condition cannot do without."""

    def __init__(self):
        self.inner = _native.Lock()
        self.calls = []

    def acquire(self, *args):
        self.calls.append("acquire")
        return self.inner.acquire(*args)

    def release(self):
        self.calls.append("release")
        self.inner.release()

    def __enter__(self):
        self.acquire()
        return "entered"

    def __exit__(self, *exc_info):
        self.release()


class Counting(_native.RLock):
    """A subclass of our own lock, with an `acquire` of its own."""

    acquired = 0

    def acquire(self, *args, **kwargs):
        type(self).acquired += 1
        return super().acquire(*args, **kwargs)


FOREIGN = [Minimal, Counting, stdlib.Lock, stdlib.RLock]


def hand_over(condition):
    """One thread waits, this one notifies it; returns what `wait` returned."""
    results = []

    def waiter():
        with condition:
            started.set()
            results.append(condition.wait(timeout=20))

    started = _native.Event()
    thread = stdlib.Thread(target=waiter)
    thread.start()
    assert started.wait(20)
    with condition:  # Taken only once the waiter has released it, so it waits by now.
        condition.notify()
    thread.join(20)
    assert not thread.is_alive()
    return results


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_a_waiter_is_notified(make):
    assert hand_over(_native.Condition(make())) == [True]


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_a_wait_times_out_and_holds_the_lock_again(make):
    condition = _native.Condition(make())
    with condition:
        assert condition.wait(timeout=0.001) is False
        assert condition._is_owned()
    assert not condition._is_owned()


@pytest.mark.parametrize("make", FOREIGN, ids=lambda make: make.__name__)
def test_an_unheld_lock_is_an_error(make):
    condition = _native.Condition(make())
    with pytest.raises(RuntimeError, match="^cannot wait on un-acquired lock$"):
        condition.wait()
    with pytest.raises(RuntimeError, match="^cannot notify on un-acquired lock$"):
        condition.notify()
    with pytest.raises(RuntimeError, match="^cannot notify on un-acquired lock$"):
        condition.notify_all()


def test_the_context_manager_is_the_locks_own():
    with _native.Condition(Minimal()) as entered:
        assert entered == "entered"


def test_methods_of_a_subclass_are_called():
    Counting.acquired = 0
    condition = _native.Condition(Counting())
    condition.acquire()
    condition.release()
    assert Counting.acquired == 1


def test_a_lock_that_cannot_be_released_ends_the_wait_with_its_error():
    class Stuck(Minimal):
        def release(self):
            raise OSError("stuck")

    lock = Stuck()
    condition = _native.Condition(lock)
    condition.acquire()
    with pytest.raises(OSError, match="^stuck$"):
        condition.wait(timeout=20)
    assert lock.inner.locked()
    assert len(condition._waiters) == 0


def test_a_recursively_held_rlock_is_released_entirely_and_held_as_before():
    lock = Counting()
    condition = _native.Condition(lock)
    with condition, condition, condition:
        assert lock._recursion_count() == 3
        condition.wait(timeout=0.001)
        assert lock._recursion_count() == 3


@pytest.mark.parametrize("name", ["acquire", "release"])
def test_what_is_no_lock_is_refused(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        _native.Condition(type("NoLock", (), {"acquire": 1} if name == "release" else {})())


def test_the_lock_is_kept():
    condition = _native.Condition()
    lock = condition._lock
    with pytest.raises(RuntimeError, match="keeps the lock"):
        condition.__init__(_native.Lock())
    assert condition._lock is lock


def test_wait_for_and_notify_all_call_what_a_subclass_overrides():
    calls = []

    class Watched(_native.Condition):
        def wait(self, timeout=None):
            calls.append(("wait", timeout))
            return super().wait(0.001)

        def notify(self, n=1):
            calls.append(("notify", n))
            super().notify(n)

    condition = Watched()
    results = iter([0, 0, "done"])
    with condition:
        assert condition.wait_for(lambda: next(results)) == "done"
        condition.notify_all()
    assert calls == [("wait", None), ("wait", None), ("notify", 0)]
