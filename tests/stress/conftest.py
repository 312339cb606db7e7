"""What the stress tests share: how many rounds, which seed, and a line for every count in the end.

Two environment variables: ``THREADWELL_STRESS=full`` asks for the counts of ``make stress`` instead of the short ones
of ``make test``; ``THREADWELL_STRESS_SEED`` repeats the choices of a run that printed it (the interleaving is the
machine's).
"""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

FULL = os.environ.get("THREADWELL_STRESS") == "full"
SEED = int(os.environ.get("THREADWELL_STRESS_SEED", random.SystemRandom().getrandbits(32)))

#: Seconds that a test may take with the full counts.
TIME_LIMIT = 4 * 3600

_counts: list[str] = []


class Stress:
    """One test's share of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        #: The test's own choices, the same for the same seed.
        self.random = random.Random(f"{SEED} {name}")

    def rounds(self, quick: int, full: int) -> int:
        """Return how often to do it: a short count in ``make test``, the promised one in ``make stress``."""
        return full if FULL else quick

    def counted(self, counts: str) -> None:
        """Have a line such as ``1000 exits, 0 aborts, 0 hangs`` printed when all tests have run."""
        _counts.append(f"{self._name}: {counts}")


@pytest.fixture
def stress(request: pytest.FixtureRequest) -> Stress:
    """How many rounds, which choices, and where the counts go."""
    return Stress(request.node.name)


class Handlers(Protocol):
    """Have a signal handled until the test has ended."""

    def __call__(self, number: int, handle: Callable[[int, FrameType | None], object]) -> None: ...


@pytest.fixture
def handlers() -> Iterator[Handlers]:
    """Set handlers of signals; the ones that were there are put back."""

    def handlers(number: int, handle: Callable[[int, FrameType | None], object]) -> None:
        before.append((number, signal.signal(number, handle)))

    before: list[tuple[int, Any]] = []
    yield handlers
    for number, handle in reversed(before):
        signal.signal(number, handle)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if FULL:
        for item in items:
            item.add_marker(pytest.mark.timeout(TIME_LIMIT), append=False)


def pytest_report_header() -> str:
    return f"stress: THREADWELL_STRESS_SEED={SEED}, {'full' if FULL else 'short'} counts"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _counts:
        terminalreporter.section(f"stress, THREADWELL_STRESS_SEED={SEED}")
        for line in _counts:
            terminalreporter.line(line)
