"""When there is nothing left: no memory, no more threads; or very many of them."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from pathlib import Path

import pytest

OUT_OF_MEMORY = Path(__file__).with_name("out_of_memory.py")

# -- Memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not importlib.util.find_spec("_testcapi"), reason="this interpreter cannot be told to have no memory"
)
@pytest.mark.parametrize("failing", ["one", "all"])
def test_without_memory_there_is_a_memory_error_and_nothing_else(stress, child, failing):
    """Also when it is missed in the new thread, where the standard library's `start` waits for ever (gh-140746)."""
    rounds = stress.rounds(25, 400)
    lines = [line.rpartition("{") for line in child(OUT_OF_MEMORY, "threadwell", failing, rounds).splitlines()]
    outcomes = [ast.literal_eval("{" + counts) for _, _, counts in lines]
    errors = sum(outcome.get(error, 0) for outcome in outcomes for error in ("MemoryError", "RuntimeError"))
    assert errors
    stress.counted(f"{len(outcomes)} operations, {rounds} rounds each, {errors} errors, 0 hangs, 0 crashes")


# -- Threads ---------------------------------------------------------------------------------------------------------

LIMITS = """
import os, sys, resource, time
import _thread, concurrent.futures.thread, importlib, threading as stdlib, threadwell
# Nobody who may not read the files can import them later.
import threadwell._timer, traceback, linecache

class ByProcesses:
    # For root there is no such limit. Nobody else has processes under this number.
    def __enter__(self):
        if os.getuid() == 0:
            os.setuid(54321)
        self.before = resource.getrlimit(resource.RLIMIT_NPROC)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, self.before[1]))

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_NPROC, self.before)

class ByStackSize:
    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, self.before[1]))
        stdlib.stack_size(8 << 30)

    def __exit__(self, *_):
        stdlib.stack_size(0)
        resource.setrlimit(resource.RLIMIT_AS, self.before)

limit = {"processes": ByProcesses, "stack size": ByStackSize}[sys.argv[1]]()
with limit:
    try:
        _thread.start_new_thread(int, ())
    except RuntimeError:
        pass
    else:
        print("no limit")
        sys.exit()
"""


@pytest.fixture(params=["processes", "stack size"])
def limited(request, child):
    """Runs a program which can, `with limit:`, start no thread."""

    def run(source):
        written = child(LIMITS + source, request.param)
        if written == "no limit\n":
            pytest.skip(f"threads are not limited by {request.param} here")
        return written

    return run


def test_a_start_fails_as_in_the_standard_library(limited, stress):
    rounds = stress.rounds(5, 1000)
    tried = limited(f"""
def starts(threading):
    run = lambda *_: None
    ways = {{
        "thread": threading.Thread(target=run).start,
        "daemon": threading.Thread(target=run, daemon=True).start,
        "timer": threading.Timer(100, run).start,
        "_start": lambda: start(run, ()),
    }}
    if hasattr(threading, "_start_joinable_thread"):
        ways["joinable"] = lambda: threading._start_joinable_thread(run)
    start = getattr(threading, "_start_new_thread", _thread.start_new_thread)
    return ways

def outcome(way):
    try:
        return way()
    except Exception as error:
        return type(error), str(error)

for _ in range({rounds}):
    # With the timers' driver there, a timer would start.
    deadline = time.monotonic() + 30
    while len(os.listdir("/proc/self/task")) > 1:
        assert time.monotonic() < deadline
    modules = stdlib, threadwell
    ways = [starts(module) for module in modules]
    with limit:
        theirs, ours = [dict((name, outcome(way)) for name, way in starts.items()) for starts in ways]
        assert ours == theirs, (ours, theirs)
        assert set(ours.values()) == {{(RuntimeError, "can't start new thread")}}, ours
    for module in modules:
        threads = [way.__self__ for name, way in ways[modules.index(module)].items() if hasattr(way, "__self__")]
        assert module.enumerate() == [module.main_thread()] and module.active_count() == 1
        assert not module._limbo and len(module._active) == 1
        for thread in threads:
            assert not thread.is_alive() and thread.ident is None and not thread._started.is_set()
            assert "started" not in repr(thread).split(",")[1]
            try:
                thread.join()
            except RuntimeError as error:
                assert str(error) == "cannot join thread before it is started"
            else:
                raise AssertionError
        if module is threadwell or sys.version_info < (3, 13):
            # From 3.13 on, the standard library's threads have had their only chance.
            for thread in threads:
                thread.start()
                if isinstance(thread, module.Timer):
                    thread.cancel()
                thread.join()
        after = module.Thread(target=int)
        after.start()
        after.join()
        assert not after.is_alive() and module.active_count() == 1
    print(len(ways[1]))
""")
    stress.counted(f"{sum(map(int, tried.split()))} refused starts, each with the standard library's error")


def test_a_pool_gets_the_same_error(limited):
    limited("""
from concurrent.futures import ThreadPoolExecutor
def outcome(pool):
    with limit:
        try:
            pool.submit(int)
        except Exception as error:
            return type(error), str(error)
theirs = outcome(ThreadPoolExecutor(1))
threadwell.install()
pool = ThreadPoolExecutor(1)
ours = outcome(pool)
assert ours == theirs == (RuntimeError, "can't start new thread"), (ours, theirs)
assert pool.submit(str, 7).result(30) == "7"
pool.shutdown()
""")


def test_a_pending_timer_stays_pending_and_fires_all_the_same(limited, stress):
    rounds = stress.rounds(5, 1000)
    limited(f"""
for _ in range({rounds}):
    fired = []
    timer = threadwell.Timer(100, fired.append, [1])
    timer.start()
    # Some that wait for it, and must not be told that it has ended.
    over, begun = [], threadwell.Barrier(4)
    def wait():
        begun.wait()
        timer.join()
        over.append(timer.is_alive())
    joiners = [threadwell.Thread(target=wait) for _ in range(3)]
    for joiner in joiners:
        joiner.start()
    begun.wait()
    soon = threadwell.Timer(0.01, fired.append, [2])
    soon.start()
    with limit:
        for _ in range(3):
            try:
                timer.ident
            except RuntimeError as error:
                assert str(error) == "can't start new thread"
            else:
                raise AssertionError
            assert timer.is_alive() and timer in threadwell.enumerate() and "started" in repr(timer)
        # It fires in the thread of those that wait.
        soon.join()
        assert fired == [2] and not soon.is_alive()
    assert not over
    assert timer.ident
    timer.cancel()
    for thread in joiners:
        thread.join()
    assert over == [False] * 3 and fired == [2]
    assert threadwell.enumerate() == [threadwell.main_thread()]
""")
    stress.counted(f"{3 * rounds} pending timers refused a thread, {rounds} fired without one, 0 lost")


# -- Very many -------------------------------------------------------------------------------------------------------


def room_for_threads():
    """Return how many threads the system lets this process have, roughly."""
    import resource

    rooms = []
    for path, share in [
        ("/proc/sys/kernel/threads-max", 1),
        ("/proc/sys/kernel/pid_max", 1),
        # A stack and its guard are two.
        ("/proc/sys/vm/max_map_count", 2),
        ("/sys/fs/cgroup/pids.max", 1),
    ]:
        try:
            rooms.append(int(Path(path).read_text()) // share)
        except (OSError, ValueError):
            continue
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if processes != resource.RLIM_INFINITY and os.getuid() != 0:
        rooms.append(processes)
    return min(rooms, default=0) - 1000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_threads_wait_for_one_event_and_are_woken(child, stress):
    count = stress.rounds(500, 10_000)
    if room_for_threads() < count:
        pytest.skip(f"there is no room for {count} threads here, only for {room_for_threads()}")
    woken = child(f"""
    import os, threadwell, time
    threadwell.stack_size(64 * 1024)
    event, arrived, woken = threadwell.Event(), threadwell.Semaphore(0), threadwell.Semaphore(0)
    def run():
        arrived.release()
        if event.wait(3000):
            woken.release()
    threads = [threadwell.Thread(target=run) for _ in range({count})]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert arrived.acquire(timeout=3000)
    assert len(os.listdir("/proc/self/task")) == threadwell.active_count() == {count} + 1
    assert all(thread.is_alive() for thread in threads)
    event.set()
    for thread in threads:
        thread.join(3000)
        assert not thread.is_alive()
    assert threadwell.active_count() == 1
    # The system may have a thread for a moment longer than the interpreter.
    deadline = time.monotonic() + 30
    while len(os.listdir("/proc/self/task")) > 1:
        assert time.monotonic() < deadline
    print(woken._value)
    """)
    assert int(woken) == count
    stress.counted(f"{count} threads alive at once, {count} woken by one set()")
