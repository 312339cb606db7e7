"""Python's threading, rebuilt in Rust.

``import threadwell as threading`` is all that a program has to change; ``threadwell run`` does without.
"""

from __future__ import annotations

import _thread
import os as _os
import sys as _sys
from _thread import TIMEOUT_MAX, get_ident, get_native_id, stack_size
from _thread import _excepthook as excepthook
from _thread import _ExceptHookArgs as ExceptHookArgs
from _thread import _local as local
from _thread import error as ThreadError
from itertools import count as _count

from threadwell._hooks import _make_invoke_excepthook as _make_invoke_excepthook
from threadwell._iterators import concurrent_tee, serialize_iterator, synchronized_iterator
from threadwell._native import (
    Barrier,
    BoundedSemaphore,
    BrokenBarrierError,
    Condition,
    Event,
    Lock,
    Semaphore,
    _ShutdownLock,
    active_count,
    current_thread,
    enumerate,  # noqa: A004 - its name here
)
from threadwell._native import RLock as _CRLock
from threadwell._pickling import _reduce_broken_barrier
from threadwell._shared_barrier import _complete
from threadwell._threads import Thread
from threadwell._threads import _active as _active
from threadwell._threads import _after_fork as _after_fork
from threadwell._threads import _daemon_threads_allowed as _daemon_threads_allowed
from threadwell._threads import _dangling as _dangling
from threadwell._threads import _DummyThread as _DummyThread
from threadwell._threads import _enumerate as _enumerate
from threadwell._threads import _is_main_interpreter as _is_main_interpreter
from threadwell._threads import _limbo as _limbo
from threadwell._threads import _MainThread as _MainThread
from threadwell._threads import _newname as _newname
from threadwell._threads import _register_atexit as _register_atexit
from threadwell._threads import _shutdown as _shutdown
from threadwell._threads import activeCount as activeCount
from threadwell._threads import currentThread as currentThread
from threadwell._timer import Timer
from threadwell._timer import _before_fork as _before_fork
from threadwell._timer import _begin_pending as _begin_pending
from threadwell.patch import install as install
from threadwell.patch import uninstall as uninstall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from threadwell._hooks import Hook

__all__ = [
    "TIMEOUT_MAX",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "Event",
    "ExceptHookArgs",
    "Lock",
    "RLock",
    "Semaphore",
    "Thread",
    "ThreadError",
    "Timer",
    "active_count",
    "concurrent_tee",
    "current_thread",
    "enumerate",
    "excepthook",
    "get_ident",
    "get_native_id",
    "getprofile",
    "gettrace",
    "local",
    "main_thread",
    "serialize_iterator",
    "setprofile",
    "setprofile_all_threads",
    "settrace",
    "settrace_all_threads",
    "stack_size",
    "synchronized_iterator",
]


# A function, as in the standard library: pickle finds it in `threading`, and the class says that it is from `_thread`,
# by which programs tell that it is not written in Python.
if TYPE_CHECKING or _sys.version_info >= (3, 15):

    def RLock() -> _CRLock:  # noqa: N802 - its name
        """Return a new reentrant lock.

        The thread that has acquired it may acquire it again without waiting, and has to release it as often.
        """
        return _CRLock()

else:

    def RLock(*args: Any, **kwargs: Any) -> _CRLock:  # noqa: N802 - its name
        """Return a new reentrant lock.

        The thread that has acquired it may acquire it again without waiting, and has to release it as often.
        """
        if (args or kwargs) and _sys.version_info >= (3, 13):
            import warnings

            message = "Passing arguments to RLock is deprecated and will be removed in 3.15"
            warnings.warn(message, DeprecationWarning, stacklevel=2)
        return _CRLock(*args, **kwargs)


# -- What programs may rebind, and what this package looks up here ---------------------------------------------------

__excepthook__ = excepthook
_trace_hook: Hook = None
_profile_hook: Hook = None
_settrace_everywhere: Callable[[Any], object] = getattr(_sys, "_settraceallthreads", _sys.settrace)
_setprofile_everywhere: Callable[[Any], object] = getattr(_sys, "_setprofileallthreads", _sys.setprofile)
_counter = _count(1).__next__
_active_limbo_lock = RLock()
_threading_atexits: list[Callable[[], object]] = []
_SHUTTING_DOWN = False
_HAVE_THREAD_NATIVE_ID = True
_PyRLock = _RLock = _CRLock

# The interpreter's functions, under the names that they have in the standard library's module on this version.
_interpreter: Any = _thread
_allocate_lock = _thread.allocate_lock
if TYPE_CHECKING or hasattr(_thread, "start_joinable_thread"):
    _start_joinable_thread: Callable[..., object] = _interpreter.start_joinable_thread
    _make_thread_handle = _interpreter._make_thread_handle
    _ThreadHandle = _interpreter._ThreadHandle
    _get_main_thread_ident = _interpreter._get_main_thread_ident
    _thread_shutdown = _interpreter._shutdown
if TYPE_CHECKING or not hasattr(_thread, "start_joinable_thread"):
    _start_new_thread: Callable[..., object] = _thread.start_new_thread
    _set_sentinel = _interpreter._set_sentinel
    _shutdown_locks: set[Any] = set()
    _shutdown_locks_lock: Any = _ShutdownLock()

_main_thread: Thread = _MainThread()


def main_thread() -> Thread:
    """Return the main thread object: normally the thread from which the interpreter was started."""
    return _main_thread


def settrace(func: Hook) -> None:
    """Set a trace function for all threads started from this module.

    It is passed to ``sys.settrace()`` in each thread, before its ``run()`` is called.
    """
    global _trace_hook
    _trace_hook = func


def gettrace() -> Hook:
    """Return the trace function set by ``settrace()``."""
    return _trace_hook


def settrace_all_threads(func: Hook) -> None:
    """Set a trace function for all threads started from this module and all threads that run now.

    Before Python 3.12 the interpreter cannot do the latter: of the threads that run, only the calling one gets it.
    """
    global _trace_hook
    _trace_hook = func
    if _limbo:
        _begin_pending()
    _settrace_everywhere(func)


def setprofile(func: Hook) -> None:
    """Set a profile function for all threads started from this module.

    It is passed to ``sys.setprofile()`` in each thread, before its ``run()`` is called.
    """
    global _profile_hook
    _profile_hook = func


def getprofile() -> Hook:
    """Return the profile function set by ``setprofile()``."""
    return _profile_hook


def setprofile_all_threads(func: Hook) -> None:
    """Set a profile function for all threads started from this module and all threads that run now.

    Before Python 3.12 the interpreter cannot do the latter: of the threads that run, only the calling one gets it.
    """
    global _profile_hook
    _profile_hook = func
    if _limbo:
        _begin_pending()
    _setprofile_everywhere(func)


if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(before=_before_fork, after_in_child=_after_fork)

# Made elsewhere in this package, they belong to the module that users know.
for _name in (*__all__, "activeCount", "currentThread"):
    if getattr(globals()[_name], "__module__", "threading").startswith("threadwell"):
        globals()[_name].__module__ = "threading"
# By these pickle finds a class. Messages show the name that the interpreter has for it, `_thread.lock`.
Lock.__module__ = "threading"
Lock.__qualname__ = "Lock"
BrokenBarrierError.__reduce__ = _reduce_broken_barrier  # type: ignore[method-assign, assignment]
Barrier.__init_subclass__ = classmethod(_complete)  # type: ignore[method-assign, assignment]
# `_thread` is also the name of a module of this package.
del TYPE_CHECKING, _complete, _name, _reduce_broken_barrier, _thread
