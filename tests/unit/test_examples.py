"""Every example program gives the same on the standard library and on threadwell."""

from __future__ import annotations

import _thread
import ast
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SIDE_BY_SIDE = EXAMPLES / "side_by_side.py"
PROGRAMS = sorted(set(EXAMPLES.rglob("*.py")) - {SIDE_BY_SIDE})
# Nothing replaces `_thread` under a program. This one asks for threadwell's, so what runs on the standard library is a
# copy that does not.
LOW_LEVEL, LOW_LEVEL_IMPORT = EXAMPLES / "seeds" / "thread_module.py", "from threadwell import _thread"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
STDLIB = [sys.executable]
THREADWELL = [sys.executable, "-m", "threadwell", "run"]

# What differs from run to run, whichever side a program runs on.
VARYING = [
    (re.compile(r"0x[0-9a-f]+"), "ADDRESS"),
    (re.compile(r"\d{9,}"), "IDENT"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"), "TIME"),
]


def sides(program, directory):
    """The commands that run ``program`` on the standard library and on threadwell."""
    plain = program
    if program == LOW_LEVEL:
        plain = directory / program.name
        ours = program.read_text(encoding="utf-8")
        assert ours.count(LOW_LEVEL_IMPORT) == 1
        plain.write_text(ours.replace(LOW_LEVEL_IMPORT, "import _thread"), encoding="utf-8")
    return [*STDLIB, str(plain)], [*THREADWELL, str(program)]


def run(command, scale):
    """Run a program; return its exit code, stdout and stderr without what varies."""
    child = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"SCALE": str(scale)},
        check=False,
    )
    return child.returncode, lines(child.stdout), stderr_lines(child.stderr)


# Up to 3.12 the stdlib takes a thread for stopped when a signal interrupts a join() of it (bpo-45274 went
# too far), and does not wait for it at exit: its last lines may be missing there.
CUT_SHORT = {"daemonizable_thread.py"} if not hasattr(_thread, "start_joinable_thread") else set()


def lines(text):
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text.splitlines()


def stderr_lines(text):
    """Leave out a traceback's frames: those inside of the module differ."""
    return [line for line in lines(text) if not line.startswith("  ")]


@pytest.mark.timeout(400)  # Six runs.
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_gives_the_same_on_both(program, tmp_path):
    plain, ours = sides(program, tmp_path)
    if "SCALE" not in program.read_text(encoding="utf-8"):
        expected = run(plain, 1)
        assert expected[0] == 0
        assert run(ours, 1) == expected
        return
    # The order of the lines is a matter of time, and so is how often one is repeated: on a busy
    # machine a short sleep is over before another thread has had its turn. Sleep longer, then.
    for scale in (0.02, 0.1, 0.5):
        outputs = []
        for command in plain, ours:
            code, stdout, stderr = run(command, scale)
            # Without an interpreter lock, lines that are printed at the same time run into each other.
            outputs.append((code, sorted("".join(stdout) if FREE_THREADED else stdout), stderr))
        if outputs[0] == outputs[1]:
            break
    assert outputs[0][0] == 0
    if program.name in CUT_SHORT:
        # Every line that the stdlib got to is there, and the same end.
        assert (outputs[1][0], outputs[1][2]) == (outputs[0][0], outputs[0][2])
        assert set(outputs[0][1]) <= set(outputs[1][1])
        return
    assert outputs[1] == outputs[0]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_knows_only_the_standard_library(program):
    imported = set()
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported - sys.stdlib_module_names == ({"threadwell"} if program == LOW_LEVEL else set())


@pytest.mark.timeout(150)  # Two runs.
def test_the_pipeline_tells_its_progress_only_if_asked(python):
    # How often it does so depends on the time, and what the demo compares must not.
    plain, told = python(EXAMPLES / "pipeline.py"), python(EXAMPLES / "pipeline.py", "--progress", "0.001")
    assert plain.stdout == told.stdout
    assert plain.stderr == ""
    assert "threads at work" in told.stderr


@pytest.mark.timeout(240)
def test_the_demo_runs():
    child = subprocess.run(
        [sys.executable, str(SIDE_BY_SIDE), "--runs", "1"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert "NOT the same" not in child.stdout
    for program in PROGRAMS:
        assert program.name in child.stdout


def test_the_demo_notices_a_different_result(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import side_by_side

    same = {"stdlib": (["a\n"], [2.0]), "threadwell": (["a\n"], [1.0])}
    assert side_by_side.compare(Path("program.py"), same) == []
    assert "2.00×, the same result" in capsys.readouterr().out
    different = {"stdlib": (["a\n"], [2.0]), "threadwell": (["b\n"], [1.0])}
    assert side_by_side.compare(Path("program.py"), different) == ["program.py did not print the same in all runs"]


def test_the_demo_notices_a_program_that_fails(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import side_by_side

    program = tmp_path / "fails.py"
    program.write_text("raise SystemExit(3)")
    results = side_by_side.alternate(program, 1)
    assert "fails.py failed" in side_by_side.compare(program, results)
