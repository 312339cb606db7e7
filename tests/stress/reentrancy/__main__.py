"""One operation over and over, interrupted by itself: what test_reentrancy.py runs, in an interpreter of its own.

``python tests/stress/reentrancy SHAPE ROUNDS`` prints, as JSON, how often the operation was interrupted and by what.

The collector runs on every allocation, and finds in each round an object with a ``__del__`` and a weak reference that
has a callback; a timer of the system sends a signal all the time. All three do to the object what they have
interrupted. A native operation runs no Python code of its own: the middle of it is where it asks an argument for its
value (`Inside`). Otherwise it is interrupted between its last instruction and the program's next.
"""

from __future__ import annotations

import faulthandler
import json
import sys

import interruptions
import primitives
import threads
import waits

import threadwell as threading

#: Seconds without progress after which the stacks of all threads are printed and the process ends.
STALLED = 60
#: Rounds between two signs of progress.
PROGRESS = 50

failures: list[str] = []


def alive() -> None:
    faulthandler.dump_traceback_later(STALLED, exit=True, file=sys.__stderr__)


def run(shape: interruptions.Shape, rounds: int) -> None:
    def beside() -> None:
        while not stop.wait(0.0005):
            shape.beside()

    stop = threading.Event()
    other = threading.Thread(target=beside)
    alone = type(shape).beside is interruptions.Shape.beside
    if not alone:
        other.start()
    interruptions.begin(shape)
    try:
        for number in range(rounds):
            if number % PROGRESS == 0:
                alive()
            interruptions.Litter()
            shape.operate()
    finally:
        alive()
        interruptions.end()
        stop.set()
        if not alone:
            other.join()
    shape.check()


def failed(unraisable: sys.UnraisableHookArgs) -> None:
    failures.append(f"{unraisable.err_msg}: {unraisable.exc_value!r} in {unraisable.object!r}")


sys.unraisablehook = failed
for module in (primitives, threads, waits):
    if kind := vars(module).get(sys.argv[1]):
        shape = kind()
        # So many that some are interrupted in the middle, which is a matter of chance.
        rounds = max(20, int(sys.argv[2]) // shape.share)
        run(shape, rounds)
        print(json.dumps({"rounds": rounds, "interrupted": interruptions.counts, "failures": failures[:10]}))
