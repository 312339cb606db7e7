"""Runs the tests of one project once, on threadwell or without it, in a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from environments import PLUGIN, unpack
from interpreters import Interpreter
from plugin import VARIABLE
from processes import read_witness, tail
from projects import Project

#: Seconds that one test may take.
TEST_LIMIT = 60
#: Seconds that a process has for showing its stacks before it is killed.
PATIENCE = 5


@dataclass
class Suite:
    """What came of one run.

    Attributes:
        outcomes: By test: ``passed``, ``failed``, ``error``, ``skipped`` or ``xfailed``, or two of them, as in
            ``passed, error`` if what the test had set up could not be taken down.
        texts: What pytest said to those that failed.
        complaints: What is wrong with the run itself.
        threads: How many were started in the test process.
        children: How many interpreters it started, directly or not, within reach of the swap.
        unreached: How many it started in a way that the swap does not reach, such as with ``-S``.
        seconds: How long it took.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    threads: int = 0
    children: int = 0
    unreached: int = 0
    seconds: float = 0


def run(project: Project, interpreter: Interpreter, archive: Path, scratch: Path, *, swapped: bool) -> Suite:
    """Run the tests in a source distribution, and keep reports and output in `scratch`."""
    scratch.mkdir(parents=True)
    report, seen, witness = scratch / "report.xml", scratch / "seen.json", scratch / "witness"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "THREADWELL"))}
    environment[VARIABLE] = str(seen)
    command: list[str | Path] = [interpreter.path]
    if swapped:
        command += ["-m", "threadwell", "run", "--children"]
        environment["THREADWELL_WITNESS"] = str(witness)
    command += ["-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += ["--timeout", str(TEST_LIMIT), "--junit-xml", report, *project.arguments]
    begin = time.monotonic()
    suite = Suite()
    # A copy of its own, as tests leave things behind. Not in the checkout, where projects without settings of their own
    # would get ours, and the paths of sockets would be too long.
    with tempfile.TemporaryDirectory(prefix="wild-", ignore_cleanup_errors=True) as temporary:
        source = unpack(archive, Path(temporary) / "source")
        environment["TMPDIR"] = temporary
        code = _wait(command, environment, source, scratch / "output", project.limit)
    suite.seconds = time.monotonic() - begin
    # 1 says that tests have failed, which is for the comparison to judge.
    if code not in (0, 1) or not report.exists() or not seen.exists():
        ending = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"
        # Of a process that hung, the stacks: from 3.14 on, some 40 lines of what C called follow those of Python.
        suite.complaints.append(f"{ending}; {tail(scratch / 'output', 'output', 100)}")
    if report.exists():
        read_report(report, suite)
    if seen.exists():
        hear_plugin(json.loads(seen.read_text(encoding="utf-8")), suite, swapped=swapped)
    if swapped:
        hear_witness(witness, suite)
    return suite


def _wait(command: list[str | Path], environment: dict[str, str], directory: Path, path: Path, limit: float) -> int:
    with open(path, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            # pytest has it show the stacks of all threads.
            process.send_signal(signal.SIGABRT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=PATIENCE)
            return -signal.SIGALRM
        finally:
            # Its children as well: tests may leave some.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def read_report(path: Path, suite: Suite) -> None:
    """Fill in what came of each test. Those of one name are told apart by a number."""
    found: dict[str, list[str]] = {}
    times: Counter[str] = Counter()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        identifier = f"{case.get('classname')}::{case.get('name')}"
        signs = [(_sign(child), child) for child in case if child.tag in ("failure", "error", "skipped")]
        # pytest writes a second element if a test that has failed cannot be taken down either.
        times[identifier] += 1
        if times[identifier] > 1:
            identifier += f" #{times[identifier]}"
        found[identifier] = [sign for sign, _ in signs] or ["passed"]
        for sign, child in signs:
            if sign in ("failed", "error"):
                suite.texts[identifier] = child.text or child.get("message") or ""
    suite.outcomes = {identifier: ", ".join(signs) for identifier, signs in found.items()}


def _sign(element: ElementTree.Element) -> str:
    if element.tag == "skipped":
        return "xfailed" if element.get("type") == "pytest.xfail" else "skipped"
    return "failed" if element.tag == "failure" else "error"


def hear_plugin(seen: dict[str, object], suite: Suite, *, swapped: bool) -> None:
    """Check what the test process itself ran on."""
    threads = seen["threads"]
    assert isinstance(threads, dict)
    theirs, ours = threads["stdlib"], threads["ours"]
    suite.threads = theirs + ours
    if seen["swapped"] is not swapped:
        suite.complaints.append(f"threadwell was {'not ' if swapped else ''}in the place of threading")
    if swapped and seen["loaded"]:
        suite.complaints.append("something had loaded the standard library's threading")
    if theirs if swapped else ours:
        suite.complaints.append(f"{theirs if swapped else ours} threads were started on the other module")


def hear_witness(path: Path, suite: Suite) -> None:
    """Check what the interpreters ran on that were started from there."""
    started, _, suite.unreached = read_witness(path)
    if not started:
        suite.complaints.append("the witness is not at work")
        return
    # The first is the test process itself, of which the plugin tells: the command that swaps comes after this note.
    del started[next(iter(started))]
    suite.children = len(started)
    if not all(started.values()):
        suite.complaints.append(f"{sum(not swapped for swapped in started.values())} interpreters ran on the stdlib")
