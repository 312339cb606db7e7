"""Runs the tests of one module in as many processes as it takes, and sees to it that all of them are swapped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "ci"))

from interpreters import Interpreter  # noqa: E402 - it is beside what makes the environments

__all__ = ["Interpreter", "Run"]

#: Seconds that one test may take. The slowest takes about ten.
TEST_LIMIT = 120
#: Seconds more after which a process is killed that did not end itself then.
PATIENCE = 30


class Run:
    """One test module in as many processes as it takes."""

    def __init__(
        self,
        interpreter: Interpreter,
        module: str,
        *,
        swapped: bool,
        path: Path | None = None,
        limit: float = TEST_LIMIT,
    ) -> None:
        """Prepare to run a module, which may also be one in the directory `path`."""
        self.outcomes: dict[str, tuple[str, str]] = {}
        self.collected: list[str] = []
        self.complaints: list[str] = []
        self.children = 0
        self._interpreter = interpreter
        self._module = module
        self._swapped = swapped
        self._path = path
        self._limit = limit

    def all(self, choose: Callable[[list[str]], set[str]]) -> None:
        """Run the tests that `choose` picks from the ids of all."""
        if self._swapped:
            install_witness(self._interpreter.site)
        # Collecting comes first, in a process of its own: it must not depend on how the tests go.
        self._process(only=[])
        rest = choose(self.collected)
        while rest:
            self._process(only=sorted(rest))
            before, rest = rest, rest - set(self.outcomes)
            if rest == before:
                self.complaints.append(f"{len(rest)} tests could not be run")
                break

    def _process(self, only: list[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="threadwell-conformance-") as name:
            directory = Path(name)
            order = {"only": only, "limit": self._limit, "path": str(self._path or directory / "cwd")}
            (directory / "order.json").write_text(json.dumps(order), encoding="utf-8")
            (directory / "cwd").mkdir()
            command: list[str | Path] = [self._interpreter.path]
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "THREADWELL"))}
            if self._swapped:
                command += ["-m", "threadwell", "run", "--children"]
                environment["THREADWELL_WITNESS"] = str(directory / "witness")
            command += [HERE / "worker.py", self._module, directory]
            if self._swapped:
                command += ["--swapped"]
            process, ending = self._wait(command, environment, directory)
            self._read(directory, process, ending)

    def _wait(self, command: list[str | Path], environment: dict[str, str], directory: Path) -> tuple[int, str]:
        """Return the process's id and how it ended, an empty text if well."""
        journal = directory / "journal"
        with open(directory / "output", "wb") as output:
            process = subprocess.Popen(
                command,
                cwd=directory / "cwd",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            killed = False
            size, since = 0, time.monotonic()
            try:
                while process.poll() is None:
                    if journal.exists() and journal.stat().st_size != size:
                        size, since = journal.stat().st_size, time.monotonic()
                    if time.monotonic() - since > self._limit + PATIENCE:
                        killed = True
                        break
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=0.2)
            finally:
                # Its children as well: a test that failed may have left some.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if killed:
            return process.pid, "it hung, and did not end itself either"
        if process.returncode < 0:
            return process.pid, f"it was ended by {signal.Signals(-process.returncode).name}"
        if process.returncode > 0:
            return process.pid, f"it ended with exit code {process.returncode}"
        return process.pid, ""

    def _read(self, directory: Path, process: int, ending: str) -> None:
        running = None
        finished = False
        for entry in read_journal(directory / "journal"):
            match entry["event"]:
                case "tests":
                    self.collected = entry["ids"]
                case "start":
                    running = entry["id"]
                case "stop":
                    running = None
                    self.outcomes[entry["id"]] = (entry["outcome"], entry["text"])
                case "left" if entry["modules"]:
                    self.complaints.append(f"these modules hold the stdlib's threading: {entry['modules']}")
                case "end":
                    finished = True
        if self._swapped:
            self._hear_witness(directory / "witness", process, complete=finished)
        if finished and not ending:
            return
        text = "\n".join(
            (
                ending or "it ended early",
                tail(directory / "stacks", "stacks", 200),
                tail(directory / "output", "output", 60),
            )
        )
        if running is not None:
            self.outcomes[running] = ("failed", f"the process did not survive this test: {text}")
        else:
            when = "at exit" if finished else "outside of any test"
            self.complaints.append(f"{self._module}, {when}: {text}")

    def _hear_witness(self, path: Path, process: int, *, complete: bool) -> None:
        """Check that each child interpreter that was started ran on threadwell."""
        started, spawned, silent = read_witness(path)
        if started.pop(str(process), None) is None:
            self.complaints.append("the witness is not at work")
        self.children += len(started)
        if silent:
            self.complaints.append(f"{silent} child interpreters were started in a way that the swap does not reach")
        if complete and spawned != len(started):
            self.complaints.append(f"{spawned} child interpreters were started, but {len(started)} reported")
        if not all(started.values()):
            unswapped = sum(not swapped for swapped in started.values())
            self.complaints.append(f"{unswapped} of {len(started)} child interpreters ran on the stdlib")


def install_witness(site: str) -> None:
    name = "threadwell_witness"
    directory = Path(site)
    (directory / f"{name}.py").write_bytes((HERE / "witness.py").read_bytes())
    # Read in alphabetical order: after the file that swaps threadwell in.
    (directory / f"{name}.pth").write_text(f"import {name}\n", encoding="utf-8")


def read_witness(path: Path) -> tuple[dict[str, bool], int, int]:
    """Return what each interpreter ran on, by process, and how many were started within reach of the swap and not."""
    notes = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    started: dict[str, bool] = {}
    for kind, pid, swapped, *_ in notes:
        # The first note of a process: later ones are from sub-interpreters, which cannot load the extension.
        if kind == "start":
            started.setdefault(pid, swapped == "True")
    reached = [reports == "True" for kind, _, reports, *_ in notes if kind == "spawn"]
    return started, reached.count(True), reached.count(False)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def tail(path: Path, what: str, lines: int) -> str:
    text = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"{what}:", *text[-lines:]]) if text else f"{what}: none"
