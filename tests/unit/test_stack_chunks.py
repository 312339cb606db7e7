"""The memory in which threads had their Python frames is kept for the threads that follow."""

from __future__ import annotations

import os
import sys
import sysconfig

import pytest

import threadwell as threading
from threadwell import _native

CHUNK = 16 * 1024
MOST_KEPT = 32

kept = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="without an interpreter lock, none are kept"
)


def run_together(count, target):
    """Run `target` in `count` threads that are all alive at some point."""
    gate = threading.Barrier(count)

    def run():
        gate.wait()
        target()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def recurse(depth):
    return depth and 1 + recurse(depth - 1)


@kept
def test_the_memory_of_a_thread_that_has_ended_is_kept(until):
    run_together(4, int)
    until("four chunks are kept", lambda: _native._kept_stack_chunks() >= 4)


@kept
def test_a_new_thread_takes_what_is_kept(program):
    # In a process where no other thread comes or goes.
    program("""
        import time
        import threadwell as threading
        from threadwell import _native

        def start(count):
            gate = threading.Event()
            threads = [threading.Thread(target=gate.wait) for _ in range(count)]
            for thread in threads:
                thread.start()
            return gate, threads

        def finish(gate, threads):
            gate.set()
            for thread in threads:
                thread.join()

        def until_kept(count):
            deadline = time.monotonic() + 30
            while _native._kept_stack_chunks() != count:
                assert time.monotonic() < deadline, _native._kept_stack_chunks()
                time.sleep(0.001)

        before = _native._kept_stack_chunks()
        finish(*start(4))
        until_kept(before + 4)
        running = start(3)
        until_kept(before + 1)
        finish(*running)
        until_kept(before + 4)
    """)


@kept
def test_no_more_than_half_a_mebibyte_is_kept(until):
    run_together(2 * MOST_KEPT, int)
    until("as many are kept as may be", lambda: _native._kept_stack_chunks() == MOST_KEPT)
    run_together(2 * MOST_KEPT, int)
    until("as many are kept as may be", lambda: _native._kept_stack_chunks() == MOST_KEPT)


def test_frames_that_take_several_chunks_find_their_values():
    depth = 500
    results = []
    for _ in range(3):
        run_together(8, lambda: results.append(recurse(depth)))
    assert results == [depth] * 24
    assert recurse(sys.getrecursionlimit() // 2) == sys.getrecursionlimit() // 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_child_of_a_fork_uses_what_is_kept(program):
    assert (
        program("""
            import os
            import threadwell as threading

            def recurse(depth):
                return depth and 1 + recurse(depth - 1)

            def churn(stop):
                while not stop.is_set():
                    thread = threading.Thread(target=recurse, args=(300,))
                    thread.start()
                    thread.join()

            stop = threading.Event()
            churners = [threading.Thread(target=churn, args=(stop,)) for _ in range(3)]
            for thread in churners:
                thread.start()
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    results = []
                    for _ in range(10):
                        thread = threading.Thread(target=lambda: results.append(recurse(300)))
                        thread.start()
                        thread.join()
                    os._exit(results != [300] * 10)
                assert os.waitpid(child, 0)[1] == 0
            stop.set()
            for thread in churners:
                thread.join()
            print("done")
        """)
        == "done\n"
    )
