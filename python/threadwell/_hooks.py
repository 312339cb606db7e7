"""Hooks: what runs when a thread fails, and what traces and profiles it.

The hooks themselves are names of the ``threadwell`` module, which programs may rebind; they are looked up there each
time they are needed.
"""

from __future__ import annotations

import sys

import threadwell as _module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from threadwell._threads import Thread

    Hook = Callable[..., Any] | None


def _make_invoke_excepthook() -> Callable[[Thread], None]:
    """Return a function that reports the exception being handled to ``excepthook``.

    Made when a thread is created, so that what it needs is still there when a daemon thread fails while the
    interpreter takes its modules apart.
    """
    hook_then = _module.excepthook
    sys_hook_then = sys.excepthook
    if hook_then is None:
        raise RuntimeError("threading.excepthook is None")
    if sys_hook_then is None:
        raise RuntimeError("sys.excepthook is None")

    module, system, exc_info, echo = _module, sys, sys.exc_info, print
    make_args = _module.ExceptHookArgs

    def invoke_excepthook(thread: Thread) -> None:
        args = None
        try:
            hook = module.excepthook
            if hook is None:
                hook = hook_then
            args = make_args([*exc_info(), thread])
            hook(args)
        except Exception as exc:  # noqa: BLE001 - the hook may be anything, and its failure is reported
            exc.__suppress_context__ = True
            del exc
            running = system is not None
            stderr = system.stderr if running and system.stderr is not None else thread._stderr
            echo("Exception in threading.excepthook:", file=stderr, flush=True)
            report = system.excepthook if running and system.excepthook is not None else sys_hook_then
            report(*exc_info())
        finally:
            # It leads to the traceback, whose frames lead back here.
            args = None

    return invoke_excepthook
