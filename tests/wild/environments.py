"""Gives each project its source distribution, and an environment with it, with its tests' needs and with threadwell."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from projects import HERE, Project

sys.path += [str(HERE.parents[1] / "ci"), str(HERE.parent / "conformance")]

from interpreters import BUILD, BuildError, Interpreter, install, pip, venv
from processes import install_witness

WILD = BUILD / "wild"
CONSTRAINTS = HERE / "constraints.txt"
PLUGIN = "threadwell_wild"


def sdist(project: Project, python: Path) -> Path:
    """Return the project's source distribution, downloaded unless it is there."""
    directory = WILD / "sdists"
    name = re.sub("[-_.]+", "_", project.name).lower()
    for archive in directory.glob("*.tar.gz"):
        if hashlib.sha256(archive.read_bytes()).hexdigest() == project.sha256:
            return archive
    wanted = WILD / "wanted" / f"{name}.txt"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.write_text(f"{project.name}=={project.version} --hash=sha256:{project.sha256}\n", encoding="utf-8")
    options = ("--no-deps", "--no-binary", project.name, "--build-constraint", CONSTRAINTS, "--dest", directory)
    pip(python, "download", *options, "--require-hashes", "--requirement", wanted)
    (archive,) = (path for path in directory.glob("*.tar.gz") if re.sub("[-.]", "_", path.name).startswith(name))
    return archive


def unpack(archive: Path, directory: Path) -> Path:
    """Unpack a source distribution into a new directory, and return where its files are."""
    directory.mkdir()
    with tarfile.open(archive) as files:
        # Debian's 3.11 may not have it.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(directory)
    (top,) = directory.iterdir()
    return top


def environment(project: Project, interpreter: Interpreter, archive: Path, wheel: Path) -> Interpreter:
    """Return an interpreter that has the project, what its tests need, threadwell and the witnesses."""
    directory = WILD / interpreter.label / project.name
    python = venv(interpreter, directory)
    stamp = directory / "ready"
    state = json.dumps([project.version, project.sha256, project.requirements, CONSTRAINTS.read_text(encoding="utf-8")])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != state:
        stamp.unlink(missing_ok=True)
        constraints = ("--constraint", CONSTRAINTS, "--build-constraint", CONSTRAINTS)
        pip(python, "install", *constraints, "pytest", "pytest-timeout", *project.requirements, archive)
        require_pins(python, project)
        stamp.write_text(state, encoding="utf-8")
    install(python, wheel)
    found = Interpreter.probe(python)
    if found is None:
        raise BuildError(f"{python} does not answer")
    install_witnesses(found)
    return found


def install_witnesses(interpreter: Interpreter) -> None:
    """Put what tells of the runs where the interpreter finds it."""
    install_witness(interpreter.site)
    (Path(interpreter.site) / f"{PLUGIN}.py").write_bytes((HERE / "plugin.py").read_bytes())


def require_pins(python: Path, project: Project) -> None:
    """Fail if something was installed whose version constraints.txt does not name."""
    command = (sys.executable, "-m", "pip", "--python", python, "list", "--format", "json")
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    pinned = set(re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE))
    loose = [
        f"{package['name']}=={package['version']}"
        for package in listed
        if _normal(package["name"]) not in {*map(_normal, pinned), _normal(project.name), "threadwell"}
    ]
    if loose:
        raise BuildError(f"{CONSTRAINTS.name} has to pin {' '.join(loose)}")


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()
