#!/bin/sh
# Every primitive under many threads at random, for a while. A run that fails has printed its seed:
#
#   THREADWELL_STRESS_SEED=... ci/stress.sh
set -eu
cd "$(dirname "$0")/.."
: "${THREADWELL_STRESS_SECONDS:=120}"
export THREADWELL_STRESS_SECONDS
cargo test --package threadwell --locked --release --test stress -- --nocapture --test-threads 1
