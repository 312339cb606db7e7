"""The primitive lock, and what it has in common with everything that has `acquire`."""

import re
import sys
import sysconfig
import weakref
from contextlib import contextmanager, nullcontext

import pytest


@pytest.fixture
def lock(threading):
    return threading.Lock()


def test_created_unlocked(lock):
    assert not lock.locked()


def test_acquire_locks_and_returns_true(lock):
    assert lock.acquire() is True
    assert lock.locked()


def test_release_unlocks_and_returns_none(lock):
    lock.acquire()
    assert lock.release() is None
    assert not lock.locked()


@pytest.mark.skipif(sysconfig.get_config_var("Py_GIL_DISABLED"), reason="there all threads run at once")
@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition"])
def test_who_releases_goes_on_running(threading, spawn, kind):
    # Only the interpreter decides when a thread has to let others run. What programs do right after they have let go
    # of a lock, such as a result's last details, is nearly always done when the woken thread looks at it.
    lock = getattr(threading, kind)()

    def visit():
        with lock:
            order.append("woken")

    interval = sys.getswitchinterval()
    for _ in range(10):
        order = []
        lock.acquire()
        call = spawn(visit).blocked()
        sys.setswitchinterval(60)
        try:
            lock.release()
            order.append("released")
        finally:
            sys.setswitchinterval(interval)
        call.join()
        assert order == ["released", "woken"]


def test_acquire_blocks_until_another_thread_releases(lock, spawn):
    order = []

    def acquire():
        lock.acquire()
        order.append("acquired")

    lock.acquire()
    call = spawn(acquire).blocked()
    order.append("released")
    lock.release()
    call.join()
    assert order == ["released", "acquired"]
    assert lock.locked()


def test_release_of_an_unlocked_lock_raises(lock):
    with pytest.raises(RuntimeError, match=r"^release unlocked lock$"):
        lock.release()
    assert not lock.locked()
    assert lock.acquire(False)


def test_any_thread_may_release(lock, spawn):
    lock.acquire()
    spawn(lock.release).result()
    assert not lock.locked()


def test_belongs_to_no_thread_so_a_second_acquire_by_the_same_thread_would_block(lock):
    lock.acquire()
    assert lock.acquire(False) is False
    assert lock.acquire(timeout=0.01) is False


def test_non_blocking_acquire_of_a_free_lock_returns_true(lock):
    assert lock.acquire(blocking=False) is True
    assert lock.locked()


def test_non_blocking_acquire_of_a_held_lock_returns_false_at_once(lock, spawn):
    lock.acquire()
    assert spawn(lock.acquire, False).result() is False


def test_blocking_is_read_as_a_truth_value(lock):
    assert lock.acquire(1) is True
    assert lock.acquire(0) is False


def test_timeout_passes_and_returns_false(lock, spawn):
    lock.acquire()
    assert spawn(lambda: lock.acquire(timeout=0.01)).result() is False
    assert lock.locked()


def test_timeout_of_zero_does_not_block(lock):
    assert lock.acquire(timeout=0) is True
    assert lock.acquire(timeout=0) is False


def test_timed_acquire_succeeds_when_released_in_time(lock, spawn):
    lock.acquire()
    call = spawn(lambda: lock.acquire(timeout=30)).blocked()
    lock.release()
    assert call.result() is True


def test_timeout_of_minus_one_waits_without_limit(lock, spawn):
    lock.acquire()
    call = spawn(lambda: lock.acquire(True, -1)).blocked()
    lock.release()
    assert call.result() is True


def test_timeout_with_blocking_false_is_an_error(lock):
    with pytest.raises(ValueError, match="can't specify a timeout for a non-blocking call"):
        lock.acquire(False, 1)
    assert not lock.locked()


def test_timeout_max_is_accepted_and_more_overflows(threading, lock):
    assert lock.acquire(timeout=threading.TIMEOUT_MAX)
    lock.release()
    with pytest.raises(OverflowError):
        lock.acquire(timeout=threading.TIMEOUT_MAX * 2)
    assert not lock.locked()


def test_one_release_lets_exactly_one_of_several_waiters_go_on(lock, spawn, eventually):
    through = []

    def acquire(name):
        lock.acquire()
        through.append(name)

    lock.acquire()
    calls = [spawn(acquire, name).blocked() for name in range(4)]
    for count in range(1, 5):
        lock.release()
        eventually(lambda: len(through) == count, f"{count} through")
        assert lock.locked()
        assert sum(call.thread.is_alive() for call in calls) >= 4 - count
    assert sorted(through) == [0, 1, 2, 3]


@contextmanager
def acquired(lock):
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@pytest.mark.parametrize("hold", [lambda lock: lock, acquired], ids=["with", "acquire"])
def test_one_holder_at_a_time(lock, crowd, hold):
    room = crowd(lambda: hold(lock))
    assert room.highest == 1
    assert room.lost == 0


def test_without_a_lock_all_hold_it_at_once(crowd):
    # What the tests of mutual exclusion, here and beside this file, would say of one that does nothing.
    room = crowd(nullcontext)
    assert room.highest == 6
    assert room.lost > 0


def test_with_acquires_and_releases(lock):
    with lock as entered:
        assert entered is True
        assert lock.locked()
    assert not lock.locked()


def test_with_releases_when_the_block_raises(lock):
    with pytest.raises(KeyError), lock:
        raise KeyError
    assert not lock.locked()


def test_repr_shows_the_state(lock):
    assert re.fullmatch(r"<unlocked _thread\.lock object at 0x[0-9a-f]+>", repr(lock))
    lock.acquire()
    assert re.fullmatch(r"<locked _thread\.lock object at 0x[0-9a-f]+>", repr(lock))


def test_is_callable_and_makes_a_new_lock_each_time(threading):
    assert threading.Lock() is not threading.Lock()
    assert type(threading.Lock()) is type(threading.Lock())


def test_takes_no_arguments(threading):
    with pytest.raises(TypeError):
        threading.Lock(1)


def test_may_not_be_subclassed(lock):
    with pytest.raises(TypeError, match="is not an acceptable base type"):
        type("Mine", (type(lock),), {})


def test_has_no_attributes_of_its_own(lock):
    with pytest.raises(AttributeError):
        lock.x = 1


def test_may_be_weakly_referenced(lock, threading):
    other = threading.Lock()
    reference = weakref.ref(other)
    assert reference() is other
    del other
    assert reference() is None


def test_is_hashable_and_equal_to_itself_only(lock, threading):
    assert {lock: 1}[lock] == 1
    assert lock != threading.Lock()


def test_a_held_lock_may_be_forgotten(threading):
    lock = threading.Lock()
    lock.acquire()
    reference = weakref.ref(lock)
    del lock
    assert reference() is None


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_two_threads_that_take_two_locks_in_opposite_order_block_each_other(threading, spawn, kind):
    one, other = getattr(threading, kind)(), getattr(threading, kind)()
    both_hold, both_tried = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)

    def take(first, second):
        with first:
            both_hold.wait()
            # Without the timeout they would wait for each other for ever; an RLock is no remedy.
            taken = second.acquire(timeout=0.01)
            both_tried.wait()
            return taken

    calls = [spawn(take, one, other), spawn(take, other, one)]
    assert [call.result() for call in calls] == [False, False]
