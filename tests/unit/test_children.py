"""What `install(children=True)` does to the environment, and what `uninstall` takes back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from threadwell import _children

if TYPE_CHECKING:
    from conftest import Program, Python

PACKAGES = Path(_children.__file__).parents[1]

# Without `site`, which would read it, the carrier that may be installed is not relied on.
EITHER_CARRIER = pytest.mark.parametrize("options", [(), ("-S",)], ids=["as installed", "on the path"])


@EITHER_CARRIER
def test_children_do_not_look_into_their_working_directory(
    python: Python, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = tmp_path / "programs" / "child.py"
    path.parent.mkdir()
    path.write_text("import json, sys, threading; print(json.dumps([threading.__name__, sys.path]))")
    source = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
import threadwell
threadwell.install(children=True)
subprocess.run([sys.executable, sys.argv[2]], check=True)
threadwell.uninstall()
assert os.environ["PYTHONPATH"] == ""
"""
    arguments = (*options, "-c", source, PACKAGES, path)
    result = python(*arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""})
    assert (result.returncode, result.stderr) == (0, "")
    name, search = json.loads(result.stdout)
    assert name == "threadwell"
    assert not {"", ".", str(tmp_path)} & set(search)


@EITHER_CARRIER
def test_what_was_put_on_the_path_meanwhile_stays_there(python: Python, options: tuple[str, ...]) -> None:
    source = """
import os, sys
sys.path.insert(0, sys.argv[1])
import threadwell
threadwell.install(children=True)
os.environ["PYTHONPATH"] = os.pathsep.join(["/first", *os.environ["PYTHONPATH"].split(os.pathsep), "/last"])
threadwell.uninstall()
print(*os.environ["PYTHONPATH"].split(os.pathsep))
"""
    arguments = (*options, "-c", source, PACKAGES)
    result = python(*arguments, env={**os.environ, "PYTHONPATH": "/given"})
    assert (result.stdout, result.stderr) == ("/first /given /last\n", "")


def test_a_mark_that_was_there_before_stays(program: Program) -> None:
    # That of another version here, for children that this process starts on it.
    program(
        """
        import os, threadwell
        before = dict(os.environ)
        threadwell.install()
        threadwell.uninstall()
        assert dict(os.environ) == before
        """,
        env={**os.environ, _children.VARIABLE: "cpython-27"},
    )
