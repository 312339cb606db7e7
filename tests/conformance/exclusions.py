"""The tests that are not run, from exclusions.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path


class Exclusions:
    """The tests that are not run, from exclusions.toml."""

    def __init__(self, entries: list[tuple[str, tuple[str, ...]]]) -> None:
        self._entries = entries
        self._tried: set[tuple[str, tuple[str, ...]]] = set()
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    @classmethod
    def load(cls, path: Path) -> Exclusions:
        entries = []
        for table in tomllib.loads(path.read_text(encoding="utf-8")).get("excluded", []):
            if not {"id", "detail"} <= set(table) <= {"id", "detail", "versions"} or not table["detail"].strip():
                raise SystemExit(f"exclusions.toml: an entry has an id, a detail and perhaps versions, not {table}")
            entries.append((table["id"], tuple(table.get("versions", ()))))
        return cls(entries)

    def among(self, identifiers: Iterable[str], minor: str) -> set[str]:
        """Return those that are excluded on a version."""
        known = set(identifiers)
        found = set()
        for entry in self._entries:
            identifier, versions = entry
            if not versions or minor in versions:
                self._tried.add(entry)
                if identifier in known:
                    self._seen.add(entry)
                    found.add(identifier)
        return found

    def unknown(self) -> list[str]:
        """Return those that met a version they are meant for, but on none a test of that name."""
        return [identifier for identifier, _ in sorted(self._tried - self._seen)]
