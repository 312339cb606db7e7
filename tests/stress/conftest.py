"""What the stress tests share: how many rounds, which seed, and a line for every count in the end.

Two environment variables: ``THREADWELL_STRESS=full`` asks for the counts of ``make stress`` instead of the short ones
of ``make test``; ``THREADWELL_STRESS_SEED`` repeats the choices of a run that printed it (the interleaving is the
machine's).
"""

from __future__ import annotations

import marshal
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

import threadwell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

FULL = os.environ.get("THREADWELL_STRESS") == "full"
SEED = int(os.environ.get("THREADWELL_STRESS_SEED", random.SystemRandom().getrandbits(32)))

#: Seconds that a test may take with the full counts.
TIME_LIMIT = 4 * 3600

#: Lines for the end, and of how many shapes of a test each is true.
_counts: Counter[str] = Counter()


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
        _counts[f"{self._name.partition('[')[0]}: {counts}"] += 1


@pytest.fixture
def stress(request: pytest.FixtureRequest) -> Stress:
    """How many rounds, which choices, and where the counts go."""
    return Stress(request.node.name)


class Child(Protocol):
    """Run a program, given as a file or as its text, with some arguments."""

    def __call__(self, source: str | Path, *arguments: object) -> str: ...


@pytest.fixture
def child(tmp_path: Path) -> Child:
    """Run a program in a child interpreter that may take as long as the test, and return what it wrote."""

    def run(source: str | Path, *arguments: object) -> str:
        path = source
        if isinstance(source, str):
            path = tmp_path / "program.py"
            path.write_text(textwrap.dedent(source))
        command = [sys.executable, "-W", "ignore", str(path), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, check=False, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


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


# -- Exits ---------------------------------------------------------------------------------------------------------

#: Seconds after which a program is taken to hang. The machine may be busy.
PATIENCE = 30
#: How many programs run at the same time: most of the time, most of them sleep.
AT_ONCE = 4
#: One of so many is run by an interpreter of its own.
FRESH = 10

#: How a program comes by threadwell.
WAYS = {
    "imported": "import threadwell as threading",
    "installed": "import threadwell; threadwell.install(); import threading",
}

#: What each program begins with.
PRELUDE = Path(__file__).with_name("exits_prelude.py").read_text()


class Exits(Protocol):
    """Run a program often; each time it has to end with that exit code and that output (``...`` stands for any)."""

    def __call__(self, source: str, code: int = 0, output: str = "", modules: tuple[str, ...] = ()) -> None: ...


@pytest.fixture(scope="session")
def nursery() -> Iterator[subprocess.Popen[bytes]]:
    """The process that starts the programs. It takes orders, and answers each."""
    arguments = [sys.executable, "-I", "-S", "-X", "faulthandler", Path(__file__).with_name("exits_nursery.py")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


@pytest.fixture
def exits(stress: Stress, nursery: subprocess.Popen[bytes]) -> Exits:
    """Run a program 1,000 times, or a few: by turns with each way to come by threadwell."""

    def exits(source: str, code: int = 0, output: str = "", modules: tuple[str, ...] = ()) -> None:
        rounds = stress.rounds(quick=2, full=1000)
        programs = {way: f"{text}\n{PRELUDE}\n{textwrap.dedent(source)}" for way, text in WAYS.items()}
        first_fresh = stress.random.randrange(FRESH)
        order = {
            "programs": programs,
            "runs": [
                {
                    "way": [*WAYS][number % len(WAYS)],
                    "seed": stress.random.getrandbits(32),
                    "fresh": (number // len(WAYS)) % FRESH == first_fresh,
                }
                for number in range(rounds)
            ],
            "code": code,
            "output": output,
            "modules": ["threadwell", *modules],
            "path": [str(Path(threadwell.__file__).parent.parent)],
            "limit": PATIENCE,
            "at once": AT_ONCE,
        }
        marshal.dump(order, nursery.stdin)
        nursery.stdin.flush()
        ended, failure = marshal.load(nursery.stdout)
        if failure is not None:
            print(f"SEED = {failure['seed']}\n{programs[failure['way']]}")
            what = "hangs" if failure["code"] is None else f"ends with {failure['code']}, not {code}"
            how = f"{failure['way']}, {'fresh' if failure['fresh'] else 'forked'}, seed {failure['seed']}"
            pytest.fail(f"exit {ended} of {rounds} {what} ({how}). It wrote:\n{failure['output']}")
        assert ended == rounds
        stress.counted(f"{rounds} exits, 0 aborts, 0 hangs")

    return exits


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if FULL:
        for item in items:
            item.add_marker(pytest.mark.timeout(TIME_LIMIT), append=False)


def pytest_report_header() -> str:
    return f"stress: THREADWELL_STRESS_SEED={SEED}, {'full' if FULL else 'short'} counts"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _counts:
        terminalreporter.section(f"stress, THREADWELL_STRESS_SEED={SEED}")
        for line, shapes in _counts.items():
            terminalreporter.line(line if shapes == 1 else f"{line}, for each of {shapes} shapes")
