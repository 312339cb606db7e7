"""Timers.

A timer that was started and has not fired yet is *pending*: it holds no thread of the operating system, but an entry
in a queue (`_native`), and stands in limbo, so that enumerate() shows it. All of them share the *driver*, one daemon
thread that sleeps until the next deadline and then gives the timer that is due a thread of its own, which calls the
function without further delay. The driver is started by need, ends when there has been nothing to wait for, and has no
``Thread`` object.

A timer gets its own thread earlier than that, and does the rest of its waiting there, as soon as someone asks for what
only a thread has (``ident``, ``native_id``, hence its ``repr``), or could notice the lack of one: whoever has got hold
of ``finished`` and may set it or wait for it, or traces all threads that there are. It has one from the start if its
class has a ``run`` or a ``finished`` of its own, or if its starter hands on to its threads what the driver's would
lack: a tracing function, a stack size, blocked signals.

Who may settle a pending timer? Whoever takes it out of the queue, which succeeds once: the driver, cancel(), or
`_tw_materialise`. The others wait until it is settled, except cancel(), which leaves a message in ``finished``, and
whoever has interrupted the one that they would wait for: `_tw_settle`.
"""

from __future__ import annotations

import _thread
import sys
from functools import partial
from time import monotonic
from weakref import ref

import threadwell as _module
from threadwell import _native
from threadwell._hooks import _make_invoke_excepthook
from threadwell._lifetime import Lifetime
from threadwell._threads import Thread, _active, _beginnings, _ensure_awaited, _limbo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


# What says whether they were started is also shared by those that have no thread. Nobody sets or clears these two.
_not_begun, _begun = _native.Event(), _native.Event()
_begun.set()

# What reports a failure is the same for all timers that were made while nobody had set another hook.
_usual_excepthook, _usual_sys_excepthook = _module.excepthook, sys.excepthook
_report_as_usual = _make_invoke_excepthook()


class Timer(Thread):
    """Calls a function after a number of seconds.

    Like this:

        timer = Timer(30.0, function, args=None, kwargs=None)
        timer.start()
        timer.cancel()  # stops it if it still waits

    Until it fires, a started timer costs no thread of the operating system. If it was cancelled before it got one, it
    has no ``ident``.
    """

    __module__ = "threading"

    # Pending timers come by the thousand. What all of them have in common is not stored in each.
    _target = None
    _args = ()
    _kwargs: Mapping[str, Any] = {}
    _context = None
    _started = _not_begun
    _ident: int | None = None
    _native_id: int | None = None
    _tw_over = False
    _tw_has_left = False
    _tw_key: _native._TimerKey | None = None
    _tw_rest: float | None = None
    _tw_finished: Any = None
    _tw_begun: Any = None
    _tw_settled: Any = None
    _invoke_excepthook = staticmethod(_report_as_usual)

    def __init__(
        self,
        interval: float,
        function: Callable[..., object],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if self._initialized:
            self._tw_forget_start()
        if Thread.__init__ is _thread_init:
            # What it does, short of what only a running thread needs.
            self._name = f"Thread-{_module._counter()}"
            self._daemonic = _module.current_thread().daemon
            self._stderr = sys.stderr
            if _module.excepthook is not _usual_excepthook or sys.excepthook is not _usual_sys_excepthook:
                self._invoke_excepthook = _module._make_invoke_excepthook()
            self._initialized = True
        else:
            Thread.__init__(self)
        self.interval = interval
        self.function = function
        self.args = args if args is not None else []
        self.kwargs = kwargs if kwargs is not None else {}
        if type(self) is not Timer and self._tw_has_own_finished():
            self._tw_finished = self.finished = _native.Event()

    def cancel(self) -> None:
        """Stop the timer if it has not fired yet."""
        key = self._tw_key
        try:
            cancelled = key is not None and self._tw_pending and _native._unschedule(key)
            if cancelled:
                self._tw_skip()
        except BaseException:
            # A signal handler has raised it, perhaps right after the timer had left the queue.
            if key is not None and key.is_cancelled() and self._tw_pending:
                self._tw_skip()
            raise
        if not cancelled:
            self._tw_event().set()

    def run(self) -> None:
        """Wait for the interval, then call the function unless the timer was cancelled."""
        rest, self._tw_rest = self._tw_rest, None
        self.finished.wait(self.interval if rest is None else rest)
        if not self.finished.is_set():
            self.function(*self.args, **self.kwargs)
        self.finished.set()

    # What one that was pending goes on with, whatever `run` has become meanwhile.
    _tw_resume = run

    # -- What looks like a thread --

    @property
    def finished(self) -> Any:
        """The event that is set when the timer has fired or was cancelled; setting it cancels the timer."""
        self._tw_materialise()
        return self._tw_event()

    @finished.setter
    def finished(self, event: Any) -> None:
        self._tw_materialise()
        self._tw_finished = event

    @property
    def ident(self) -> int | None:
        """The identifier of the timer's thread. Asking for it gives a pending timer one."""
        self._tw_materialise()
        return super().ident

    @property
    def native_id(self) -> int | None:
        """The kernel's identifier of the timer's thread. Asking for it gives a pending timer one."""
        self._tw_materialise()
        return super().native_id

    def __repr__(self) -> str:
        try:
            # Who reports that it could not be given a thread shows it, and must not wait for it.
            self._tw_materialise(wait=False)
        except RuntimeError:
            # No resources for a thread. It stays pending.
            pass
        return super().__repr__()

    # -- Pending --

    def _tw_launch(self) -> None:
        if (
            self._tw_finished is None
            # At exit the interpreter waits for threads alone.
            and not _module._SHUTTING_DOWN
            # These are handed on by the thread that calls start(). So are a stack size and the signals that it has
            # blocked: `_schedule` looks at them.
            and not _module._trace_hook
            and not _module._profile_hook
            and self._tw_await_turn()
        ):
            # Someone has got hold of it, or cancelled the timer, before the key was known; or the exit has begun, and
            # may have looked for pending timers before this was one.
            if self._tw_finished is not None or _module._SHUTTING_DOWN:
                self._tw_materialise()
        else:
            self._started = _native.Event()
            self._tw_equip()
            super()._tw_launch()

    def _tw_await_turn(self) -> bool:
        """Become pending, unless `_schedule` says that it needs a thread. Returns whether it has."""
        key = None
        try:
            self._started = _begun
            self._tw_pending = True
            _limbo[self] = self
            self._tw_key = key = _native._schedule(self, self.interval, _prepare_driver, _plain_run)
        finally:
            if key is None:
                # Not even a method of the dictionary's: there may be no memory for one.
                self._started = _not_begun
                if self in _limbo:
                    del _limbo[self]
                self._tw_pending = False
        return key is not None

    def _tw_materialise(self, *, wait: bool = True) -> None:
        """Give the timer a thread of its own if it is pending; `wait` if someone else does so."""
        # Without a key, start() has not returned yet. It will see what its caller could not wait to touch.
        key = self._tw_key
        if not self._tw_pending or key is None:
            return
        if not self._tw_take_thread(key, is_taken=False) and wait:
            self._tw_settle(key)

    def _tw_take_thread(self, key: _native._TimerKey, *, is_taken: bool) -> bool:
        """Go on in a thread of its own.

        What finds a timer without a thread that has left the queue has to wait. So it leaves it in one step with the
        start of the thread, which settles it: neither a signal handler nor a destructor can come in between.

        Args:
            key: What it is known by in the queue.
            is_taken: Whether the calling thread has taken it out of there.

        Returns:
            Whether it was still in the queue, or taken.

        Raises:
            RuntimeError: There are no resources for a thread. The timer is where it was.
        """
        _ensure_awaited()
        begun = _native.Event()
        if not is_taken:
            _beginnings.add(begun)
        lifetime = Lifetime()
        lifetime._tw_new_lifetime()
        begin = partial(self._tw_leave_queue, lifetime, begun, 0 if is_taken else key.remaining())
        # If the new thread cannot even begin, for want of memory, what it was to call is freed, and it sets nothing.
        watch = ref(begin, begun._tw_announce)
        if not _native._start_timer(key, lifetime._tw_os_thread(begin, daemon=self.daemon), is_taken):
            return False
        del begin
        begun.wait()
        del watch
        # If it has another key, it has run already, and has been initialised again.
        if self._ident is None and self._tw_pending and key is self._tw_key:
            self._tw_return(key, is_taken=is_taken)
            raise RuntimeError("can't start new thread")
        return True

    def _tw_leave_queue(self, lifetime: Lifetime, begun: _native.Event, rest: float) -> None:
        """Called in the new thread.

        Args:
            lifetime: What the interpreter knows of it.
            begun: To be set when it has begun, or has failed to.
            rest: The seconds that it has to wait.
        """
        try:
            self._tw_begun = begun
            self._tw_rest = rest
            self._tw_has_left = True
            self._tw_equip()
            vars(self).update(vars(lifetime))
        except BaseException:
            self._tw_announce(begun)
            raise
        self._bootstrap()

    def _tw_return(self, key: _native._TimerKey, *, is_taken: bool) -> None:
        """Be pending as before: its thread could not begin."""
        try:
            # Without memory, what is not there cannot be set; then what is set after it is not there either.
            self._tw_rest = None
            self._tw_unbegin_lifetime()
            _limbo[self] = self
        finally:
            if not is_taken:
                _native._restore_timer(self, key, _prepare_driver)

    def _tw_is_under_way(self) -> bool:
        """Return whether a thread has been started for it, and has not failed before it had begun."""
        return self._tw_has_left

    def _tw_unbegin_lifetime(self) -> None:
        self._tw_has_left = False
        super()._tw_unbegin_lifetime()

    def _tw_equip(self) -> None:
        self._target, self._args, self._kwargs = None, (), {}
        super()._tw_equip()

    def _tw_begin(self) -> None:
        if self._tw_rest is not None:
            # Its starter had blocked none. Whoever has started the thread may have.
            _native._unblock_signals()
        # One that was pending may share the event with all that were not started: a handler has ended its start().
        if not self._tw_has_left and not self._tw_borrows:
            Thread._tw_begin(self)
        self._tw_be_settled()
        if self._tw_begun is not None:
            self._tw_announce(self._tw_begun)

    def _tw_fire(self, key: _native._TimerKey) -> None:
        """Called by the driver: the time has come."""
        if not self._tw_pending or (self._tw_key is not None and self._tw_key is not key):
            # The driver is what is left of the parent of a fork, in a function that it has called; or a signal handler
            # has ended start() before it knew the key.
            return
        # Which start() may be about to do.
        self._tw_key = key
        _limbo[self] = self
        try:
            self._tw_take_thread(key, is_taken=True)
        except (RuntimeError, MemoryError):
            if self._tw_is_under_way():
                raise
            self._tw_borrow_thread()

    def _tw_borrow_thread(self) -> None:
        """Run in the driver's thread: there are no resources for another, or none may be started any more."""
        if _module._SHUTTING_DOWN and self._daemonic:
            self._tw_skip()
            return
        _limbo[self] = self
        self._tw_borrows = True
        try:
            self._bootstrap()
        finally:
            self._tw_end_lifetime()
            _name_driver()

    def _tw_abandon(self) -> None:
        """Called by the driver: `_tw_fire` has failed. Nobody shall wait for it for ever."""
        if self._tw_pending and not self._tw_is_under_way():
            self._tw_skip()

    def _tw_begin_lifetime(self) -> None:
        if self._tw_borrows:
            self._tw_adopt_lifetime(_module.get_ident())
        else:
            super()._tw_begin_lifetime()

    def _tw_skip(self) -> None:
        """Have ended without ever getting a thread. The caller has taken the timer out of the queue."""
        self._tw_over = True
        self._tw_skip_lifetime()
        try:
            del _limbo[self]
        except KeyError:
            # A thread was to be started, in vain.
            pass
        finally:
            if self._tw_finished is not None:
                self._tw_finished.set()
            self._tw_be_settled()

    def _tw_be_settled(self) -> None:
        self._tw_pending = False
        if self._tw_settled is not None:
            self._tw_announce(self._tw_settled)

    def _tw_settlement(self) -> Any:
        """Return the event that is set when the timer is not pending any more; look again if it is after this."""
        return self._tw_settled or self.__dict__.setdefault("_tw_settled", _native.Event())

    def _tw_settle(self, key: _native._TimerKey, timeout: float | None = None) -> bool:
        """Wait until the timer, which has left the queue, is not pending any more, and return whether that is so."""
        settled = self._tw_settlement()
        if not self._tw_pending:
            return True
        if key.is_cancelled():
            # Whoever is about to do this may have been interrupted by us.
            self._tw_skip()
            return True
        return not key.is_up_to_caller() and settled.wait(timeout)

    def _tw_wait_for_end(self, timeout: float | None) -> None:
        if self._tw_pending:
            key = self._tw_key
            if key is None:
                raise RuntimeError("cannot join thread before it is started")
            if _native._is_driver():
                # A destructor. Nobody else fires timers as long as it waits.
                self._tw_materialise()
            if timeout is None:
                if not self._tw_settle(key):
                    raise RuntimeError("cannot join current thread")
            else:
                # Raises what waiting for a thread would.
                _thread.allocate_lock().acquire(True, timeout)
                end = monotonic() + timeout
                if not self._tw_settle(key, timeout):
                    return
                timeout = max(end - monotonic(), 0)
        super()._tw_wait_for_end(timeout)

    def _tw_has_own_finished(self) -> bool:
        """Return whether its class has a `finished` of its own, which an instance's attribute then goes before."""
        return type(self).finished is not _finished_property

    def _tw_event(self) -> Any:
        if type(self) is not Timer and self._tw_has_own_finished():
            return self.finished
        event = self._tw_finished
        if event is None:
            event = self.__dict__.setdefault("_tw_finished", _native.Event())
            if self._tw_over:
                event.set()
        return event

    def _tw_forget_start(self) -> None:
        """Become one that was not started: `__init__` is called again. If there is a thread, it goes on."""
        self._tw_materialise()
        for name in _PER_START:
            self.__dict__.pop(name, None)

    def _after_fork(self, new_ident: int | None = None) -> None:
        if self._tw_pending:
            # It has neither fired nor been cancelled, but its thread would be gone.
            self._tw_skip_lifetime()
            self._tw_be_settled()
        else:
            super()._after_fork(new_ident)


# Until a timer has a thread, it shares the lifetime of one that will not begin.
_unborn = Lifetime()
_unborn._tw_new_lifetime()
for _attribute, _value in vars(_unborn).items():
    setattr(Timer, _attribute, _value)

_thread_init = Thread.__init__
_plain_run = Timer.run
_finished_property = Timer.__dict__["finished"]

# What a timer has only since it was started, or could have been.
_PER_START = [
    "_target",
    "_args",
    "_kwargs",
    "_context",
    "_tw_given_context",
    "_started",
    "_ident",
    "_native_id",
    "_tw_over",
    "_tw_pending",
    "_tw_borrows",
    "_tw_has_left",
    "_tw_key",
    "_tw_rest",
    "_tw_finished",
    "_tw_begun",
    "_tw_settled",
    "_invoke_excepthook",
    *vars(_unborn),
]


def _begin_pending() -> None:
    """Give all pending timers threads, as far as there are resources."""
    for thread in list(_limbo.values()):
        if isinstance(thread, Timer):
            try:
                thread._tw_materialise()
            except RuntimeError:
                pass


# -- The driver ------------------------------------------------------------------------------------------------------


class _Driver(Lifetime):
    """The thread that waits for all pending timers."""

    daemon = True

    def __init__(self) -> None:
        self._begun, self._drives = _native.Event(), _native.Event()
        _beginnings.add(self._drives)
        _beginnings.add(self._begun)
        self._tw_new_lifetime()

    def start(self) -> Callable[[], object]:
        """Return what starts it when it is called."""
        # Native throughout, so that a function that traces all threads, and fails, cannot end it: timers rely on it.
        drive = partial(_native._drive, self._drives, self._begun, self._enter, self._leave)
        # As for any thread: it is freed if the thread cannot even begin.
        self._watch = ref(drive, self._begun._tw_announce)
        return self._tw_os_thread(drive, daemon=True)

    def has_begun(self) -> bool:
        """Wait until the thread has begun, and return whether it has: there may be no memory for that."""
        self._begun.wait()
        return self._drives.is_set()

    def _enter(self) -> None:
        global _driver
        _driver = self
        self._tw_begin_lifetime()
        _native._unblock_signals()
        _name_driver()

    def _leave(self) -> None:
        # Whoever traces all threads, or is freed in this one, may have asked for the current thread.
        _active.pop(_module.get_ident(), None)

    def wait(self, timeout: float) -> None:
        if self._drives.wait(timeout) and self._begun.wait(timeout):
            self._tw_wait_for_end(timeout)


def _name_driver() -> None:
    _native._set_os_name("threadwell-timer")


_driver: _Driver | None = None


def _prepare_driver() -> tuple[Callable[[], object], Callable[[], bool]]:
    """Return what starts a driver when it is called, and what then waits until it has begun."""
    global _driver
    _ensure_awaited()
    driver = _Driver()
    # A signal handler or a destructor may have started one just now.
    if _driver is None or _driver._tw_has_ended():
        _driver = driver
    return driver.start(), driver.has_begun


def _before_fork() -> None:
    """Let no thread be there that has nothing to do: since Python 3.12 a fork beside other threads is warned about."""
    # Not for ever: the machine may be busy. As soon as someone else schedules a timer, it is not sent home any more.
    for _ in range(100):
        if _driver is None or not _native._send_driver_home():
            return
        _driver.wait(0.01)
