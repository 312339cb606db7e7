"""Writes docs/compatibility.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from comparison import Comparison
from projects import HERE

PAGE = HERE.parents[1] / "docs" / "compatibility.md"

HEAD = """\
# Other people's programs

Tests of projects that know nothing of threadwell, from their source distributions on PyPI, run with threadwell in the
place of `threading`, in the whole test process and in the interpreters that it starts, and without it. This table
compares what came of each test. The page is written by

    make wild

which downloads the projects, prepares an environment for each in `build/wild`, and runs their tests at least twice with
threadwell and twice without, by turns. Versions, checksums and arguments are in
[tests/wild/projects.toml](../tests/wild/projects.toml).

- **Same**: the same outcome in every run, with threadwell and without; "failed" is then what this machine, the
  interpreter or the project itself is to blame for.
- **Flaky**: outcomes that vary without threadwell, too; they are named below.
- **Different**: an outcome with threadwell that did not occur without.

A run counts only if threadwell was the test process's `threading`, nothing there had loaded the standard library's, and
all interpreters that it started and the swap reaches were on threadwell. The tests see no other machine.
"""


def write(comparisons: list[Comparison], version: str) -> None:
    """Write the page."""
    PAGE.write_text("\n".join(_page(comparisons, version)) + "\n", encoding="utf-8")


def _page(comparisons: list[Comparison], version: str) -> Iterator[str]:
    yield HEAD
    yield f"Last run: CPython {version}."
    yield ""
    yield "| Project | Version | Tests | Same | Flaky | Different | Threads | Child interpreters | What is tested |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|---|"
    for each in comparisons:
        numbers = [len(each.tests), each.same.total(), len(each.flaky), len(each.different), each.threads]
        cells = [each.project.name, each.project.version, *map(str, numbers), each.children, each.project.what]
        yield f"| {' | '.join(cells)} |"
    total = [sum(len(getattr(each, name)) for each in comparisons) for name in ("tests", "flaky", "different")]
    same = sum(each.same.total() for each in comparisons)
    yield f"| **{len(comparisons)} projects** | | {total[0]} | {same} | {total[1]} | {total[2]} | | | |"
    yield from _section("Not the same", [f"`{each.compare(test)}`" for each in comparisons for test in each.different])
    wrong = [f"{each.project}: {complaint.splitlines()[0]}" for each in comparisons for complaint in each.complaints]
    yield from _section("Runs that do not count", wrong)
    yield from _section("Flaky", [f"`{each.compare(test)}`" for each in comparisons for test in each.flaky])
    yield from _section("The same without passing", filter(None, map(_not_passed, comparisons)))
    yield from _section(
        "Left out", [f"{each.project.name}: {each.project.left_out}" for each in comparisons if each.project.left_out]
    )


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", f"## {title}", "")
        yield from (f"- {line}" for line in found)


def _not_passed(comparison: Comparison) -> str:
    counts = [f"{number} {outcome}" for outcome, number in comparison.same.most_common() if outcome != "passed"]
    return f"{comparison.project.name}: {', '.join(counts)}" if counts else ""
