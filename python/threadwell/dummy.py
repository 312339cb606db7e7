"""``threading`` without threads: what ``dummy_threading`` and ``_dummy_thread`` were up to Python 3.8.

A program that is written for threads runs on this module in its one thread. ``Thread.start`` calls ``run`` at once and
returns when it has ended. Nobody can wait for anybody else, so what would block does not:

* a lock is always free for a blocking ``acquire``;
* ``Event.wait`` and ``Condition.wait`` return ``True`` at once, and a `Timer` calls its function at once;
* what has a condition that nobody can change any more is an error or a timeout, without waiting: `RuntimeError` from
  ``Semaphore.acquire`` and ``Condition.wait_for`` without a timeout (``dummy_threading`` went into an endless loop),
  ``False`` from them with one, `BrokenBarrierError` from ``Barrier.wait`` with more than one party.

The low-level names are here as well: ``start_new_thread``, ``allocate_lock``, ``exit``, ``interrupt_main``, ``error``.
"""

from __future__ import annotations

import sys

import threadwell
from threadwell import (
    BrokenBarrierError,
    ExceptHookArgs,
    ThreadError,
    __excepthook__,
    _native,
    concurrent_tee,
    excepthook,
    get_native_id,
    local,
    serialize_iterator,
    synchronized_iterator,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextvars import Context
    from types import TracebackType
    from typing import Any, NoReturn, TypeVar

    _T = TypeVar("_T")

__all__ = [
    "TIMEOUT_MAX",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "Event",
    "ExceptHookArgs",
    "Lock",
    "LockType",
    "RLock",
    "Semaphore",
    "Thread",
    "ThreadError",
    "Timer",
    "__excepthook__",
    "activeCount",
    "active_count",
    "allocate_lock",
    "concurrent_tee",
    "currentThread",
    "current_thread",
    "enumerate",
    "error",
    "excepthook",
    "exit",
    "get_ident",
    "get_native_id",
    "getprofile",
    "gettrace",
    "interrupt_main",
    "local",
    "main_thread",
    "serialize_iterator",
    "setprofile",
    "setprofile_all_threads",
    "settrace",
    "settrace_all_threads",
    "stack_size",
    "start_new_thread",
    "synchronized_iterator",
]

TIMEOUT_MAX = 2**31
error = ThreadError

_NEVER = "nothing can end this wait, as there is only one thread"


# -- Locks and what is built on them ----------------------------------------------------------------------------------


class Lock:
    """A lock that a blocking `acquire` always gets, even if it is taken."""

    _NOT_TAKEN = "release unlocked lock"

    def __init__(self) -> None:
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; ``False`` if it is taken and `blocking` is false. `timeout` is not used."""
        if self._count and not blocking:
            return False
        self._count = 1
        return True

    def release(self) -> None:
        """Free the lock.

        Raises:
            RuntimeError: It is free.
        """
        if not self._count:
            raise RuntimeError(self._NOT_TAKEN)
        self._count -= 1

    def locked(self) -> bool:
        """Return whether the lock is taken."""
        return self._count > 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} {type(self).__module__}.{type(self).__qualname__} object at {id(self):#x}>"


LockType = allocate_lock = Lock


class RLock(Lock):
    """A lock that counts how often it was taken, always by the one thread."""

    _NOT_TAKEN = "cannot release un-acquired lock"

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock once more. Returns ``True``; `blocking` and `timeout` are not used."""
        self._count += 1
        return True

    def _is_owned(self) -> bool:
        return self.locked()


class Condition(_native.Condition):
    """A condition that has always been notified.

    Args:
        lock: The lock to use, a new `RLock` by default.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(RLock() if lock is None else lock)

    def wait(self, timeout: float | None = None) -> bool:
        """Return ``True`` at once.

        Raises:
            RuntimeError: The lock is not taken.
        """
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        return True

    def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Return the value of `predicate`.

        Raises:
            RuntimeError: The lock is not taken, or the value is false and there is no timeout.
        """
        result = predicate()
        if not result:
            self.wait()
            if timeout is None:
                raise RuntimeError(_NEVER)
        return result


class Semaphore(_native.Semaphore):
    """A semaphore that nobody but the caller can release."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take a permit; ``False`` if there is none, without waiting for `timeout`.

        Raises:
            RuntimeError: There is none, and the call would wait for ever.
            ValueError: A timeout for a call that is not to block.
        """
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        acquired = super().acquire(blocking=False)
        if not acquired and blocking and timeout is None:
            raise RuntimeError(_NEVER)
        return acquired

    __enter__ = acquire


class BoundedSemaphore(_native.BoundedSemaphore, Semaphore):
    """A `Semaphore` that cannot be released more often than it was acquired."""

    acquire = Semaphore.acquire
    __enter__ = Semaphore.__enter__


class Event(_native.Event):
    """An event that nobody needs to wait for."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return ``True`` at once, whether the flag is up or not."""
        return True


class Barrier(_native.Barrier):
    """A barrier that more than one party can only break."""

    def wait(self, timeout: float | None = None) -> int:
        """Pass a barrier for one, break every other.

        Raises:
            BrokenBarrierError: The barrier is for more than one party.
        """
        return super().wait(0)


# -- Threads ----------------------------------------------------------------------------------------------------------


class Thread(threadwell.Thread):
    """An activity that runs while `start` is called, in the calling thread.

    Args:
        group: Must be None; reserved.
        target: What run() calls. None means nothing.
        name: The activity's name. By default "Thread-N", with the name of the target in parentheses.
        args: The positional arguments for the target.
        kwargs: The keyword arguments for the target.
        daemon: A flag without effect. None means the same as the activity that is running.
        context: Not used.
    """

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
        context: Context | None = None,
    ) -> None:
        if daemon is None:
            daemon = current_thread().daemon
        super().__init__(group, target, name, args, kwargs, daemon=daemon, context=context)

    def start(self) -> None:
        """Run the activity; return when it has ended.

        An exception that it does not handle goes to ``excepthook`` of this module.

        Raises:
            RuntimeError: It was started before, or its constructor was not called.
            KeyboardInterrupt: See `start_new_thread`.
        """
        if not self._initialized:
            raise RuntimeError("thread.__init__() not called")
        if self._started.is_set():
            raise RuntimeError("threads can only be started once")
        start_new_thread(self._activity, ())

    def _activity(self) -> None:
        self._set_running()
        trace, profile = sys.gettrace(), sys.getprofile()
        try:
            if _trace_hook is not None:
                sys.settrace(_trace_hook)
            if _profile_hook is not None:
                sys.setprofile(_profile_hook)
            self.run()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - that is what the hook is for
            excepthook(ExceptHookArgs((type(error), error, error.__traceback__, self)))
        finally:
            if _trace_hook is not None:
                sys.settrace(trace)
            if _profile_hook is not None:
                sys.setprofile(profile)
            _running.pop()

    def _set_running(self) -> None:
        self._started.set()
        self._set_ident()
        self._set_native_id()
        _running.append(self)

    def _set_ident(self) -> None:
        self._ident = get_ident()

    def _set_native_id(self) -> None:
        self._native_id = get_native_id()

    def _tw_has_ended(self) -> bool:
        return self._started.is_set() and not self.is_alive()

    def _after_fork(self, new_ident: int | None = None) -> None:
        """Called in the child of a fork, where the activities go on."""
        if self._started.is_set():
            self._set_native_id()

    def join(self, timeout: float | None = None) -> None:
        """Return at once.

        Raises:
            RuntimeError: The activity has not begun, or calls this itself.
        """
        if not self._initialized:
            raise RuntimeError("Thread.__init__() not called")
        if not self._started.is_set():
            raise RuntimeError("cannot join thread before it is started")
        if self is current_thread():
            raise RuntimeError("cannot join current thread")

    def is_alive(self) -> bool:
        """Return whether the activity is running."""
        assert self._initialized, "Thread.__init__() not called"
        return any(thread is self for thread in _running)


class Timer(Thread):
    """A `Thread` that calls a function; without the wait before, as nobody could cancel it meanwhile.

    Args:
        interval: Not used.
        function: What to call.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """

    def __init__(
        self,
        interval: float,
        function: Callable[..., object],
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.interval = interval
        self.function = function
        self.args = [] if args is None else args
        self.kwargs = {} if kwargs is None else kwargs
        self.finished = Event()

    def cancel(self) -> None:
        """Keep the function from being called, if it was not called yet."""
        self.finished.set()

    def run(self) -> None:
        """Call the function unless the timer was cancelled."""
        if not self.finished.is_set():
            self.function(*self.args, **self.kwargs)
        self.finished.set()


# The started activities, the innermost last; the first is the program itself.
_running: list[Thread] = []


def current_thread() -> Thread:
    """Return the thread whose activity is running: the innermost one that has been started and has not ended."""
    return _running[-1]


def main_thread() -> Thread:
    """Return the thread that stands for the program."""
    return _main


def enumerate() -> list[Thread]:  # noqa: A001 - its name in threading
    """Return the threads whose activities are running, the main thread first."""
    return list(_running)


def active_count() -> int:
    """Return how many threads `enumerate` returns."""
    return len(_running)


currentThread = current_thread  # noqa: N816
activeCount = active_count  # noqa: N816


def get_ident() -> int:
    """Return the ident of the one thread."""
    return 1


_main = Thread(name="MainThread", daemon=False)
_main._set_running()


def stack_size(size: int | None = None) -> int:
    """Return 0, the system's default.

    Raises:
        RuntimeError: A size is given; there are no threads to have it.
    """
    if size is not None:
        raise error("setting thread stack size not supported")
    return 0


# -- Hooks ------------------------------------------------------------------------------------------------------------

_trace_hook: Any = None
_profile_hook: Any = None


def settrace(func: Any) -> None:
    """Set the trace function that is in force while a `Thread` runs."""
    global _trace_hook
    _trace_hook = func


def gettrace() -> Any:
    """Return the function set with `settrace`."""
    return _trace_hook


def settrace_all_threads(func: Any) -> None:
    """Set the trace function for each `Thread` and for the code that runs now."""
    settrace(func)
    sys.settrace(func)


def setprofile(func: Any) -> None:
    """Set the profile function that is in force while a `Thread` runs."""
    global _profile_hook
    _profile_hook = func


def getprofile() -> Any:
    """Return the function set with `setprofile`."""
    return _profile_hook


def setprofile_all_threads(func: Any) -> None:
    """Set the profile function for each `Thread` and for the code that runs now."""
    setprofile(func)
    sys.setprofile(func)


# -- Low-level names --------------------------------------------------------------------------------------------------

_interrupted = False
_depth = 0


def start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> int:
    """Call `function` and return the ident of the one thread.

    ``SystemExit`` ends the function silently, another exception with a traceback on the standard error.

    Raises:
        KeyboardInterrupt: The user has interrupted the function, or it has called `interrupt_main`: then it ends first.
    """
    global _interrupted, _depth
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("3rd arg must be a dict")
    _depth += 1
    try:
        function(*args, **(kwargs or {}))
    except SystemExit:
        pass
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - as a thread's errors end with the thread
        sys.excepthook(*sys.exc_info())
    finally:
        _depth -= 1
    if _interrupted and not _depth:
        _interrupted = False
        raise KeyboardInterrupt
    return get_ident()


def interrupt_main() -> None:
    """Raise ``KeyboardInterrupt`` in the program: here, or when the activities that run have ended."""
    global _interrupted
    if not _depth:
        raise KeyboardInterrupt
    _interrupted = True


def exit() -> NoReturn:  # noqa: A001 - its name in _thread
    """End the activity by raising ``SystemExit``."""
    raise SystemExit
