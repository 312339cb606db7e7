"""Forks while other threads hold, wait for and change every kind of object: `forking.py` is the program that does it.

Each child has to end with the code that it was told to; one that hangs is ended by a signal, and shows its stacks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Python

    from .conftest import Stress

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

PROGRAM = Path(__file__).with_name("forking.py")

KINDS = ["lock", "rlock", "condition", "semaphore", "event", "barrier", "timer", "thread"]
PLACES = ["subclass", "timer", "foreign", "del", "action", "predicate", "handler"]

#: A program does so many at most: each has other choices, and takes seconds.
AT_ONCE = 25


def fork(python: Python, stress: Stress, places: Sequence[str], kinds: Sequence[str], quick: int, full: int) -> None:
    rest = rounds = stress.rounds(quick, full)
    while rest:
        forks = min(rest, AT_ONCE)
        result = python(PROGRAM, stress.random.choice(places), str(forks), str(stress.random.getrandbits(32)), *kinds)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"{forks} forks\n", ""), result.args
        rest -= forks
    stress.counted(f"{rounds} forks, 0 wrong, 0 hangs")


@pytest.mark.parametrize("kind", KINDS)
def test_while_others_use(python: Python, stress: Stress, kind: str) -> None:
    fork(python, stress, ["main", "worker"], [kind], 12, 10_000)


@pytest.mark.parametrize("place", PLACES)
def test_in_the_middle_of(python: Python, stress: Stress, place: str) -> None:
    # Not of all kinds at once: with so many threads the fork would wait most of the time.
    fork(python, stress, [place], stress.random.sample(KINDS, 3), 8, 10_000)
