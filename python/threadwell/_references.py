"""Where objects are referred to: in namespaces, class bodies, defaults and closures, and elsewhere.

Nothing here runs code of anyone else. Attributes are read from the namespaces themselves, past ``__getattr__``,
``__getattribute__`` and ``__class__``, so that a lazy module stays unloaded and a proxy unresolved.
"""

from __future__ import annotations

import _thread
import gc
import sys
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeAlias

    # What is replaced and what takes its place, under the identity of what is replaced.
    Successors: TypeAlias = dict[int, tuple[object, object]]
    # Holder, key, value and a readable path. A place is an item of a dictionary, an attribute of a class, a default of
    # a function (by index) or the content of a closure's cell.
    Place: TypeAlias = tuple[Any, Any, object, str]

MISSING = object()

_PACKAGE = __name__.partition(".")[0]

# Where a class keeps its ancestors.
_ANCESTORS = (type.__dict__["__bases__"], type.__dict__["__mro__"])

# What refers to a class or a function because of how the interpreter is made, or while it runs.
_PLUMBING = frozenset(
    id(cls)
    for cls in (
        BuiltinFunctionType,
        ClassMethodDescriptorType,
        FrameType,
        GeneratorType,
        GetSetDescriptorType,
        MemberDescriptorType,
        MethodDescriptorType,
        WrapperDescriptorType,
    )
)


def namespace_of(value: object) -> dict[str, Any] | None:
    """Return the attributes of a module or another object, ``None`` if it keeps none in a plain dictionary."""
    for cls in type.__dict__["__mro__"].__get__(type(value)):
        descriptor = class_namespace(cls).get("__dict__")
        if type(descriptor) is GetSetDescriptorType or cls is ModuleType:
            namespace = descriptor.__get__(value)
            return namespace if type(namespace) is dict else None
        if descriptor is not None:
            return None
    return None


def class_namespace(cls: Any) -> Any:
    """Return the attributes of a class itself, read-only."""
    return type.__dict__["__dict__"].__get__(cls)


def read(holder: Any, key: Any) -> object:
    """Return what a place holds, `MISSING` if nothing."""
    if type(holder) is dict:
        return holder.get(key, MISSING)
    if type(holder) is FunctionType:
        return (holder.__defaults__ or ())[key]
    if type(holder) is CellType:
        try:
            return holder.cell_contents
        except ValueError:
            return MISSING
    return class_namespace(holder).get(key, MISSING)


def write(holder: Any, key: Any, value: object) -> None:
    """Put `value`, or nothing in case of `MISSING`, into a place.

    Raises:
        TypeError: The holder is an immutable class.
    """
    if type(holder) is dict:
        if value is MISSING:
            del holder[key]
        else:
            holder[key] = value
    elif type(holder) is FunctionType:
        defaults = list(holder.__defaults__ or ())
        defaults[key] = value
        holder.__defaults__ = tuple(defaults)
    elif type(holder) is CellType:
        holder.cell_contents = value
    else:
        type.__setattr__(holder, key, value)


# -- Places that can be assigned to -----------------------------------------------------------------------------------


def find(successors: Successors) -> Iterator[Place]:
    """Yield each place in the modules, and in the classes and functions found there, that holds a replaced object."""
    # What is replaced and what takes its place stay as they are inside.
    seen = {*successors, *(id(after) for _, after in successors.values())}
    for name, module in list(sys.modules.items()):
        if type(name) is not str or name == "_thread" or _is_ours(name) or id(module) in seen:
            continue
        seen.add(id(module))
        namespace = namespace_of(module)
        if namespace is not None:
            yield from _in_items(namespace, namespace, name, successors, seen)


def _in_items(items: Any, holder: Any, path: str, successors: Successors, seen: set[int]) -> Iterator[Place]:
    for key, value in list(items.items()):
        if id(value) in successors:
            yield holder, key, value, f"{path}.{key}"
        elif type(key) is str:
            yield from _inside(value, f"{path}.{key}", successors, seen)


def _inside(value: Any, path: str, successors: Successors, seen: set[int]) -> Iterator[Place]:
    kind = type(value)
    if kind is staticmethod or kind is classmethod:
        yield from _inside(value.__func__, path, successors, seen)
    elif kind is property:
        for function in (value.fget, value.fset, value.fdel):
            yield from _inside(function, path, successors, seen)
    elif id(value) not in seen:
        if kind is FunctionType:
            seen.add(id(value))
            yield from _in_function(value, path, successors, seen)
        elif issubclass(kind, type):
            seen.add(id(value))
            yield from _in_items(class_namespace(value), value, path, successors, seen)


def _in_function(function: FunctionType, path: str, successors: Successors, seen: set[int]) -> Iterator[Place]:
    for index, default in enumerate(function.__defaults__ or ()):
        if id(default) in successors:
            yield function, index, default, f"{path}(default {index})"
    for name, default in list((function.__kwdefaults__ or {}).items()):
        if id(default) in successors:
            yield function.__kwdefaults__, name, default, f"{path}({name}=)"
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        content = read(cell, None)
        if id(content) in successors:
            yield cell, None, content, f"{path}(closure {name})"
        else:
            yield from _inside(content, f"{path}(closure {name})", successors, seen)


# -- References that cannot -------------------------------------------------------------------------------------------


def left_over(successors: Successors, namespaces: list[dict[str, Any]], ignore: Iterable[object]) -> list[str]:
    """Describe the subclasses, the instances and the containers that still refer to what was replaced.

    Args:
        successors: What was replaced and by what.
        namespaces: Those of the replaced modules, which keep their own.
        ignore: Containers of the caller.
    """
    # Only what is public: the interpreter itself keeps some of the rest, such as the hooks for a fork.
    public = {id(namespace.get(name)) for namespace in namespaces for name in namespace.get("__all__", ())}
    replaced = tuple(old for old, _ in successors.values() if id(old) in public or type(old) is ModuleType)
    classes = [old for old, _ in successors.values() if issubclass(type(old), type)]
    # `threading.Lock` is a function up to 3.12, so the class of the locks is not among what was replaced.
    classes += [type(_thread.allocate_lock()), _thread.RLock]
    derived = _derived(classes)
    kinds = (*classes, *(cls for cls, _ in derived))
    kind_ids = frozenset(map(id, kinds))

    known = _internals(namespaces, kind_ids)
    known.update(map(id, (*ignore, *namespaces, *successors.values(), *derived, replaced, classes, kinds)))
    known.update(map(id, (_thread, vars(_thread))))
    for name, module in list(sys.modules.items()):
        if type(name) is str and _is_ours(name):
            known.add(id(namespace_of(module)))
    known.update(id(ancestors.__get__(cls)) for cls in kinds for ancestors in _ANCESTORS)

    counts: dict[str, int] = {}
    for holder in gc.get_referrers(*kinds):
        if id(type(holder)) in kind_ids and id(holder) not in known:
            what = f"object of {_path(type(holder))}"
            counts[what] = counts.get(what, 0) + 1
    unremarkable = kind_ids | _PLUMBING
    for holder in gc.get_referrers(*replaced):
        kind = type(holder)
        if id(holder) not in known and id(kind) not in unremarkable and not issubclass(kind, type):
            what = f"reference in a {_path(kind)}"
            counts[what] = counts.get(what, 0) + 1
    return [
        *(f"class {_path(cls)} derives from {_path(base)}" for cls, base in derived),
        *(f"{count} x {what}" for what, count in sorted(counts.items())),
    ]


def _derived(classes: list[Any]) -> list[tuple[Any, Any]]:
    """Return each class that derives from one of `classes`, and is neither one of them nor ours, with its base."""
    found: list[tuple[Any, Any]] = []
    seen = set(map(id, classes))
    rest = list(classes)
    while rest:
        base = rest.pop()
        for cls in type.__subclasses__(base):
            if id(cls) not in seen and not _is_ours(_path(cls)):
                seen.add(id(cls))
                found.append((cls, base))
                rest.append(cls)
    return found


def _internals(namespaces: list[dict[str, Any]], kind_ids: frozenset[int]) -> set[int]:
    """Return the identities of what the replaced modules made for themselves: their objects and ``super()`` cells."""
    found: set[int] = set()
    rest = [value for namespace in namespaces for value in list(namespace.values())]
    while rest:
        value = rest.pop()
        if id(value) in found:
            continue
        if id(type(value)) in kind_ids:
            found.add(id(value))
            rest += gc.get_referents(value, namespace_of(value) or {})
        elif id(value) in kind_ids:
            found.add(id(value))
            rest += class_namespace(value).values()
        elif type(value) is FunctionType:
            found.update(map(id, value.__closure__ or ()))
    return found


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == _PACKAGE


def _path(cls: Any) -> str:
    module = class_namespace(cls).get("__module__")
    name = type.__dict__["__qualname__"].__get__(cls)
    return f"{module}.{name}" if type(module) is str else f"{name}"
