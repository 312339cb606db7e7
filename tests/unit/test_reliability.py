"""Each promise of docs/reliability.md names the tests that hold it, and they exist."""

from __future__ import annotations

import re
from pathlib import Path

import references

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
TEST = re.compile(r"`([\w/.-]+\.(?:py|rs))::(\w+)`")
TARGET = re.compile(r"`make ([a-z-]+)")


def rows() -> list[list[str]]:
    """The rows of all tables: promise, what holds it, last counts."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and not set(line) <= set("|-: ")
    ]
    return [row for row in cells if row[0] != "Promise"]


def test_every_promise_has_a_test_and_counts():
    assert len(rows()) > 20
    for row in rows():
        assert len(row) == 3, row
        assert TEST.search(row[1]) or TARGET.search(row[1]), row
        assert re.search(r"\d", row[2]), row


def test_every_test_and_every_target_exists():
    text = PAGE.read_text(encoding="utf-8")
    lost = {f"{path}::{test}": references.missing(ROOT / path, test) for path, test in TEST.findall(text)}
    assert {name: why for name, why in lost.items() if why} == {}
    assert set(TARGET.findall(text)) <= references.targets(ROOT / "Makefile")


def test_no_stress_test_is_left_out():
    """A file of `tests/stress` that no promise names counts for nobody."""
    text = PAGE.read_text(encoding="utf-8")
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "stress").glob("test_*.py"))
    assert [name for name in files if f"`{name}::" not in text] == []
