"""Whether the tests, programs and targets exist that a page names."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def missing(path: Path, test: str) -> str | None:
    """Return why a test is not there, or ``None``."""
    if not path.is_file():
        return "no such file"
    tests = _rust_tests(path) if path.suffix == ".rs" else _python_tests(path)
    return None if test in tests else "no such test"


@functools.cache
def _python_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@functools.cache
def _rust_tests(path: Path) -> set[str]:
    if path.parent.name == "process":  # These need a process of their own, and are listed by hand.
        listed = (path.parent / "harness.rs").read_text(encoding="utf-8")
        return set(re.findall(rf"^    {path.stem}::(\w+) =>", listed, re.MULTILINE))
    source = path.read_text(encoding="utf-8")
    return set(re.findall(r"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)\(", source))


@functools.cache
def targets(makefile: Path) -> set[str]:
    """Return the names that ``make`` takes."""
    return set(re.findall(r"^([a-z-]+):", makefile.read_text(encoding="utf-8"), re.MULTILINE))
