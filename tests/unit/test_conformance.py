"""The conformance runner notices what may go wrong in a run: crashes, hangs, children that are not swapped."""

import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

import runner
import witness
from exclusions import Exclusions
from processes import Interpreter, Run

PREFIX = "sample.Tests."


@pytest.fixture(scope="module")
def interpreter():
    return Interpreter.probe(Path(sys.executable))


@pytest.fixture
def sample(interpreter, tmp_path):
    """Runs a module with the given test methods, and returns the finished run."""

    def start(methods, *, swapped=False, limit=60):
        source = "import os, subprocess, sys, time, unittest\n\nclass Tests(unittest.TestCase):\n"
        source += textwrap.indent(textwrap.dedent(methods), "    ")
        (tmp_path / "sample.py").write_text(source, encoding="utf-8")
        finished = Run(interpreter, "sample", swapped=swapped, path=tmp_path, limit=limit)
        finished.all(set)
        return finished

    return start


def outcomes(finished):
    return {identifier.removeprefix(PREFIX): outcome for identifier, (outcome, _) in finished.outcomes.items()}


def test_outcomes_are_told_apart(sample):
    finished = sample(
        """
        def test_passes(self):
            pass
        def test_fails(self):
            self.fail("on purpose")
        def test_raises(self):
            raise ValueError
        def test_skips(self):
            self.skipTest("on purpose")
        def test_subtest_fails(self):
            with self.subTest("first"):
                self.fail("on purpose")
            with self.subTest("second"):
                pass
        @unittest.expectedFailure
        def test_passes_unexpectedly(self):
            pass
        """
    )
    assert outcomes(finished) == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_raises": "failed",
        "test_skips": "skipped",
        "test_subtest_fails": "failed",
        "test_passes_unexpectedly": "failed",
    }
    assert "on purpose" in finished.outcomes[f"{PREFIX}test_fails"][1]
    assert finished.complaints == []


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os.abort()", "it was ended by SIGABRT"),
        ("os._exit(3)", "it ended with exit code 3"),
        ("os._exit(0)", "it ended early"),
    ],
)
def test_a_crash_is_the_failure_of_its_test_and_the_others_run(sample, ending, reason):
    finished = sample(
        f"""
        def test_a(self):
            pass
        def test_b(self):
            {ending}
        def test_c(self):
            pass
        """
    )
    assert outcomes(finished) == {"test_a": "passed", "test_b": "failed", "test_c": "passed"}
    assert reason in finished.outcomes[f"{PREFIX}test_b"][1]


def test_a_hang_is_the_failure_of_its_test_with_the_stacks(sample):
    # On a busy machine two seconds may be too few for the test that does not hang, or for the start.
    for limit in 2, 20:
        finished = sample(
            """
            def test_a(self):
                while True:
                    time.sleep(1)
            def test_b(self):
                pass
            """,
            limit=limit,
        )
        if outcomes(finished) == {"test_a": "failed", "test_b": "passed"}:
            break
    assert outcomes(finished) == {"test_a": "failed", "test_b": "passed"}
    assert "sample.py" in finished.outcomes[f"{PREFIX}test_a"][1]
    assert "in test_a" in finished.outcomes[f"{PREFIX}test_a"][1]


def test_a_forked_child_does_not_go_on_with_the_tests(sample):
    finished = sample(
        """
        def test_a(self):
            child = os.fork()
            if child == 0:
                raise RuntimeError("the child leaves the test")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 1)
        def test_b(self):
            pass
        """
    )
    assert outcomes(finished) == {"test_a": "passed", "test_b": "passed"}


def test_a_module_that_cannot_be_imported_is_a_complaint(sample):
    finished = sample("raise RuntimeError('on purpose')")
    assert finished.outcomes == {}
    assert any("on purpose" in complaint for complaint in finished.complaints)


def test_a_set_up_that_fails_is_a_failure(sample):
    finished = sample(
        """
        @classmethod
        def setUpClass(cls):
            raise RuntimeError("on purpose")
        def test_a(self):
            pass
        """
    )
    assert list(finished.outcomes) == ["setUpClass (sample.Tests)"]
    assert finished.outcomes["setUpClass (sample.Tests)"][0] == "failed"
    assert finished.complaints == ["1 tests could not be run"]


def test_a_failure_counts_only_if_the_stdlib_has_none(sample, interpreter, tmp_path):
    def fake(**results):
        made = Run(interpreter, "sample", swapped=False, path=tmp_path)
        made.outcomes = {name: (outcome, "") for name, outcome in results.items()}
        made.collected = list(results)
        return made

    tally = runner.Tally()
    runner.compare(
        tally,
        fake(ours="failed", both="failed", skipped="skipped", both_skip="skipped", good="passed"),
        fake(ours="passed", both="failed", skipped="passed", both_skip="skipped", good="passed", gone="passed"),
    )
    assert set(tally.failed) == {"ours", "skipped", "gone"}
    assert set(tally.not_ours) == {"both"}
    assert set(tally.skipped) == {"both_skip"}
    assert set(tally.passed) == {"good"}


def test_an_exclusion_that_matches_nothing_is_named():
    exclusions = Exclusions([("a", ()), ("b", ("3.12",)), ("c", ()), ("d", ("3.12",)), ("e", ("3.13",))])
    assert exclusions.among(["a", "b", "x"], "3.11") == {"a"}
    assert exclusions.among(["a", "b", "x"], "3.12") == {"a", "b"}
    assert exclusions.unknown() == ["c", "d"]


def test_an_exclusion_says_why(tmp_path):
    path = tmp_path / "exclusions.toml"
    path.write_text('[[excluded]]\nid = "a"\ndetail = " "\n', encoding="utf-8")
    with pytest.raises(SystemExit, match="an entry has"):
        Exclusions.load(path)


SPAWN = "subprocess.run([sys.executable, {options!r}, '-c', 'import threading; threading.Lock()'], check=True{more})"


@pytest.mark.parametrize("option", ["-I", "-E", "-s", "-Wdefault"])
def test_children_are_swapped(sample, option):
    finished = sample(f"def test_a(self):\n    {SPAWN.format(options=option, more='')}", swapped=True)
    assert outcomes(finished) == {"test_a": "passed"}
    assert finished.complaints == []
    assert finished.children == 1


@pytest.mark.parametrize(
    ("options", "more", "complaint"),
    [
        ("-S", "", "in a way that the swap does not reach"),
        ("-IS", "", "in a way that the swap does not reach"),
        ("-I", ", env={}", "in a way that the swap does not reach"),
        ("-I", ", env={k: v for k, v in os.environ.items() if k != 'THREADWELL_CHILDREN'}", "ran on the stdlib"),
    ],
)
def test_a_child_that_is_not_swapped_is_a_complaint(sample, options, more, complaint):
    finished = sample(f"def test_a(self):\n    {SPAWN.format(options=options, more=more)}", swapped=True)
    assert outcomes(finished) == {"test_a": "passed"}
    assert len(finished.complaints) == 1
    assert complaint in finished.complaints[0]


def test_a_module_that_holds_the_stdlib_is_a_complaint(sample):
    finished = sample(
        """
        def test_a(self):
            import importlib.util
            path = os.path.join(os.path.dirname(os.__file__), "threading.py")
            spec = importlib.util.spec_from_file_location("threading", path)
            sys.modules[__name__].genuine = importlib.util.module_from_spec(spec)
        """,
        swapped=True,
    )
    assert outcomes(finished) == {"test_a": "passed"}
    assert finished.complaints == ["these modules hold the stdlib's threading: ['sample']"]


def run_runner(*arguments):
    command = [sys.executable, runner.__file__, "--baseline", "--module", "test.test_threading_local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def test_a_filter_that_fits_no_test_is_an_error(interpreter):
    if not interpreter.tests:
        pytest.skip("this interpreter has no tests")
    finished = run_runner("--only", "NoSuchTest", sys.executable)
    assert "FAILED, no test was run: none fits the options" in finished.stdout
    assert finished.returncode == 1
    finished = run_runner("--only", "test_derived$", sys.executable)
    assert "passed 2, " in finished.stdout
    assert finished.returncode == 0, finished.stdout


def test_without_any_tests_the_run_says_that_it_was_none(tmp_path):
    """As where they are a package of their own that is not installed: `test` is there, and nearly empty."""
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "__init__.py").touch()
    without = tmp_path / "python"
    without.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(tmp_path))} exec {shlex.quote(sys.executable)} "$@"\n')
    without.chmod(0o755)
    finished = run_runner(str(without))
    assert "SKIP, it has no tests: install " in finished.stdout
    assert finished.stdout.endswith("result: conformance: SKIP, nothing was run\n")
    assert finished.returncode == 0


def test_an_interpreter_that_does_not_answer_is_an_error(tmp_path):
    finished = run_runner(str(tmp_path / "python"))
    assert "does not answer" in finished.stdout
    assert finished.returncode == 1


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ("-S -c pass", True),
        ("-ISc pass", True),
        ("-X faulthandler -I -S -c pass", True),
        ("-W error -S program.py", True),
        ("-X S -I -c pass", False),
        ("-c -S", False),
        ("program.py -S", False),
    ],
)
def test_a_child_that_the_swap_does_not_reach_is_known_by_its_options(options, without):
    assert witness._without_site(options.split()) is without
