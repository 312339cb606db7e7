"""Runs one module of the interpreter's own test suite and writes down what happens, test by test.

This is the program under test: the runner starts it with ``threadwell run``, or plainly for the standard library. What
it writes survives a crash and a hang, so that the runner can go on with the tests after.
"""

import argparse
import faulthandler
import importlib
import json
import os
import sys
import unittest
from pathlib import Path

# Modules whose `_thread` becomes ours as well: they test it directly.
LOW_LEVEL = ("test.test_thread", "test.test_threadsignals")


class Journal(unittest.TestResult):
    """Writes each outcome down at once, and ends the process when a test takes too long."""

    def __init__(self, path, stacks, limit):
        super().__init__()
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open to the end of the process
        self._stacks = open(stacks, "a", encoding="utf-8")  # noqa: SIM115
        self._limit = limit
        self._outcome = None
        self._process = os.getpid()
        self.watch()

    def watch(self):
        """Allow another time limit from now on."""
        if os.getpid() != self._process:
            # A test forked, and its child got here instead of ending: it must not go on with the tests.
            print("a forked child returned from its test", file=sys.stderr, flush=True)
            os._exit(1)
        faulthandler.dump_traceback_later(self._limit, exit=True, file=self._stacks)

    def write(self, **entry):
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def startTest(self, test):  # noqa: N802 - unittest's names
        super().startTest(test)
        self.watch()
        self._outcome = ("passed", "")
        self.write(event="start", id=test.id())

    def stopTest(self, test):  # noqa: N802
        super().stopTest(test)
        self.watch()
        outcome, text = self._outcome
        if outcome == "passed" and threads_left_behind():
            outcome, text = "failed", "left threads or children behind"
        self._outcome = None
        self.write(event="stop", id=test.id(), outcome=outcome, text=text)

    def _set(self, test, outcome, text):
        if self._outcome is None:
            # The set-up or the clean-up of a class or a module.
            self.write(event="stop", id=test.id(), outcome=outcome, text=text)
        elif self._outcome[0] == outcome == "failed":
            self._outcome = (outcome, f"{self._outcome[1]}\n{text}")
        elif self._outcome[0] != "failed":
            self._outcome = (outcome, text)

    def addError(self, test, err):  # noqa: N802
        self._set(test, "failed", self._exc_info_to_string(err, test))

    addFailure = addError  # noqa: N815

    def addSubTest(self, test, subtest, err):  # noqa: N802
        if err is not None:
            self._set(test, "failed", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):  # noqa: N802
        self._set(test, "skipped", reason)

    def addUnexpectedSuccess(self, test):  # noqa: N802
        self._set(test, "failed", "unexpected success")


def threads_left_behind():
    """Return whether the last test was seen to leave something behind, and forget it."""
    from test import support

    altered = support.environment_altered
    support.environment_altered = False
    return altered


def load(name, swapped):
    """Import the test module, with what it is meant to test in place."""
    if swapped:
        demand_swap()
    elif "threadwell" in sys.modules:
        sys.exit("worker: threadwell is loaded in a run of the standard library")
    if not swapped or name not in LOW_LEVEL:
        return importlib.import_module(name)

    import threadwell._thread

    # What these modules import as well keeps the interpreter's `_thread`.
    importlib.import_module("test.lock_tests")
    importlib.import_module("test.support.threading_helper")
    genuine = sys.modules["_thread"]
    sys.modules["_thread"] = threadwell._thread
    try:
        module = importlib.import_module(name)
    finally:
        sys.modules["_thread"] = genuine
    if module.thread is not threadwell._thread:
        sys.exit(f"worker: {name} does not use threadwell._thread")
    return module


def demand_swap():
    """End the process unless ``threading`` is threadwell and its classes are the extension's."""
    import threading

    import threadwell._native as native
    import threadwell._thread

    proof = (
        threading is threadwell
        and isinstance(threading.Lock(), native.Lock)
        and isinstance(threading.Event(), native.Event)
        and isinstance(threadwell._thread.allocate_lock(), native.Lock)
    )
    if not proof:
        sys.exit(f"worker: threading is {threading!r}, not threadwell")


def stdlib_left():
    """Name the modules that still hold the standard library's ``threading``."""
    demand_swap()
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != "threadwell"
        and any(map(is_stdlib, list(getattr(module, "__dict__", {}).values())))
    ]


def is_stdlib(value):
    return type(value) is type(sys) and value.__name__ == "threading"


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("directory", type=Path, help="with `order.json`, and where the results go")
    parser.add_argument("--swapped", action="store_true")
    options = parser.parse_args()
    order = json.loads((options.directory / "order.json").read_text(encoding="utf-8"))

    result = Journal(options.directory / "journal", options.directory / "stacks", order["limit"])
    faulthandler.enable(open(options.directory / "stacks", "a", encoding="utf-8"))  # noqa: SIM115
    sys.path[0] = order["path"]
    module = load(options.module, options.swapped)
    tests = list(flatten(unittest.defaultTestLoader.loadTestsFromModule(module)))
    result.write(event="tests", ids=[test.id() for test in tests])
    only = set(order["only"])
    unittest.TestSuite(test for test in tests if test.id() in only).run(result)
    if options.swapped:
        result.write(event="left", modules=stdlib_left())
    result.write(event="end")


if __name__ == "__main__":
    main()
