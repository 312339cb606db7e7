"""What is required: stdlib / threadwell, by name of the benchmark.

What is not listed has to keep up with the stdlib: no operation may be slower.
"""

from __future__ import annotations

PARITY = 1.0

RATIOS = {
    "Event()": 8,
    "Event.set, clear before": 25,
    "Event.set, set before": 25,
    "Event.wait, set": 12,
    "Semaphore acquire+release": 20,
    "with condition: notify()": 4,
    "Barrier(1).wait": 10,
    "Timer create+start+cancel": 50,
    "enumerate, 100 threads": 3,
    "Thread create+start+join": 1.2,
    # Not with the threads bound to two processors: there the kernel's part alone, shown as the
    # floor, is more than half of what the stdlib takes, which leaves no room for a factor of two.
    "Event ping-pong, 1 processor": 2,
    "Event ping-pong, as scheduled": 2,
    "Semaphore ping-pong, 1 processor": 2,
    "Semaphore ping-pong, as scheduled": 2,
}

PENDING_TIMERS = 1_000
MOST_THREADS_FOR_PENDING_TIMERS = 1
MOST_BYTES_PER_PENDING_TIMER = 1_024


def required(name: str) -> float:
    """Return the least ratio that the benchmark ``name`` has to show."""
    return RATIOS.get(name, PARITY)
