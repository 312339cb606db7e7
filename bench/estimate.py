"""From interleaved rounds to a ratio, its spread and a verdict.

Both sides of a round run back to back, so what disturbs one (a busy neighbour, a change of clock
speed) mostly disturbs the other too. The estimate is therefore the median of the rounds' own
ratios, not the ratio of two medians taken over the whole run.

The interval around it holds the true median ratio with 99 % confidence. It comes from order
statistics alone: of n rounds, the number below the true median is binomial (n, 1/2), whatever the
distribution of the noise.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

CONFIDENCE = 0.99
FEWEST_ROUNDS = 8  # with fewer, no interval of two order statistics has that confidence

MET = "met"
LEVEL = "level"
MISSED = "MISSED"


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles of a sample."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, q1, q3)


@dataclass(frozen=True)
class Comparison:
    """The stdlib beside threadwell; ``ratio`` is stdlib / threadwell, so above 1 is faster."""

    stdlib: Spread
    threadwell: Spread
    ratio: Spread
    low: float
    high: float
    rounds: int


def compare(stdlib: list[float], threadwell: list[float]) -> Comparison:
    """Compare two equally long lists of costs, of which the i-th were measured side by side."""
    ratios = [theirs / ours for theirs, ours in zip(stdlib, threadwell, strict=True)]
    low, high = median_interval(ratios)
    return Comparison(Spread.of(stdlib), Spread.of(threadwell), Spread.of(ratios), low, high, len(ratios))


def median_interval(values: list[float]) -> tuple[float, float]:
    """Return the two order statistics that enclose the median with ``CONFIDENCE``."""
    count = len(values)
    if count < FEWEST_ROUNDS:
        raise ValueError(f"{count} rounds are too few: at least {FEWEST_ROUNDS} are needed")
    outside = (1 - CONFIDENCE) / 2
    below = 0.0
    rank = 0
    while (below := below + math.comb(count, rank) / 2**count) <= outside:
        rank += 1
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]


def verdict(comparison: Comparison, target: float, resolution: float = 0.0) -> str:
    """Judge a ratio against the least that is required.

    ``MET`` when even the lower end of the interval reaches the target; ``MISSED`` when even the upper
    end stays below it by more than ``resolution``; ``LEVEL`` between: the run cannot tell them apart.
    """
    if comparison.low >= target:
        return MET
    if comparison.high >= target * (1 - resolution):
        return LEVEL
    return MISSED
