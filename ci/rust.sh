#!/bin/sh
# The Rust tests: with the system's own wait, then with the portable one that other systems use.
set -u
cd "$(dirname "$0")/.."

failed=0
run() { # NAME ARGUMENT...
    name=$1
    shift
    ci/count_tests.sh "$name" cargo test --package threadwell --locked "$@" || failed=1
}
run rust
export RUSTFLAGS="${RUSTFLAGS:-} --cfg threadwell_portable"
run "rust, portable wait" --target-dir target/portable
exit "$failed"
