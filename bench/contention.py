"""Several threads that want the same lock all the time.

An ordinary program; ``sides.workload`` executes it once per side, in place of whose ``threading``
it then puts that side.
"""

from __future__ import annotations

import threading
import time
from typing import Any

THREADS = (1, 2, 4, 8)
BATCH = 20  # acquisitions between two looks at the clock


def lock() -> Any:
    return threading.Lock()


def rlock() -> Any:
    return threading.RLock()


def semaphore() -> Any:
    return threading.Semaphore(1)


def compete(lock: Any, threads: int, seconds: float) -> tuple[float, list[int]]:
    """Let ``threads`` threads increment under ``lock``; return the time and each thread's count."""
    counts = [0] * threads
    begin = end = 0.0

    def open_gate() -> None:
        nonlocal begin, end
        begin = time.perf_counter()
        end = begin + seconds

    gate = threading.Barrier(threads + 1, action=open_gate)

    def work(index: int) -> None:
        total = 0
        gate.wait()
        while time.perf_counter() < end:
            for _ in range(BATCH):
                with lock:
                    total += 1
        counts[index] = total

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    gate.wait()
    for worker in workers:
        worker.join()
    return time.perf_counter() - begin, counts


PRIMITIVES = {"Lock": lock, "RLock": rlock, "Semaphore": semaphore}
