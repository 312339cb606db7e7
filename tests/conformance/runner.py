"""Runs the interpreter's own tests of ``threading`` on threadwell.

    python tests/conformance/runner.py [options] INTERPRETER...

Each interpreter is one that has threadwell installed, as those that ``make conformance`` prepares. The tests run with
threadwell in the place of ``threading`` before anything imports it, in the child interpreters that they start as well,
and one module at a time in a process of its own. A test that crashes or hangs ends that process; the tests after it run
in a new one.

A test that fails or is skipped runs again on the standard library. One that fails there too is named, but does not
count against threadwell; one that is skipped only with threadwell does. README.md in this directory says more.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from exclusions import Exclusions
from processes import Interpreter, Run

HERE = Path(__file__).resolve().parent
MODULES = ("test.test_threading", "test.test_threading_local", "test.test_thread", "test.test_threadsignals")


def main() -> int:
    options = parse()
    exclusions = Exclusions.load(HERE / "exclusions.toml")
    pattern = re.compile(options.only or "")
    failed = False
    skipped = run = 0
    for path in options.interpreters:
        interpreter = Interpreter.probe(path)
        if interpreter is None:
            print(f"result: conformance: FAILED, {path} does not answer", flush=True)
            failed = True
            continue
        if not interpreter.tests:
            print(f"result: conformance {interpreter.version}: SKIP, {install_tests(interpreter)}", flush=True)
            skipped += 1
            continue
        if not interpreter.threadwell and not options.baseline:
            print(f"result: conformance {interpreter.version}: FAILED, threadwell is not installed for it", flush=True)
            failed = True
            continue
        print(f"conformance on {interpreter.version}, {path}", flush=True)
        total = Tally()
        for module in options.module or MODULES:
            tally = run_module(interpreter, module, exclusions, pattern, options)
            print(f"  {module:27}{tally}", flush=True)
            for line in tally.details():
                print(f"    {line}")
            total += tally
        what = "conformance, stdlib" if options.baseline else "conformance"
        print(f"result: {what} {interpreter.version}: {total}", flush=True)
        failed |= bool(total.failed or total.complaints)
        run += total.run
    if skipped == len(options.interpreters):
        print("result: conformance: SKIP, nothing was run", flush=True)
    elif not run and not failed:
        print("result: conformance: FAILED, no test was run: none fits the options", flush=True)
        failed = True
    if not options.only and not options.module:
        for identifier in exclusions.unknown():
            print(f"exclusions.toml: no test is called {identifier}")
            failed = True
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the interpreter's own tests of threading on threadwell.")
    parser.add_argument("interpreters", nargs="+", type=lambda name: Path(name).absolute(), metavar="INTERPRETER")
    parser.add_argument("--module", action="append", choices=MODULES, help="only this one; may be given again")
    parser.add_argument("--only", metavar="REGEX", help="only the tests whose id it is found in")
    parser.add_argument("--excluded", action="store_true", help="run what is excluded: each such test has to fail")
    parser.add_argument("--baseline", action="store_true", help="run on the standard library instead")
    return parser.parse_args()


def install_tests(interpreter: Interpreter) -> str:
    """Say which package an interpreter without tests lacks."""
    if interpreter.debian:
        return f"it has no tests: install libpython{interpreter.minor}-testsuite"
    return "it has no tests: install the `test` package that belongs to this interpreter"


# -- What came out ----------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """The outcomes by test id, with their texts."""

    passed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    not_ours: dict[str, str] = field(default_factory=dict)
    #: What is wrong with the run itself, such as a child that was not swapped.
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0
    children: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        for name in ("passed", "skipped", "failed", "excluded", "not_ours"):
            getattr(self, name).update(getattr(other, name))
        self.complaints += other.complaints
        self.seconds += other.seconds
        self.children += other.children
        return self

    @property
    def run(self) -> int:
        return len(self.passed) + len(self.skipped) + len(self.failed) + len(self.not_ours)

    def __str__(self) -> str:
        return (
            f"run {self.run}, passed {len(self.passed)}, skipped {len(self.skipped)}, excluded {len(self.excluded)}, "
            f"failed in the stdlib too {len(self.not_ours)}, failed {len(self.failed)} "
            f"({self.seconds:.0f} s, {self.children} child interpreters)"
        )

    def details(self) -> Iterator[str]:
        for identifier in self.not_ours:
            yield f"failed in the stdlib too: {identifier}"
        for identifier in self.failed:
            yield f"FAILED {identifier}"
        for complaint in self.complaints:
            yield f"WRONG {complaint}"
        for identifier, text in self.failed.items():
            yield f"---- {identifier}"
            yield from text.rstrip().splitlines()


def run_module(
    interpreter: Interpreter,
    module: str,
    exclusions: Exclusions,
    pattern: re.Pattern[str],
    options: argparse.Namespace,
) -> Tally:
    begin = time.monotonic()
    tally = Tally()
    excluded: set[str] = set()

    def choose(identifiers: list[str]) -> set[str]:
        nonlocal excluded
        excluded = exclusions.among(identifiers, interpreter.minor)
        wanted = {identifier for identifier in identifiers if pattern.search(identifier)}
        return wanted & excluded if options.excluded else wanted - excluded

    if options.baseline:
        run = Run(interpreter, module, swapped=False)
        run.all(choose)
        tally.complaints += run.complaints
        file_outcomes(tally, run.outcomes)
    else:
        run = Run(interpreter, module, swapped=True)
        run.all(choose)
        tally.children = run.children
        tally.complaints += run.complaints
        doubtful = {identifier for identifier, (outcome, _) in run.outcomes.items() if outcome != "passed"}
        stdlib = Run(interpreter, module, swapped=False)
        stdlib.all(lambda _: doubtful)
        tally.complaints += stdlib.complaints
        compare(tally, run, stdlib)
    if options.excluded:
        require_failures(tally)
    else:
        tally.excluded = dict.fromkeys(sorted(excluded), "")
    tally.seconds = time.monotonic() - begin
    return tally


def file_outcomes(tally: Tally, outcomes: dict[str, tuple[str, str]]) -> None:
    for identifier, (outcome, text) in outcomes.items():
        getattr(tally, outcome)[identifier] = text


def compare(tally: Tally, ours: Run, stdlib: Run) -> None:
    """Tell our failures from those of the machine."""
    for identifier, (outcome, text) in ours.outcomes.items():
        theirs = stdlib.outcomes.get(identifier, ("passed", ""))[0]
        if outcome == "failed" and theirs == "failed":
            tally.not_ours[identifier] = text
        elif outcome == "skipped" and theirs != "skipped":
            tally.failed[identifier] = f"skipped only with threadwell: {text}"
        else:
            getattr(tally, outcome)[identifier] = text
    for identifier in sorted(set(stdlib.collected) - set(ours.collected)):
        tally.failed[identifier] = "not there with threadwell, but there without"


def require_failures(tally: Tally) -> None:
    """Turn the outcome of the excluded tests around: one that passes need not be excluded."""
    unexpected = dict.fromkeys(tally.passed, "it is excluded, but passes")
    tally.passed, tally.failed = tally.failed, unexpected


if __name__ == "__main__":
    sys.exit(main())
