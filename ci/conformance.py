"""Runs the interpreters' own tests of ``threading`` on threadwell, on every version of Python that this machine has.

python ci/conformance.py [options of tests/conformance/runner.py]
"""

from __future__ import annotations

import subprocess
import sys

import interpreters


def main(arguments: list[str]) -> int:
    """Prepare an environment for each version, run the tests in all of them, and return an exit code."""
    found, missing = interpreters.find()
    failed = False
    pythons = []
    for interpreter in found.values():
        try:
            pythons.append(interpreters.environment(interpreter))
        except interpreters.BuildError as error:
            print(f"result: conformance {interpreter.version}: cannot be prepared: {error}", flush=True)
            failed = True
    runner = interpreters.ROOT / "tests" / "conformance" / "runner.py"
    if pythons:
        failed |= subprocess.run([interpreters.MAIN, runner, *arguments, *pythons], check=False).returncode != 0
    elif not failed:
        print("result: conformance: FAILED, there is no interpreter to run it on", flush=True)
        failed = True
    for line in missing:
        print(f"result: conformance on {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except interpreters.BuildError as error:
        sys.exit(str(error))
