"""What the tests of the package share: real child interpreters, each with a time limit."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: Seconds after which a child interpreter is killed and its test fails.
TIME_LIMIT = 40
#: Seconds after which a state that is waited for will not come any more.
PATIENCE = 30


#: Files and tests that `ci/parallel.sh` leaves alone, since several threads cannot run them at once.
ALONE = {
    **dict.fromkeys(
        ("test_signals.py", "test_the_starter_may_be_interrupted"), "signals are handled by the main thread alone"
    ),
    **dict.fromkeys(
        ("test_functions.py", "test_hooks.py", "test_stack_chunks.py"), "it sets what all threads of the process share"
    ),
    **dict.fromkeys(
        (
            *("test_exit.py", "test_fork.py", "test_patch.py", "test_cli.py", "test_children.py", "test_examples.py"),
            *("test_program.py", "test_first_import.py", "test_bench.py", "test_conformance.py", "test_models.py"),
            *("test_coverage.py", "test_arguments.py"),
        ),
        "it is about processes or about files",
    ),
    **dict.fromkeys(("test_timer.py", "test_timer_beside_stdlib.py"), "the thread for pending timers is one for all"),
    "test_properties.py": "each of its threads has its turn",
    **dict.fromkeys(
        (
            *("test_thread_is_as_before", "test_default_names_count_up", "test_activities_nest"),
            "test_nobody_gets_hold_of_an_object_that_is_being_freed",
            "test_nothing_of_a_thread_is_called_once_it_has_left",
            "test_a_thread_may_have_a_hash_and_an_equality_of_its_own",
            *("test_an_ended_thread_keeps_nothing_alive", "test_stack_size_is_that_of_the_interpreter"),
            *("test_interrupt_main_takes_effect_after_the_activity", "test_methods_of_a_subclass_are_called"),
            "test_hooks_are_in_force_while_a_thread_runs",
        ),
        "it counts what there is in the process, or replaces a function for all",
    ),
    **dict.fromkeys(
        (
            *("test_run_is_a_plain_call_in_the_calling_thread", "test_join_of_the_own_thread_raises"),
            *("test_threads_of_the_main_thread_are_not_daemons", "test_daemon_none_means_inherited"),
            "test_misuse_raises_what_the_standard_library_raises",
        ),
        "it is about the main thread",
    ),
}

#: Fixtures that threads cannot share: the object that a test is about, or a child process.
OF_ONE_THREAD = {
    *("barrier", "condition", "event", "local", "lock", "rlock", "timer", "waiting", "waiters", "paused", "blocked"),
    *("child", "program", "python", "crowd", "monkeypatch", "restored", "ends"),
}


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Say which tests are for one thread at a time."""
    reason = ALONE.get(item.path.name) or ALONE.get(getattr(item, "originalname", ""))
    if reason is None and OF_ONE_THREAD.intersection(getattr(item, "fixturenames", ())):
        reason = "its threads would share the object that it is about, or start processes"
    if reason is not None:
        item.add_marker(pytest.mark.thread_unsafe(reason=reason))


class Until(Protocol):
    """Wait until a condition holds, described by `what`."""

    def __call__(self, what: str, condition: Callable[[], object]) -> None: ...


@pytest.fixture(scope="session")
def until() -> Until:
    """Wait for a state: with a deadline, and without a guess at how long it takes."""

    def until(what: str, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"this did not come to be: {what}"
            time.sleep(0.001)

    return until


class Python(Protocol):
    """Run an interpreter like this one with some arguments."""

    def __call__(
        self,
        *arguments: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def python() -> Python:
    """Run a child interpreter and return how it ended, with its output as text."""

    def run(
        *arguments: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            check=False,
            cwd=cwd,
            env=env,
            input=stdin,
            text=True,
            timeout=TIME_LIMIT,
        )

    return run


class Program(Protocol):
    """Run the text of a program; it has to end well."""

    def __call__(self, source: str, **settings: object) -> str: ...


@pytest.fixture
def program(python: Python, tmp_path: Path) -> Program:
    """Run a program's text as a file in a child interpreter, expect that it succeeds, and return what it wrote."""

    def run(source: str, **settings: object) -> str:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source))
        result = python(path, cwd=tmp_path, **settings)  # type: ignore[arg-type]
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run
