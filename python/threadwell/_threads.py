"""Threads: the class, the registry, and what happens to both at exit and after a fork.

A thread is started by the interpreter's own ``_thread``, so that the interpreter knows it: it gets the stack size that
was set, is seen by the tracing functions, and is waited for or frozen at exit. Python code runs in Python frames; what
is native are leaf calls (``_native``).

What a program may rebind on the ``threadwell`` module is looked up there each time, except ``Event``: the events in
threads and timers are always the native ones.

Attributes of threads that the standard library's do not have begin with ``_tw_``, to be out of the way of subclasses.
"""

from __future__ import annotations

import _thread
import sys
import warnings
from weakref import WeakSet, ref

import threadwell as _module
from threadwell import _native
from threadwell._lifetime import Lifetime, wait_for_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextvars import Context
    from typing import Any

    from threadwell._hooks import Hook

# -- The registry ----------------------------------------------------------------------------------------------------

_active: dict[int, Thread] = {}
"""Threads that run, by identifier."""

_limbo: dict[Thread, Thread] = {}
"""Threads that are being started, and pending timers."""

_starting: dict[int, tuple[Thread]] = {}
"""The claims of those whose `start` is under way, by identity, in the order in which they were made."""

_beginnings: WeakSet[_native.Event] = WeakSet()
"""What is set when a timer's thread, or that of all timers, has begun, for the child of a fork."""

_dangling: WeakSet[Thread] = WeakSet()
"""Threads that still exist as objects, for ``test.support`` and for the child of a fork."""

_native._set_registry(_active, _limbo, _module)


def _newname(name_template: str) -> str:
    return name_template % _module._counter()


def _first_claim(thread: Thread) -> object:
    for claim in list(_starting.values()):
        if claim[0] is thread:
            return claim
    return None


def _name_for(target: Callable[..., object] | None) -> str:
    name = _module._newname("Thread-%d")
    if target is not None:
        try:
            name += f" ({target.__name__})"
        except AttributeError:
            pass
    return name


def _enumerate() -> list[Thread]:
    return _native.enumerate()


def currentThread() -> Thread:  # noqa: N802
    """Return the current Thread object.

    This function is deprecated, use current_thread() instead.
    """
    warnings.warn("currentThread() is deprecated, use current_thread() instead", DeprecationWarning, stacklevel=2)
    return _module.current_thread()


def activeCount() -> int:  # noqa: N802
    """Return the number of Thread objects currently alive.

    This function is deprecated, use active_count() instead.
    """
    warnings.warn("activeCount() is deprecated, use active_count() instead", DeprecationWarning, stacklevel=2)
    return _module.active_count()


# -- What the running interpreter offers -----------------------------------------------------------------------------


def _always() -> bool:
    return True


_daemon_threads_allowed: Callable[[], bool] = getattr(_thread, "daemon_threads_allowed", _always)
_is_main_interpreter: Callable[[], bool] = getattr(_thread, "_is_main_interpreter", _always)
_set_name: Callable[[str], None] = getattr(_thread, "set_name", _native._set_os_name)
_NAMES_MAIN_THREAD = hasattr(_thread, "set_name")
_HAS_CONTEXTS = hasattr(sys.flags, "thread_inherit_context")

if _HAS_CONTEXTS:
    # Not as late as a start: it may be in the middle of another, or there may be no resources to open a file with.
    import _contextvars


def _new_context() -> Context:
    """Return the context for a thread that was given none, where the interpreter has a choice (`_HAS_CONTEXTS`)."""
    if sys.flags.thread_inherit_context:  # type: ignore[attr-defined]
        return _contextvars.copy_context()
    return _contextvars.Context()


# -- The class -------------------------------------------------------------------------------------------------------


class Thread(Lifetime):
    """A thread of control.

    What it does is given by a callable object passed to the constructor, or by overriding the run() method in a
    subclass. No other method except the constructor should be overridden.
    """

    __module__ = "threading"

    _initialized = False
    # Only timers ever are, and then have some seconds left to wait for.
    _tw_pending = False
    _tw_borrows = False
    # Where threads have no `_context` yet, that name is free for a subclass.
    _tw_given_context: Context | None = None
    _tw_rest: float | None = None
    _tw_begun: Any = None
    _tw_resume: Callable[[], None]

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
        """Make a thread that is not started yet. Always call this with keyword arguments.

        A subclass that overrides the constructor must call this one before it does anything else to the thread.

        Args:
            group: Must be None; reserved.
            target: What run() calls. None means nothing.
            name: The thread's name. By default "Thread-N", with the name of the target in parentheses.
            args: The positional arguments for the target.
            kwargs: The keyword arguments for the target.
            daemon: Whether the thread is a daemon. None means the same as the current thread.
            context: What run() is called in. None means, from Python 3.14 on, a copy of the starter's context or an
                empty one, as ``sys.flags.thread_inherit_context`` says; before, an empty one.
        """
        assert group is None, "group argument must be None for now"
        if name:
            name = str(name)
        else:
            name = _name_for(target)
        self._target = target
        self._name = name
        self._args = args
        self._kwargs = {} if kwargs is None else kwargs
        if daemon is None:
            self._daemonic = _module.current_thread().daemon
        else:
            if _daemon_threads_allowed is not _always and daemon and not _daemon_threads_allowed():
                raise RuntimeError("daemon threads are disabled in this (sub)interpreter")
            self._daemonic = daemon
        if _HAS_CONTEXTS:
            self._context = context
        else:
            self._tw_given_context = context
        self._started = _native.Event()
        # What excepthook writes to if there is no sys.stderr any more.
        self._stderr = sys.stderr
        self._invoke_excepthook = _module._make_invoke_excepthook()
        self._initialized = True
        self._tw_equip()

    def _tw_equip(self) -> None:
        """Set the attributes that a thread needs once it is about to run."""
        self._ident: int | None = None
        self._native_id: int | None = None
        self._tw_new_lifetime()
        _dangling.add(self)

    def __repr__(self) -> str:
        assert self._initialized, "Thread.__init__() was not called"
        status = "initial"
        if self._started.is_set():
            status = "started"
        if self._tw_has_ended():
            status = "stopped"
        if self._daemonic:
            status += " daemon"
        if self._ident is not None:
            status += f" {self._ident}"
        return f"<{self.__class__.__name__}({self._name}, {status})>"

    # -- Starting and running --

    def start(self) -> None:
        """Start the thread's activity: have run() called in a thread of its own.

        Raises:
            RuntimeError: It was started before, or the system has no resources for a thread. After the latter, it may
                be started again.
        """
        if not self._initialized:
            raise RuntimeError("thread.__init__() not called")
        # Of several threads that start it at once, one is the first. The look at `_started` comes after, since one of
        # them may have started it meanwhile. Not by `setdefault`: without memory, 3.13's leaves a broken dictionary.
        # Nor with a list: without an interpreter lock, 3.13 then frees one with an address in it that it has not set.
        claim = (self,)
        ident = id(claim)
        _starting[ident] = claim
        try:
            if (len(_starting) > 1 and _first_claim(self) is not claim) or self._started.is_set():
                raise RuntimeError("threads can only be started once")
            if _HAS_CONTEXTS and self._context is None:
                self._context = _new_context()
            self._tw_launch()
        finally:
            _starting.pop(ident, None)

    def _tw_launch(self) -> None:
        """Start a thread for this object, and wait until it is in the registry."""
        begun = self._started
        _ensure_awaited()
        bootstrap = self._bootstrap
        start = self._tw_os_thread(bootstrap, daemon=self.daemon)
        _limbo[self] = self
        watch = None
        try:
            # If the new thread cannot even begin, for want of memory, it sets nothing. What it was to call is freed.
            watch = ref(bootstrap, begun._tw_announce)
            start()
        except Exception:
            # It is freed now, which means nothing.
            del watch
            _limbo.pop(self, None)
            raise
        del bootstrap, start
        begun.wait()
        del watch
        # If it waits for another event, it has run already, and has been initialised again.
        if self._ident is None and begun is self._started:
            _limbo.pop(self, None)
            begun.clear()
            self._tw_unbegin_lifetime()
            raise RuntimeError("can't start new thread")

    def _bootstrap(self) -> None:
        # A daemon thread that wakes up while the interpreter takes its modules apart finds nothing to work with. That
        # is no news to anyone.
        try:
            self._bootstrap_inner()
        except:
            if self._ident is None and not self._tw_borrows:
                # It has failed before it had begun. The starter waits to hear of it.
                self._tw_announce(self._tw_begun or self._started)
            if self._daemonic and sys is None:
                return
            raise

    def _bootstrap_inner(self) -> None:
        # Without memory, the interpreter cannot leave an `except` or a `finally` that is more than 256 instructions
        # into a function: it has no number for the place, and tries for ever.
        try:
            trace, profile = self._tw_arrive()
            if trace:
                sys.settrace(trace)
            if profile:
                sys.setprofile(profile)
            try:
                context = self._context if _HAS_CONTEXTS else self._tw_given_context
                run = self.run if self._tw_rest is None else self._tw_resume
                if context is None:
                    run()
                else:
                    context.run(run)
            except:  # noqa: E722 - the end of the thread, whatever ended it
                self._invoke_excepthook(self)
        finally:
            self._delete()

    def _tw_arrive(self) -> tuple[Hook, Hook]:
        """Called first in the new thread: enter the registry and tell so. Returns what is to trace and profile it."""
        try:
            self._set_ident()
            self._set_native_id()
            self._tw_begin_lifetime()
            assert self._ident is not None
            _native._enter(self._ident, self)
            # Those that have been set since a pending timer was started are for later threads.
            hooks = (None, None) if self._tw_rest is not None else (_module._trace_hook, _module._profile_hook)
            self._tw_begin()
        except:
            # `_delete` may have no memory for another number.
            _active.pop(self._ident, None)  # type: ignore[arg-type]
            self._ident = None
            raise
        # While the starter wakes up.
        self._set_os_name()
        return hooks

    def _tw_begin(self) -> None:
        """Called in the new thread, once it is in the registry."""
        self._tw_announce(self._started)

    def _set_ident(self) -> None:
        self._ident = _module.get_ident()

    def _set_native_id(self) -> None:
        self._native_id = _module.get_native_id()

    def _set_os_name(self) -> None:
        # A subclass may have assigned anything to `_name`.
        if isinstance(self._name, str) and self._name:
            try:
                _set_name(self._name)
            except (OSError, MemoryError):
                pass

    def _delete(self) -> None:
        """Remove the current thread from the registry."""
        try:
            ident: Any = _module.get_ident()
        except MemoryError:
            # Not even for a number.
            ident = self._ident
        _active.pop(ident, None)

    def run(self) -> None:
        """Call the target that was passed to the constructor, if any, with the arguments passed there.

        This is the thread's activity; a subclass may override it.
        """
        try:
            if self._target is not None:
                self._target(*self._args, **self._kwargs)
        finally:
            # They may lead back to the thread.
            del self._target, self._args, self._kwargs

    # -- Ending --

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended, or until ``timeout`` seconds have passed.

        Returns None either way; is_alive() tells them apart. A thread can be joined many times.

        Args:
            timeout: Seconds to wait at most. None waits without limit, a negative number not at all.

        Raises:
            RuntimeError: The thread was not started, or is the current one.
        """
        if not self._initialized:
            raise RuntimeError("Thread.__init__() not called")
        if not self._started.is_set():
            raise RuntimeError("cannot join thread before it is started")
        if self is _module.current_thread():
            raise RuntimeError("cannot join current thread")
        if timeout is not None:
            timeout = max(timeout, 0)
        self._tw_wait_for_end(timeout)

    def _after_fork(self, new_ident: int | None = None) -> None:
        """Called in the child of a fork: with the identifier for the thread that forked, without for all others."""
        self._started._at_fork_reinit()
        if new_ident is None and not self._started.is_set():
            # The child may start it. That the parent was about to is the parent's affair.
            self._tw_new_lifetime()
        else:
            self._tw_reset_lifetime(is_alive=new_ident is not None)
        if new_ident is not None:
            self._ident = new_ident
            self._set_native_id()

    # -- Attributes --

    @property
    def name(self) -> str:
        """A string used for identification only. Several threads may have the same name."""
        assert self._initialized, "Thread.__init__() not called"
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        try:
            if self._ident is None:
                self._name = str(name)
                return
        except AttributeError:
            # There is no `_ident` before it is initialised; anything else is the name's own affair.
            assert self._initialized, "Thread.__init__() not called"
            raise
        self._name = str(name)
        # Only the thread itself can give the system its name.
        if self._ident == _module.get_ident() and (_NAMES_MAIN_THREAD or self is not _module._main_thread):
            self._set_os_name()

    @property
    def ident(self) -> int | None:
        """The thread's identifier, a nonzero integer, or None if it has not been started. See get_ident().

        Identifiers may be used again after a thread has ended. This one stays available even then.
        """
        assert self._initialized, "Thread.__init__() not called"
        return self._ident

    @property
    def native_id(self) -> int | None:
        """The identifier that the kernel has for the thread, or None if it has not been started."""
        assert self._initialized, "Thread.__init__() not called"
        return self._native_id

    @property
    def daemon(self) -> bool:
        """Whether the thread is a daemon. Can be set until it is started; inherited from the creating thread.

        The program ends when no threads are left but daemons.
        """
        assert self._initialized, "Thread.__init__() not called"
        return self._daemonic

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        if not self._initialized:
            raise RuntimeError("Thread.__init__() not called")
        if _daemon_threads_allowed is not _always and daemonic and not _daemon_threads_allowed():
            raise RuntimeError("daemon threads are disabled in this interpreter")
        if self._started.is_set():
            raise RuntimeError("cannot set daemon status of active thread")
        self._daemonic = daemonic

    def isDaemon(self) -> bool:  # noqa: N802
        """Return whether the thread is a daemon. Deprecated, use the daemon attribute instead."""
        warnings.warn("isDaemon() is deprecated, get the daemon attribute instead", DeprecationWarning, stacklevel=2)
        return self.daemon

    def setDaemon(self, daemonic: bool) -> None:  # noqa: N802
        """Set whether the thread is a daemon. Deprecated, use the daemon attribute instead."""
        warnings.warn("setDaemon() is deprecated, set the daemon attribute instead", DeprecationWarning, stacklevel=2)
        self.daemon = daemonic

    def getName(self) -> str:  # noqa: N802
        """Return the thread's name. Deprecated, use the name attribute instead."""
        warnings.warn("getName() is deprecated, get the name attribute instead", DeprecationWarning, stacklevel=2)
        return self.name

    def setName(self, name: str) -> None:  # noqa: N802
        """Set the thread's name. Deprecated, use the name attribute instead."""
        warnings.warn("setName() is deprecated, set the name attribute instead", DeprecationWarning, stacklevel=2)
        self.name = name


class _MainThread(Thread):
    """The main thread: the one that imported this module, or where the interpreter tells, the one that began it."""

    __module__ = "threading"

    def __init__(self) -> None:
        super().__init__(name="MainThread", daemon=False)
        self._started.set()
        self._find_ident()
        assert self._ident is not None
        if self._ident == _module.get_ident():
            _native._look_for_signals()
        self._tw_adopt_lifetime(self._ident)
        _active[self._ident] = self

    def _find_ident(self) -> None:
        self._set_ident()
        self._set_native_id()
        if hasattr(_thread, "_get_main_thread_ident"):
            self._ident = _thread._get_main_thread_ident()
        else:
            main = getattr(sys.modules.get("threading"), "_main_thread", None)
            if main is not None and main.ident != self._ident:
                # Imported late, in a thread of someone else's.
                self._ident, self._native_id = main.ident, main.native_id


class _DummyThread(Thread):
    """Stands for a thread that was not started here, so that current_thread() has something to return.

    It cannot be waited for, and counts as a daemon, so that nobody does so at exit.
    """

    __module__ = "threading"

    def __init__(self) -> None:
        super().__init__(name=_module._newname("Dummy-%d"), daemon=_daemon_threads_allowed())
        self._started.set()
        self._set_ident()
        self._set_native_id()
        assert self._ident is not None
        self._tw_adopt_lifetime(self._ident)
        if _DUMMIES_END:
            _DeleteDummyThreadOnDel(self)
        _active[self._ident] = self

    def is_alive(self) -> bool:
        if self._started.is_set() and not self._tw_has_ended():
            return True
        raise _DUMMY_ERROR("thread is not alive")

    def join(self, timeout: float | None = None) -> None:
        raise _DUMMY_ERROR("cannot join a dummy thread")

    def _after_fork(self, new_ident: int | None = None) -> None:
        if new_ident is not None and _DUMMIES_END:
            self.__class__ = _MainThread  # type: ignore[assignment]
            self._name = "MainThread"
            self._daemonic = False
        Thread._after_fork(self, new_ident)


# Where the interpreter has handles of threads, the standard library removes a dummy when its thread has ended. Before,
# it stays until a later thread with the same identifier takes its place, and its misuse fails an assertion.
_DUMMIES_END = hasattr(_thread, "_make_thread_handle")
_DUMMY_ERROR = RuntimeError if _DUMMIES_END else AssertionError

_thread_local_info = _thread._local()


class _DeleteDummyThreadOnDel:
    """Removes a dummy from the registry when the thread-local values of its thread are freed."""

    __module__ = "threading"

    def __init__(self, dummy_thread: _DummyThread) -> None:
        self._dummy_thread = dummy_thread
        self._tident = dummy_thread.ident
        _thread_local_info._track_dummy_thread_ref = self

    def __del__(self, _active: dict[int, Thread] = _active) -> None:
        if self._tident is not None and _active.get(self._tident) is self._dummy_thread:
            _active.pop(self._tident, None)


# It is inherited, but misuse is reported under the name that users know.
Thread.is_alive.__qualname__ = "Thread.is_alive"

# -- Exit ------------------------------------------------------------------------------------------------------------

_awaited_by: object = None
_is_arranging = False


def _ensure_awaited() -> None:
    """See to it that our threads are waited for at exit.

    The interpreter asks the module that it finds as ``threading`` to do that. If that is the standard library's, it is
    told to ask us; it has to be imported for that if nobody has done so.

    Raises:
        RuntimeError: It has finished waiting. A thread could not begin any more; up to 3.11 the interpreter does not
            say so, and whoever started it would wait for that for ever.
    """
    global _is_arranging
    if sys is None or sys.is_finalizing():
        raise RuntimeError("can't create new thread at interpreter shutdown")
    found: Any
    try:
        # Not `get`: without an interpreter lock, that takes the lock of a dictionary that everyone looks into.
        found = sys.modules["threading"]
    except KeyError:
        found = None
    # A signal handler or a destructor may start a thread while we are at it, and imports are not made for that.
    if (found is not None and found is _awaited_by) or _is_arranging:
        return
    try:
        _is_arranging = True
        _arrange(found)
    finally:
        _is_arranging = False


def _arrange(found: Any) -> None:
    global _awaited_by
    if found is None:
        import threading

        found = threading
    if found is not _module:
        if not hasattr(found, "_register_atexit"):
            # It is being imported, which one of these has interrupted. The next start will do.
            return
        _be_called_by(found)
        if hasattr(found, "_shutdown_locks"):
            # Then it also waits for threads that its own threads start when we have finished waiting.
            before = _module._shutdown_locks
            _module._shutdown_locks = found._shutdown_locks
            _native._call_holding(found._shutdown_locks_lock, found._shutdown_locks.update, before)
            found._shutdown_locks_lock = _module._shutdown_locks_lock
    # Last, in case that a signal handler raises: to do it twice does no harm.
    _awaited_by = found


def _be_called_by(found: Any) -> None:
    """Have the standard library's module call `_shutdown` at exit. A function of its own: see `_bootstrap_inner`."""
    try:
        found._register_atexit(_shutdown)
    except RuntimeError:
        # It is shutting down. Where it waits for sentinels it finds those of our threads too, see `_arrange`.
        pass
    else:
        # Last of all, since they run in reverse: only once its other callbacks have run, our threads may be able to
        # end. `concurrent.futures` tells its workers to.
        found._threading_atexits.insert(0, found._threading_atexits.pop())


def _register_atexit(func: Callable[..., object], *arg: Any, **kwargs: Any) -> None:
    """Have `func` called with these arguments at exit, before the threads are waited for; the last one first."""
    if _module._SHUTTING_DOWN:
        raise RuntimeError("can't register atexit after shutdown")
    _ensure_awaited()
    _module._threading_atexits.append(lambda: func(*arg, **kwargs))


def _shutdown() -> None:
    """Wait until all threads that are not daemons have ended. The interpreter calls this when it is about to exit."""
    main = _module._main_thread
    if main._tw_has_ended() and _is_main_interpreter():
        if sys.version_info >= (3, 15):
            # Something at exit has started threads, and the interpreter calls again and again until they have ended.
            wait_for_threads()
        return
    _module._SHUTTING_DOWN = True
    for call in reversed(_module._threading_atexits):
        call()
    # Other threads may be waiting for the main thread, and will not see it end in time.
    if main.ident == _module.get_ident():
        main._tw_end_lifetime()
    stdlib = _original_module()
    if stdlib is None:
        _wait_for_pending_timers()
        wait_for_threads()
    elif not stdlib._SHUTTING_DOWN:
        # Its callbacks may cancel timers, so the wait comes last: they run in reverse.
        stdlib._threading_atexits.insert(0, _wait_for_pending_timers)
        stdlib._shutdown()
        if hasattr(stdlib, "_shutdown_locks"):
            # It has waited for its own threads alone. Else for all, or a signal handler has ended that.
            wait_for_threads()
    else:
        # It has called this function, and goes on to wait for threads, ours included.
        _wait_for_pending_timers()


def _wait_for_pending_timers() -> None:
    # Timers that are started at exit get a thread at once, so the last that are pending are here, and those that run in
    # the driver's, for which nobody else waits. While one is waited for the next may begin: look at all first.
    threads = [thread for thread in [*_limbo.values(), *_active.values()] if isinstance(thread, Thread)]
    for timer in [thread for thread in threads if thread._tw_pending or thread._tw_borrows]:
        if not timer.daemon:
            timer._tw_wait_for_end(None)


def _original_module() -> Any:
    """Return the standard library's module if it is loaded: beside us, or before us and then replaced by us."""
    patch = sys.modules.get("threadwell.patch")
    module = patch.original("threading") if patch is not None else sys.modules.get("threading")
    return None if module is _module else module


# -- Fork ------------------------------------------------------------------------------------------------------------


def _after_fork() -> None:
    """Leave the forking thread alone in the registry. Called in the child of a fork."""
    global _awaited_by, _is_arranging
    _native._after_fork_in_child()
    _native._look_for_signals()
    _awaited_by = None
    _is_arranging = False
    _module._active_limbo_lock = _module.RLock()
    _module._shutdown_locks_lock = _native._ShutdownLock()
    _module._shutdown_locks = set()
    ident = _module.get_ident()
    current = _active.get(ident)
    if current is None:
        current = _module._MainThread()
    _module._main_thread = current
    threads = set(_native.enumerate())
    threads.update(_dangling)
    for thread in threads:
        thread._after_fork(ident if thread is current else None)
    for begun in list(_beginnings):
        # A signal handler that has interrupted the wait for it has forked. There will be no such thread here.
        begun._tw_announce()
    _starting.clear()
    _limbo.clear()
    _active.clear()
    _active[ident] = current
    _native._drain_timers()
