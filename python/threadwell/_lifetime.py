"""How a thread's end is known: by what the running interpreter tells.

The end of a thread is the end of the interpreter's record of it: only then are its thread-local values gone, and the
locks that they released on the way are free. The interpreter reports it through a *handle* (`_HandleLifetime`, since
3.13) or through a *sentinel*, a lock that it releases (`_SentinelLifetime`). Either is the base class of ``Thread``,
and carries the attributes and methods that ``threading.Thread`` has for it on that version.
"""

from __future__ import annotations

import _thread
import sys
from functools import partial

import threadwell as _module
from threadwell import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Not every version has all of what is used here.
_interpreter: Any = _thread


class _HandleLifetime:
    """The interpreter has a handle of each thread, which knows whether it has ended and can wait for that."""

    _tw_handle: Any
    _initialized: bool
    _started: _native.Event

    def _tw_new_lifetime(self) -> None:
        self._tw_handle = _interpreter._ThreadHandle()

    def _tw_os_thread(self, bootstrap: Callable[[], None], *, daemon: bool) -> Callable[[], object]:
        """Return what starts the thread when it is called, without Python code in the calling one."""
        if self._tw_handle is _unused_handle or self._tw_handle.is_done():
            # A start has failed, after which the interpreter does not use a handle again.
            self._tw_new_lifetime()
        return partial(_module._start_joinable_thread, bootstrap, handle=self._tw_handle, daemon=daemon)

    def _tw_unbegin_lifetime(self) -> None:
        """Be as before the start, which has failed. There may be no memory for another handle now."""
        self._tw_handle = _unused_handle

    def _tw_begin_lifetime(self) -> None:
        """Called in the new thread. The interpreter has filled in the handle."""

    # Wakes the starter, which goes on at once. If that is to join, it sleeps on the handle: a third fewer context
    # switches than if it found the interpreter taken on its way there.
    _tw_announce = staticmethod(_native.Event.set)

    def _tw_adopt_lifetime(self, ident: int) -> None:
        """Take over a thread that was not started here."""
        self._tw_handle = _interpreter._make_thread_handle(ident)

    def _tw_end_lifetime(self) -> None:
        """Declare an adopted thread ended, which will not do so by itself in time."""
        self._tw_handle._set_done()

    def _tw_skip_lifetime(self) -> None:
        """Make a thread that was never begun one that has ended."""
        self._tw_handle = _ended_handle

    def is_alive(self) -> bool:
        """Return whether the thread is alive: from just before run() starts until just after it has ended."""
        assert self._initialized, "Thread.__init__() not called"
        return self._started.is_set() and not self._tw_handle.is_done()

    def _tw_has_ended(self) -> bool:
        done: bool = self._tw_handle.is_done()
        return done

    def _tw_wait_for_end(self, timeout: float | None) -> None:
        self._tw_handle.join(timeout)

    def _tw_reset_lifetime(self, *, is_alive: bool) -> None:
        """Called in the child of a fork. The interpreter has marked the handles of the vanished threads."""


# The name that the standard library has for it on this version.
setattr(
    _HandleLifetime,
    "_os_thread_handle" if sys.version_info >= (3, 14) else "_handle",
    property(lambda self: self._tw_handle),
)


class _SentinelLifetime:
    """The interpreter releases a lock when it deletes its record of the thread."""

    _tstate_lock: Any
    _is_stopped: bool
    _initialized: bool
    _started: _native.Event
    daemon: bool

    def _tw_new_lifetime(self) -> None:
        self._tstate_lock = None
        self._is_stopped = False

    def _tw_os_thread(self, bootstrap: Callable[[], None], *, daemon: bool) -> Callable[[], object]:
        return partial(_native._start_new_thread, _module._start_new_thread, bootstrap)

    # The start has failed.
    _tw_unbegin_lifetime = _tw_new_lifetime

    def _set_tstate_lock(self) -> None:
        lock = self._tstate_lock = _interpreter._set_sentinel()
        lock.acquire()
        if not self.daemon:
            _await_at_exit(lock)

    def _tw_begin_lifetime(self) -> None:
        self._set_tstate_lock()

    # With sentinels it is the other way round: see there.
    _tw_announce = staticmethod(_native.Event._tw_announce)

    def _tw_adopt_lifetime(self, ident: int) -> None:
        # Not a sentinel: a thread has only one, and that belongs to whoever started it.
        self._is_stopped = False
        self._tstate_lock = _thread.allocate_lock()
        self._tstate_lock.acquire()

    def _tw_end_lifetime(self) -> None:
        lock = self._tstate_lock
        if lock is not None:
            lock.release()
        self._stop()

    def _tw_skip_lifetime(self) -> None:
        self._is_stopped = True

    def is_alive(self) -> bool:
        """Return whether the thread is alive: from just before run() starts until just after it has ended."""
        assert self._initialized, "Thread.__init__() not called"
        if self._is_stopped or not self._started.is_set():
            return False
        return not self._tw_has_ended()

    def _tw_has_ended(self) -> bool:
        if not self._is_stopped:
            lock = self._tstate_lock
            # Someone who waits for the end holds it for a moment when it has come: then this is a moment early.
            if lock is not None and not lock.locked():
                self._stop()
        return self._is_stopped

    def _tw_wait_for_end(self, timeout: float | None) -> None:
        if timeout is None:
            self._wait_for_tstate_lock()
        else:
            self._wait_for_tstate_lock(timeout=timeout)

    def _wait_for_tstate_lock(self, block: bool = True, timeout: float = -1) -> None:
        lock = self._tstate_lock
        # Whoever only looks does not have to take it. What is no number is refused by the lock.
        if lock is None or (isinstance(timeout, int | float) and timeout == 0 and lock.locked()):
            return
        # In one step: were it interrupted in between, nobody could tell that the thread has ended.
        if _native._acquire_and_release(lock, block, timeout):
            self._stop()

    def _stop(self) -> None:
        lock = self._tstate_lock
        self._is_stopped = True
        self._tstate_lock = None
        if lock is not None:
            _native._call_holding(_module._shutdown_locks_lock, _module._shutdown_locks.discard, lock)

    def _tw_reset_lifetime(self, *, is_alive: bool) -> None:
        self._reset_internal_locks(is_alive)
        if not is_alive:
            self._stop()

    def _reset_internal_locks(self, is_alive: bool) -> None:
        lock = self._tstate_lock
        if is_alive:
            # It is None if the fork comes after the shutdown.
            if lock is not None:
                lock._at_fork_reinit()
                lock.acquire()
        else:
            self._is_stopped = True
            self._tstate_lock = None


# Threads that end without being joined leave their sentinels behind; they are looked for when this many have gathered.
_sentinels_to_gather = 64


def _await_at_exit(sentinel: Any) -> None:
    global _sentinels_to_gather
    lock, sentinels = _module._shutdown_locks_lock, _module._shutdown_locks
    _native._call_holding(lock, sentinels.add, sentinel)
    if len(sentinels) >= _sentinels_to_gather:
        for ended in [sentinel for sentinel in list(sentinels) if not sentinel.locked()]:
            _native._call_holding(lock, sentinels.discard, ended)
        _sentinels_to_gather = max(64, 2 * len(sentinels))


def _wait_for_sentinels() -> None:
    """Wait for the non-daemon threads, also for those that they start meanwhile."""
    while _module._shutdown_locks:
        try:
            sentinel = _native._call_holding(_module._shutdown_locks_lock, _module._shutdown_locks.pop)
        except KeyError:
            # Someone else has taken the last one.
            return
        sentinel.acquire()
        sentinel.release()


def _wait_for_handles() -> None:
    """Wait for the non-daemon threads, also for those that they start meanwhile."""
    _interpreter._shutdown()


if TYPE_CHECKING or hasattr(_thread, "_ThreadHandle"):
    _ended_handle = _interpreter._make_thread_handle(_thread.get_ident())
    _ended_handle._set_done()
    _unused_handle = _interpreter._ThreadHandle()
    Lifetime = _HandleLifetime
    wait_for_threads = _wait_for_handles
else:
    Lifetime = _SentinelLifetime
    wait_for_threads = _wait_for_sentinels
