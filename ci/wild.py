"""Runs tests of other people's programs with threadwell in the place of ``threading``, and without it.

    python ci/wild.py [--rounds N] [PROJECT...]

The projects are in tests/wild/projects.toml. Each gets an environment of its own in ``build/wild``, made with .venv's
interpreter. In each round, its tests run once on the standard library and once on threadwell. If a test has had an
outcome with threadwell that it has not had without, there are more rounds, to tell which of the two it is: flaky, or
different. A run of all projects writes docs/compatibility.md.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

import interpreters

sys.path.append(str(interpreters.ROOT / "tests" / "wild"))

import environments
import report
import suites
from comparison import Comparison
from projects import Project, load

#: How many rounds there are at least, and in all if something looks different.
ROUNDS, MORE_ROUNDS = 2, 5


def main() -> int:
    projects = load()
    options = parse([project.name for project in projects])
    # A shell lets its jobs in the background ignore it, which the tests would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main_one = interpreters.main_interpreter()
    wheel = interpreters.wheel(main_one)
    print(f"other people's programs on {main_one.version}, {main_one.path}", flush=True)
    begin = time.monotonic()
    comparisons = []
    for project in projects:
        if not options.projects or project.name in options.projects:
            comparison = compare(project, main_one, wheel, options.rounds)
            comparisons.append(comparison)
            for line in comparison.details():
                print(f"  {line}")
            verdict = "" if comparison.good else "FAILED, "
            print(f"result: wild {project}: {verdict}{comparison}", flush=True)
    if not options.projects:
        report.write(comparisons, main_one.version)
    bad = sum(not comparison.good for comparison in comparisons)
    print(f"result: wild: {len(comparisons)} projects, {bad} failed ({time.monotonic() - begin:.0f} s)")
    return 1 if bad else 0


def parse(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the tests of other projects with threadwell and without.")
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=f"one of {', '.join(names)}; all by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how many at least, {ROUNDS} by default")
    options = parser.parse_args()
    for name in options.projects:
        if name not in names:
            parser.error(f"there is no project {name}")
    return options


def compare(project: Project, interpreter: interpreters.Interpreter, wheel: Path, rounds: int) -> Comparison:
    """Run the tests of a project as often as it takes."""
    comparison = Comparison(project)
    scratch = environments.WILD / "runs" / project.name
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        archive = environments.sdist(project, interpreter.path)
        prepared = environments.environment(project, interpreter, archive, wheel)
    except interpreters.BuildError as error:
        comparison.failure = f"it cannot be prepared: {error}"
        return comparison
    number = 0
    while number < rounds or (number < MORE_ROUNDS and comparison.different):
        number += 1
        for swapped, runs in ((False, comparison.stdlib), (True, comparison.ours)):
            place = scratch / f"{number}-{'threadwell' if swapped else 'stdlib'}"
            runs.append(suites.run(project, prepared, archive, place, swapped=swapped))
    return comparison


if __name__ == "__main__":
    try:
        sys.exit(main())
    except interpreters.BuildError as error:
        sys.exit(str(error))
