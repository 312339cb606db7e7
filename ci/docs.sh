#!/bin/sh
# The API pages of the crate; a broken link fails.
set -eu
cd "$(dirname "$0")/.."
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} --deny warnings" cargo doc --package threadwell --no-deps --locked
echo "result: docs: target/doc/threadwell/index.html"
