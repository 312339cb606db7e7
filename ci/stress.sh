#!/bin/sh
# Every primitive under many threads at random, for a while, and then what programs do to threads, often: the Python
# tests of tests/stress with their full counts, for hours. A run that fails has printed its seed:
#
#   THREADWELL_STRESS_SEED=... ci/stress.sh
#
# Arguments are for pytest, and leave the Rust tests out: ci/stress.sh -k exit
set -eu
cd "$(dirname "$0")/.."
: "${THREADWELL_STRESS_SECONDS:=120}"
export THREADWELL_STRESS_SECONDS
if [ $# -eq 0 ]; then
    cargo test --package threadwell --locked --release --test stress -- --nocapture --test-threads 1
    PROPTEST_CASES=${PROPTEST_CASES:-4096} cargo test --package threadwell --locked --release --test properties
fi
THREADWELL_STRESS=full .venv/bin/python ci/python.py tests/stress "$@"
