"""What `make loom-mutants` takes out is there, and so are its models and their page. Nothing is built here."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "crates" / "threadwell"
MODELS = CORE / "tests" / "loom"
MUTANTS = tomllib.loads((MODELS / "mutants.toml").read_text(encoding="utf-8"))["mutant"]


def test_the_page_has_the_table_of_the_mutants():
    command = [sys.executable, ROOT / "ci" / "loom_mutants.py", "--table"]
    table = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=50, check=True).stdout
    assert table.count("\n") == len(MUTANTS) + 2
    page = (MODELS / "README.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("|")] == table.splitlines()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["rule"])
def test_a_rule_can_be_taken_out_and_its_model_exists(mutant):
    source = (CORE / "src" / mutant["file"]).read_text(encoding="utf-8")
    assert source.count(mutant["old"]) == 1
    assert mutant["old"] != mutant["new"]
    *modules, model = mutant["model"].split("::")
    if modules[0] in ("park", "thread"):
        path = CORE / "src" / "/".join(modules[:-1])
        path = path.with_suffix(".rs")
    else:
        path = MODELS / f"{modules[0]}.rs"
    assert f"fn {model}()" in path.read_text(encoding="utf-8")
