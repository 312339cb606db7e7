"""The table in docs/coverage.md names tests and programs that exist, and leaves no cell empty."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import references

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "coverage.md"
PYTHON_TESTS = ROOT / "tests" / "seeds"
PROGRAMS = ROOT / "examples" / "seeds"
RUST_TESTS = ROOT / "crates" / "threadwell" / "tests"

ROW = re.compile(r"^\| (\d+)\.(\d+) \|")
REFERENCE = re.compile(r"`([\w/]+\.(?:py|rs)::\w+|examples/seeds/[^`]+)`")


def rows():
    """The rows of all tables: id, statement, Python cell, Rust cell, remark."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if ROW.match(line)]


def missing(reference):
    """Why the reference leads nowhere, or None."""
    if reference.startswith("examples/"):
        return None if (ROOT / reference).is_file() else "no such program"
    name, _, test = reference.partition("::")
    directory = RUST_TESTS if name.endswith(".rs") else PYTHON_TESTS
    return references.missing(directory / name, test)


def test_every_row_has_five_cells_and_a_number_that_follows():
    expected = {}
    for row in rows():
        assert len(row) == 5, row
        seed, number = map(int, row[0].split("."))
        expected[seed] = expected.get(seed, 0) + 1
        assert number == expected[seed], row
    assert sorted(expected) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("column", "suffix"), [(2, ".py"), (3, ".rs")], ids=["Python", "Rust"])
def test_every_statement_is_shown_or_has_a_reason(column, suffix):
    for row in rows():
        shown = [name for name in REFERENCE.findall(row[column]) if suffix in name]
        assert shown or re.match(r"none: .{8,}", row[column]), row


def test_every_reference_leads_somewhere():
    named = {name for row in rows() for cell in row[2:] for name in REFERENCE.findall(cell)}
    assert len(named) > 200
    reasons = {reference: missing(reference) for reference in sorted(named)}
    assert {reference: why for reference, why in reasons.items() if why} == {}


def test_a_reference_that_leads_nowhere_is_noticed():
    assert missing("test_lock.py::test_created_unlocked") is None
    assert missing("test_lock.py::test_created_unlocke") == "no such test"
    assert missing("lock.rs::is_created_unlocked") is None
    assert missing("lock.rs::is_created") == "no such test"
    assert missing("lock.rs::spawn") == "no such test"
    assert missing("process/exit.rs::daemon_threads_end_with_the_process") is None
    assert missing("process/exit.rs::daemon_threads") == "no such test"
    assert missing("lok.rs::is_created_unlocked") == "no such file"
    assert missing("examples/seeds/none.py") == "no such program"


def test_every_file_of_the_seeds_is_named():
    """Of `tests/seeds` and of `examples/seeds`; single tests need not be."""
    text = TABLE.read_text(encoding="utf-8")
    files = [f"`{path.name}::" for path in PYTHON_TESTS.glob("test_*.py")]
    files += [f"`examples/seeds/{path.name}`" for path in PROGRAMS.glob("*.py")]
    assert sorted(name for name in files if name not in text) == []
