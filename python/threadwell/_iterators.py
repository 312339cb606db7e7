"""Iterators that threads may share: the helpers that ``threading`` has from Python 3.15 on."""

from __future__ import annotations

from threadwell._native import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Generic, ParamSpec, Self, TypeVar

    _T = TypeVar("_T")
    _P = ParamSpec("_P")

    class _Over(Generic[_T]):
        """An iterator over items of one type."""

else:
    # Without `typing`, which takes longer to import than all of threadwell.
    _T = None

    class _Over:
        __slots__ = ()

        def __class_getitem__(cls, item: object) -> type:
            return cls


__all__ = ["concurrent_tee", "serialize_iterator", "synchronized_iterator"]


class serialize_iterator(_Over[_T]):  # noqa: N801 - its name in threading
    """An iterator over the items of another one that any number of threads may advance.

    One call at a time gets through to the wrapped iterator, so each item goes to exactly one of the threads. If it is a
    generator, ``send``, ``throw`` and ``close`` take their turn as well. An exception, ``StopIteration`` included,
    reaches the thread whose call met it; the others go on with the next call.

    The lock is not re-entrant: an iterator that advances its own wrapper blocks for ever.

    Args:
        iterable: What to iterate over.

    Raises:
        TypeError: `iterable` cannot be iterated over.

    Example:
        >>> numbers = serialize_iterator(n * n for n in range(3))
        >>> list(numbers)
        [0, 1, 4]
    """

    __module__ = "threading"
    __slots__ = ("__weakref__", "_iterator", "_lock")

    def __init__(self, iterable: Iterable[_T]) -> None:
        self._iterator: Any = iter(iterable)
        self._lock = Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _T:
        with self._lock:
            item: _T = next(self._iterator)
            return item

    def send(self, value: Any, /) -> _T:
        """Send `value` into the wrapped generator and return what it yields next.

        Raises:
            AttributeError: The wrapped iterator has no ``send``.
        """
        with self._lock:
            item: _T = self._iterator.send(value)
            return item

    def throw(self, *args: Any) -> _T:
        """Raise an exception in the wrapped generator and return what it yields next.

        Raises:
            AttributeError: The wrapped iterator has no ``throw``.
        """
        with self._lock:
            item: _T = self._iterator.throw(*args)
            return item

    def close(self) -> Any:
        """Close the wrapped generator and return what its ``close`` does: its return value from Python 3.13 on.

        Raises:
            AttributeError: The wrapped iterator has no ``close``.
        """
        with self._lock:
            return self._iterator.close()


def synchronized_iterator(func: Callable[_P, Iterable[_T]]) -> Callable[_P, serialize_iterator[_T]]:
    """Wrap a callable that returns iterators so that threads may share each of them.

    Args:
        func: For instance a generator function; this may be used as its decorator.

    Returns:
        A function that passes what `func` returns to `serialize_iterator`. It has the name and the other metadata of
        `func`, and `func` itself as ``__wrapped__``.

    Example:
        >>> @synchronized_iterator
        ... def squares(count):
        ...     yield from (n * n for n in range(count))
        >>> list(squares(3))
        [0, 1, 4]
    """
    from functools import wraps

    @wraps(func)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> serialize_iterator[_T]:
        return serialize_iterator(func(*args, **kwargs))

    return wrapper


def concurrent_tee(iterable: Iterable[_T], n: int = 2) -> tuple[Iterator[_T], ...]:
    """Return `n` independent iterators over the same items, for `n` threads.

    Like ``itertools.tee``, but each of the iterators may be advanced by another thread. An item is kept until the last
    of them has passed it. To share *one* of them between threads, wrap it in `serialize_iterator`.

    Args:
        iterable: What to iterate over. It should not be used elsewhere any more.
        n: How many iterators to return.

    Raises:
        ValueError: `n` is negative.
        TypeError: `iterable` cannot be iterated over.

    Example:
        >>> left, right = concurrent_tee("ab")
        >>> list(left), list(right)
        (['a', 'b'], ['a', 'b'])
    """
    if n < 0:
        raise ValueError("n must be a non-negative integer")
    if n == 0:
        return ()
    first = _Branch(iterable)
    return (first, *(_Branch(first) for _ in range(n - 1)))


class _Branch(_Over[_T]):
    """One of the iterators of `concurrent_tee`.

    The branches walk along one linked list, whose last link is empty. Whoever stands there fetches the next item, under
    the lock that all branches share, and appends a new empty link. A link is written once, item first and successor
    last, so a branch that sees the successor needs no lock.
    """

    __slots__ = ("__weakref__", "iterator", "link", "lock")

    def __init__(self, source: Iterable[_T]) -> None:
        # Teeing a branch goes on from where that branch stands.
        branch = source if isinstance(source, _Branch) else None
        self.iterator: Iterator[_T] = branch.iterator if branch else iter(source)
        self.link: list[Any] = branch.link if branch else [None, None]
        self.lock: Lock = branch.lock if branch else Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _T:
        link = self.link
        if link[1] is None:
            with self.lock:
                if link[1] is None:
                    link[0] = next(self.iterator)
                    link[1] = [None, None]
        item: _T
        item, self.link = link
        return item


for _function in (synchronized_iterator, concurrent_tee):
    _function.__module__ = "threading"
