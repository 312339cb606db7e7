"""Results as a table for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import estimate
from suite import Result

HEADINGS = {
    "uncontended": "Uncontended: one operation, nobody else wants the object",
    "hand-off": "Hand-off: two threads wake each other in turn",
    "contended": "Contended: per acquire and release, all threads together; in brackets what the\n"
    "unluckiest and the luckiest thread got, in fair shares: stdlib, threadwell",
    "queue": "Bounded queue: per item from a producer to a consumer, two conditions over one lock",
    "memory": "Memory: anonymous memory of a fresh process",
}
COLUMNS = "{:<38}{:>11}{:>12}{:>9}  {:<15}{:>9}  {}"


def heading(group: str) -> str:
    columns = COLUMNS.format("", "stdlib", "threadwell", "ratio", "quartiles", "required", "")
    return f"\n{HEADINGS[group]}\n{columns.rstrip()}"


def row(result: Result) -> str:
    comparison = result.comparison
    floor = result.details.get("floor")
    if isinstance(floor, float):
        return f"{result.name:<38}{quantity(floor, result.unit):>11}"
    if comparison is None:
        return f"{result.name:<38}{result.verdict}{': ' * bool(result.note)}{result.note}"
    spread = comparison.ratio
    once = comparison.rounds == 1
    line = COLUMNS.format(
        result.name,
        quantity(comparison.stdlib.median, result.unit),
        quantity(comparison.threadwell.median, result.unit),
        times(spread.median),
        "" if once else f"{figure(spread.q1)}…{figure(spread.q3)}",
        "" if result.required is None else f"≥ {times(result.required)}",
        " ".join(filter(None, (result.verdict, remark(result)))),
    )
    return line.rstrip()


def remark(result: Result) -> str:
    shares = result.details.get("shares")
    if isinstance(shares, dict):
        spans = (f"{low:.2f}…{high:.2f}" for low, high in shares.values())
        return f"({', '.join(spans)})"
    comparison = result.comparison
    unmet = result.verdict in (estimate.LEVEL, estimate.MISSED)
    if comparison is not None and comparison.rounds > 1 and unmet:
        interval = f"{figure(comparison.low)}…{figure(comparison.high)}"
        return f"({estimate.CONFIDENCE:.0%} sure of {interval})"
    return f"({result.note})" if result.note else ""


def summary(results: list[Result]) -> str:
    counts = Counter(result.verdict for result in results if result.verdict)
    lines = ["", ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())]
    lines += [f"  {result.verdict}: {result.name}" for result in results if result.bad]
    if counts[estimate.LEVEL]:
        lines.append(
            f"{estimate.LEVEL}: the run cannot tell the ratio from the one required; "
            f"{estimate.MET} and {estimate.MISSED} are {estimate.CONFIDENCE:.0%} sure"
        )
    return "\n".join(lines)


def as_json(results: list[Result], context: dict[str, object]) -> dict[str, object]:
    return {**context, "results": [asdict(result) for result in results]}


def quantity(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:,.0f} {unit}".strip()
    for factor, name in ((1e9, "ns"), (1e6, "µs")):
        if value * factor < 1000:
            return f"{value * factor:.1f} {name}"
    return f"{value * 1e3:.1f} ms"


def times(ratio: float) -> str:
    return f"{figure(ratio)}×"


def figure(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"
