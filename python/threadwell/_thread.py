"""The low-level ``_thread`` with threadwell's locks.

Everything that the running interpreter's ``_thread`` has is here under the same name. Threads, idents and the stack
size are the interpreter's own; ``allocate_lock``, ``LockType`` and ``RLock`` are threadwell's. Threads started here are
not in ``threading.enumerate()``, and nobody waits for them at exit.
"""

import _thread
from _thread import (
    TIMEOUT_MAX,
    error,
    exit,  # noqa: A004 - its name there
    get_ident,
    get_native_id,
    interrupt_main,
    stack_size,
    start_new_thread,
)

from threadwell._native import Lock, RLock

__all__ = [
    "TIMEOUT_MAX",
    "LockType",
    "RLock",
    "allocate_lock",
    "error",
    "exit",
    "get_ident",
    "get_native_id",
    "interrupt_main",
    "stack_size",
    "start_new_thread",
]

allocate_lock = Lock
LockType = Lock

# The old synonyms and whatever this version has besides. `lock` is the name of the class from 3.13 on.
_OWN = {"allocate": Lock, "lock": Lock}
globals().update(
    {
        name: _OWN.get(name, value)
        for name, value in vars(_thread).items()
        if name not in globals() and not name.startswith("__")
    }
)
