"""The kernel's part of a hand-off on this machine: two processes that wake each other by eventfd.

No interpreter lock is passed on and no lock of Python's taken. Threads are switched a little faster
than processes, so a hand-off between threads may come out below it, but not by much.

    python bench/floor.py TURNS ROUNDS [PROCESSOR PROCESSOR]      prints the seconds that a turn takes

As for the hand-offs between threads that is the median of many rounds, each with two processes of its
own: what the scheduler does with them differs from one to the next.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import child

WARM_UP = 10
AVAILABLE = hasattr(os, "eventfd")


def main(turns: str, rounds: str, *processors: str) -> None:
    where = [int(processor) for processor in processors]
    print(statistics.median(play(int(turns), where) for _ in range(int(rounds))))


def play(turns: int, processors: list[int]) -> float:
    """Return what a turn and its answer take, on two processors or wherever the scheduler likes."""
    ping, pong = os.eventfd(0), os.eventfd(0)
    other = os.fork()
    if processors:
        os.sched_setaffinity(0, {processors[0 if other else 1]})
    if other == 0:
        for _ in range(WARM_UP + turns):
            os.eventfd_read(ping)
            os.eventfd_write(pong, 1)
        os._exit(0)
    begin = 0.0
    for turn in range(WARM_UP + turns):
        if turn == WARM_UP:
            begin = time.perf_counter()
        os.eventfd_write(ping, 1)
        os.eventfd_read(pong)
    taken = time.perf_counter() - begin
    os.waitpid(other, 0)
    os.close(ping)
    os.close(pong)
    return taken / turns


def in_child(turns: int, rounds: int, processors: tuple[int, int] | None) -> float:
    """Run ``play`` in an interpreter that has no threads, and return the median of ``rounds``."""
    return float(child.ask(__file__, turns, rounds, *(processors or ())))


if __name__ == "__main__":
    main(*sys.argv[1:])
