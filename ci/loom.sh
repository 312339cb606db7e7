#!/bin/sh
# Explores the protocols with loom, and prints how many models passed. Arguments go to the tests:
# `ci/loom.sh lock::` runs the models of the lock alone.
#
# Each model bounds the number of preemptions (see tests/loom/main.rs); LOOM_MAX_PREEMPTIONS=4 looks
# further, for minutes instead of seconds.
set -eu
cd "$(dirname "$0")/.."

# A build of its own: the flag changes every crate. Without LTO, which costs more than it gains here.
export RUSTFLAGS="--cfg threadwell_loom ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --quiet --package threadwell --release --locked --lib --test loom -- "$@" >"$log" 2>&1 || status=$?
cat "$log"
awk '/^test result:/ { passed += $4; failed += $6 }
     END { printf "result: loom: %d models passed, %d failed\n", passed, failed; exit !passed }' "$log"
exit "$status"
