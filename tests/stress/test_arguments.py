"""Arguments of all kinds for everything that is public: exceptions, messages and results of the standard library.

The oracle is the standard library of the running interpreter, since messages differ between versions. What differs on
purpose is in the table of ``argument_differences.py``; ``arguments.py`` makes the calls.
"""

import json
import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).with_name("arguments.py")

#: Calls for one process, and seconds that they may take.
AT_ONCE, TIME_LIMIT = 1_500, 50


def fuzz(log, seed, calls):
    """Make calls, and return those that came out differently, and the counts."""
    command = [sys.executable, FUZZER, log, str(seed), str(calls)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"seed {seed}: no end after {last_line(log)}") from error
    assert done.returncode == 0, f"seed {seed}: ended in {last_line(log)}\n{done.stderr}"
    *different, counts = map(json.loads, done.stdout.splitlines())
    told = "seed {}: {}{}\n  ours:   {}\n  stdlib: {}"
    return [told.format(seed, *difference) for difference in different], counts


def last_line(log):
    return log.read_text(encoding="utf-8").splitlines()[-1:]


def test_every_call_takes_and_refuses_what_the_standard_library_does(stress, tmp_path):
    different, calls = [], 0
    rounds = stress.rounds(1, 400)
    for _ in range(rounds):
        found, counts = fuzz(tmp_path / "calls.log", stress.random.getrandbits(32), AT_ONCE)
        assert counts["unknown"] == [], "public, and in no table of arguments.py"
        different += found
        calls += counts["calls"]
    stress.counted(f"{calls} calls of {counts['targets']} names, {len(different)} differences, 0 crashes")
    assert not different, "\n".join(different[:20])
