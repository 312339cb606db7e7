#!/bin/sh
# Runs checks one after the other, the next one also after a failure, and repeats their results in the end.
#
#   ci/checks.sh COMMAND...
#
# Each command says what came out in lines that begin with "result: ".
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log" "$log.code"' EXIT
failed=0

for command in "$@"; do
    # The exit code goes past the pipe through a file.
    { $command 2>&1; echo $? >"$log.code"; } | tee -a "$log"
    if [ "$(cat "$log.code")" -ne 0 ]; then
        echo "result: FAILED: $command" | tee -a "$log"
        failed=1
    fi
done

echo
sed -n 's/^result: //p' "$log"
exit "$failed"
