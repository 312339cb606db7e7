"""``threadwell.dummy``: threading without threads."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import threadwell
from threadwell import dummy

if TYPE_CHECKING:
    from conftest import Program

# Every wait in here returns at once. This would keep a test that waits after all for longer than it may take.
FOREVER = 100_000


@pytest.mark.parametrize("module", [threading, threadwell], ids=lambda module: module.__name__)
def test_every_public_name_is_there(module: Any) -> None:
    own = {"install", "uninstall"} if module is threadwell else set()
    missing = {name for name in set(module.__all__) - own if not hasattr(dummy, name)}
    assert not missing
    assert {"activeCount", "currentThread", "ThreadError", "TIMEOUT_MAX"} <= set(dir(dummy))
    assert all(hasattr(dummy, name) for name in dummy.__all__)


# -- Threads ----------------------------------------------------------------------------------------------------------


def test_start_runs_the_activity_in_the_calling_thread() -> None:
    seen: list[object] = []

    def work(*args: object, **kwargs: object) -> None:
        seen.extend((args, kwargs, threading.get_ident(), dummy.current_thread(), dummy.enumerate(), thread.is_alive()))

    thread = dummy.Thread(target=work, name="worker", args=(1,), kwargs={"key": 2})
    assert (thread.is_alive(), thread.ident, thread.native_id) == (False, None, None)
    thread.start()
    assert seen == [(1,), {"key": 2}, threading.get_ident(), thread, [dummy.main_thread(), thread], True]
    assert not thread.is_alive()
    assert thread.ident == dummy.get_ident() == dummy.main_thread().ident
    assert thread.native_id == threading.get_native_id()
    assert dummy.current_thread() is dummy.main_thread()
    assert (dummy.active_count(), dummy.activeCount(), dummy.currentThread()) == (1, 1, dummy.main_thread())
    thread.join()
    thread.join(FOREVER)


def test_activities_nest() -> None:
    order: list[str] = []

    def outer() -> None:
        order.append("outer begins")
        inner = dummy.Thread(target=lambda: order.append(f"inner of {dummy.active_count()}"))
        inner.start()
        inner.join()
        order.append("outer ends")

    dummy.Thread(target=outer).start()
    assert order == ["outer begins", "inner of 3", "outer ends"]


def test_a_subclass_overrides_run_and_init() -> None:
    class Worker(dummy.Thread):
        def __init__(self, value: int) -> None:
            super().__init__(name=f"worker-{value}", daemon=True)
            self.value = value

        def run(self) -> None:
            self.value *= 2

    worker = Worker(21)
    worker.start()
    assert (worker.value, worker.name, worker.daemon) == (42, "worker-21", True)


def test_wrong_calls_are_errors() -> None:
    def work() -> None:
        with pytest.raises(RuntimeError, match="cannot join current thread"):
            thread.join()
        joined.append(False)

    joined: list[bool] = []
    thread = dummy.Thread(target=work)
    with pytest.raises(RuntimeError, match="cannot join thread before it is started"):
        thread.join()
    thread.start()
    assert joined == [False]
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()


def test_calls_before_init_are_errors() -> None:
    class Bare(dummy.Thread):
        def __init__(self) -> None:
            pass

    thread = Bare()
    with pytest.raises(RuntimeError, match=r"^thread\.__init__\(\) not called$"):
        thread.start()
    with pytest.raises(RuntimeError, match=r"^Thread\.__init__\(\) not called$"):
        thread.join()
    with pytest.raises(AssertionError, match=r"^Thread\.__init__\(\) not called$"):
        thread.is_alive()


def test_the_daemon_flag_is_inherited_and_set_until_the_start() -> None:
    inherited: list[bool] = []
    thread = dummy.Thread(target=lambda: inherited.append(dummy.Thread().daemon))
    assert not thread.daemon
    thread.daemon = True
    thread.start()
    assert inherited == [True]
    with pytest.raises(RuntimeError, match="cannot set daemon status of active thread"):
        thread.daemon = False
    with pytest.raises(RuntimeError, match="cannot set daemon status of active thread"):
        dummy.main_thread().daemon = True


def test_the_daemon_flag_of_the_thread_that_it_runs_in_is_not_inherited() -> None:
    made: list[dummy.Thread] = []
    thread = threading.Thread(target=lambda: made.append(dummy.Thread()), daemon=True)
    thread.start()
    thread.join()
    assert not made[0].daemon


def test_a_subclass_may_tell_its_progress() -> None:
    class Worker(dummy.Thread):
        def __init__(self) -> None:
            super().__init__()
            self._progress = 0.5

        def run(self) -> None:
            self._progress = 1.0

    worker = Worker()
    worker.start()
    assert (worker._progress, worker.is_alive()) == (1.0, False)


def test_activities_go_on_in_the_child_of_a_fork(program: Program) -> None:
    output = program("""
        import os, threading, warnings
        from threadwell import dummy

        def work():
            pid = os.fork()
            if pid:
                assert os.waitpid(pid, 0)[1] == 0
            else:
                states = [each.is_alive() for each in (thread, ended, later)]
                print(states, repr(thread), dummy.main_thread().native_id == os.getpid(), flush=True)
                later.start()
                os._exit(0)

        ended, later = dummy.Thread(), dummy.Thread(target=lambda: print(later.is_alive(), flush=True))
        ended.start()
        thread = dummy.Thread(target=work, name="work")
        thread.start()
    """)
    assert output == "[True, False, False] <Thread(work, started 1)> True\nTrue\n"


def test_repr_shows_the_state() -> None:
    seen: list[str] = []
    thread = dummy.Thread(target=lambda: seen.append(repr(thread)), name="name", daemon=True)
    seen.append(repr(thread))
    thread.start()
    seen.append(repr(thread))
    assert seen == [
        "<Thread(name, initial daemon)>",
        "<Thread(name, started daemon 1)>",
        "<Thread(name, stopped daemon 1)>",
    ]


def test_an_exception_goes_to_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Any] = []
    monkeypatch.setattr(dummy, "excepthook", caught.append)
    error = ValueError("in a thread")

    def fail() -> None:
        raise error

    thread = dummy.Thread(target=fail)
    thread.start()
    assert [(args.exc_type, args.exc_value, args.thread) for args in caught] == [(ValueError, error, thread)]
    assert dummy.current_thread() is dummy.main_thread()


def test_an_exit_goes_to_the_hook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Any] = []
    monkeypatch.setattr(dummy, "excepthook", caught.append)
    dummy.Thread(target=dummy.exit).start()
    assert [args.exc_type for args in caught] == [SystemExit]


def test_the_default_hook_writes_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    dummy.Thread(target=lambda: 1 / 0, name="divider").start()
    errors = capsys.readouterr().err
    assert errors.startswith("Exception in thread divider:\nTraceback")
    assert "ZeroDivisionError" in errors


def test_exit_ends_an_activity_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    thread = dummy.Thread(target=dummy.exit)
    thread.start()
    assert not thread.is_alive()
    assert capsys.readouterr() == ("", "")


def test_the_user_can_interrupt_an_activity() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    thread = dummy.Thread(target=interrupted)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
    assert not thread.is_alive()
    assert dummy.enumerate() == [dummy.main_thread()]


def test_a_timer_calls_its_function_at_once_unless_cancelled() -> None:
    calls: list[object] = []
    timer = dummy.Timer(FOREVER, lambda *args, **kwargs: calls.append((args, kwargs)), [1], {"key": 2})
    timer.start()
    assert calls == [((1,), {"key": 2})]
    assert timer.finished.is_set()
    cancelled = dummy.Timer(FOREVER, calls.append, [3])
    cancelled.cancel()
    cancelled.start()
    assert len(calls) == 1


def test_local_data_is_shared_as_there_is_one_thread() -> None:
    data = dummy.local()
    data.value = 1
    dummy.Thread(target=lambda: setattr(data, "value", 2)).start()
    assert data.value == 2


# -- Locks and what is built on them ----------------------------------------------------------------------------------


def test_a_lock_is_always_free_for_a_blocking_acquire() -> None:
    lock = dummy.Lock()
    assert not lock.locked()
    with lock as acquired:
        assert acquired
        assert lock.locked()
        assert not lock.acquire(blocking=False)
        assert lock.acquire()
        assert lock.acquire(timeout=FOREVER)
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        lock.release()
    assert repr(lock).startswith("<unlocked threadwell.dummy.Lock object at 0x")
    assert dummy.LockType is dummy.allocate_lock is dummy.Lock


def test_an_rlock_counts() -> None:
    lock = dummy.RLock()
    with lock:
        assert lock.acquire(blocking=False)
        lock.release()
        assert lock.locked()
    assert not lock.locked()
    with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        lock.release()


@pytest.mark.parametrize("make", [None, dummy.Lock, dummy.RLock], ids=["default", "Lock", "RLock"])
def test_a_condition_has_always_been_notified(make: Any) -> None:
    condition = dummy.Condition(make() if make else None)
    with condition:
        assert condition.wait()
        assert condition.wait(FOREVER)
        assert condition.wait_for(lambda: "value") == "value"
        assert condition.wait_for(lambda: 0, timeout=FOREVER) == 0
        with pytest.raises(RuntimeError, match="nothing can end this wait"):
            condition.wait_for(lambda: False)
        condition.notify()
        condition.notify_all()
    for call in (condition.wait, condition.notify):
        with pytest.raises(RuntimeError, match="un-acquired lock"):
            call()
    with pytest.raises(RuntimeError, match="un-acquired lock"):
        condition.wait_for(lambda: False, timeout=1)


@pytest.mark.parametrize("make", [dummy.Semaphore, dummy.BoundedSemaphore])
def test_a_semaphore_does_not_wait(make: Any) -> None:
    semaphore = make(2)
    with semaphore:
        assert semaphore.acquire()
        assert not semaphore.acquire(blocking=False)
        assert not semaphore.acquire(timeout=FOREVER)
        with pytest.raises(RuntimeError, match="nothing can end this wait"):
            semaphore.acquire()
        with pytest.raises(RuntimeError, match="nothing can end this wait"), semaphore:
            pytest.fail("acquired")
        with pytest.raises(ValueError, match="can't specify timeout"):
            semaphore.acquire(blocking=False, timeout=1)
        semaphore.release()
    with pytest.raises(ValueError, match="must be >= 0"):
        make(-1)
    if make is dummy.BoundedSemaphore:
        with pytest.raises(ValueError, match="released too many times"):
            semaphore.release()


def test_an_event_is_not_waited_for() -> None:
    event = dummy.Event()
    assert event.wait()
    assert event.wait(FOREVER)
    assert not event.is_set()
    event.set()
    assert event.is_set()
    event.clear()
    assert not event.is_set()


def test_a_barrier_is_for_one() -> None:
    assert dummy.Barrier(1).wait() == 0
    barrier = dummy.Barrier(2)
    with pytest.raises(dummy.BrokenBarrierError):
        barrier.wait(FOREVER)
    assert barrier.broken
    barrier.reset()
    with pytest.raises(dummy.BrokenBarrierError):
        barrier.wait()


# -- Functions --------------------------------------------------------------------------------------------------------


def test_hooks_are_in_force_while_a_thread_runs() -> None:
    outside, profiled = (sys.gettrace(), sys.getprofile()), []

    def profile(*arguments: object) -> None:
        profiled.append(arguments[1])

    inside: list[object] = []
    dummy.setprofile(profile)
    try:
        assert dummy.getprofile() is profile
        dummy.Thread(target=lambda: inside.append(sys.getprofile())).start()
    finally:
        dummy.setprofile(None)
    assert inside == [profile]
    assert "call" in profiled
    assert (sys.gettrace(), sys.getprofile()) == outside
    assert dummy.gettrace() is None


def test_settrace_is_in_force_while_a_thread_runs(program: Program) -> None:
    output = program("""
        import sys
        from threadwell import dummy
        def trace(frame, event, argument):
            return None
        dummy.settrace(trace)
        dummy.Thread(target=lambda: print(sys.gettrace() is trace)).start()
        print(sys.gettrace(), dummy.gettrace() is trace)
        dummy.settrace_all_threads(None)
        dummy.setprofile_all_threads(None)
        print(dummy.gettrace(), dummy.getprofile())
    """)
    assert output == "True\nNone True\nNone None\n"


def test_the_stack_size_is_fixed() -> None:
    assert dummy.stack_size() == 0
    with pytest.raises(dummy.error, match="not supported"):
        dummy.stack_size(1 << 20)


def test_start_new_thread_calls_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[object] = []
    assert dummy.start_new_thread(lambda *args, **kwargs: calls.append((args, kwargs)), (1,), {"key": 2}) == 1
    assert calls == [((1,), {"key": 2})]
    with pytest.raises(TypeError, match="2nd arg must be a tuple"):
        dummy.start_new_thread(print, [1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3rd arg must be a dict"):
        dummy.start_new_thread(print, (), [1])  # type: ignore[arg-type]
    dummy.start_new_thread(dummy.exit, ())
    assert capsys.readouterr() == ("", "")
    dummy.start_new_thread(lambda: 1 / 0, ())
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_interrupt_main_takes_effect_after_the_activity() -> None:
    order: list[str] = []

    def work() -> None:
        dummy.interrupt_main()
        order.append("went on")

    with pytest.raises(KeyboardInterrupt):
        dummy.Thread(target=work).start()
    assert order == ["went on"]
    with pytest.raises(KeyboardInterrupt):
        dummy.interrupt_main()
    dummy.Thread(target=order.clear).start()
    assert order == []
