"""Figures that are taken in an interpreter of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

TIME_LIMIT = 120


def ask(script: str, *arguments: object) -> Any:
    """Run ``script`` in a fresh interpreter and return the JSON that it prints."""
    command = [sys.executable, script, *map(str, arguments)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    if child.returncode != 0:
        said = child.stderr.strip().splitlines() or ["nothing on stderr"]
        raise RuntimeError(f"child ended with {child.returncode}: {said[-1]}")
    return json.loads(child.stdout)
