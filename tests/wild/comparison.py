"""Compares the runs of one project, test by test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from projects import Project
from suites import Suite

ABSENT = "not there"


@dataclass
class Comparison:
    """All runs of one project.

    Attributes:
        project: The project.
        stdlib: The runs without threadwell.
        ours: Those with it.
        failure: Why there are none.
    """

    project: Project
    stdlib: list[Suite] = field(default_factory=list)
    ours: list[Suite] = field(default_factory=list)
    failure: str = ""

    @property
    def tests(self) -> list[str]:
        return sorted({identifier for suite in (*self.stdlib, *self.ours) for identifier in suite.outcomes})

    @property
    def same(self) -> Counter[str]:
        """How many tests had one outcome in all runs, by that outcome."""
        uncertain = {*self.flaky, *self.different}
        certain = (_seen(self.stdlib, test) for test in self.tests if test not in uncertain)
        return Counter(outcome for outcomes in certain for outcome in set(outcomes))

    @property
    def flaky(self) -> list[str]:
        """The tests that have several outcomes without threadwell; with it, no others."""
        different = set(self.different)
        return [test for test in self.tests if len(_seen(self.stdlib, test)) > 1 and test not in different]

    @property
    def different(self) -> list[str]:
        """The tests that have had an outcome with threadwell that they never had without."""
        return [test for test in self.tests if _seen(self.ours, test).keys() - _seen(self.stdlib, test).keys()]

    @property
    def threads(self) -> int:
        """How many the last run with threadwell has started."""
        return self.ours[-1].threads if self.ours else 0

    @property
    def children(self) -> str:
        """How many interpreters it has started on threadwell, and how many out of its reach."""
        last = self.ours[-1] if self.ours else Suite()
        return f"{last.children} and {last.unreached} out of reach" if last.unreached else str(last.children)

    @property
    def complaints(self) -> list[str]:
        """What was wrong with the runs themselves."""
        found = [self.failure] if self.failure else []
        for name, suites in (("stdlib", self.stdlib), ("threadwell", self.ours)):
            found += [f"{name}, run {n}: {text}" for n, suite in enumerate(suites, 1) for text in suite.complaints]
        if not found and not self.tests:
            found.append("no test was run")
        if not found and not any(suite.threads for suite in self.ours):
            found.append("no thread was started")
        return found

    @property
    def good(self) -> bool:
        """Whether every test gave the same result."""
        return not self.different and not self.complaints

    def compare(self, test: str) -> str:
        """Say what came of one test in all runs."""
        return f"{test}: stdlib {_count(self.stdlib, test)}; threadwell {_count(self.ours, test)}"

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {outcome}" for outcome, number in self.same.most_common())
        return (
            f"run {len(self.tests)}, same {self.same.total()} ({counts}), flaky {len(self.flaky)}, "
            f"different {len(self.different)} ({len(self.stdlib)} times without and {len(self.ours)} with threadwell, "
            f"{sum(suite.seconds for suite in (*self.stdlib, *self.ours)):.0f} s; "
            f"{self.threads} threads, {self.children} child interpreters)"
        )

    def details(self) -> Iterator[str]:
        yield from (f"WRONG {complaint}" for complaint in self.complaints)
        yield from (f"flaky: {self.compare(test)}" for test in self.flaky)
        for test in self.different:
            yield f"DIFFERENT {self.compare(test)}"
            yield from next((suite.texts[test].splitlines() for suite in self.ours if test in suite.texts), ())


def _seen(suites: list[Suite], test: str) -> Counter[str]:
    return Counter(suite.outcomes.get(test, ABSENT) for suite in suites)


def _count(suites: list[Suite], test: str) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in _seen(suites, test).most_common())
