"""How exceptions get to other processes.

Pickle looks for a class in the module that it says it is from, and finds the standard library's in ``threading`` unless
threadwell is installed there.
"""

from __future__ import annotations

import sys

from threadwell._native import BrokenBarrierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _reduce_broken_barrier(error: BrokenBarrierError) -> tuple[Any, ...]:
    """Return what pickle needs to make the exception again: one of `threadwell`, or whichever is ``threading``'s."""
    reduced: Any = RuntimeError.__reduce__(error)
    make, *rest = reduced
    found = getattr(sys.modules.get("threading"), "BrokenBarrierError", None)
    if make is BrokenBarrierError is not found:
        make = _broken_barrier
    return make, *rest


def _broken_barrier(*args: object) -> BrokenBarrierError:
    return BrokenBarrierError(*args)
