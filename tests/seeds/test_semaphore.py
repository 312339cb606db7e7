"""Semaphores: a count that acquire lowers, release raises, and nobody brings below zero."""

import gc
import re
import weakref

import pytest

KINDS = ["Semaphore", "BoundedSemaphore"]


@pytest.fixture(params=KINDS)
def semaphore_class(request, threading):
    return getattr(threading, request.param)


def value(semaphore):
    """The count, as the repr shows it."""
    return int(re.search(r"value=(\d+)", repr(semaphore)).group(1))


def test_initial_value_is_one(semaphore_class):
    assert value(semaphore_class()) == 1


def test_initial_value_may_be_given(semaphore_class):
    assert value(semaphore_class(5)) == 5
    assert value(semaphore_class(value=0)) == 0


def test_initial_value_below_zero_raises(semaphore_class):
    with pytest.raises(ValueError, match=r"^semaphore initial value must be >= 0$"):
        semaphore_class(-1)


def test_acquire_lowers_the_count_and_returns_true(semaphore_class):
    semaphore = semaphore_class(2)
    assert semaphore.acquire() is True
    assert value(semaphore) == 1
    assert semaphore.acquire() is True
    assert value(semaphore) == 0


def test_release_raises_the_count_and_returns_none(threading):
    semaphore = threading.Semaphore(0)
    assert semaphore.release() is None
    assert value(semaphore) == 1


def test_count_is_releases_minus_acquires_plus_the_initial_value(threading):
    semaphore = threading.Semaphore(3)
    for _ in range(4):
        semaphore.release()
    for _ in range(6):
        semaphore.acquire()
    assert value(semaphore) == 3 + 4 - 6


def test_acquire_at_zero_blocks_until_a_release(semaphore_class, spawn):
    semaphore = semaphore_class(1)
    semaphore.acquire()
    order = []

    def acquire():
        result = semaphore.acquire()
        order.append("acquired")
        return result

    call = spawn(acquire).blocked()
    order.append("released")
    semaphore.release()
    assert call.result() is True
    assert order == ["released", "acquired"]
    assert value(semaphore) == 0, "the count never goes below zero"


def test_one_release_wakes_one_waiter(threading, spawn, eventually):
    semaphore = threading.Semaphore(0)
    through = []

    def acquire(number):
        semaphore.acquire()
        through.append(number)

    for number in range(4):
        spawn(acquire, number).blocked()
    for count in range(1, 5):
        semaphore.release()
        eventually(lambda: len(through) == count, f"{count} through")
        assert value(semaphore) == 0
    assert sorted(through) == [0, 1, 2, 3]


def test_release_n_adds_n_and_wakes_as_many(threading, spawn, eventually):
    semaphore = threading.Semaphore(0)
    through = []
    for _ in range(3):
        spawn(lambda: through.append(semaphore.acquire())).blocked()
    semaphore.release(2)
    eventually(lambda: len(through) == 2, "two through")
    semaphore.release(n=4)
    eventually(lambda: len(through) == 3, "three through")
    assert value(semaphore) == 3


@pytest.mark.parametrize("n", [0, -1])
def test_release_of_less_than_one_raises(semaphore_class, n):
    semaphore = semaphore_class(2)
    semaphore.acquire()
    with pytest.raises(ValueError, match=r"^n must be one or more$"):
        semaphore.release(n)
    assert value(semaphore) == 1


def test_non_blocking_acquire(semaphore_class):
    semaphore = semaphore_class(1)
    assert semaphore.acquire(blocking=False) is True
    assert semaphore.acquire(blocking=False) is False
    assert semaphore.acquire(False) is False
    assert value(semaphore) == 0


def test_timeout_passes_and_returns_false(semaphore_class):
    semaphore = semaphore_class(1)
    semaphore.acquire()
    assert semaphore.acquire(timeout=0.01) is False
    assert semaphore.acquire(True, 0) is False
    assert semaphore.acquire(timeout=-1) is False
    assert value(semaphore) == 0


def test_timed_acquire_succeeds_when_released_in_time(semaphore_class, spawn):
    semaphore = semaphore_class(1)
    semaphore.acquire()
    call = spawn(lambda: semaphore.acquire(timeout=30)).blocked()
    semaphore.release()
    assert call.result() is True


def test_timeout_with_blocking_false_is_an_error(semaphore_class):
    semaphore = semaphore_class(1)
    with pytest.raises(ValueError, match="can't specify timeout for non-blocking acquire"):
        semaphore.acquire(blocking=False, timeout=1)
    assert value(semaphore) == 1


def test_timeout_past_the_maximum_overflows(threading, semaphore_class):
    semaphore = semaphore_class(0)
    with pytest.raises(OverflowError):
        semaphore.acquire(timeout=threading.TIMEOUT_MAX * 2)
    assert value(semaphore) == 0


def test_with_acquires_and_releases(semaphore_class):
    semaphore = semaphore_class(2)
    with semaphore as entered:
        assert entered is True
        assert value(semaphore) == 1
    assert value(semaphore) == 2
    with pytest.raises(KeyError), semaphore:
        raise KeyError
    assert value(semaphore) == 2


def test_plain_semaphore_may_be_released_beyond_its_initial_value(threading):
    semaphore = threading.Semaphore(1)
    semaphore.release()
    assert value(semaphore) == 2


def test_bounded_semaphore_may_not(threading):
    semaphore = threading.BoundedSemaphore(2)
    with pytest.raises(ValueError, match=r"^Semaphore released too many times$"):
        semaphore.release()
    assert value(semaphore) == 2
    semaphore.acquire()
    with pytest.raises(ValueError, match="Semaphore released too many times"):
        semaphore.release(2)
    assert value(semaphore) == 1
    semaphore.release()


def test_bounded_semaphore_is_a_semaphore(threading):
    assert issubclass(threading.BoundedSemaphore, threading.Semaphore)


def test_guards_a_resource_of_limited_capacity(semaphore_class, crowd):
    semaphore = semaphore_class(3)
    assert crowd(lambda: semaphore).highest <= 3
    assert value(semaphore) == 3


def test_limits_threads_at_a_time_but_not_which_threads(threading, crowd):
    semaphore = threading.Semaphore(2)
    room = crowd(lambda: semaphore)
    assert room.highest <= 2
    assert len(room.visitors) == 6


def test_repr_shows_the_count(threading):
    at = r"at 0x[0-9a-f]+"
    assert re.fullmatch(rf"<threading\.Semaphore {at}: value=3>", repr(threading.Semaphore(3)))
    bounded = threading.BoundedSemaphore(3)
    bounded.acquire()
    assert re.fullmatch(rf"<threading\.BoundedSemaphore {at}: value=2/3>", repr(bounded))


def test_private_names_that_programs_read(threading):
    semaphore = threading.BoundedSemaphore(3)
    semaphore.acquire()
    assert (semaphore._value, semaphore._initial_value) == (2, 3)


def test_may_be_subclassed_and_has_attributes(semaphore_class):
    class Mine(semaphore_class):
        def __init__(self, label, value=1):
            super().__init__(value)
            self.label = label

        def acquire(self, *args, **kwargs):
            return "mine", super().acquire(*args, **kwargs)

    mine = Mine("a", 2)
    assert vars(mine)["label"] == "a"
    assert mine.acquire() == ("mine", True)
    assert value(mine) == 1


def test_may_be_weakly_referenced_and_collected_in_a_cycle(semaphore_class):
    semaphore = semaphore_class()
    semaphore.itself = semaphore
    reference = weakref.ref(semaphore)
    del semaphore
    gc.collect()
    assert reference() is None


def test_there_is_no_boundary_semaphore(threading):
    assert not hasattr(threading, "BoundarySemaphore")
