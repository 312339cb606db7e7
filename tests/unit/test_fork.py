"""The child of a fork: it has one thread, no pending timers, and everything works in it. Each test is a real
interpreter, in which the child's failure is the parent's.
"""

from __future__ import annotations

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

FORKED = """
import os, sys, threadwell as threading, time, traceback, warnings
warnings.simplefilter("ignore", DeprecationWarning)

def in_child(function):
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            function()
            threading._shutdown()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0, "the child has failed"

gate = threading.Event()
"""


@pytest.fixture
def forking(program):
    """Runs a program that has `in_child`."""

    def run(source):
        # The text of a test is indented, and is not part of an expression.
        import textwrap

        return program(FORKED + textwrap.dedent(source))

    return run


def test_the_child_has_the_forking_thread_alone(forking):
    forking("""
    others = [threading.Thread(target=gate.wait) for _ in range(5)]
    for thread in others:
        thread.start()

    def child():
        me = threading.current_thread()
        assert me is threading.main_thread() is parents
        assert threading.enumerate() == [me] and threading.active_count() == 1
        assert me.is_alive() and me.ident == threading.get_ident() and me.native_id == threading.get_native_id()
        assert not any(thread.is_alive() for thread in others)
        for thread in others:
            thread.join()
            assert "stopped" in repr(thread)

    parents = threading.main_thread()
    in_child(child)
    assert threading.active_count() == 6
    gate.set()
    """)


def test_the_thread_that_forks_is_the_childs_main_thread(forking):
    forking("""
    def function():
        def child():
            me = threading.current_thread()
            assert me is threading.main_thread() is thread and me.name == "forking"
            assert threading.enumerate() == [me]
            assert not main.is_alive()
            main.join()
            later = threading.Thread(target=results.append, args=[1])
            later.start()
            later.join()
            assert results == [1]
        in_child(child)

    main, results = threading.main_thread(), []
    thread = threading.Thread(target=function, name="forking")
    thread.start()
    thread.join()
    """)


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "with a dummy"])
def test_a_foreign_thread_may_fork(forking, known):
    forking(f"""
    import _thread
    def function():
        try:
            if {known}:
                threading.current_thread()
            in_child(child)
            results.append("ended")
        finally:
            done.release()

    def child():
        me = threading.current_thread()
        assert me is threading.main_thread() and threading.enumerate() == [me]
        if hasattr(_thread, "_make_thread_handle") or not {known}:
            assert type(me) is threading._MainThread and me.name == "MainThread" and not me.daemon

    results, done = [], threading.Semaphore(0)
    _thread.start_new_thread(function, ())
    done.acquire()
    assert results == ["ended"]
    """)


def test_pending_timers_are_the_parents(forking):
    out = forking("""
    def child():
        assert threading.enumerate() == [threading.main_thread()]
        for timer in timers:
            assert not timer.is_alive() and not timer.finished.is_set() and timer.ident is None
            timer.join()
            timer.cancel()
        # The driver is started again. It is a later timer that is seen to be pending: the other may have fired by then.
        later = threading.Timer(1000, print)
        later.start()
        timer = threading.Timer(0.01, print, ["in the child"])
        timer.start()
        assert later._ident is None
        timer.join()
        later.cancel()

    timers = [threading.Timer(1000, print) for _ in range(100)]
    for timer in timers:
        timer.start()
    in_child(child)
    assert all(timer.is_alive() for timer in timers)
    for timer in timers:
        timer.cancel()
    timer = threading.Timer(0.01, print, ["in the parent"])
    timer.start()
    """)
    assert out == "in the child\nin the parent\n"


def test_a_pending_timer_of_the_parent_has_ended_but_not_finished(program):
    source = """
    import os, {} as threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    timer = threading.Timer(1000, print)
    timer.start()
    pid = os.fork()
    if not pid:
        timer.join()
        print(timer.is_alive(), timer.finished.is_set(), threading.enumerate() == [threading.main_thread()])
        timer.cancel()
        print(timer.is_alive(), timer.finished.is_set(), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    timer.cancel()
    """
    ours = program(source.format("threadwell"))
    assert ours == program(source.format("threading")) == "False False True\nFalse True\n"


def test_the_childs_end_waits_for_its_own_threads_and_timers(program):
    out = program("""
    import os, threadwell as threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    def print_after(other, what):
        other.join()
        print(what, flush=True)
    threading.Timer(0.05, print_after, [threading.main_thread(), "parent"]).start()
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
    else:
        thread = threading.Thread(target=print_after, args=[threading.main_thread(), "thread"])
        thread.start()
        threading.Timer(0.05, print_after, [thread, "timer"]).start()
    """)
    assert out == "thread\ntimer\nparent\n"


def test_forks_while_timers_and_threads_come_and_go(forking):
    forking("""
    def churn():
        while not gate.is_set():
            timers = [threading.Timer(0.0005 * n, int) for n in range(1, 10)]
            for timer in timers:
                timer.start()
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
            for timer in timers:
                timer.cancel()

    def child():
        assert threading.enumerate() == [threading.main_thread()]
        fired = threading.Event()
        threading.Timer(0.001, fired.set).start()
        assert fired.wait(30)
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        in_child(child)
    gate.set()
    """)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="nobody warns")
def test_no_warning_when_the_driver_only_waits_for_work(program):
    program("""
    import os, threadwell as threading, warnings
    # Up to 3.14 a warning of `fork` that is made an error is lost.
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(20):
            timer = threading.Timer(1000, print)
            timer.start()
            timer.cancel()
            pid = os.fork()
            if not pid:
                os._exit(0)
            os.waitpid(pid, 0)
    assert not warned, warned[0]
    """)


WAITS = {
    "event": "threading.Event().wait()",
    "event, timed": "threading.Event().wait(1000)",
    "barrier": "threading.Barrier(2).wait()",
    "condition": "condition = threading.Condition(); condition.acquire(); condition.wait()",
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "semaphore": "threading.Semaphore(0).acquire()",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_handler_that_forks_may_end_the_childs_wait(program, wait):
    program(f"""
    import os, signal, threadwell as threading, warnings
    warnings.simplefilter("ignore", DeprecationWarning)

    def handler(*_):
        # The first one may come before the wait.
        if next(calls) < 3:
            return
        child = os.fork()
        if not child:
            # If it hangs, a signal ends it.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            raise SystemExit(7)
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7)

    calls = iter(range(10))
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    {wait}
    """)


def test_a_thread_that_was_not_started_may_be_started_in_the_child(forking):
    forking("""
    thread = threading.Thread(target=gate.wait)

    def child():
        assert not thread.is_alive() and "initial" in repr(thread)
        thread.start()
        assert thread.is_alive() and threading.active_count() == 2 and "started" in repr(thread)
        gate.set()
        thread.join()
        assert not thread.is_alive() and "stopped" in repr(thread)

    in_child(child)
    thread.start()
    gate.set()
    thread.join()
    """)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the interpreter waits for threads by itself")
def test_a_thread_that_the_standard_library_does_not_know_forks_while_another_starts(program):
    program("""
    import os, signal, threading as stdlib, threadwell, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)

    def start():
        # As far as it gets with a thread of its own.
        with stdlib._shutdown_locks_lock:
            held.set()
            gate.wait()

    def fork():
        held.wait()
        pid = os.fork()
        if not pid:
            thread = stdlib.Thread(target=codes.append, args=[7])
            thread.start()
            thread.join()
            os._exit(codes[0])
        deadline = time.monotonic() + 20
        while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.001)
        codes.append(os.waitstatus_to_exitcode(ended[1]))
        gate.set()

    codes, held, gate = [], threadwell.Event(), threadwell.Event()
    starter, forker = threadwell.Thread(target=start), threadwell.Thread(target=fork)
    for thread in (forker, starter):
        thread.start()
    forker.join()
    starter.join()
    assert codes == [7], codes
    """)
