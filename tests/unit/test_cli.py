"""The command ``threadwell``, held against what the interpreter does with the same program."""

from __future__ import annotations

import json
import os
import py_compile
import re
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Python

COMMAND = ["-m", "threadwell"]

# Writes what a program can see of how it was started.
SEEN = """\
import json, os, sys
main = sys.modules["__main__"]
assert vars(main) is globals()
seen = {name: re for name in sorted(globals()) if (re := repr(globals()[name])) and name.startswith("__")}
print(json.dumps({"argv": sys.argv, "path": sys.path, "cwd": os.getcwd(), **seen}, indent=1))
"""

FAILING = """\
def fail():
    1 / 0
try:
    fail()
except ZeroDivisionError as error:
    raise ValueError("in a program") from error
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a directory with programs of all kinds."""
    (tmp_path / "program.py").write_text(SEEN)
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "wrong.py").write_text("x = 1\ndef (:\n")
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nprint(ascii('ä'))".encode("latin-1"))
    (tmp_path / "annotated.py").write_text("def f(x: int): pass\nprint(f.__annotations__)\n")
    (tmp_path / "hook.py").write_text(
        "import sys\n"
        "def hook(kind, error, traceback):\n"
        "    print(kind, traceback.tb_frame.f_code.co_name, error.__traceback__ is traceback)\n"
        "sys.excepthook = hook\n"
        "1 / 0\n"
    )
    py_compile.compile(str(tmp_path / "program.py"), str(tmp_path / "compiled.pyc"), doraise=True)
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("import sys\nargv_at_import = list(sys.argv)\n")
    (package / "__main__.py").write_text(SEEN)
    (package / "program.py").write_text(SEEN + "import package\nprint(package.argv_at_import)\n")
    (package / "inner" / "__init__.py").write_text("")
    (tmp_path / "link.py").symlink_to(package / "program.py")
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "__main__.py").write_text(SEEN)
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SEEN)
    return tmp_path


def outcome(result: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Return exit code, output and errors, without the addresses of objects."""
    return result.returncode, *(re.sub(r" at 0x[0-9a-f]+", "", text) for text in (result.stdout, result.stderr))


@pytest.mark.parametrize(
    "arguments",
    [
        ("program.py",),
        ("program.py", "--option", "-m", "x", "--", "--children"),
        ("./program.py", "a b"),
        ("package/../program.py",),
        ("link.py",),
        ("latin.py",),
        ("annotated.py",),
        ("compiled.pyc", "x"),
        ("directory", "x"),
        ("./directory/",),
        ("archive.zip", "x"),
        ("-m", "package", "x"),
        ("-m", "package.program", "-c", "x"),
        ("-c", SEEN, "-x", "y"),
        ("-", "x"),
        ("failing.py",),
        ("hook.py",),
        ("wrong.py",),
        ("-c", "1 +"),
        ("-c", FAILING),
        ("-", "fail"),
        ("-c", "raise SystemExit"),
        ("-c", "raise SystemExit(0)"),
        ("-c", "raise SystemExit(7)"),
        ("-c", "raise SystemExit('a message')"),
        ("-c", "raise SystemExit(None)"),
        ("-c", "raise SystemExit(object)"),
        ("-c", "import os; os._exit(3)"),
        ("-c", "raise KeyboardInterrupt"),
        ("-c", "import sys; sys.last_value = 1; raise KeyError('k')"),
        ("-c", "import atexit; atexit.register(print, 'bye'); print('hello'); raise SystemExit(4)"),
        ("-c", "x: int = 1; print(__annotations__)"),
        ("-c", "def f(x: int): pass\nprint(f.__annotations__)"),
    ],
    ids=lambda arguments: " ".join(arguments)[:50],
)
def test_a_program_sees_and_ends_the_same(python: Python, files: Path, arguments: tuple[str, ...]) -> None:
    stdin = FAILING if arguments == ("-", "fail") else SEEN
    expected = python(*arguments, cwd=files, stdin=stdin)
    found = python(*COMMAND, "run", *arguments, cwd=files, stdin=stdin)
    assert outcome(found) == outcome(expected)


@pytest.mark.parametrize("how", ["program.py", "directory", "archive.zip", "-"])
def test_a_safe_path_stays_safe(python: Python, files: Path, how: str) -> None:
    expected = python("-P", how, cwd=files, stdin=SEEN)
    found = python("-P", *COMMAND, "run", how, cwd=files, stdin=SEEN)
    assert outcome(found) == outcome(expected)


@pytest.mark.parametrize("text", ["import failing", "import wrong"])
def test_an_error_in_a_module_has_none_of_our_frames(python: Python, files: Path, text: str) -> None:
    (files / "package" / "program.py").write_text(text)
    expected, found = (python(*command, "-m", "package.program", cwd=files) for command in ((), (*COMMAND, "run")))
    # The interpreter shows the frames of runpy.
    lines = [line for line in expected.stderr.splitlines() if "<frozen runpy>" not in line]
    assert (found.returncode, found.stderr.splitlines()) == (1, lines)


# -- With threadwell --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [("program.py",), ("-m", "program"), ("-c", "import program"), ("directory",)])
def test_threading_is_threadwell(python: Python, files: Path, how: tuple[str, ...]) -> None:
    source = "import threading\nfrom threading import Thread\nprint(threading.__name__, Thread is threading.Thread)"
    for path in (files / "program.py", files / "directory" / "__main__.py"):
        path.write_text(source)
    result = python(*COMMAND, "run", *how, cwd=files)
    assert (result.stdout, result.stderr) == ("threadwell True\n", "")


def test_it_is_in_place_before_anything_has_imported_threading(python: Python) -> None:
    loaded = "import sys; print('threading' in sys.modules)"
    if python("-c", loaded).stdout == "True\n":
        pytest.skip("this environment's site loads threading before any program can run")
    result = python(*COMMAND, "run", "-c", "from threadwell import patch; print(patch.original('threading'))")
    assert result.stdout == "None\n"


def test_verbose_says_what_it_did(python: Python) -> None:
    result = python(*COMMAND, "run", "-v", "-c", "pass")
    assert "threadwell: replaced sys.modules['threading']\n" in result.stderr


def test_the_program_is_main_for_pickle_and_multiprocessing(python: Python, files: Path) -> None:
    (files / "program.py").write_text("""
import multiprocessing, pickle, sys, threading

class Result:
    def __init__(self, value):
        self.value = value

def work(value):
    return Result((value, __name__, threading.__name__))

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Result)) is Result
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        result = pool.apply(work, (5,))
    assert type(result) is Result
    print(*result.value)
""")
    for how, method, children, seen in (
        (("program.py",), "fork", (), "__main__ threadwell"),
        (("program.py",), "spawn", (), "__mp_main__ threading"),
        (("program.py",), "spawn", ("--children",), "__mp_main__ threadwell"),
        (("-m", "program"), "spawn", ("--children",), "__mp_main__ threadwell"),
        (("-m", "program"), "forkserver", ("--children",), "__mp_main__ threadwell"),
    ):
        result = python(*COMMAND, "run", *children, *how, method, cwd=files)
        assert (result.stdout, result.stderr) == (f"5 {seen}\n", ""), (how, method, children)


def test_threads_are_waited_for(python: Python, files: Path) -> None:
    (files / "program.py").write_text("""
import threading
go = threading.Event()
threading.Thread(target=lambda: (go.wait(), print("worked"))).start()
go.set()
raise SystemExit(5)
""")
    result = python(*COMMAND, "run", "program.py", cwd=files)
    assert (result.returncode, result.stdout) == (5, "worked\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("how", [("program.py",), ("-m", "program")], ids=["script", "module"])
def test_a_signal_ends_the_program(files: Path, how: tuple[str, ...], number: signal.Signals) -> None:
    (files / "program.py").write_text("import threading\nprint('ready', flush=True)\nthreading.Event().wait()\n")
    with subprocess.Popen(
        [sys.executable, *COMMAND, "run", *how], cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == -number
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    assert "threadwell/cli.py" not in errors


# -- The command itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no command"),
        (("walk",), "unknown command or option 'walk'"),
        (("--wrong",), "unknown command or option '--wrong'"),
        (("run",), "nothing to run"),
        (("run", "--children"), "nothing to run"),
        (("run", "--"), "nothing to run"),
        (("run", "--wrong", "program.py"), "unknown option '--wrong'"),
        (("run", "-x"), "unknown option '-x'"),
        (("run", "-m"), "option -m needs an argument"),
        (("run", "-c"), "option -c needs an argument"),
        (("run", "missing.py"), "can't open file"),
        (("run", "--", "-missing"), "can't open file"),
        (("run", "empty"), "can't find '__main__' module in"),
        (("run", "-m", "missing"), "No module named missing"),
        (("run", "-m", "missing.module"), "No module named 'missing'"),
        (("run", "-m", "package.missing"), "No module named package.missing"),
        (("run", "-m", "package.inner"), "No module named package.inner.__main__; 'package.inner' is a package"),
        (("run", "broken.pyc"), "can't run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_is_one_line_and_code_2(python: Python, files: Path, arguments: tuple[str, ...], message: str) -> None:
    (files / "broken.pyc").write_bytes(b"not bytecode")
    result = python(*COMMAND, *arguments, cwd=files)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("threadwell: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_may_not_be_read_is_an_error(python: Python, files: Path) -> None:
    os.mkfifo(files / "pipe")
    (files / "secret.py").write_text("")
    (files / "secret.py").chmod(0)
    if os.access(files / "secret.py", os.R_OK):
        pytest.skip("this user may read every file")
    result = python(*COMMAND, "run", "secret.py", cwd=files)
    assert result.returncode == 2
    assert "Permission denied" in result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("run", "--help"), ("run", "--children", "-h")])
def test_help(python: Python, arguments: tuple[str, ...]) -> None:
    result = python(*COMMAND, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert "threadwell run [options] SCRIPT" in result.stdout
    assert "--children" in result.stdout


def test_help_of_the_program_is_not_ours(python: Python) -> None:
    result = python(*COMMAND, "run", "-c", "import sys; print(sys.argv)", "--help")
    assert result.stdout == "['-c', '--help']\n"


def test_version(python: Python) -> None:
    result = python(*COMMAND, "--version")
    installed = python("-c", "from importlib.metadata import version; print(version('threadwell'))")
    if installed.returncode:
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    else:
        assert (result.returncode, result.stdout) == (0, f"threadwell {installed.stdout}")


def test_the_command_is_installed(files: Path) -> None:
    command = Path(sysconfig.get_path("scripts"), "threadwell")
    if not command.exists():
        pytest.skip("threadwell was not installed into this environment, only put on its path")
    (files / "program.py").write_text(
        "import sys, threading\nprint(threading.__name__, sys.path[0])\nraise KeyboardInterrupt\n"
    )
    result = subprocess.run(
        [command, "run", "program.py"], capture_output=True, check=False, cwd=files, text=True, timeout=60
    )
    assert (result.returncode, result.stdout) == (-signal.SIGINT, f"threadwell {files}\n")
    assert "threadwell" not in result.stderr


def test_little_is_imported_before_the_program(python: Python) -> None:
    source = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    # What `python -m` itself imports is there for every module.
    plain = set(json.loads(python("-c", f"import runpy\n{source}").stdout))
    more = set(json.loads(python(*COMMAND, "run", "-c", source).stdout)) - plain
    assert not more & {"argparse", "contextlib", "inspect", "logging", "re", "traceback", "typing"}, more
