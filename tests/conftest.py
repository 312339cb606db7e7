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
