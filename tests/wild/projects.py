"""The projects whose tests are run, from projects.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        name: What it is called on PyPI.
        version: Which release.
        sha256: Of the source distribution.
        what: What it is, and which of its tests are run.
        arguments: For pytest, in the unpacked source distribution.
        requirements: What the tests import besides the project; the versions are in constraints.txt.
        left_out: Which tests are not run, and why.
        limit: Seconds after which a run is taken to hang.
    """

    name: str
    version: str
    sha256: str
    what: str
    arguments: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    left_out: str = ""
    limit: float = 300

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def load(path: Path = HERE / "projects.toml") -> list[Project]:
    """Return the projects of a file, in its order."""
    projects = []
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["project"]:
        for key in ("arguments", "requirements"):
            table[key] = tuple(table.get(key, ()))
        table["left_out"] = " ".join(table.get("left_out", "").split())
        projects.append(Project(**table))
    return projects
