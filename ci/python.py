"""Runs the Python tests on .venv, and on every other version of Python that this machine has.

python ci/python.py [arguments for pytest]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import interpreters


def main(arguments: list[str]) -> int:
    """Run the tests on one interpreter after the other and return an exit code."""
    main_one = interpreters.main_interpreter()
    found, missing = interpreters.find()
    failed = False
    # That of .venv first.
    for label, interpreter in sorted(found.items(), key=lambda it: it[0] != main_one.label):
        try:
            python = interpreters.MAIN if label == main_one.label else interpreters.environment(interpreter)
        except interpreters.BuildError as error:
            print(f"result: python {interpreter.version}: cannot be prepared: {error}", flush=True)
            failed = True
        else:
            failed |= _tests(python, interpreter.version, arguments)
    if not found:
        print("result: python: FAILED, there is no interpreter to run the tests on")
        failed = True
    for line in missing:
        print(f"result: {line}")
    return 1 if failed else 0


def _tests(python: Path, version: str, arguments: list[str]) -> bool:
    """Return whether something failed."""
    print(f"python {version}, {python}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        options = ("--quiet", "-rfEs", "-p", "no:cacheprovider", f"--junit-xml={report}", *arguments)
        code = subprocess.run([python, "-m", "pytest", *options], cwd=interpreters.ROOT, check=False).returncode
        counts = _counts(report)
    print(f"result: python {version}: {counts}{f', pytest ended with {code}' if code else ''}", flush=True)
    return code != 0


def _counts(report: Path) -> str:
    if not report.exists():
        return "pytest did not come to its end"
    suites = ElementTree.parse(report).getroot().findall("testsuite")
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return f"{total - failures - errors - skipped} passed, {skipped} skipped, {failures + errors} failed"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except interpreters.BuildError as error:
        sys.exit(str(error))
