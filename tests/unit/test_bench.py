"""The benchmark harness: its arithmetic, its refusals and its verdicts. No test asserts a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import bounded_queue  # noqa: E402
import contention  # noqa: E402
import estimate  # noqa: E402
import floor  # noqa: E402
import handoffs  # noqa: E402
import measure  # noqa: E402
import memory  # noqa: E402
import operations  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import sides  # noqa: E402
import suite  # noqa: E402
import targets  # noqa: E402

# More than the limits of two children in a row.
pytestmark = pytest.mark.timeout(300)

OPERATIONS = list(operations.all_operations())


def run_bench(*arguments, path=None):
    """Run ``bench/run.py`` with as little effort as it takes."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    command = [sys.executable, str(BENCH / "run.py"), "--quick", "--rounds", "8", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def write_module(directory, profile, body="from threading import *"):
    """Write a stand-in for threadwell, in pure Python."""
    package = directory / "standin"
    package.mkdir()
    (package / "__init__.py").write_text(body)
    (package / "_native.py").write_text(f"__build_profile__ = {profile!r}" if profile else "")
    return "standin"


# Arithmetic


def test_the_ratio_is_that_of_the_rounds_whatever_disturbs_both_sides():
    disturbance = [1, 5, 1, 1, 9, 2, 1, 3, 1]
    ours = [10.0 * factor for factor in disturbance]
    theirs = [30.0 * factor for factor in disturbance]
    comparison = estimate.compare(theirs, ours)
    assert comparison.ratio == estimate.Spread(3, 3, 3)
    assert (comparison.low, comparison.high) == (3, 3)
    assert comparison.stdlib.median == 30
    assert comparison.threadwell.median == 10


def test_quartiles_are_those_of_the_sample():
    assert estimate.Spread.of([1, 2, 3, 4, 5]) == estimate.Spread(3, 2, 4)


@pytest.mark.parametrize(("rounds", "lowest", "highest"), [(8, 1, 8), (10, 1, 10), (15, 3, 13), (40, 12, 29)])
def test_the_interval_is_that_of_the_published_tables(rounds, lowest, highest):
    assert estimate.median_interval([float(n) for n in range(rounds, 0, -1)]) == (lowest, highest)


def test_too_few_rounds_are_an_error():
    with pytest.raises(ValueError, match="7 rounds are too few"):
        estimate.median_interval([1.0] * 7)


def test_sides_with_unequal_rounds_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        estimate.compare([1.0] * 9, [1.0] * 8)


@pytest.mark.parametrize(
    ("ratios", "target", "expected"),
    [
        ([2.0] * 9, 2, estimate.MET),
        ([1.99] * 9, 2, estimate.MISSED),
        ([1.5] * 8 + [2.5], 2, estimate.LEVEL),
        ([2.5] * 8 + [1.5], 2, estimate.LEVEL),
        ([0.9] * 9, 1, estimate.MISSED),
    ],
)
def test_verdict(ratios, target, expected):
    assert estimate.verdict(estimate.compare(ratios, [1.0] * 9), target) == expected


def test_what_is_closer_than_the_resolution_is_not_missed():
    comparison = estimate.compare([0.99] * 9, [1.0] * 9)
    assert estimate.verdict(comparison, 1, resolution=0.02) == estimate.LEVEL
    assert estimate.verdict(comparison, 1, resolution=0.005) == estimate.MISSED


# Loops and rounds


def test_rounds_alternate_their_order():
    calls = []
    runners = [lambda: calls.append("a") or 1.0, lambda: calls.append("b") or 2.0]
    assert measure.interleave(runners, 4) == [[1.0] * 4, [2.0] * 4]
    assert "".join(calls) == "abbaabba"


class Recorder:
    """Counts what a loop does; passed to it as its ``threading``."""

    def __init__(self):
        self.calls = []


def test_a_loop_runs_its_statement_unrolled_between_setup_and_teardown():
    recorder = Recorder()
    operation = operations.Operation(
        "recorded",
        "calls = threading.calls; calls.append('setup')",
        "calls.append('statement')",
        unroll=3,
        teardown="calls.append('teardown')",
    )
    loop = measure.compile_loop(operation, recorder)
    assert loop(2) > 0
    assert recorder.calls == ["setup", *["statement"] * 6, "teardown"]


def test_an_operation_that_costs_nothing_is_no_figure(monkeypatch):
    monkeypatch.setattr(measure, "empty_loop_cost", lambda each, threading: 1.0)
    operation = operations.Operation("nothing", "", "pass")
    run = measure.loop_runner(operation, 1e-5, threading)
    with pytest.raises(ArithmeticError, match="nothing is lost in the cost of the loop"):
        run()


def test_each_turn_gets_an_object_of_its_own():
    recorder = Recorder()
    operation = operations.Operation("each", "", "threading.calls.append(each)", unroll=1, each="object()")
    measure.compile_loop(operation, recorder)(5)
    assert len(set(recorder.calls)) == 5


def test_each_round_runs_code_of_its_own():
    recorder = Recorder()
    operation = operations.Operation("code", "import sys", "threading.calls.append(sys._getframe().f_code)", unroll=1)
    run = measure.loop_runner(operation, 1e-5, recorder)
    recorder.calls.clear()
    run()
    first = recorder.calls[0]
    run()
    assert recorder.calls[-1] is not first


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_runs(operation):
    if operation.needs and sides.find(threading, operation.needs) is None:
        pytest.skip(f"this interpreter has no threading.{operation.needs}")
    before = threading.active_count()
    with measure.quiet():
        assert measure.compile_loop(operation, threading)(2) > 0
    assert threading.active_count() == before


def test_names_are_unique():
    names = [operation.name for operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_target_is_one_of_a_benchmark():
    names = {operation.name for operation in OPERATIONS}
    for kind in handoffs.HANDOFFS:
        names |= {f"{kind}, 1 processor", f"{kind}, as scheduled"}
    assert set(targets.RATIOS) <= names


@pytest.mark.parametrize("kind", handoffs.HANDOFFS)
def test_every_handoff_runs_and_restores_the_processors(kind):
    allowed = os.sched_getaffinity(0)
    for _, processors in suite.placements():
        assert handoffs.HANDOFFS[kind](5, processors) > 0
    assert os.sched_getaffinity(0) == allowed


def test_a_handoff_that_fails_restores_the_processors_and_keeps_no_process():
    allowed = os.sched_getaffinity(0)
    program = f"""
import os, sys
sys.path.insert(0, {str(BENCH)!r})
import handoffs
first = min(os.sched_getaffinity(0))
stop = handoffs.threading.Event()
try:
    handoffs._play(lambda: 1 / 0, stop.wait, 1, (first, first))
except ZeroDivisionError:
    print(sorted(os.sched_getaffinity(0)))
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert child.stdout == f"{sorted(allowed)}\n"


@pytest.mark.skipif(not floor.AVAILABLE, reason="this system has no eventfd")
@pytest.mark.parametrize("processors", [None, (0, 0)])
def test_the_floor_of_a_handoff_is_measured(processors):
    if processors:
        processors = (min(os.sched_getaffinity(0)),) * 2
    assert floor.in_child(5, 3, processors) > 0


@pytest.mark.parametrize("primitive", contention.PRIMITIVES)
def test_contention_counts_what_every_thread_did(primitive):
    # On a busy machine a short time may be over before a thread has had its turn.
    for seconds in 0.01, 0.1, 1, 10:
        taken, counts = contention.compete(contention.PRIMITIVES[primitive](), 3, seconds)
        assert taken > 0
        assert len(counts) == 3
        if sum(counts) > 0:
            break
    assert sum(counts) > 0


@pytest.mark.parametrize("team", bounded_queue.TEAMS.values())
def test_a_bounded_queue_passes_every_item_on(team):
    items = bounded_queue.CAPACITY * 3
    taken, total = bounded_queue.transfer(items, team)
    assert taken > 0
    assert total == team * sum(range(items))


def test_a_workload_runs_on_its_side():
    side = Recorder()
    side.__name__ = "recorder"
    first = sides.workload(BENCH / "contention.py", side)
    assert first.threading is side
    assert sides.workload(BENCH / "contention.py", side) is not first
    assert contention.threading is threading


def test_memory_counts_bytes_and_threads_of_pending_timers():
    figures = memory.in_child("threading", memory.PENDING, 20)
    assert figures["threads"] == 20
    assert figures["bytes"] > 0


def test_memory_counts_bytes_of_objects():
    big = memory.in_child("threading", "Condition", 50_000)["bytes"]
    small = memory.in_child("threading", "Lock", 50_000)["bytes"]
    assert big > small > 0


def test_a_child_that_dies_is_a_failed_row(tmp_path):
    body = "from threading import *\nimport os\nLock = lambda: os.abort()"
    name = write_module(tmp_path, "release", body)
    child = run_bench("--module", name, "--only", "^Lock object$", "--check", path=tmp_path)
    assert child.returncode == 1
    assert "FAILED: child ended with -6" in child.stdout


# The command


@pytest.mark.parametrize("profile", ["debug", ""])
def test_only_a_release_build_is_compared(tmp_path, profile):
    name = write_module(tmp_path, profile)
    child = run_bench("--module", name, path=tmp_path)
    assert child.returncode == 2
    expected = f"bench: standin._native is a {profile or 'unknown'} build; a comparison needs"
    assert child.stderr.startswith(expected)
    assert child.stdout == ""


def test_a_module_that_is_not_there_is_an_error():
    child = run_bench("--module", "nothing_of_the_kind")
    assert child.returncode == 2
    assert child.stderr.startswith("bench: cannot import nothing_of_the_kind: ")
    assert len(child.stderr.splitlines()) == 1


def test_check_fails_when_a_target_is_missed(tmp_path):
    name = write_module(tmp_path, "release")
    file = tmp_path / "results.json"
    # Of so many rounds a few that something disturbs do not change the verdict.
    arguments = ("--module", name, "--only", "^Event.set, set before$", "--rounds", "41")
    child = run_bench(*arguments, "--check", "--json", str(file), path=tmp_path)
    assert child.returncode == 1, child.stderr
    assert "MISSED: Event.set, set before" in child.stdout
    written = json.loads(file.read_text())
    (result,) = written["results"]
    assert result["verdict"] == estimate.MISSED
    assert result["required"] == targets.RATIOS[result["name"]]
    assert result["comparison"]["rounds"] == 41
    assert written["interpreter"]["executable"] == sys.executable
    assert run_bench(*arguments, path=tmp_path).returncode == 0, "a miss is no error without --check"


@pytest.mark.parametrize("check", [(), ("--check",)], ids=["", "check"])
def test_a_side_that_raises_fails(tmp_path, check):
    name = write_module(tmp_path, "release", "from threading import *\ndel Barrier")
    child = run_bench("--module", name, "--only", r"^Barrier\(\)$", *check, path=tmp_path)
    assert child.returncode == 1
    assert "FAILED: AttributeError" in child.stdout


def test_the_same_object_on_both_sides_is_not_measured(tmp_path):
    name = write_module(tmp_path, "release")
    child = run_bench("--module", name, "--only", "^get_ident", "--check", path=tmp_path)
    assert child.returncode == 0
    assert "same object" in child.stdout


def test_a_pattern_that_matches_nothing_is_an_error():
    child = run_bench("--self-test", "--only", "no such benchmark")
    assert child.returncode == 2
    assert "no benchmark matches" in child.stderr


def test_the_self_test_requires_parity_of_everything(tmp_path):
    file = tmp_path / "results.json"
    run_bench("--self-test", "--only", "^Event.set, set before$", "--json", str(file))
    (result,) = json.loads(file.read_text())["results"]
    assert result["required"] == targets.PARITY


def self_comparison(name, ratio):
    comparison = estimate.compare([ratio] * 9, [1.0] * 9)
    return suite.Result("uncontended", name, "s", estimate.LEVEL, 1.0, comparison)


def test_the_self_test_fails_when_more_differ_than_chance_explains(capsys):
    level = [self_comparison(f"level {n}", 1.001) for n in range(50)]
    unlucky = self_comparison("slower", 0.9)
    assert run.biased([*level, unlucky]) == 0
    assert run.biased([*level, unlucky, self_comparison("faster", 1.1)]) == 1
    assert "faster differs from itself" in capsys.readouterr().err


# The table


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.25e-8, "s", "12.5 ns"),
        (9.5e-5, "s", "95.0 µs"),
        (0.0125, "s", "12.5 ms"),
        (17_920, "B", "17,920 B"),
        (1_000, "", "1,000"),
    ],
)
def test_quantities_are_readable(value, unit, text):
    assert report.quantity(value, unit) == text


def test_a_row_shows_both_sides_the_ratio_and_the_verdict():
    comparison = estimate.compare([2e-7] * 9, [1e-7] * 9)
    result = suite.Result("uncontended", "Lock()", "s", estimate.MET, 1.0, comparison)
    assert report.row(result).split() == [
        *("Lock()", "200.0", "ns", "100.0", "ns", "2.00×", "2.00…2.00", "≥", "1.00×", "met")
    ]
