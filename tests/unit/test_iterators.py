"""The iterator helpers of Python 3.15, on threadwell's lock."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from threadwell._iterators import concurrent_tee, serialize_iterator, synchronized_iterator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds after which a thread that is waited for will not end any more.
PATIENCE = 60


def in_threads(*activities: Callable[[], object]) -> list[Any]:
    """Run each activity in a thread of its own, all at once, and return what they return."""
    results: list[Any] = [None] * len(activities)
    barrier = threading.Barrier(len(activities))

    def run(index: int) -> None:
        barrier.wait(PATIENCE)
        results[index] = activities[index]()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(activities))]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
    finally:
        sys.setswitchinterval(interval)
    return results


class Fragile:
    """An iterator that notices when two threads are in it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.position = 0
        self.inside = False

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        assert not self.inside, "two threads at once"
        self.inside = True
        position = self.position
        for _ in range(20):
            pass
        self.position = position + 1
        self.inside = False
        if position >= self.count:
            raise StopIteration
        return position


def echo() -> Iterator[Any]:
    """Yield what was sent or raised."""
    value: Any = "first"
    while True:
        try:
            value = yield value
        except ValueError as error:
            value = error


# -- serialize_iterator -----------------------------------------------------------------------------------------------


def test_each_item_goes_to_exactly_one_thread() -> None:
    shared = serialize_iterator(Fragile(2000))
    taken = in_threads(*[lambda: list(shared)] * 4)
    assert sorted(itertools.chain(*taken)) == list(range(2000))
    assert all(part == sorted(part) for part in taken)


def test_a_generator_can_be_shared() -> None:
    shared = serialize_iterator(n for n in range(2000))
    assert sorted(itertools.chain(*in_threads(*[lambda: list(shared)] * 4))) == list(range(2000))


def test_it_is_an_iterator_over_any_iterable() -> None:
    shared = serialize_iterator([1, 2])
    assert iter(shared) is shared
    assert [*shared, *shared] == [1, 2]
    with pytest.raises(StopIteration):
        next(shared)
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        serialize_iterator(5)  # type: ignore[arg-type]


def test_generator_methods_get_through() -> None:
    shared = serialize_iterator(echo())
    assert next(shared) == "first"
    assert shared.send("sent") == "sent"
    error = ValueError("thrown")
    assert shared.throw(error) is error
    assert shared.close() is None
    with pytest.raises(StopIteration):
        shared.send("late")


def test_close_returns_what_the_generator_does() -> None:
    def returning() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            return "value"  # type: ignore[return-value]

    plain, shared = returning(), serialize_iterator(returning())
    next(plain)
    next(shared)
    assert shared.close() == plain.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("method", "arguments"), [("send", (1,)), ("throw", (ValueError(),)), ("close", ())])
def test_generator_methods_of_another_iterator_are_missing(method: str, arguments: tuple[object, ...]) -> None:
    shared = serialize_iterator([1])
    with pytest.raises(AttributeError, match=method):
        getattr(shared, method)(*arguments)
    assert next(shared) == 1


def test_an_exception_leaves_the_lock_free() -> None:
    def failing() -> Iterator[int]:
        raise KeyError("in the iterator")
        yield

    shared = serialize_iterator(failing())
    with pytest.raises(KeyError, match="in the iterator"):
        next(shared)
    assert in_threads(lambda: list(shared)) == [[]]


def test_calls_wait_for_one_another() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        entered.set()
        assert leave.wait(PATIENCE)
        yield 1
        yield 2

    shared = serialize_iterator(slow())
    first = threading.Thread(target=next, args=(shared,), daemon=True)
    first.start()
    assert entered.wait(PATIENCE)
    # Not shared, a generator that is running would raise ValueError.
    second = threading.Thread(target=lambda: results.append(next(shared)), daemon=True)
    results: list[int] = []
    second.start()
    assert not results
    leave.set()
    for thread in (first, second):
        thread.join(PATIENCE)
    assert results in ([1], [2])


def test_annotations_and_weak_references_work() -> None:
    assert serialize_iterator[int] is not None
    shared = serialize_iterator([1])
    reference = weakref.ref(shared)
    assert reference() is shared
    with pytest.raises(AttributeError):
        shared.attribute = 1  # type: ignore[attr-defined]


# -- synchronized_iterator --------------------------------------------------------------------------------------------


def test_a_generator_function_makes_shared_generators() -> None:
    @synchronized_iterator
    def numbers(count: int, *, step: int = 1) -> Iterator[int]:
        """Count."""
        yield from range(0, count * step, step)

    assert type(numbers(1)) is serialize_iterator
    assert list(numbers(3, step=2)) == [0, 2, 4]
    assert numbers(1) is not numbers(1)
    assert (numbers.__name__, numbers.__doc__) == ("numbers", "Count.")
    assert list(numbers.__wrapped__(2)) == [0, 1]  # type: ignore[attr-defined]
    shared = numbers(2000)
    assert sorted(itertools.chain(*in_threads(*[lambda: list(shared)] * 4))) == list(range(2000))


def test_a_class_can_be_wrapped() -> None:
    counter = synchronized_iterator(itertools.count)
    assert next(counter(5)) == 5


# -- concurrent_tee ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_branch_sees_every_item(count: int) -> None:
    branches = concurrent_tee(Fragile(2000), count)
    assert len(branches) == count
    results = in_threads(*[lambda branch=branch: list(branch) for branch in branches])
    assert results == [list(range(2000))] * count


def test_the_default_is_two() -> None:
    left, right = concurrent_tee("abc")
    assert (next(left), list(right), list(left)) == ("a", ["a", "b", "c"], ["b", "c"])
    for branch in (left, right):
        assert iter(branch) is branch
        with pytest.raises(StopIteration):
            next(branch)


def test_none_is_an_empty_tuple_and_less_an_error() -> None:
    assert concurrent_tee("abc", 0) == ()
    with pytest.raises(ValueError, match="n must be a non-negative integer"):
        concurrent_tee("abc", -1)
    with pytest.raises(TypeError, match="not iterable"):
        concurrent_tee(5)  # type: ignore[type-var]


def test_a_branch_can_be_teed_from_where_it_stands() -> None:
    left, right = concurrent_tee(range(4))
    next(left)
    again, more = concurrent_tee(left)
    assert [list(branch) for branch in (left, right, again, more)] == [[1, 2, 3], [0, 1, 2, 3], [1, 2, 3], [1, 2, 3]]


def test_an_exception_reaches_the_branch_that_met_it_and_loses_nothing() -> None:
    class Failing:
        def __init__(self) -> None:
            self.calls = 0

        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            self.calls += 1
            if self.calls == 2:
                raise KeyError("second")
            return self.calls

    left, right = concurrent_tee(Failing())
    assert next(left) == 1
    with pytest.raises(KeyError, match="second"):
        next(left)
    assert [next(left), next(right), next(right)] == [3, 1, 3]


def test_items_are_kept_until_the_last_branch_has_passed_them() -> None:
    class Item:
        pass

    left, right = concurrent_tee(Item() for _ in range(3))
    reference = weakref.ref(next(left))
    next(left)
    assert reference() is not None
    next(right)
    next(right)
    gc.collect()
    assert reference() is None
