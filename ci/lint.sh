#!/bin/sh
# Formatting, clippy, ruff, types, stubs and the licences of the dependencies. Levels are in Cargo.toml and
# pyproject.toml; here a warning fails.
set -u
cd "$(dirname "$0")/.."
PYO3_PYTHON=$PWD/.venv/bin/python
export PYO3_PYTHON

ran=0
failed=
check() { # NAME COMMAND...
    name=$1
    shift
    ran=$((ran + 1))
    echo "lint: $name"
    "$@" || failed="$failed $name,"
}

clippy() {
    cargo clippy --workspace --all-targets --locked -- --deny warnings
}

clippy_portable() {
    RUSTFLAGS="${RUSTFLAGS:-} --cfg threadwell_portable" \
        cargo clippy --package threadwell --all-targets --locked --target-dir target/portable -- --deny warnings
}

clippy_loom() {
    RUSTFLAGS="${RUSTFLAGS:-} --cfg threadwell_loom" \
        cargo clippy --package threadwell --lib --test loom --locked --target-dir target/loom -- --deny warnings
}

pyright() { # VERSION
    .venv/bin/basedpyright --pythonpath .venv/bin/python --pythonversion "$1"
}

check rustfmt cargo fmt --all --check
check clippy clippy
check "clippy, portable wait" clippy_portable
check "clippy, loom" clippy_loom
check ruff .venv/bin/ruff check --no-cache
check "ruff format" .venv/bin/ruff format --no-cache --check
check mypy .venv/bin/python -m mypy --cache-dir build/mypy
check stubtest .venv/bin/python -m mypy.stubtest threadwell._native
check pyright pyright 3.11
check "pyright, newest Python" pyright 3.15
if command -v cargo-deny >/dev/null; then
    check "cargo deny" cargo deny --locked check
else
    echo "result: cargo deny: SKIP, cargo-deny is not installed (cargo install cargo-deny)"
fi

echo "result: lint: $ran checks${failed:+, failed:${failed%,}}"
test -z "$failed"
