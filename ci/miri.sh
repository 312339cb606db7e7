#!/bin/sh
# The core's own tests under Miri, which interprets them and knows every rule for memory that Rust has: whose it is, who
# may point to it, and what orders its uses. For many minutes.
#
#   ci/miri.sh [ARGUMENT...]     for cargo test: ci/miri.sh --test lock -- a_release
#
# It needs a toolchain with the component `miri`: rustup toolchain install nightly --component miri,rust-src.
# MIRI_SEEDS says how many schedules are tried, each with other interleavings and other values seen by loads: 2 by default.
#
# Isolated from the machine: time goes by the steps that it interprets, so that no test waits for a real clock. What it
# cannot do is `ignore`d in the tests, with the reason (forks, signals, a start that fails, /proc), and so is tests/process.
set -u
cd "$(dirname "$0")/.."

if cargo miri --version >/dev/null 2>&1; then
    toolchain=
elif cargo +nightly miri --version >/dev/null 2>&1; then
    toolchain=+nightly
else
    echo "result: miri: FAILED: no toolchain here has it (rustup toolchain install nightly --component miri,rust-src)"
    exit 1
fi

if [ $# -eq 0 ]; then
    set -- --lib
    for file in crates/threadwell/tests/*.rs; do
        case $(basename "$file" .rs) in
            layers) ;; # reads sources
            *) set -- "$@" --test "$(basename "$file" .rs)" ;;
        esac
    done
fi
# A panic may leave its payload behind (thread/hook.rs), and the driver of the timers outlives the tests.
flags="${MIRIFLAGS:-} -Zmiri-ignore-leaks -Zmiri-strict-provenance"
failed=0
seed=0
while [ "$seed" -lt "${MIRI_SEEDS:-2}" ]; do
    export MIRIFLAGS="$flags -Zmiri-seed=$seed"
    # shellcheck disable=SC2086 # none or one
    ci/count_tests.sh "miri, seed $seed" cargo $toolchain miri test --package threadwell --locked --no-fail-fast \
        --target-dir target/miri "$@" || failed=1
    seed=$((seed + 1))
done
exit "$failed"
