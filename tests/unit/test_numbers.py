"""Numbers of unusual kinds where counts and timeouts are expected: as the standard library takes them."""

import decimal
import fractions
import importlib
import re

import pytest

from threadwell import _native


@pytest.fixture(params=["threading", "threadwell"])
def threading(request):
    return importlib.import_module(request.param)


class Sour:
    """Compares and counts like a number; what is not asked of it does not matter."""

    def __init__(self, value):
        self.value = value

    def __gt__(self, other):
        return self.value > other

    def __sub__(self, other):
        return Sour(self.value - other)

    def __index__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("n", "count"),
    [
        (1.0, 1),
        (1.5, 2),
        (True, 1),
        (fractions.Fraction(1), 1),
        (decimal.Decimal(2), 2),
        (Sour(2), 2),
        (2**70, 3),
        (-1, 0),
        (float("nan"), 0),
        (float("inf"), 3),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_notify_counts_down(threading, until, n, count):
    def waiting():
        return int(re.search(r", (\d+)\)>$", repr(condition)).group(1))

    def wait():
        with condition:
            results.append(condition.wait(30))

    condition = threading.Condition()
    results = []
    waiters = [threading.Thread(target=wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    until("they wait", lambda: waiting() == 3)
    with condition:
        condition.notify(n)
        left = waiting()
        condition.notify_all()
    for waiter in waiters:
        waiter.join()
    assert 3 - left == count
    assert results == [True] * 3


@pytest.mark.parametrize("n", ["a", None, 1j, object()], ids=["str", "None", "complex", "object"])
def test_notify_takes_anything_if_nobody_waits(threading, n):
    condition = threading.Condition()
    with condition:
        condition.notify(n)


class Exact:
    """A whole number that counts how often it is asked; as a truth or a float it is another one."""

    def __init__(self, value):
        self.value, self.asked = value, 0

    def __index__(self):
        self.asked += 1
        return self.value

    def __bool__(self):
        self.asked += 1
        return bool(self.value)

    def __float__(self):
        return 3600.0

    def __gt__(self, other):
        return self.value > other


class Shifted(float):
    def __float__(self):
        return 3600.0


class ShiftedInt(int):
    def __float__(self):
        return 3600.0


def held(lock):
    lock.acquire()
    return lock


@pytest.mark.parametrize("make", [Exact, Shifted, ShiftedInt], ids=["index", "float", "int"])
def test_a_timeout_is_asked_once_for_its_value(threading, make):
    timeout = make(0)
    assert held(threading.Lock()).acquire(True, timeout) is False
    assert getattr(timeout, "asked", 1) == 1
    assert held(threading.Lock()).acquire(timeout=make(0)) is False


def test_blocking_is_asked_once_for_its_value(threading):
    blocking = Exact(0)
    assert held(threading.Lock()).acquire(blocking) is False
    assert blocking.asked == 1
    blocking = Exact(1)
    assert threading.RLock().acquire(blocking, 1) is True
    assert blocking.asked == 1


def test_a_wait_asks_its_timeout_once(threading):
    class Brief(Exact):
        def __gt__(self, other):
            return True

        def __le__(self, other):
            return False

    timeout = Brief(0)
    assert threading.Event().wait(timeout) is False
    assert timeout.asked == 1


def test_the_interpreters_lock_judges_arguments_whatever_is_in_the_place_of_its_module(program):
    program("""
        import sys, threadwell, threadwell._thread
        sys.modules["_thread"] = threadwell._thread
        try:
            threadwell.Lock().acquire(timeout=-5)
        except ValueError:
            pass
        else:
            raise AssertionError("a negative timeout is accepted")
    """)


@pytest.mark.parametrize("n", [2**63, 2**64, 10**30, 1.0, float("inf"), fractions.Fraction(1)], ids=str)
def test_too_many_is_too_many_in_any_number(threading, n):
    semaphore = threading.BoundedSemaphore(1)
    with pytest.raises(ValueError, match="^Semaphore released too many times$"):
        semaphore.release(n)
    assert semaphore.acquire(blocking=False)
    assert not semaphore.acquire(blocking=False)


@pytest.mark.parametrize("two", [2.0, fractions.Fraction(2), decimal.Decimal(2)], ids=lambda two: type(two).__name__)
def test_a_whole_number_is_one_in_any_type(threading, two):
    assert threading.Semaphore(two)._value == 2
    assert threading.Barrier(two).parties == 2
    semaphore = _native.Semaphore(two)
    semaphore.release(two)  # Older standard libraries have added them when they complain.
    assert semaphore._value == 4


def test_an_error_of_a_number_is_not_hidden():
    class Broken:
        def __lt__(self, other):
            return False

        def __float__(self):
            raise ZeroDivisionError

    for make in _native.Semaphore, _native.Barrier, _native.Semaphore().release:
        with pytest.raises(ZeroDivisionError):
            make(Broken())
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            make(1.5)
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            make(float("nan"))
    with pytest.raises(OverflowError):
        _native.Semaphore(float("inf"))
