"""Swap threadwell in for the standard library's ``threading``, and out again.

`install` puts threadwell into ``sys.modules``, so that every later import gets it, and then replaces what earlier
imports have left behind. What it reaches, in every module in ``sys.modules``:

* the module itself and the names imported from it, under any alias (``import threading as t``,
  ``from threading import Lock as L``);
* the same in class bodies, nested classes included (``lock_class = threading.Lock``);
* the same in the defaults and the closures of functions, methods and properties found there.

What it does not reach keeps working on the standard library, and is named in the result: objects made and threads
started before, subclasses of the standard library's classes, and references in containers, instances and frames.

While it looks, it runs no code of anyone else: it reads namespaces directly, past ``__getattr__``, ``__getattribute__``
and ``__class__``, so a lazy module stays unloaded and an odd object in ``sys.modules`` is passed over.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import BuiltinFunctionType, FunctionType

from threadwell import _children
from threadwell._native import RLock
from threadwell._references import MISSING, class_namespace, find, left_over, namespace_of, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any

    from threadwell._references import Successors

__all__ = ["Installation", "install", "original", "uninstall"]


class Installation:
    """What `install` has done.

    Attributes:
        replaced: The references that now lead to threadwell, as ``module.name``, ``module.Class.name`` or
            ``module.function(default)``.
        unreached: What still uses the standard library, one sentence fragment each. Empty if nothing had imported it.
    """

    __slots__ = ("_assigned", "_originals", "replaced", "unreached")

    def __init__(self) -> None:
        self.replaced: list[str] = []
        self.unreached: list[str] = []
        self._originals: dict[str, ModuleType | None] = {}
        # Holder, key, value before, value after; in the order of the assignments.
        self._assigned: list[tuple[Any, Any, object, object]] = []

    def __repr__(self) -> str:
        return f"<threadwell.Installation: {len(self.replaced)} replaced, {len(self.unreached)} not reached>"

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return [f"replaced {path}" for path in self.replaced] + [f"not reached: {what}" for what in self.unreached]

    def _swap(self) -> None:
        self.unreached.clear()
        successors: Successors = {}
        for name, (ours, origins, adopt, _) in _SWAPPED.items():
            new = import_module(ours)
            old = sys.modules.get(name)
            if old is not new:
                self._originals[name] = old
                self._assign(sys.modules, name, new)
                self.replaced.append(f"sys.modules[{name!r}]")
            stdlib = self._originals[name]
            if stdlib is not None:
                successors[id(stdlib)] = (stdlib, new)
                successors.update(_successors(stdlib, new, origins))
                adopt(self, vars(stdlib), vars(new))
                self.unreached += _rebound(stdlib, new, origins)
        if successors:
            self._replace(successors)

    def _replace(self, successors: Successors) -> None:
        for holder, key, value, path in find(successors):
            try:
                self._assign(holder, key, successors[id(value)][1])
            except (AttributeError, TypeError):
                self.unreached.append(f"{path} cannot be assigned to")
            else:
                self.replaced.append(path)
        namespaces = [vars(stdlib) for stdlib in self._originals.values() if stdlib is not None]
        self.unreached += left_over(successors, namespaces, (self._originals, *self._assigned))

    def _assign(self, holder: Any, key: Any, value: object) -> None:
        before = read(holder, key)
        write(holder, key, value)
        self._assigned.append((holder, key, before, value))

    def _restore(self) -> None:
        for holder, key, before, after in reversed(self._assigned):
            # Whoever has assigned to the place since then meant it.
            if read(holder, key) is after:
                write(holder, key, before)
        for ours, _, _, release in _SWAPPED.values():
            release(vars(import_module(ours)))


_installation: Installation | None = None
# Held by whoever installs or uninstalls.
_installing = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_installing._at_fork_reinit)


def install(*, children: bool = False, log: Callable[[str], object] | None = None) -> Installation:
    """Put threadwell in the place of the standard library's ``threading``, for this whole process.

    Best called before anything else is imported; then there is nothing to be replaced. May be called again: it then
    replaces what has turned up since, and returns the same object, brought up to date.

    Trace and profile functions and the ``excepthook`` that were set on the standard library's module move along, and
    so does the main thread's name; threads are numbered on. The interpreter waits at exit for the threads of both.

    Args:
        children: Whether interpreters that this process starts, by ``multiprocessing`` or by running
            ``sys.executable``, shall run on threadwell as well. Works through the environment; a child that does not
            inherit it, or is started with ``python -S``, stays on the standard library.
        log: Called with each line of the result, for instance ``print`` or ``logging.getLogger(__name__).info``.

    Returns:
        What was replaced, and what could not be reached.
    """
    global _installation
    with _installing:
        installation = _installation
        if installation is None:
            installation = _installation = Installation()
        installation._swap()
        if children:
            _children.enable()
        lines = installation.lines()
    if log is not None:
        for line in lines:
            log(line)
    return installation


def uninstall() -> None:
    """Undo `install`: every reference that it replaced gets its former value back, unless it was assigned to since.

    Modules imported in the meantime keep threadwell, and so do the objects and the threads made with it. Does nothing
    if threadwell is not installed.
    """
    global _installation
    with _installing:
        if _installation is not None:
            _installation._restore()
            _installation = None
            _children.disable()


def original(name: str) -> ModuleType | None:
    """Return the module of the standard library that threadwell stands in for.

    Args:
        name: The module's name, for instance ``"threading"``.

    Returns:
        The module, or ``None`` if it was never loaded. While threadwell is not installed, that is the one in
        ``sys.modules``.
    """
    # Another thread may uninstall it meanwhile.
    installation = _installation
    if installation is not None:
        return installation._originals.get(name)
    return sys.modules.get(name)


# -- What takes the place of what ------------------------------------------------------------------------------------


def _successors(old: ModuleType, new: ModuleType, origins: tuple[str, ...]) -> Successors:
    """Map the identity of each object that `old` defines to that object and its successor in `new`."""
    successors: Successors = {}
    # Public names first: `Lock` and `_allocate_lock` may be one object in one module and two in the other.
    for name in sorted(vars(old), key=lambda name: (name.startswith("_"), name)):
        before, after = vars(old)[name], vars(new).get(name, MISSING)
        if before is after or after is MISSING or name.startswith("__"):
            continue
        if _defined_in(before, origins) or (type(before) is dict and type(after) is dict):
            successors.setdefault(id(before), (before, after))
    return successors


def _rebound(old: ModuleType, new: ModuleType, origins: tuple[str, ...]) -> Iterator[str]:
    for name in vars(old).get("__all__", ()):
        before, after = vars(old).get(name), vars(new).get(name)
        if callable(before) and before is not after and name != "excepthook" and not _defined_in(before, origins):
            yield f"{old.__name__}.{name} had been rebound"


def _defined_in(value: object, origins: tuple[str, ...]) -> bool:
    if type(value) is FunctionType or type(value) is BuiltinFunctionType:
        return value.__module__ in origins
    if issubclass(type(value), type):
        return class_namespace(value).get("__module__") in origins
    return False


def _adopt_threading(installation: Installation, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Carry over what a program has set on the standard library's module."""
    if old["excepthook"] is not old["__excepthook__"] and new["excepthook"] is new["__excepthook__"]:
        installation._assign(new, "excepthook", old["excepthook"])
    for name in ("_trace_hook", "_profile_hook"):
        if old[name] is not None and new[name] is None:
            installation._assign(new, name, old[name])
    main = namespace_of(new["_main_thread"])
    theirs = namespace_of(old["_main_thread"])
    if main is not None and theirs is not None and main["_name"] == "MainThread" != theirs["_name"]:
        installation._assign(main, "_name", theirs["_name"])
    number = old["_counter"]
    if new["_counter"] is not number:
        # It counts for both. What ours has given away is not given again.
        taken = new["_counter"]() - 1
        while taken > 0 and number() < taken:
            pass
        installation._assign(new, "_counter", number)
    installation.unreached += (
        f"thread {(namespace_of(thread) or {}).get('_name', ident)!r} runs"
        for ident, thread in list(old["_active"].items())
        if type(thread) is not old["_MainThread"] and type(thread) is not old["_DummyThread"]
    )


def _release_threading(new: dict[str, Any]) -> None:
    """Have what still runs waited for at exit, now that the interpreter asks the standard library's module for that."""
    from threadwell._threads import _ensure_awaited

    if new["active_count"]() > 1 or new["_threading_atexits"]:
        _ensure_awaited()


# Module of the standard library: the module that takes its place, where the objects it defines say they are from, what
# carries over its settings, and what is to be done when it is back.
_SWAPPED = {
    "threading": ("threadwell", ("threading", "_thread"), _adopt_threading, _release_threading),
}
