#!/bin/sh
# Each Python test by four threads at once, but for those that tests/conftest.py has for one thread at a time, and which
# are skipped here. Arguments go to pytest: `ci/parallel.sh --parallel-threads=16 -k semaphore`.
set -eu
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
.venv/bin/python -m pytest --quiet -p no:cacheprovider --parallel-threads=4 --skip-thread-unsafe=true \
    tests/unit tests/seeds "$@" >"$log" 2>&1 || status=$?
cat "$log"
echo "result: parallel: $(tail -n 1 "$log")"
exit "$status"
