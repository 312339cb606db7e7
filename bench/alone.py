"""One operation, timed in a process that uses one side only.

For what threadwell changes in the whole interpreter. It keeps the memory in which threads have had
their frames, so beside it the standard library's threads start as fast as they never do without it.

    python bench/alone.py MODULE OPERATION SECONDS      prints the seconds that the operation takes once
"""

from __future__ import annotations

import json
import statistics
import sys
from types import ModuleType

import child
import measure
import operations
import sides

LOOPS = 5


def main(module: str, name: str, seconds: str) -> None:
    operation = next(operation for operation in operations.all_operations() if operation.name == name)
    run = measure.loop_runner(operation, float(seconds), sides.load(module))
    print(json.dumps(statistics.median(run() for _ in range(LOOPS))))


def runner(operation: operations.Operation, seconds: float, threading: ModuleType) -> measure.Runner:
    """Return a function that measures one round: the seconds that ``operation`` takes once."""
    return lambda: float(child.ask(__file__, threading.__name__, operation.name, seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
