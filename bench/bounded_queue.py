"""Producers and consumers with a bounded queue between them: the shape of most threaded programs.

An ordinary program; ``sides.workload`` executes it once per side, in place of whose ``threading``
it then puts that side. Unlike in a hand-off, a woken thread is not the only one that can go on:
what counts is how often a program has to switch threads at all.
"""

from __future__ import annotations

import threading
import time
from collections import deque

CAPACITY = 64
TEAMS = {"1 + 1 threads": 1, "3 + 3 threads": 3}


class Channel:
    """A queue of at most ``CAPACITY`` items, as ``queue.Queue`` is made."""

    def __init__(self) -> None:
        self._items: deque[int] = deque()
        lock = threading.Lock()
        self._not_full = threading.Condition(lock)
        self._not_empty = threading.Condition(lock)

    def put(self, item: int) -> None:
        with self._not_full:
            while len(self._items) >= CAPACITY:
                self._not_full.wait()
            self._items.append(item)
            self._not_empty.notify()

    def get(self) -> int:
        with self._not_empty:
            while not self._items:
                self._not_empty.wait()
            item = self._items.popleft()
            self._not_full.notify()
            return item


def transfer(items: int, team: int) -> tuple[float, int]:
    """Pass ``items`` items from each of ``team`` producers to as many consumers.

    Returns the seconds that this took, and the sum of what the consumers got.
    """
    channel = Channel()
    sums = [0] * team

    def produce() -> None:
        for item in range(items):
            channel.put(item)

    def consume(index: int) -> None:
        sums[index] = sum(channel.get() for _ in range(items))

    threads = [threading.Thread(target=produce) for _ in range(team)]
    threads += [threading.Thread(target=consume, args=(index,)) for index in range(team)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin, sum(sums)
