#!/bin/sh
# The Rust tests: with the system's own wait, then with the portable one that other systems use.
set -eu
cd "$(dirname "$0")/.."

run() { # NAME ARGUMENT...
    name=$1
    shift
    log=$(mktemp)
    code=0
    # No pipe: its exit code would be that of its last command.
    cargo test --package threadwell --locked "$@" >"$log" 2>&1 || code=$?
    cat "$log"
    awk -v name="$name" -v code="$code" '
        /^test result:/ { passed += $4; failed += $6; ignored += $8 }
        END {
            printf "result: %s: %d passed, %d ignored, %d failed", name, passed, ignored, failed
            if (code) printf ", cargo ended with %d", code
            if (!passed) printf ", FAILED: no test was run"
            print ""
            exit !passed
        }' "$log" || code=1
    rm -f "$log"
    return "$code"
}

failed=0
run rust || failed=1
RUSTFLAGS="${RUSTFLAGS:-} --cfg threadwell_portable" run "rust, portable wait" --target-dir target/portable || failed=1
exit "$failed"
