"""Timing: unrolled loops for operations of nanoseconds, and rounds that alternate both sides."""

from __future__ import annotations

import functools
import gc
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from operations import Operation

WARM_UP = 64  # iterations after which the interpreter has specialised the loop's instructions
MOST_ITERATIONS = 50_000
EACH_ITERATIONS = 1_000  # the same on both sides: how many objects there are decides what is cached

# The statement stands in the function that sets its objects up, as it would in a program: its names
# are locals. The two clock readings enclose nothing but the loop.
LOOP = """\
def loop(_iterations, _clock):
{setup}
    _steps = {steps}
    _begin = _clock()
    for each in _steps:
{body}
    _end = _clock()
{teardown}
    return _end - _begin
"""

Runner = Callable[[], float]


def compile_loop(operation: Operation, threading: ModuleType) -> Callable[[int], float]:
    """Build a loop over ``operation`` on ``threading``, returning the seconds it ran.

    Each call builds new code: the interpreter specialises instructions for the types that they
    meet, so two sides that shared their code would spoil it for each other. It also places the
    code and the objects anew, so that a lucky address is not mistaken for a faster operation.
    """
    if operation.each:
        steps = f"[{operation.each} for _ in range(_iterations)]"
    else:
        steps = "repeat(None, _iterations)"
    source = LOOP.format(
        setup=textwrap.indent(operation.setup or "pass", " " * 4),
        steps=steps,
        body=textwrap.indent("\n".join([operation.statement] * operation.unroll), " " * 8),
        teardown=textwrap.indent(operation.teardown or "pass", " " * 4),
    )
    names: dict[str, object] = {"threading": threading}
    exec("from itertools import repeat\nfrom time import sleep\n", names)
    exec(compile(source, f"<{operation.name}>", "exec"), names)
    loop = names["loop"]
    return lambda iterations: loop(iterations, time.perf_counter)  # type: ignore[operator]


@functools.cache
def empty_loop_cost(each: str, threading: ModuleType) -> float:
    """Return the seconds that one turn of a loop without a body takes.

    It is the least of many measurements: what is subtracted too little stays with both sides and
    brings their ratio closer to 1, where anything subtracted too much would drive it away from 1.
    """
    empty = Operation("empty loop", setup="", statement="pass", unroll=1, each=each)
    iterations = EACH_ITERATIONS
    costs = []
    for _ in range(50):
        loop = compile_loop(empty, threading)
        loop(WARM_UP)
        costs.append(loop(iterations) / iterations)
    return min(costs)


def iterations_for(operation: Operation, threading: ModuleType, seconds: float) -> int:
    """Return how often to turn the loop for it to last about ``seconds``."""
    if operation.each:
        return EACH_ITERATIONS
    loop = compile_loop(operation, threading)
    iterations = 1
    while (taken := loop(iterations)) < seconds / 4 and iterations < MOST_ITERATIONS:
        iterations *= 2
    return max(1, min(MOST_ITERATIONS, round(iterations * seconds / taken)))


def loop_runner(operation: Operation, seconds: float, threading: ModuleType) -> Runner:
    """Return a function that measures one round: the seconds that ``operation`` takes once."""
    with quiet():
        iterations = iterations_for(operation, threading, seconds)
        empty = empty_loop_cost(operation.each, threading)

    def run() -> float:
        loop = compile_loop(operation, threading)
        with quiet():
            loop(min(WARM_UP, iterations))
            taken = loop(iterations)
        cost = (taken / iterations - empty) / operation.unroll
        if cost <= 0:
            raise ArithmeticError(f"{operation.name} is lost in the cost of the loop")
        return cost

    return run


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the garbage collector and deprecation warnings out of what is measured."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        if enabled:
            gc.enable()


def interleave(runners: list[Runner], rounds: int) -> list[list[float]]:
    """Run all ``runners`` in each of ``rounds`` rounds, every other round in reverse order."""
    results: list[list[float]] = [[] for _ in runners]
    for index in range(rounds):
        order = range(len(runners))
        for side in order if index % 2 == 0 else reversed(order):
            results[side].append(runners[side]())
    return results
