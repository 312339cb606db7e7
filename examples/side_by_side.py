"""Run unmodified threaded programs on the standard library and on threadwell, side by side.

Every program in this directory only knows ``import threading``. Each runs in processes of its own,
``python PROGRAM`` and ``python -m threadwell run PROGRAM`` in turn, timed from start to exit. The
examples of the documents that threadwell grew from, in ``seeds/``, then run on threadwell.
"""

import argparse
import ast
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAIN_JOB = HERE / "pipeline.py"
WAYS = {
    "stdlib": [sys.executable],
    "threadwell": [sys.executable, "-m", "threadwell", "run"],
}
PATIENCE = 60  # seconds for one program
NARROW = 12


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of the main job, on each side")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("at least one run is needed")
    print(f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}")
    print("Times are from the start of a process to its end, start-up included.")
    failures = main_job(options.runs) + other_programs() + seeds()
    for failure in failures:
        print(f"side_by_side: {failure}", file=sys.stderr)
    return 1 if failures else 0


def main_job(runs):
    """Compare the main job and show what both sides print."""
    headline(f"The main job: examples/{MAIN_JOB.name}, {runs} runs on each side, alternating")
    results = alternate(MAIN_JOB, runs)
    for way, (outputs, _) in results.items():
        print(f"\n$ {shell(way, MAIN_JOB)}")
        print(indented(outputs[0]))
    print()
    return compare(MAIN_JOB, results)


def other_programs():
    """Compare the other programs of this directory in a line each."""
    headline("Other programs, 3 runs on each side, alternating")
    failures = []
    for program in sorted(HERE.glob("*.py")):
        if program not in (MAIN_JOB, Path(__file__).resolve()):
            results = alternate(program, 3)
            print(f"\n$ {shell('threadwell', program)}")
            print(indented(results["threadwell"][0][0]))
            failures += compare(program, results)
    return failures


def seeds():
    """Show what the examples of the seeds print on threadwell."""
    headline("The examples of the seeds, on threadwell (SCALE=1 gives them their own, long times)")
    failures = []
    for program in sorted((HERE / "seeds").glob("*.py")):
        code, output, _ = run("threadwell", program)
        print(f"\n{program.name}: {title(program)}")
        print(indented(output))
        if code != 0:
            failures.append(f"{program.name} ended with exit code {code}")
    return failures


def alternate(program, runs):
    """Run ``program`` both ways, ``runs`` times each; return outputs and seconds by way."""
    results = {way: ([], []) for way in WAYS}
    for index in range(runs):
        for way in WAYS if index % 2 == 0 else reversed(WAYS):
            code, output, seconds = run(way, program)
            if code != 0:
                output += f"(exit code {code})\n"
            results[way][0].append(output)
            results[way][1].append(seconds)
    return results


def compare(program, results):
    """Print both timings and the ratio; return what went wrong, if anything."""
    medians = {way: statistics.median(seconds) for way, (_, seconds) in results.items()}
    for way, (_, seconds) in results.items():
        spread = f"({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"    {way:<{NARROW}}{medians[way]:.2f} s  {spread}")
    ratio = medians["stdlib"] / medians["threadwell"]
    outputs = {output for outputs, _ in results.values() for output in outputs}
    same = len(outputs) == 1
    verdict = "the same result in all runs" if same else "NOT the same result in all runs"
    print(f"    {'ratio':<{NARROW}}{ratio:.2f}×, {verdict}")
    failures = [] if same else [f"{program.name} did not print the same in all runs"]
    if any("(exit code " in output for output in outputs):
        failures.append(f"{program.name} failed")
    return failures


def run(way, program):
    """Run ``program`` once; return its exit code, what it printed and the seconds it took."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [*WAYS[way], str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},  # keeps stdout and stderr in their order
    ) as child:
        try:
            output, _ = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            output += f"(killed after {PATIENCE} s)\n"
    return child.returncode, output, time.perf_counter() - begin


def shell(way, program):
    words = ["python", *WAYS[way][1:], str(program.relative_to(HERE.parent))]
    return " ".join(words)


def title(program):
    """Return the first line of the program's docstring."""
    docstring = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]


def headline(text):
    print(f"\n{text}\n{'=' * len(text)}")


def indented(text):
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
