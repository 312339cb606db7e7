#!/usr/bin/env python3
"""Takes one rule of the protocols out at a time, and checks that the model named for it goes red.

Not part of CI: run it, as `make loom-mutants`, after a change to a protocol, or to a model. The rules are in
`crates/threadwell/tests/loom/mutants.toml`. Arguments select rules by a part of their text;
`--table` prints the table for `crates/threadwell/tests/loom/README.md` instead.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = pathlib.Path("crates/threadwell/src")
MUTANTS = ROOT / "crates/threadwell/tests/loom/mutants.toml"
TIME_LIMIT = 300
# Models beside the code, of what is not public.
PRIVATE = ("park::", "thread::")
ENVIRONMENT = os.environ | {
    "RUSTFLAGS": "--cfg threadwell_loom --cap-lints allow",
    "CARGO_TARGET_DIR": str(ROOT / "target/loom-mutants"),
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}


def cargo_test(scratch: pathlib.Path, model: str, *options: str) -> subprocess.CompletedProcess[str]:
    target = ["--lib"] if model.startswith(PRIVATE) else ["--test", "loom"]
    command = ["cargo", "test", "--quiet", "--locked", "--package", "threadwell", "--release", *target, *options]
    # A build takes as long as the machine lets it; a model that goes on for ever is what has a limit.
    limit = None if "--no-run" in options else TIME_LIMIT
    return subprocess.run(command, cwd=scratch, env=ENVIRONMENT, capture_output=True, text=True, timeout=limit)


def check(scratch: pathlib.Path, mutant: dict[str, str]) -> str:
    """Applies the mutant, runs its model and restores the file. What came of it, in a few words."""
    path = scratch / SOURCE / mutant["file"]
    original = path.read_text()
    found = original.count(mutant["old"])
    if found != 1:
        return f"NOT APPLIED: {found} places match"
    path.write_text(original.replace(mutant["old"], mutant["new"]))
    try:
        built = cargo_test(scratch, mutant["model"], "--no-run")
        if built.returncode != 0:
            return "NOT BUILT: " + built.stderr.strip()[:400]
        run = cargo_test(scratch, mutant["model"], "--", "--exact", mutant["model"])
        if "running 1 test" not in run.stdout:
            return "NO SUCH MODEL"
        return "red" if run.returncode != 0 else "SURVIVED"
    except subprocess.TimeoutExpired:
        return "TOO SLOW"
    finally:
        path.write_text(original)


def main() -> int:
    mutants = tomllib.loads(MUTANTS.read_text())["mutant"]
    arguments = sys.argv[1:]
    if arguments == ["--table"]:
        print("| Rule | File | Model that goes red without it |\n|---|---|---|")
        for mutant in mutants:
            print(f"| {mutant['rule']} | `{mutant['file']}` | `{mutant['model']}` |")
        return 0
    chosen = [m for m in mutants if all(a in f"{m['file']} {m['rule']}" for a in arguments)]
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory) / "threadwell"
        ignore = shutil.ignore_patterns("target", "build", ".git", ".venv", "__pycache__")
        shutil.copytree(ROOT, scratch, ignore=ignore)
        for mutant in chosen:
            result = check(scratch, mutant)
            failures += result != "red"
            print(f"{result:10} {mutant['file']}: {mutant['rule']}", flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} rules are guarded by their model")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
