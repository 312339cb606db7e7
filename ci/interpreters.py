"""Finds the Python interpreters of this machine, and gives each an environment with threadwell in it.

    .venv/bin/python ci/interpreters.py        says which there are, and which are not
    .venv/bin/python ci/interpreters.py build  builds the wheel for .venv and installs it there

Everything is kept in the checkout: wheels, Cargo's target directories and environments, one of each for every version
of Python, in ``build/``. A target directory of its own because the build scripts of PyO3 run again, and with them the
whole build, when the interpreter is not the one of the last time.

``PYTHONS="3.14 3.15"`` in the environment has only these versions found.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MAIN = ROOT / ".venv" / "bin" / "python"

#: Those that the extension can be built for.
SUPPORTED = ("3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t")
#: Where `ci/interpreters.sh` and `ci/free-threaded.sh` keep what they have made.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threadwell"
#: Which script makes a version that a machine does not have.
MAKES = {"3.13t": "ci/free-threaded.sh", "3.14": "ci/interpreters.sh", "3.15": "ci/interpreters.sh"}

PROBE = """
import importlib.util, json, os, platform, sys, sysconfig
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
flags = getattr(sys, "abiflags", "")
print(json.dumps({
    "base": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "cpython": sys.implementation.name == "cpython",
    "debian": sys.base_prefix == "/usr",
    "minor": minor,
    "label": minor + flags,
    "version": platform.python_version() + flags,
    "tests": has("test.test_threading") and has("test.lock_tests"),
    "threadwell": has("threadwell"),
    "site": sysconfig.get_path("purelib"),
}))
"""


class BuildError(Exception):
    """A tool did not do what it was asked to; what it printed says more."""


@dataclass(frozen=True)
class Interpreter:
    """One that was found.

    Attributes:
        path: Where it is.
        base: The same, past the links of environments and of the PATH.
        cpython: Whether it is one that the extension is for.
        debian: Whether it is the system's, as Debian packages it.
        minor: Its version without the last part, such as ``3.14``.
        label: Its version as wheels tell them apart, such as ``3.14`` or ``3.14t``.
        version: Its full version, such as ``3.14.0`` or ``3.14.0t``.
        tests: Whether it has its own tests with it.
        threadwell: Whether threadwell was installed for it when it was asked.
        site: The directory that packages are installed into.
    """

    path: Path
    base: str
    cpython: bool
    debian: bool
    minor: str
    label: str
    version: str
    tests: bool
    threadwell: bool
    site: str

    @classmethod
    @cache
    def probe(cls, path: Path) -> Interpreter | None:
        """Ask an interpreter what it is; ``None`` if it does not answer, as a shim that leads nowhere."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            answer = subprocess.run(
                [path, "-c", PROBE], capture_output=True, text=True, check=True, timeout=60, env=environment
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return cls(path=path, **json.loads(answer.stdout))


def main_interpreter() -> Interpreter:
    """Return the one of .venv."""
    found = Interpreter.probe(MAIN)
    if found is None:
        raise BuildError("there is no .venv: run `make setup`")
    return found


def find() -> tuple[dict[str, Interpreter], list[str]]:
    """Return the best interpreter of each version, and a line for each version that has none.

    The best is the one of .venv, unless only another one has the interpreter's own tests.
    """
    wanted = os.environ.get("PYTHONS", "").split() or SUPPORTED
    found: dict[str, Interpreter] = {}
    missing: list[str] = []
    for interpreter in [main_interpreter(), *filter(None, map(Interpreter.probe, _candidates()))]:
        label = interpreter.label
        if label not in SUPPORTED:
            line = f"SKIP, the extension's PyO3 does not support it ({interpreter.path})"
            if interpreter.cpython and re.fullmatch(r"3\.(1[1-9]|[2-9]\d)t?", label) and label not in found:
                missing.append(f"python {label}: {line}")
        elif label not in found or (interpreter.tests and not found[label].tests):
            found[label] = interpreter
    missing += [_not_found(label) for label in wanted if label not in found]
    return {label: found[label] for label in wanted if label in found}, missing


def _not_found(label: str) -> str:
    line = f"python {label}: SKIP, not found on PATH or under pyenv"
    return f"{line}: run {MAKES[label]}" if label in MAKES else line


def _candidates() -> list[Path]:
    names = ["python3", *(f"python{label}" for label in SUPPORTED)]
    directories = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    candidates = [directory / name for name in names for directory in directories]
    for root in _pyenv_roots(directories):
        candidates += sorted(root.glob("versions/3.*/bin/python3"))
    candidates += [CACHE / label / "usr" / "bin" / f"python{label}" for label in SUPPORTED]
    return [path for path in candidates if os.access(path, os.X_OK)]


def _pyenv_roots(directories: list[Path]) -> list[Path]:
    """Return where pyenv may keep its versions: where it says, or beside its commands, or in the home directory."""
    named = os.environ.get("PYENV_ROOT")
    roots = [Path(named)] if named else [Path.home() / ".pyenv"]
    roots += [directory.parent for directory in directories if directory.name == "shims"]
    return list(dict.fromkeys(roots))


# -- Building ---------------------------------------------------------------------------------------------------------


def wheel(interpreter: Interpreter) -> Path:
    """Build the wheel for a version, with a release build of the extension, and return it."""
    main = main_interpreter()
    # One for the version, not for the interpreter: .venv's serves another one of that version as well.
    builder = main if main.label == interpreter.label else interpreter
    directory = BUILD / "wheels" / interpreter.label
    shutil.rmtree(directory, ignore_errors=True)
    maturin = MAIN.parent / "maturin"
    target = BUILD / "target" / interpreter.label
    options = ("--release", "--locked", "--quiet", "--compatibility", "linux", "--interpreter", builder.base)
    environment = dict(os.environ)
    if builder.label == "3.13t":
        # PyO3 supports free-threaded interpreters from 3.14 on, but still knows what is different in this one.
        environment["UNSAFE_PYO3_SKIP_VERSION_CHECK"] = "1"
    _call(maturin, "build", *options, "--target-dir", target, "--out", directory, environment=environment)
    (found,) = directory.glob("*.whl")
    return found


def environment(interpreter: Interpreter) -> Path:
    """Return the interpreter of an environment, in ``build/``, with threadwell and what its tests need."""
    python = venv(interpreter, BUILD / "venvs" / interpreter.label)
    pip(python, "install", "--requirement", ROOT / "requirements-test.txt")
    install(python, wheel(interpreter))
    return python


def venv(interpreter: Interpreter, directory: Path) -> Path:
    """Return the interpreter of an environment in a directory, made anew if it is not one of this interpreter."""
    python = directory / "bin" / "python"
    existing = Interpreter.probe(python)
    if existing is None or existing.base != interpreter.base:
        # Without pip: Debian keeps what it is installed from in a package of its own for each version.
        _call(interpreter.base, "-m", "venv", "--clear", "--without-pip", directory)
        Interpreter.probe.cache_clear()
    return python


def install(python: Path, built: Path) -> None:
    """Install a wheel into an environment, unless this very one is there."""
    stamp = python.parent.parent / "threadwell.sha256"
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        stamp.unlink(missing_ok=True)
        pip(python, "install", "--force-reinstall", "--no-deps", built)
        stamp.write_text(digest, encoding="utf-8")


def pip(python: Path, command: str, *arguments: str | Path) -> None:
    """Run the pip of .venv for another environment."""
    _call(MAIN, "-m", "pip", "--python", python, "--quiet", command, *arguments)


def _call(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(command, cwd=ROOT, check=True, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(str(error)) from error


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["build"]:
            install(MAIN, wheel(main_interpreter()))
            return 0
        found, missing = find()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    for interpreter in found.values():
        tests = "with" if interpreter.tests else "without"
        print(f"python {interpreter.label}: {interpreter.version}, {tests} its own tests ({interpreter.base})")
    print(*missing, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
