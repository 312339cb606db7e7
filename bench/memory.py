"""What objects and pending timers cost in memory and in OS threads.

Each figure is taken in a child process of its own, from the kernel's count of anonymous memory:
it sees what every allocator in the process holds, whichever language called it.

    python bench/memory.py MODULE KIND COUNT      prints {"bytes": per object, "threads": added}
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from types import ModuleType

import child
import sides

KINDS = ("Lock", "RLock", "Condition", "Semaphore", "Event", "Barrier", "Timer")
PENDING = "Timer, pending"
OBJECTS = 20_000


def main(name: str, kind: str, count: str) -> None:
    module = sides.load(name)
    print(json.dumps(measure(module, kind, int(count))), flush=True)
    # Thousands of pending timers would otherwise be joined one by one.
    os._exit(0)


def measure(module: ModuleType, kind: str, count: int) -> dict[str, float]:
    """Build ``count`` objects and return what each added, and how many OS threads all added."""
    make = maker(module, kind)
    # Objects made before fill the holes that start-up left in the allocators' arenas. Pending
    # timers have none made before: what the first one needs, such as a thread, counts as well.
    fillers = [make() for _ in range(0 if kind == PENDING else count)]
    kept: list[object] = [None] * count
    bytes_before, threads_before = anonymous_bytes(), os_threads()
    for index in range(count):
        kept[index] = make()
    bytes_added = anonymous_bytes() - bytes_before
    threads_added = os_threads() - threads_before
    del fillers, kept
    return {"bytes": bytes_added / count, "threads": threads_added}


def maker(module: ModuleType, kind: str) -> Callable[[], object]:
    """Return a function that makes one more object of ``kind``."""
    if kind == "Barrier":
        return lambda: module.Barrier(2)
    if kind == "Timer":
        return lambda: module.Timer(600, gc.collect)
    if kind == PENDING:

        def start() -> object:
            timer = module.Timer(600, gc.collect)
            timer.start()
            return timer

        return start
    made: Callable[[], object] = getattr(module, kind)
    return made


def anonymous_bytes() -> int:
    """Return how much memory of the process is backed by no file."""
    gc.collect()
    with open("/proc/self/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    raise OSError("/proc/self/smaps_rollup has no line for anonymous memory")


def os_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def in_child(name: str, kind: str, count: int) -> dict[str, float]:
    """Run ``measure`` in a fresh interpreter."""
    figures: dict[str, float] = child.ask(__file__, name, kind, count)
    return figures


if __name__ == "__main__":
    main(*sys.argv[1:])
