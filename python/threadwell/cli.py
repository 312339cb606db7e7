"""The command ``threadwell``: runs a program with threadwell in the place of ``threading``.

The arguments are read by hand, as ``argparse`` would have imported a dozen modules before the program.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from threadwell.patch import install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType
    from typing import Any, TypeAlias

    # What to run, and what `__main__` is told about it.
    Program: TypeAlias = tuple[CodeType, dict[str, Any]]

__all__ = ["main"]

_USAGE = """\
usage: threadwell run [options] SCRIPT [arguments]
       threadwell run [options] -m MODULE [arguments]
       threadwell run [options] -c CODE [arguments]
       threadwell [--help | --version]
"""

_HELP = f"""\
{_USAGE}
Run a Python program, unmodified, with threadwell in the place of the standard library's threading.

SCRIPT is what python accepts: a file, a directory or a zip file with a __main__.py, or - for the standard input.
The program sees its own sys.argv, sys.path and __main__. The command ends as python would with the same program.

options of run:
  --children     also run on threadwell the interpreters that the program starts, with multiprocessing or by running
                 sys.executable; those started with python -S or without this environment stay as they are
  -v, --verbose  write what was replaced, and what could not be, to the standard error before the program starts
  -h, --help     show this text
"""


class _Error(Exception):
    """The command cannot be carried out; the message is for the user."""


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command.

    Args:
        arguments: Those after the command's name; those of the process by default.

    Returns:
        The exit code: 0, or 2 after one line on the standard error if the arguments are wrong or the program is not
        there. An exception of the program passes through, for the interpreter to handle as ever.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _command(arguments)
    except _Error as error:
        sys.stderr.write(f"threadwell: {error}\n")
        return 2


def _command(arguments: list[str]) -> int:
    match arguments:
        case ["run", *rest]:
            return _run(rest)
        case ["-h" | "--help"]:
            sys.stdout.write(_HELP)
        case ["-V" | "--version"]:
            sys.stdout.write(f"threadwell {_version()}\n")
        case []:
            raise _Error("no command (try 'threadwell --help')")
        case [first, *_]:
            raise _Error(f"unknown command or option {first!r} (try 'threadwell --help')")
    return 0


def _run(arguments: list[str]) -> int:
    children = verbose = False
    load: Callable[[str, list[str]], Program] = _load_path
    while True:
        match arguments:
            case ["--children", *arguments]:
                children = True
            case ["-v" | "--verbose", *arguments]:
                verbose = True
            case ["-h" | "--help", *_]:
                sys.stdout.write(_HELP)
                return 0
            case ["-m" | "-c" as option]:
                raise _Error(f"option {option} needs an argument")
            case ["-m", program, *rest]:
                load = _load_module
                break
            case ["-c", program, *rest]:
                load = _load_string
                break
            case [] | ["--"]:
                raise _Error("nothing to run (try 'threadwell run --help')")
            case ["--", program, *rest] | ["-" as program, *rest]:
                break
            case [program, *rest]:
                if program.startswith("-"):
                    raise _Error(f"unknown option {program!r} (try 'threadwell run --help')")
                break

    install(children=children, log=_log if verbose else None)
    main_module = ModuleType("__main__")
    namespace = vars(main_module)
    namespace["__builtins__"] = sys.modules["builtins"]
    if "__annotations__" in vars(sys.modules["__main__"]):
        namespace["__annotations__"] = {}
    sys.modules["__main__"] = main_module
    try:
        code, attributes = load(program, rest)
        namespace.update(attributes)
        if sys.version_info >= (3, 15):
            namespace.pop("__cached__", None)
        exec(code, namespace)
    except (_Error, SystemExit):
        raise
    except BaseException:
        # The interpreter is to handle it as ever, exit code and signal included.
        _hide_our_frames(program if load is _load_string else "")
        raise
    return 0


def _log(line: str) -> None:
    sys.stderr.write(f"threadwell: {line}\n")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("threadwell")
    except PackageNotFoundError:
        raise _Error("the version is not known, as the package was not installed") from None


# -- Loading, as the interpreter does it ------------------------------------------------------------------------------


def _load_path(path: str, arguments: list[str]) -> Program:
    sys.argv[:] = [path, *arguments]
    if path == "-":
        return _load_stdin()
    absolute = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    if _is_searchable(absolute):
        return _load_directory(absolute)
    return _load_file(absolute)


def _load_file(path: str) -> Program:
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader
    from io import open_code

    try:
        with open_code(path) as file:
            source = file.read()
    except OSError as error:
        raise _Error(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}") from None
    _lead_path_with(os.path.dirname(os.path.realpath(path)))
    if path.endswith(".pyc"):
        bytecode = SourcelessFileLoader("__main__", path)
        try:
            code: Any = bytecode.get_code("__main__")
        except (ImportError, EOFError) as error:
            raise _Error(f"can't run {path!r}: {error}") from None
        loader: object = bytecode
    else:
        code = compile(source, path, "exec", dont_inherit=True)
        loader = SourceFileLoader("__main__", path)
    return code, {"__file__": path, "__cached__": None, "__loader__": loader}


def _load_stdin() -> Program:
    _lead_path_with("")
    code = compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
    return code, {"__file__": "<stdin>", "__cached__": None, "__loader__": _builtin_importer()}


def _load_string(source: str, arguments: list[str]) -> Program:
    sys.argv[:] = ["-c", *arguments]
    _lead_path_with("")
    code = compile(source, "<string>", "exec", dont_inherit=True)
    return code, {"__loader__": _builtin_importer()}


def _load_module(name: str, arguments: list[str]) -> Program:
    import runpy

    # The interpreter's own -m has this value, too, while it imports the parent packages.
    sys.argv[:] = ["-m", *arguments]
    _lead_path_with(os.getcwd())
    _, spec, code = runpy._get_module_details(name, _Error)  # type: ignore[attr-defined]
    sys.argv[0] = spec.origin
    return code, _attributes(spec)


def _load_directory(path: str) -> Program:
    import runpy

    # The interpreter puts it there even with -P.
    _lead_path_with(path)
    if sys.path[:1] != [path]:
        sys.path.insert(0, path)
    _, spec, code = runpy._get_main_module_details(_Error)  # type: ignore[attr-defined]
    return code, _attributes(spec)


def _attributes(spec: Any) -> dict[str, Any]:
    return {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }


def _lead_path_with(entry: str) -> None:
    """Put the program's entry in front of ``sys.path``, where the interpreter has put the one for this command."""
    if not sys.flags.safe_path:
        sys.path[:1] = [entry]


def _is_searchable(path: str) -> bool:
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _builtin_importer() -> Any:
    return sys.modules["builtins"].__loader__


# -- Errors -----------------------------------------------------------------------------------------------------------


def _hide_our_frames(source: str) -> None:
    """Make the traceback that the interpreter is going to print begin with the program.

    Args:
        source: A program given with ``-c``, whose lines the traceback shows if the interpreter's own would.
    """
    if source:
        # Not in the hook: what is evaluated there makes the interpreter forget that it was interrupted, and so the
        # signal that it would end with.
        import linecache

        if hasattr(linecache, "_register_code"):
            linecache.cache["<string>"] = (len(source), None, source.splitlines(keepends=True), "<string>")
    hook = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        while traceback is not None and traceback.tb_frame.f_code is not _run.__code__:
            traceback = traceback.tb_next
        while traceback is not None and traceback.tb_frame.f_globals is globals():
            traceback = traceback.tb_next
        sys.excepthook = hook
        sys.last_traceback = traceback
        hook(kind, error.with_traceback(traceback), traceback)

    sys.excepthook = excepthook
