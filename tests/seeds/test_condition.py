"""The condition variable: wait under a lock, be notified, have the lock again."""

import gc
import os
import re
import weakref

import pytest


@pytest.fixture
def condition(threading):
    return threading.Condition()


@pytest.fixture
def waiters(condition, spawn, eventually):
    """``waiters(n)`` returns n calls that wait on the condition; each ends with the result of its
    wait, and appends its number to ``waiters.woken`` while it holds the lock."""

    def wait(number, timeout):
        with condition:
            result = condition.wait(timeout)
            start.woken.append(number)
            return result

    def start(n, timeout=None):
        calls = []
        for number in range(n):
            calls.append(spawn(wait, number, timeout))
            # One after the other, so that the order of arrival is known.
            eventually(lambda: waiting(condition) == number + 1, f"{number + 1} waiters")
        return calls

    start.woken = []
    return start


def waiting(condition):
    """How many threads wait, as the repr shows it."""
    return int(re.search(r", (\d+)\)>$", repr(condition)).group(1))


def notified(condition, method, *args):
    with condition:
        return getattr(condition, method)(*args)


def test_makes_an_rlock_by_default(threading, condition):
    with condition, condition:
        assert "_thread.RLock object" in repr(condition)
    assert isinstance(condition._lock, type(threading.RLock()))


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_takes_a_lock_of_either_kind(threading, kind):
    lock = getattr(threading, kind)()
    condition = threading.Condition(lock)
    with condition:
        assert repr(lock).startswith("<locked")
    assert repr(lock).startswith("<unlocked")
    assert threading.Condition(lock=lock)._lock is lock


def test_several_conditions_may_share_a_lock(threading, spawn, eventually):
    lock = threading.Lock()
    full, empty = threading.Condition(lock), threading.Condition(lock)

    def wait(condition):
        with lock:
            return condition.wait(30)

    first, second = spawn(wait, full), spawn(wait, empty)
    eventually(lambda: waiting(full) == waiting(empty) == 1, "both wait")
    with lock:
        empty.notify_all()
    assert second.result() is True
    assert waiting(full) == 1
    with full:
        full.notify()
    assert first.result() is True


def test_acquire_and_release_are_those_of_the_lock(threading, spawn):
    lock = threading.Lock()
    condition = threading.Condition(lock)
    assert condition.acquire() is True
    assert lock.locked()
    assert condition.acquire(False) is False
    assert condition.acquire(True, 0.01) is False
    assert condition.acquire(blocking=True, timeout=0.01) is False
    assert condition.release() is None
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        condition.release()


def test_with_holds_the_lock(threading):
    lock = threading.Lock()
    condition = threading.Condition(lock)
    with condition as entered:
        assert entered is True
        assert lock.locked()
    assert not lock.locked()


def test_wait_releases_the_lock_and_has_it_again_afterwards(condition, spawn, eventually):
    def wait():
        with condition:
            condition.wait(30)
            assert condition._is_owned()
            return True

    call = spawn(wait)
    eventually(lambda: waiting(condition) == 1, "the thread waits")
    assert condition.acquire(timeout=30), "wait has released the lock"
    condition.notify()
    condition.release()
    assert call.result() is True


@pytest.mark.parametrize("method", ["notify", "notify_all"])
def test_notified_thread_does_not_return_before_the_lock_is_released(condition, waiters, method, spawn):
    (call,) = waiters(1)
    condition.acquire()
    getattr(condition, method)()
    call.blocked()
    assert waiters.woken == []
    condition.release()
    assert call.result() is True


def test_wait_returns_true_when_notified(condition, waiters):
    (call,) = waiters(1)
    notified(condition, "notify")
    assert call.result() is True


def test_wait_returns_false_on_timeout(condition):
    with condition:
        assert condition.wait(0.01) is False
        assert condition.wait(timeout=0) is False
        assert condition.wait(-1) is False
        assert condition._is_owned()
    assert waiting(condition) == 0


def test_timed_wait_returns_true_when_notified_in_time(condition, waiters):
    (call,) = waiters(1, timeout=30)
    notified(condition, "notify")
    assert call.result() is True


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
@pytest.mark.parametrize("method", ["wait", "notify", "notify_all"])
def test_without_the_lock_it_raises(threading, kind, method):
    condition = threading.Condition(getattr(threading, kind)())
    verb = method.partition("_")[0]
    with pytest.raises(RuntimeError, match=rf"^cannot {verb} on un-acquired lock$"):
        getattr(condition, method)()
    assert waiting(condition) == 0


def test_wait_while_another_thread_has_the_rlock_raises(condition, spawn):
    with condition, pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
        spawn(condition.wait, 1).result()


def test_wait_releases_an_rlock_of_any_level_and_restores_the_level(condition, spawn, eventually):
    def wait():
        with condition, condition, condition:
            condition.wait(30)
            return re.search(r"count=(\d+)", repr(condition)).group(1)

    call = spawn(wait)
    eventually(lambda: waiting(condition) == 1, "the thread waits")
    notified(condition, "notify")
    assert call.result() == "3"


def test_notify_wakes_one_by_default(condition, waiters, eventually):
    calls = waiters(3)
    for count in 1, 2, 3:
        notified(condition, "notify")
        eventually(lambda: len(waiters.woken) == count, f"{count} woken")
        assert waiting(condition) == 3 - count
    assert [call.result() for call in calls] == [True] * 3


def test_notify_n_wakes_exactly_n(condition, waiters, eventually):
    waiters(5)
    notified(condition, "notify", 2)
    eventually(lambda: len(waiters.woken) == 2, "two woken")
    assert waiting(condition) == 3
    with condition:
        condition.notify(n=3)
    eventually(lambda: len(waiters.woken) == 5, "all woken")


def test_notify_more_than_there_are_wakes_all(condition, waiters):
    calls = waiters(2)
    notified(condition, "notify", 10)
    assert [call.result() for call in calls] == [True, True]


def test_notify_wakes_in_order_of_arrival(condition, waiters, eventually):
    waiters(4)
    for count in range(1, 5):
        notified(condition, "notify")
        eventually(lambda: len(waiters.woken) == count, f"{count} woken")
    assert waiters.woken == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["notify", "notify_all"])
def test_notify_without_a_waiter_does_nothing(condition, method):
    assert notified(condition, method) is None
    with condition:
        assert condition.wait(0.01) is False, "no notification is kept"


def test_notify_all_wakes_all(condition, waiters):
    calls = waiters(5)
    notified(condition, "notify_all")
    assert [call.result() for call in calls] == [True] * 5
    assert sorted(waiters.woken) == [0, 1, 2, 3, 4]


def test_camel_case_notify_all_is_deprecated(condition, waiters):
    (call,) = waiters(1)
    with condition, pytest.warns(DeprecationWarning, match="notifyAll"):
        condition.notifyAll()
    assert call.result() is True


def test_wait_for_returns_the_last_value_of_the_predicate(condition, spawn, eventually):
    box = []

    def wait():
        with condition:
            return condition.wait_for(lambda: box)

    call = spawn(wait)
    eventually(lambda: waiting(condition) == 1, "the thread waits")
    with condition:
        box.append("item")
        condition.notify()
    assert call.result() is box


def test_wait_for_asks_first_and_does_not_release_when_it_is_true(threading):
    asked = []

    class Watched:
        """A lock that counts how often it is released."""

        def __init__(self):
            lock = threading.Lock()
            self.released = 0
            self.acquire, self.locked = lock.acquire, lock.locked
            self._lock = lock

        def release(self):
            self.released += 1
            self._lock.release()

    lock = Watched()
    condition = threading.Condition(lock)
    condition.acquire()
    assert condition.wait_for(lambda: asked.append(1) or "yes") == "yes"
    assert (len(asked), lock.released) == (1, 0)
    condition.release()


def test_wait_for_asks_again_on_each_notification(condition, spawn, eventually):
    asked = []

    def predicate():
        assert condition._is_owned(), "the predicate is evaluated with the lock held"
        asked.append(1)
        return len(asked) == 3

    def wait():
        with condition:
            return condition.wait_for(predicate)

    call = spawn(wait)
    for count in 1, 2:
        eventually(lambda: len(asked) == count and waiting(condition) == 1, f"asked {count} times")
        notified(condition, "notify")
    assert call.result() is True
    assert len(asked) == 3


def test_wait_for_times_out_with_the_last_value(condition):
    with condition:
        assert condition.wait_for(lambda: False, timeout=0.01) is False
        assert condition.wait_for(list, 0.01) == []
        assert condition.wait_for(lambda: 0, -1) == 0
        assert condition._is_owned()


def test_wait_for_is_the_loop_around_wait(condition, spawn, eventually):
    ready = False

    def loop():
        with condition:
            while not ready:
                condition.wait()
            return ready

    def tool():
        with condition:
            return condition.wait_for(lambda: ready)

    calls = [spawn(loop), spawn(tool)]
    eventually(lambda: waiting(condition) == 2, "both wait")
    notified(condition, "notify_all")
    eventually(lambda: waiting(condition) == 2, "both wait again")
    with condition:
        ready = True
        condition.notify_all()
    assert [call.result() for call in calls] == [True, True]


def test_wait_for_without_the_lock_raises(condition):
    with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
        condition.wait_for(lambda: False)


def test_wait_for_passes_on_what_the_predicate_raises(condition):
    def predicate():
        raise KeyError("mine")

    with condition:
        with pytest.raises(KeyError, match="mine"):
            condition.wait_for(predicate)
        assert condition._is_owned()
    assert waiting(condition) == 0


def test_timeout_past_the_maximum_overflows_and_leaves_no_waiter(threading, condition):
    with condition:
        with pytest.raises(OverflowError):
            condition.wait(threading.TIMEOUT_MAX * 2)
        assert condition._is_owned()
    assert waiting(condition) == 0


def test_producer_and_consumer_lose_nothing(condition, spawn):
    items, taken = [], []

    def consume():
        for _ in range(500):
            with condition:
                while not items:
                    condition.wait()
                taken.append(items.pop())

    def produce(first):
        for item in range(first, first + 500):
            with condition:
                items.append(item)
                condition.notify()

    for call in [spawn(consume), spawn(consume), spawn(produce, 0), spawn(produce, 500)]:
        call.result()
    assert sorted(taken) == list(range(1000))


def test_works_over_a_lock_like_object_of_any_make(threading, spawn, eventually):
    class Foreign:
        def __init__(self):
            self._lock = threading.Lock()
            self.held = 0

        def acquire(self, *args):
            acquired = self._lock.acquire(*args)
            self.held += acquired
            return acquired

        def release(self):
            self.held -= 1
            self._lock.release()

        def locked(self):
            return self._lock.locked()

        def __enter__(self):
            return self.acquire()

        def __exit__(self, *args):
            self.release()

    foreign = Foreign()
    condition = threading.Condition(foreign)

    def wait():
        with condition:
            result = condition.wait(30)
            return result, foreign.held

    call = spawn(wait)
    eventually(lambda: len(condition._waiters) == 1, "the thread waits")
    notified(condition, "notify")
    assert call.result() == (True, 1)
    assert foreign.held == 0
    with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
        condition.notify()


def test_repr_shows_the_lock_and_the_number_of_waiters(threading):
    lock = threading.Lock()
    assert repr(threading.Condition(lock)) == f"<Condition({lock!r}, 0)>"


def test_may_be_subclassed_and_has_attributes(threading):
    class Mine(threading.Condition):
        def wait(self, timeout=None):
            return "mine"

    mine = Mine(threading.Lock())
    mine.label = 1
    assert vars(mine)["label"] == 1
    with mine:
        assert mine.wait() == "mine"
        assert mine.notify() is None


def test_may_be_weakly_referenced_and_collected_in_a_cycle(threading):
    condition = threading.Condition()
    condition.itself = condition
    reference = weakref.ref(condition)
    del condition
    gc.collect()
    assert reference() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_the_child_of_a_fork_forgets_who_waited(child):
    code = """
        import os, sys

        condition = threading.Condition()

        def wait():
            with condition:
                condition.wait()

        thread = threading.Thread(target=wait)
        thread.start()
        while not condition._waiters:
            pass
        with condition:
            if pid := os.fork():
                os.waitpid(pid, 0)
                condition.notify_all()
            else:
                condition._at_fork_reinit()
                print(repr(condition)[-3:], len(condition._waiters))
                sys.stdout.flush()
                os._exit(0)
        thread.join()
    """
    assert child(code).stdout == "0)> 0\n"
