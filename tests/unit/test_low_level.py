"""``threadwell._thread`` has every name of ``_thread``, with threadwell's locks."""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING

import pytest

from threadwell import _native
from threadwell import _thread as low_level

if TYPE_CHECKING:
    from conftest import Program, Until

#: Seconds after which a state that is waited for will not come any more.
PATIENCE = 30


def test_every_name_of_the_interpreters_module_is_there() -> None:
    names = {name for name in dir(_thread) if not name.startswith("__")}
    assert names <= set(dir(low_level))
    own = {"allocate", "allocate_lock", "lock", "LockType", "RLock"}
    for name in names - own:
        assert getattr(low_level, name) is getattr(_thread, name), name


def test_the_public_names_of_the_seeds_are_exported() -> None:
    assert {
        "LockType", "allocate_lock", "error", "exit", "get_ident", "interrupt_main", "stack_size", "start_new_thread"
    } <= set(low_level.__all__)  # fmt: skip


def test_locks_are_ours() -> None:
    assert low_level.LockType is _native.Lock
    assert type(low_level.allocate_lock()) is low_level.LockType
    assert type(low_level.allocate()) is low_level.LockType  # type: ignore[attr-defined]
    assert low_level.RLock is _native.RLock
    assert hasattr(low_level, "lock") == hasattr(_thread, "lock")
    if hasattr(low_level, "lock"):
        assert low_level.lock is _native.Lock


def test_error_is_what_a_lock_raises() -> None:
    lock = low_level.allocate_lock()
    with pytest.raises(low_level.error, match="release unlocked lock"):
        lock.release()


def test_a_thread_runs_with_its_arguments_and_another_ident() -> None:
    done = low_level.allocate_lock()
    done.acquire()
    seen: list[object] = []

    def work(*args: object, **kwargs: object) -> None:
        seen.extend((args, kwargs, low_level.get_ident(), low_level.get_native_id()))
        done.release()

    ident = low_level.start_new_thread(work, (1, 2), {"key": 3})
    assert done.acquire(timeout=PATIENCE)
    assert seen[:3] == [(1, 2), {"key": 3}, ident]
    assert seen[2] != low_level.get_ident() == threading.get_ident()
    assert seen[3] != low_level.get_native_id()


def test_exit_ends_a_thread_in_silence(capfd: pytest.CaptureFixture[str], until: Until) -> None:
    before = low_level._count()
    started = low_level.allocate_lock()
    started.acquire()

    def work() -> None:
        started.release()
        low_level.exit()

    low_level.start_new_thread(work, ())
    assert started.acquire(timeout=PATIENCE)
    until("the thread has ended", lambda: low_level._count() <= before)
    assert capfd.readouterr() == ("", "")


def test_exit_raises_system_exit() -> None:
    with pytest.raises(SystemExit):
        low_level.exit()


def test_interrupt_main_interrupts_the_main_thread(program: Program) -> None:
    output = program("""
        from threadwell import _thread
        done = _thread.allocate_lock()
        done.acquire()
        _thread.start_new_thread(_thread.interrupt_main, ())
        try:
            # No signal is sent, so a wait is not cut short.
            while not done.acquire(timeout=0.01):
                pass
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert output == "interrupted\n"


def test_stack_size_is_that_of_the_interpreter() -> None:
    before = low_level.stack_size()
    try:
        low_level.stack_size(1 << 20)
        assert threading.stack_size() == 1 << 20
        with pytest.raises(ValueError, match=r"size (not valid|must be at least)"):
            low_level.stack_size(100)
    finally:
        low_level.stack_size(before)
