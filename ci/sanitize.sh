#!/bin/sh
# The core's tests under a sanitizer, with the system's own wait and with the portable one.
#
#   ci/sanitize.sh thread    accesses to the same memory that nothing orders
#   ci/sanitize.sh address   memory that is used after its time, a stack's included, or never freed
#
# Further arguments are for cargo test: ci/sanitize.sh thread --test stress
#
# Any toolchain that comes with the sanitizers' runtimes will do, as rustup's do: `RUSTC_BOOTSTRAP` lets a stable
# compiler take the flag. `std` is compiled without: what that hides or makes up is in ci/sanitize_thread.txt.
#
# tests/process is left out: a forked child of a process with threads is more than the runtimes can follow.
set -u
cd "$(dirname "$0")/.."
sanitizer=$1
shift

host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer"
export TSAN_OPTIONS="suppressions=$PWD/ci/sanitize_thread.txt ${TSAN_OPTIONS:-}"
export ASAN_OPTIONS="detect_stack_use_after_return=1 ${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/ci/sanitize_leak.txt ${LSAN_OPTIONS:-}"

# A sanitizer that finds nothing here would find nothing anywhere.
probe=target/sanitize/$sanitizer
mkdir -p "$probe"
# shellcheck disable=SC2086 # several flags
if ! rustc $RUSTFLAGS --edition 2024 --target "$host" -o "$probe/probe" "ci/sanitize_$sanitizer.rs"; then
    echo "result: $sanitizer sanitizer: FAILED: this toolchain cannot build with it: is its runtime there?"
    exit 1
fi
if "$probe/probe" >"$probe/probe.log" 2>&1 || ! grep -q "Sanitizer: " "$probe/probe.log"; then
    cat "$probe/probe.log"
    echo "result: $sanitizer sanitizer: FAILED: it does not see the error in ci/sanitize_$sanitizer.rs"
    exit 1
fi

if [ $# -eq 0 ]; then
    set -- --lib
    for file in crates/threadwell/tests/*.rs; do
        # It reads sources.
        [ "$file" = crates/threadwell/tests/layers.rs ] || set -- "$@" --test "$(basename "$file" .rs)"
    done
fi
failed=0
run() { # NAME DIRECTORY ARGUMENT...
    name=$1 directory=$2
    shift 2
    ci/count_tests.sh "$name" cargo test --package threadwell --locked --no-fail-fast \
        --target "$host" --target-dir "$directory" "$@" || failed=1
}
run "$sanitizer sanitizer" "$probe" "$@"
export RUSTFLAGS="$RUSTFLAGS --cfg threadwell_portable"
run "$sanitizer sanitizer, portable wait" "$probe-portable" "$@"
exit "$failed"
