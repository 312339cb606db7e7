"""The reentrant lock: an owner, and a recursion level."""

import re
import sys
import warnings
import weakref
from contextlib import contextmanager

import pytest


@pytest.fixture
def rlock(threading):
    return threading.RLock()


def count(rlock):
    """The recursion level, as the repr shows it."""
    return int(re.search(r"count=(\d+)", repr(rlock)).group(1))


def test_is_made_by_a_call_and_a_new_one_each_time(threading):
    one, other = threading.RLock(), threading.RLock()
    assert one is not other
    assert type(one) is type(other)
    with one:
        assert (count(one), count(other)) == (1, 0)


def test_created_unlocked(rlock, spawn):
    assert count(rlock) == 0
    assert spawn(rlock.acquire, False).result() is True


def test_first_acquire_returns_true_and_sets_level_one(rlock):
    assert rlock.acquire() is True
    assert count(rlock) == 1
    rlock.release()


def test_the_owner_acquires_again_without_blocking(rlock):
    for level in 1, 2, 3:
        assert rlock.acquire() is True
        assert count(rlock) == level
    for level in 2, 1, 0:
        assert rlock.release() is None
        assert count(rlock) == level


def test_only_the_outermost_release_lets_another_thread_in(rlock, spawn):
    rlock.acquire()
    rlock.acquire()
    rlock.release()
    assert spawn(rlock.acquire, False).result() is False
    rlock.release()
    assert spawn(rlock.acquire, False).result() is True


def test_acquire_blocks_until_the_owner_has_released_as_often_as_it_acquired(rlock, spawn):
    order = []

    def acquire():
        rlock.acquire()
        order.append("acquired")
        rlock.release()

    rlock.acquire()
    rlock.acquire()
    call = spawn(acquire).blocked()
    rlock.release()
    call.blocked()
    order.append("released")
    rlock.release()
    call.result()
    assert order == ["released", "acquired"]


def test_the_new_owner_starts_at_level_one(rlock, spawn):
    def acquire():
        rlock.acquire()
        return count(rlock), rlock.release()

    rlock.acquire()
    rlock.acquire()
    call = spawn(acquire).blocked()
    rlock.release()
    rlock.release()
    assert call.result() == (1, None)


def test_one_owner_at_a_time(rlock, crowd):
    @contextmanager
    def twice():
        with rlock, rlock:
            yield

    room = crowd(twice)
    assert room.highest == 1
    assert room.lost == 0


def test_release_of_an_unlocked_rlock_raises(rlock):
    with pytest.raises(RuntimeError, match=r"^cannot release un-acquired lock$"):
        rlock.release()
    assert count(rlock) == 0


def test_release_by_another_thread_raises_and_changes_nothing(rlock, spawn):
    rlock.acquire()
    with pytest.raises(RuntimeError, match=r"^cannot release un-acquired lock$"):
        spawn(rlock.release).result()
    assert count(rlock) == 1
    rlock.release()


def test_non_blocking_acquire(rlock, spawn):
    assert rlock.acquire(blocking=False) is True
    assert rlock.acquire(blocking=False) is True
    assert spawn(lambda: rlock.acquire(blocking=False)).result() is False
    rlock.release()
    rlock.release()


def test_timeout_passes_and_returns_false(rlock, spawn):
    rlock.acquire()
    assert spawn(lambda: rlock.acquire(timeout=0.01)).result() is False
    assert spawn(lambda: rlock.acquire(True, 0)).result() is False
    rlock.release()


def test_timed_acquire_succeeds_when_released_in_time(rlock, spawn):
    rlock.acquire()
    call = spawn(lambda: rlock.acquire(timeout=30)).blocked()
    rlock.release()
    assert call.result() is True


def test_timeout_with_blocking_false_is_an_error(rlock):
    with pytest.raises(ValueError, match="can't specify a timeout for a non-blocking call"):
        rlock.acquire(False, 1)
    assert count(rlock) == 0


def test_timeout_past_the_maximum_overflows(threading, rlock):
    with pytest.raises(OverflowError):
        rlock.acquire(timeout=threading.TIMEOUT_MAX * 2)
    assert count(rlock) == 0


def test_with_acquires_and_releases(rlock):
    with rlock as entered:
        assert entered is True
        with rlock:
            assert count(rlock) == 2
        assert count(rlock) == 1
    assert count(rlock) == 0


def test_with_releases_when_the_block_raises(rlock):
    with pytest.raises(KeyError), rlock:
        raise KeyError
    assert count(rlock) == 0


def test_repr_shows_state_owner_and_count(rlock, threading):
    shape = r"<{} _thread\.RLock object owner={} count={} at 0x[0-9a-f]+>"
    assert re.fullmatch(shape.format("unlocked", 0, 0), repr(rlock))
    with rlock, rlock:
        owner = threading.get_ident()
        assert re.fullmatch(shape.format("locked", owner, 2), repr(rlock))


def test_private_names_that_conditions_use(rlock, spawn):
    assert not rlock._is_owned()
    rlock.acquire()
    rlock.acquire()
    assert rlock._is_owned()
    assert spawn(rlock._is_owned).result() is False
    state = rlock._release_save()
    assert not rlock._is_owned()
    rlock._acquire_restore(state)
    assert count(rlock) == 2
    rlock.release()
    rlock.release()


def test_may_be_subclassed(rlock):
    class Mine(type(rlock)):
        def __init__(self, label):
            super().__init__()
            self.label = label

        def __new__(cls, label):
            return super().__new__(cls)

    mine = Mine("a")
    with mine:
        assert mine.label == "a"
        assert count(mine) == 1


def test_its_class_is_the_interpreters(threading):
    # By this, programs tell it from one that is written in Python, which is not safe in signal handlers.
    kind = type(threading.RLock())
    assert (kind.__module__, kind.__qualname__) == ("_thread", "RLock")
    assert threading.RLock.__module__ == "threading"


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="they are refused")
def test_arguments_are_warned_of_once_from_3_13_on(threading):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threading.RLock(1)
    assert [warning.filename for warning in caught] == [__file__] * (sys.version_info >= (3, 13))


def test_may_be_weakly_referenced(threading):
    rlock = threading.RLock()
    reference = weakref.ref(rlock)
    del rlock
    assert reference() is None


def test_the_pure_python_class_behaves_alike(threading):
    rlock = threading._PyRLock()
    assert rlock.acquire()
    assert rlock.acquire()
    assert rlock._is_owned()
    rlock.release()
    rlock.release()
    with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        rlock.release()


def test_has_the_methods_that_this_version_gives_it(threading, stdlib):
    names = {name for name in dir(stdlib.RLock()) if not name.startswith("__")}
    assert names - set(dir(threading.RLock())) == set()
    assert hasattr(threading.RLock(), "locked") == hasattr(stdlib.RLock(), "locked")
