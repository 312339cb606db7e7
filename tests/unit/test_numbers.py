"""Numbers of unusual kinds where counts and timeouts are expected: as the standard library takes them."""

import decimal
import fractions
import importlib
import re

import pytest


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
