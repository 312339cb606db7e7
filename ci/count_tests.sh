#!/bin/sh
# Runs a command that runs Rust tests, and says what came out in one line.
#
#   ci/count_tests.sh NAME COMMAND...
set -u
name=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
# No pipe: its exit code would be that of its last command.
"$@" >"$log" 2>&1 || code=$?
cat "$log"
awk -v name="$name" -v code="$code" '
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    /^WARNING: ThreadSanitizer|^==[0-9]+==ERROR: |^error: Undefined Behavior/ { reports += 1 }
    END {
        printf "result: %s: %d passed, %d ignored, %d failed", name, passed, ignored, failed
        if (reports) printf ", %d reports", reports
        if (code) printf ", the command ended with %d", code
        if (!passed) printf ", FAILED: no test was run"
        print ""
        exit !passed
    }' "$log" || code=1
exit "$code"
