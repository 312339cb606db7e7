"""The two modules that are compared, and the interpreter they are compared on."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
import sysconfig
import threading
from pathlib import Path
from types import ModuleType


class Refused(Exception):
    """What stands in the way of a fair comparison, in one line."""


def load(name: str) -> ModuleType:
    """Import the ``threading``-like module ``name``, refusing a debug build of threadwell."""
    if name == "threading":
        return threading
    try:
        module = importlib.import_module(name)
        native = importlib.import_module(f"{name}._native")
    except ImportError as error:
        raise Refused(f"cannot import {name}: {error}") from error
    profile = getattr(native, "__build_profile__", "unknown")
    if profile != "release":
        raise Refused(
            f"{name}._native is a {profile} build; a comparison needs a release build (maturin develop --release)"
        )
    return module


def workload(path: Path, side: ModuleType) -> ModuleType:
    """Execute the source file ``path`` and bind its global ``threading`` to ``side``.

    Each call makes a module of its own, for the reason given in ``measure.compile_loop``.
    """
    spec = importlib.util.spec_from_file_location(f"{path.stem}_on_{side.__name__}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["threading"] = side
    return module


def find(side: ModuleType, path: str) -> object | None:
    """Return the attribute at the dotted ``path`` of ``side``, or ``None`` if it has none."""
    found: object = side
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def interpreter() -> dict[str, object]:
    """Describe the running interpreter, as far as it matters to a timing."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "executable": sys.executable,
        "version": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "compiler": platform.python_compiler(),
        "flags": " ".join(optimisation_flags()),
        "optimised": how_optimised(),
        "gil": gil,
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def optimisation_flags() -> list[str]:
    """Return those flags of the interpreter's build that decide how fast it is."""
    speed = ("-O", "-DNDEBUG", "-flto", "-fprofile", "-march", "--enable-opt", "--with-lto")
    words: list[str] = []
    for variable in ("PY_CFLAGS", "PY_CFLAGS_NODIST", "CONFIG_ARGS"):
        words += (sysconfig.get_config_var(variable) or "").replace("'", " ").split()
    return list(dict.fromkeys(word for word in words if word.startswith(speed)))


def how_optimised() -> str:
    """Return how the interpreter was optimised; an empty string if it was not.

    Debian and Ubuntu build with profile-guided optimisation but scrub the flags from what they
    install, so nothing that an interpreter under /usr says about itself can disprove it.
    """
    if sysconfig.get_config_var("Py_DEBUG"):
        return ""
    flags = " ".join(optimisation_flags())
    if "-fprofile-use" in flags or "--enable-optimizations" in flags:
        return "profile-guided"
    if sys.base_prefix == "/usr":
        return "distribution build (flags not recorded)"
    return ""
