"""Runs the benchmarks, each on both sides, and yields a result for each."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

import alone
import bounded_queue
import contention
import estimate
import floor
import handoffs
import measure
import memory
import operations
import sides
import targets
from estimate import Comparison, Spread
from operations import Operation

HERE = Path(__file__).parent
HANDOFF_TURNS = 500_000  # per second of a loop's round: 1,000 for its 2 ms
QUEUED_ITEMS = 10_000_000  # per second of a loop's round: 20,000 for its 2 ms
CONTENDED_ROUND = 150  # the interpreter switches threads every 5 ms only; fairness shows after many

# How far short of a target an interval may end before the target counts as missed. Of some 900
# comparisons of the stdlib with itself (--self-test) eight intervals excluded 1, as 99 % confidence
# lets one expect, and one of them by more than this. To call less a miss would be to read noise.
RESOLUTION = 0.01

# What the unluckiest and the luckiest thread got, as multiples of a fair share.
Share = tuple[float, float]

SAME_OBJECT = "same object"
ABSENT = "absent"
FAILED = "FAILED"


@dataclass(frozen=True)
class Result:
    """One row: what was measured, in which unit, what is required, and whether it is met."""

    group: str
    name: str
    unit: str
    verdict: str = ""
    required: float | None = None
    comparison: Comparison | None = None
    note: str = ""
    details: dict[str, object] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        return self.verdict in (estimate.MISSED, FAILED)


@dataclass(frozen=True)
class Suite:
    """The benchmarks whose name ``wanted`` accepts, on a stdlib and a threadwell side."""

    stdlib: ModuleType
    threadwell: ModuleType
    rounds: int
    round_seconds: float
    wanted: Callable[[str], object]

    def results(self) -> Iterator[Result]:
        yield from self.uncontended()
        yield from self.handoffs()
        yield from self.contended()
        yield from self.queues()
        yield from self.memory()

    def uncontended(self) -> Iterator[Result]:
        for operation in operations.all_operations():
            if not self.wanted(operation.name):
                continue
            skipped = self._reason_to_skip(operation)
            if skipped:
                yield Result("uncontended", operation.name, "s", skipped)
                continue
            time_it = alone.runner if operation.alone else measure.loop_runner
            make = partial(time_it, operation, self.round_seconds)
            yield self._judged("uncontended", operation.name, make, self._both())

    def _reason_to_skip(self, operation: Operation) -> str:
        if operation.needs and sides.find(self.stdlib, operation.needs) is None:
            return ABSENT
        if operation.subject and not self.of_itself:
            ours = sides.find(self.threadwell, operation.subject)
            if ours is sides.find(self.stdlib, operation.subject):
                return SAME_OBJECT
        return ""

    def handoffs(self) -> Iterator[Result]:
        modules = self._both_run("handoffs.py")
        rounds = max(estimate.FEWEST_ROUNDS, self.rounds // 2)
        # As many on both sides: the longer two threads play, the more the scheduler moves them.
        turns = round(HANDOFF_TURNS * self.round_seconds)
        for where, processors in placements():
            for kind in handoffs.HANDOFFS:
                name = f"{kind}, {where}"
                if self.wanted(name):
                    make = partial(handoff_runner, kind, turns, processors)
                    yield self._judged("hand-off", name, make, modules, rounds)
            name = f"floor: eventfd, {where}"
            if self.wanted(name) and floor.AVAILABLE:
                yield floor_row(name, turns, rounds, processors)

    def contended(self) -> Iterator[Result]:
        modules = self._both_run("contention.py")
        for primitive in contention.PRIMITIVES:
            for threads in contention.THREADS:
                name = f"{primitive}, {threads} thread{'s' if threads > 1 else ''}"
                if self.wanted(name):
                    yield self._contended(name, primitive, threads, modules)

    def _contended(self, name: str, primitive: str, threads: int, modules: list[ModuleType]) -> Result:
        shares: dict[ModuleType, list[Share]] = {module: [] for module in modules}

        def make(module: ModuleType) -> measure.Runner:
            def run() -> float:
                lock = module.PRIMITIVES[primitive]()
                taken, counts = module.compete(lock, threads, CONTENDED_ROUND * self.round_seconds)
                total = sum(counts)
                fair = total / threads
                shares[module].append((min(counts) / fair, max(counts) / fair))
                return float(taken / total)

            return run

        rounds = max(estimate.FEWEST_ROUNDS, self.rounds // 4)
        result = self._judged("contended", name, make, modules, rounds)
        if result.comparison is not None:
            result.details["shares"] = {
                side: [statistics.median(bound) for bound in zip(*measured, strict=True)]
                for side, measured in zip(("stdlib", "threadwell"), shares.values(), strict=True)
            }
        return result

    def queues(self) -> Iterator[Result]:
        modules = self._both_run("bounded_queue.py")
        rounds = max(estimate.FEWEST_ROUNDS, self.rounds // 2)
        for team, size in bounded_queue.TEAMS.items():
            name = f"bounded queue, {team}"
            items = round(QUEUED_ITEMS * self.round_seconds) // size
            if self.wanted(name):
                make = partial(queue_runner, items, size)
                yield self._judged("queue", name, make, modules, rounds)

    def memory(self) -> Iterator[Result]:
        for kind in memory.KINDS:
            name = f"{kind} object"
            if self.wanted(name):
                yield self._memory(name, kind)
        name = f"{targets.PENDING_TIMERS} pending timers"
        if self.wanted(name):
            yield from self._pending_timers(name)

    def _memory(self, name: str, kind: str) -> Result:
        try:
            theirs, ours = (memory.in_child(side.__name__, kind, memory.OBJECTS)["bytes"] for side in self._both())
        except (RuntimeError, OSError) as error:
            return Result("memory", name, "B", FAILED, note=str(error))
        return Result("memory", name, "B", comparison=single(theirs, ours))

    def _pending_timers(self, name: str) -> Iterator[Result]:
        rows = (
            (f"{name}, each", "B", "bytes", targets.MOST_BYTES_PER_PENDING_TIMER),
            (f"{name}, threads", "", "threads", targets.MOST_THREADS_FOR_PENDING_TIMERS),
        )
        try:
            theirs, ours = (
                memory.in_child(side.__name__, memory.PENDING, targets.PENDING_TIMERS) for side in self._both()
            )
        except (RuntimeError, OSError) as error:
            yield Result("memory", name, "B", FAILED, note=str(error))
            return
        for row, unit, key, most in rows:
            verdict = estimate.MET if ours[key] <= most else estimate.MISSED
            note = f"at most {most:,} {unit}".strip()
            if self.of_itself:
                verdict = note = ""
            figures = single(theirs[key], ours[key])
            yield Result("memory", row, unit, verdict, comparison=figures, note=note)

    def _judged(
        self,
        group: str,
        name: str,
        make: Callable[[ModuleType], measure.Runner],
        modules: list[ModuleType],
        rounds: int | None = None,
    ) -> Result:
        """Measure what ``make`` makes of each of the two ``modules``, and judge the ratio."""
        required = targets.PARITY if self.of_itself else targets.required(name)
        try:
            runners = [make(module) for module in modules]
            comparison = estimate.compare(*measure.interleave(runners, rounds or self.rounds))
        except Exception as error:  # noqa: BLE001 - whatever a side raises belongs in its row
            note = f"{type(error).__name__}: {error}"
            return Result(group, name, "s", FAILED, required, note=note)
        verdict = estimate.verdict(comparison, required, RESOLUTION)
        return Result(group, name, "s", verdict, required, comparison)

    @property
    def of_itself(self) -> bool:
        """Whether the stdlib is compared with itself, to test the harness."""
        return self.stdlib is self.threadwell

    def _both(self) -> list[ModuleType]:
        return [self.stdlib, self.threadwell]

    def _both_run(self, file: str) -> list[ModuleType]:
        return [sides.workload(HERE / file, side) for side in self._both()]


def placements() -> Iterator[tuple[str, handoffs.Processors]]:
    """Yield where the two threads of a hand-off may run: together, apart, as scheduled."""
    first, *others = sorted(os.sched_getaffinity(0))
    yield "1 processor", (first, first)
    if others:
        yield "2 processors", (first, others[0])
        yield "as scheduled", None


def floor_row(name: str, turns: int, rounds: int, processors: handoffs.Processors) -> Result:
    """Measure the kernel's part of a hand-off."""
    try:
        seconds = floor.in_child(turns, rounds, processors)
    except (RuntimeError, OSError) as error:
        return Result("hand-off", name, "s", FAILED, note=str(error))
    return Result("hand-off", name, "s", details={"floor": seconds})


def handoff_runner(kind: str, turns: int, processors: handoffs.Processors, module: ModuleType) -> measure.Runner:
    """Return a function that measures one round: the seconds that a turn and its answer take."""
    play: Callable[[int, handoffs.Processors], float] = module.HANDOFFS[kind]
    return lambda: play(turns, processors) / turns


def queue_runner(items: int, team: int, module: ModuleType) -> measure.Runner:
    """Return a function that measures the seconds per item through ``module``'s queue."""
    return lambda: module.transfer(items, team)[0] / (items * team)


def single(theirs: float, ours: float) -> Comparison:
    """Compare two figures that were taken once."""
    ratio = theirs / ours if ours > 0 else 0.0
    once = Spread(ratio, ratio, ratio)
    return Comparison(Spread.of([theirs] * 2), Spread.of([ours] * 2), once, ratio, ratio, 1)
