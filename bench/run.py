"""Compare threadwell with the standard library's ``threading``, on this interpreter, in one run.

Both sides of each benchmark run in alternating rounds, so that the ratio between them does not depend
on the state of the machine: in this process, or where that would change what is measured, in processes
of their own. A ratio is stdlib / threadwell: above 1 is faster.

Ends with 1 if a benchmark fails, and with --check also if a target is missed.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import math
import os
import re
import sys
import threading
import time

import report
import sides
from estimate import CONFIDENCE, FEWEST_ROUNDS
from suite import FAILED, RESOLUTION, Result, Suite

# The interval leaves out two rounds at either end: with fewer, a single disturbed one would decide.
QUICK_ROUNDS = 15
HANG_SECONDS = 120  # for one benchmark; then every thread's stack is printed and the run ends


def main() -> int:
    options = parse()
    try:
        ours = sides.load("threading" if options.self_test else options.module)
    except sides.Refused as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return 2
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    suite = Suite(
        threading,
        ours,
        rounds=options.rounds or (QUICK_ROUNDS if options.quick else 41),
        round_seconds=0.0005 if options.quick else 0.002,
        wanted=re.compile(options.only, re.IGNORECASE).search,
    )
    interpreter = sides.interpreter()
    print(introduction(interpreter, suite, options))
    begin = time.monotonic()
    results = run(suite)
    print(report.summary(results))
    print(f"{time.monotonic() - begin:.0f} s")
    if options.json:
        settings = {"rounds": suite.rounds, "cpu": options.cpu, "module": ours.__name__}
        context: dict[str, object] = {"interpreter": interpreter, "settings": settings}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report.as_json(results, context), file, indent=1)
    if not results:
        print(f"bench: no benchmark matches {options.only!r}", file=sys.stderr)
        return 2
    if any(result.verdict == FAILED for result in results):
        return 1
    if options.self_test:
        return biased(results)
    return 1 if options.check and any(result.bad for result in results) else 0


def run(suite: Suite) -> list[Result]:
    """Run all benchmarks, printing each row as soon as it is known."""
    results: list[Result] = []
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    for result in suite.results():
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        if not results or results[-1].group != result.group:
            print(report.heading(result.group))
        print(report.row(result), flush=True)
        results.append(result)
    faulthandler.cancel_dump_traceback_later()
    return results


def biased(results: list[Result]) -> int:
    """Return 1 if the harness tells two sides apart that are the same module.

    As many may differ as chance explains: an interval that is right 99 times in 100 is wrong once.
    """
    compared = [
        (result.name, result.comparison)
        for result in results
        if result.group == "uncontended" and result.comparison is not None
    ]
    unequal = [
        name for name, comparison in compared if comparison.low > 1 + RESOLUTION or comparison.high < 1 - RESOLUTION
    ]
    for name in unequal:
        print(f"bench: {name} differs from itself", file=sys.stderr)
    return 1 if len(unequal) > math.ceil((1 - CONFIDENCE) * len(compared)) else 0


def introduction(interpreter: dict[str, object], suite: Suite, options: argparse.Namespace) -> str:
    cpu = "not pinned" if options.cpu is None else f"pinned to processor {options.cpu}"
    gil = "with the GIL" if interpreter["gil"] else "without the GIL"
    lines = [
        f"{interpreter['version']}, {gil}, {interpreter['optimised'] or 'NOT OPTIMISED'}",
        f"{interpreter['executable']}",
        f"{interpreter['compiler']}, {interpreter['flags']}",
        f"{interpreter['machine']}, {os.cpu_count()} processors, {cpu}",
        f"{suite.stdlib.__name__} beside {suite.threadwell.__name__}, {suite.rounds} rounds",
    ]
    if not interpreter["optimised"]:
        lines.append(
            "warning: this interpreter was built without profile-guided optimisation, which slows "
            "the stdlib's\nPython code more than native code: the ratios below flatter threadwell"
        )
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="PATTERN", default="", help="names to run, as a regex")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--rounds", type=rounds, help="rounds per benchmark")
    parser.add_argument("--cpu", type=int, help="pin the process, hence both sides, to this one")
    parser.add_argument("--json", metavar="FILE", help="write the results there as well")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed as well")
    parser.add_argument("--module", default="threadwell", help=argparse.SUPPRESS)
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="compare the stdlib with itself; exit with 1 unless the two come out level",
    )
    return parser.parse_args()


def rounds(text: str) -> int:
    count = int(text)
    if count < FEWEST_ROUNDS:
        raise argparse.ArgumentTypeError(f"at least {FEWEST_ROUNDS} are needed")
    return count


if __name__ == "__main__":
    sys.exit(main())
