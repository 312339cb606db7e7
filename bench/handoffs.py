"""Two threads that wake each other in turn, once per primitive.

An ordinary program; ``sides.workload`` executes it once per side, in place of whose ``threading``
it then puts that side. Each function passes the
turn to a second thread and back ``rounds`` times and returns the seconds that this took.

Where the scheduler puts two threads changes a hand-off up to tenfold, and it puts them anew each
time. So each thread can be bound to a processor: both sides are then compared on the same ones.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

# Where this thread runs, and where the other does; ``None`` leaves it to the scheduler.
Processors = tuple[int, int] | None
WARM_UP = 10


def event(rounds: int, processors: Processors) -> float:
    ping, pong = threading.Event(), threading.Event()

    def serve() -> None:
        ping.set()
        pong.wait()
        pong.clear()

    def answer() -> None:
        ping.wait()
        ping.clear()
        pong.set()

    return _play(serve, answer, rounds, processors)


def semaphore(rounds: int, processors: Processors) -> float:
    ping, pong = threading.Semaphore(0), threading.Semaphore(0)

    def serve() -> None:
        ping.release()
        pong.acquire()

    def answer() -> None:
        ping.acquire()
        pong.release()

    return _play(serve, answer, rounds, processors)


def lock(rounds: int, processors: Processors) -> float:
    ping, pong = threading.Lock(), threading.Lock()
    ping.acquire()
    pong.acquire()

    def serve() -> None:
        ping.release()
        pong.acquire()

    def answer() -> None:
        ping.acquire()
        pong.release()

    return _play(serve, answer, rounds, processors)


def condition(rounds: int, processors: Processors) -> float:
    changed = threading.Condition()
    served = False

    def serve() -> None:
        nonlocal served
        with changed:
            served = True
            changed.notify()
            while served:
                changed.wait()

    def answer() -> None:
        nonlocal served
        with changed:
            while not served:
                changed.wait()
            served = False
            changed.notify()

    return _play(serve, answer, rounds, processors)


def barrier(rounds: int, processors: Processors) -> float:
    meeting = threading.Barrier(2)
    return _play(meeting.wait, meeting.wait, rounds, processors)


def _play(
    serve: Callable[[], object],
    answer: Callable[[], object],
    rounds: int,
    processors: Processors,
) -> float:
    """Time ``rounds`` turns of ``serve`` here, each met by one ``answer`` in a second thread."""
    allowed = os.sched_getaffinity(0)
    here, there = ({processor} for processor in processors) if processors else (allowed, allowed)

    def opponent() -> None:
        os.sched_setaffinity(0, there)
        for _ in range(WARM_UP + rounds):
            answer()

    # A daemon: if a turn fails, it waits for the next one for ever.
    thread = threading.Thread(target=opponent, daemon=True)
    os.sched_setaffinity(0, here)
    try:
        thread.start()
        for _ in range(WARM_UP):
            serve()
        begin = time.perf_counter()
        for _ in range(rounds):
            serve()
        taken = time.perf_counter() - begin
        thread.join()
    finally:
        os.sched_setaffinity(0, allowed)
    return taken


HANDOFFS = {
    "Event ping-pong": event,
    "Semaphore ping-pong": semaphore,
    "Lock ping-pong": lock,
    "Condition ping-pong": condition,
    "Barrier(2) round trip": barrier,
}
