"""The end of a program: whom it waits for, and whom it does not. Each test is a real interpreter.

What must not happen to daemon threads meanwhile, however often one looks: tests/stress/test_exits.py.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

#: How a program comes by threadwell.
WAYS = {
    "imported": "import threadwell as threading",
    "imported beside": "import threading as stdlib, threadwell as threading",
    "installed": "import threadwell; threadwell.install(); import threading",
    "installed later": "import threading as t, threadwell; threadwell.install(); import threading",
    "uninstalled": "import threadwell as threading; threading.install(); threading.uninstall()",
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def ends(request, python, tmp_path):
    """Runs a program with each way to come by threadwell, and returns its output; it has to be silent otherwise."""

    def run(source, code=0, errors=""):
        path = tmp_path / "program.py"
        path.write_text(f"{request.param}\n{textwrap.dedent(source)}")
        result = python(path)
        assert (result.returncode, result.stderr) == (code, errors)
        return result.stdout

    return run


def test_it_waits_for_threads_that_are_no_daemons(ends):
    assert (
        ends("""
        import time
        def function():
            threading.main_thread().join()
            time.sleep(0.05)
            print("the main thread has ended", not threading.main_thread().is_alive())
        threading.Thread(target=function).start()
        print("end of the program")
        """)
        == "end of the program\nthe main thread has ended True\n"
    )


def test_what_starts_during_the_waiting_is_waited_for(program):
    # 3.12.0 and 3.12.1 refuse to start it. Each line is one piece, as two threads write at the same time.
    source = """
    import os, time, {} as threading
    def function(n):
        threading.main_thread().join()
        time.sleep(0.02)
        os.write(1, b"%d\\n" % n)
        if n:
            threading.Thread(target=function, args=[n - 1]).start()
            threading.Timer(0.03, os.write, [1, b"timer %d\\n" % n]).start()
    threading.Thread(target=function, args=[2]).start()
    """
    ours = sorted(program(source.format("threadwell")).split("\n"))
    assert ours == sorted(program(source.format("threading")).split("\n"))
    assert "2" in ours


def test_it_does_not_wait_for_daemons(ends):
    assert (
        ends("""
        never = threading.Lock()
        never.acquire()
        threading.Thread(target=never.acquire, daemon=True).start()
        timer = threading.Timer(1000, print)
        timer.daemon = True
        timer.start()
        print("end")
        """)
        == "end\n"
    )


def test_it_waits_for_pending_timers(ends):
    assert (
        ends("""
        def function(n):
            threading.main_thread().join()
            if n:
                timers[n - 1].join()
            print(n)
        timers = [threading.Timer(0.05 * (n + 1), function, [n]) for n in range(3)]
        for timer in timers:
            timer.start()
        cancelled = threading.Timer(1000, print)
        cancelled.start()
        threading.Timer(0.03, cancelled.cancel).start()
        print("end")
        """)
        == "end\n0\n1\n2\n"
    )


def test_it_waits_for_a_timer_that_is_started_while_it_begins(program):
    # The exit begins in the middle of the start: whoever uses the timer as a key calls this.
    source = """
    import {} as threading, time
    class Timer(threading.Timer):
        def __hash__(self):
            if hasattr(self, "starts") and not reached.is_set():
                reached.set()
                threading.main_thread().join()
                # Nobody can see from here when the main thread has looked for whom it waits.
                time.sleep(0.1)
            return 1
    def start():
        timer = Timer(0.1, print, ["fired"])
        timer.starts = True
        timer.start()
    reached = threading.Event()
    threading.Thread(target=start).start()
    reached.wait()
    """
    ours = program(source.format("threadwell"))
    assert ours == program(source.format("threading"))
    if sys.version_info[:3] not in ((3, 12, 0), (3, 12, 1)):
        # Those refuse to start a thread by then.
        assert ours == "fired\n"


def test_what_a_timer_does_at_exit_is_complete(ends):
    assert (
        ends("""
        def function():
            threading.main_thread().join()
            print(threading.current_thread() is timer, "complete", flush=True)
        timer = threading.Timer(0.05, function)
        timer.start()
        """)
        == "True complete\n"
    )


def test_callbacks_come_before_the_waiting_and_the_last_first(ends):
    assert (
        ends("""
        queue = []
        ready = threading.Semaphore(0)
        def work():
            ready.acquire()
            print("told by", queue.pop())
        threading.Thread(target=work).start()
        def tell(who):
            print("callback", who)
            if who == "first":
                try:
                    threading._register_atexit(print)
                except RuntimeError as error:
                    print(error)
                queue.append(who)
                ready.release()
        threading._register_atexit(tell, "first")
        threading._register_atexit(tell, who="second")
        """)
        == "callback second\ncallback first\ncan't register atexit after shutdown\ntold by first\n"
    )


def test_executors_beside_it_end(ends):
    # Their threads wait until a callback of the standard library's module, or of ours, tells them to end.
    assert (
        ends("""
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(2)
        print(executor.submit(pow, 2, 3).result())
        def later():
            print(executor.submit(pow, 2, 4).result() if wait.acquire(timeout=0.05) else "late")
        wait = threading.Semaphore(0)
        threading.Thread(target=later).start()
        """)
        == "8\nlate\n"
    )


def test_shutdown_happens_once(ends):
    assert (
        ends("""
        threading._register_atexit(print, "callback")
        threading._shutdown()
        print("end", threading.main_thread().is_alive())
        """)
        == "callback\nend False\n"
    )


def test_a_program_that_fails_waits_too(ends):
    assert (
        ends(
            """
        import sys, time
        def function():
            time.sleep(0.05)
            print("still here")
        threading.Thread(target=function).start()
        sys.exit(3)
        """,
            code=3,
        )
        == "still here\n"
    )


def test_a_thread_that_comes_too_late_is_refused_as_by_the_standard_library(program):
    # Those that are started by callbacks of `atexit`, after the waiting.
    source = """
    import atexit
    {}
    def late():
        try:
            {}
            thread.start()
            thread.join()
        except RuntimeError as error:
            print(type(error), error)
        print(thread.is_alive(), thread in threading.enumerate())
    atexit.register(late)
    """
    for make in ("thread = threading.Thread(target=print)", "thread = threading.Timer(0.01, print)"):
        ours = program(source.format("import threadwell as threading", make))
        assert ours == program(source.format("import threading", make))
        assert ours.endswith("False False\n")


def test_destructors_at_the_very_end_find_the_main_thread(program):
    assert (
        program("""
    import threadwell as threading
    class Late:
        def __del__(self):
            main = threading.main_thread()
            print(threading.current_thread() is main, threading.enumerate() == [main])
    late = Late()
    late.cycle = late
    """)
        == "True True\n"
    )


@pytest.mark.parametrize("make", ["Thread(target=function)", "Timer(0.01, function)"], ids=["thread", "timer"])
def test_ctrl_c_ends_the_waiting(make):
    def run(module):
        source = f"""
        import {module} as threading
        def function():
            threading.main_thread().join()
            print("waiting", flush=True)
            threading.Event().wait()
        threading.{make}.start()
        """
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            try:
                assert child.stdout.readline() == "waiting\n"
                while True:
                    child.send_signal(signal.SIGINT)
                    try:
                        errors = child.communicate(timeout=10)[1].splitlines()
                    except subprocess.TimeoutExpired:
                        # It came just before the main thread slept, which does not end the wait then.
                        continue
                    return child.returncode, errors[-1]
            finally:
                child.kill()

    ours = run("threadwell")
    assert ours == run("threading")
    assert ours[0] == 0


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def beside_stdlib(request, python, tmp_path):
    """Runs a program with a way to come by threadwell, and with the standard library; returns what both do."""

    def run(source):
        results = []
        for way in ("import threading", request.param):
            path = tmp_path / "program.py"
            path.write_text(f"{way}\n{textwrap.dedent(source)}")
            result = python(path)
            # Above are the frames of those who wait.
            results.append((result.returncode, result.stdout, result.stderr.splitlines()[-1:]))
        theirs, ours = results
        assert ours == theirs
        return ours

    return run


INTERRUPTIONS = {
    "SystemExit": ("raise SystemExit(3)", (0, "waiting\n", ["SystemExit: 3"])),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", (0, "waiting\n", ["KeyboardInterrupt"])),
    "another exception": ("raise ValueError(3)", (0, "waiting\n", ["ValueError: 3"])),
    "os._exit": ("os._exit(5)", (5, "waiting\n", [])),
}


@pytest.mark.parametrize(("interruption", "end"), INTERRUPTIONS.values(), ids=INTERRUPTIONS)
@pytest.mark.parametrize("make", ["Thread(target=function)", "Timer(0.01, function)"], ids=["thread", "timer"])
def test_what_a_signal_handler_does_to_the_waiting(beside_stdlib, make, interruption, end):
    ours = beside_stdlib(f"""
        import os, signal, time
        handled = []
        def handler(*_):
            if not handled:
                handled.append(True)
                {interruption}
        def function():
            threading.main_thread().join()
            print("waiting", flush=True)
            while not handled:
                # One that comes just before the main thread sleeps does not wake it.
                os.kill(os.getpid(), signal.SIGUSR1)
                deadline = time.monotonic() + 1
                while not handled and time.monotonic() < deadline:
                    time.sleep(0.001)
            # It is not waited for any more, and ends with the process.
            threading.Event().wait()
        signal.signal(signal.SIGUSR1, handler)
        threading.{make}.start()
    """)
    code, output, errors = ours
    # Up to 3.14 there is a colon behind an exception without arguments.
    assert (code, output, [error.removesuffix(": ") for error in errors]) == end


@pytest.mark.skipif(sys.version_info < (3, 15), reason="the process ends without it, up to 3.14")
def test_a_thread_that_starts_when_the_waiting_is_over_is_waited_for_again(beside_stdlib):
    # By a wait: the interpreter asks for it until there is none of these threads any more.
    ours = beside_stdlib("""
        import atexit, sys, time
        def begin():
            thread = threading.Thread(target=time.sleep, args=[0.05])
            thread.start()
            sys.modules["threading"]._shutdown()
            print(thread.is_alive())
            threading.Thread(target=lambda: (time.sleep(0.05), print("complete"))).start()
        atexit.register(begin)
    """)
    assert ours == (0, "False\ncomplete\n", [])


def test_a_thread_can_end_the_process_that_waits_for_it(beside_stdlib):
    ours = beside_stdlib("""
        import atexit, os, sys
        atexit.register(print, "not called")
        def function():
            threading.main_thread().join()
            print("exits", flush=True)
            os._exit(5)
        threading.Thread(target=function).start()
        sys.exit(3)
    """)
    assert ours == (5, "exits\n", [])


def test_callbacks_of_all_kinds_come_in_the_order_of_the_standard_library(beside_stdlib):
    code, output, _ = beside_stdlib("""
        import atexit, gc, weakref
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(1)
        class Thing:
            def __del__(self, print=print):
                print("destructor", flush=True)
        def function():
            threading.main_thread().join()
            print("thread", flush=True)
            atexit.register(print, "of a thread")
        def tell(what):
            print(what, flush=True)
            atexit.register(print, "of a", what)
        gc.disable()
        atexit.register(gc.enable)
        thing = Thing()
        thing.itself = thing
        del thing
        weakref.finalize(tell, print, "finalize")
        atexit.register(tell, "callback")
        threading._register_atexit(tell, "threading's callback")
        executor.submit(tell, "task").result()
        threading._register_atexit(tell, "threading's last callback")
        atexit.register(tell, "last callback")
        threading.Thread(target=function).start()
        print("end")
    """)
    assert code == 0
    lines = output.splitlines()
    assert lines.index("end") < lines.index("threading's last callback") < lines.index("thread")
    assert lines.index("thread") < lines.index("last callback") < lines.index("callback") < lines.index("destructor")


#: Where a thread is started that comes late, or just in time.
LATE_STARTS = {
    "a callback of atexit": "atexit.register(start, 'callback')",
    "a callback of threading": "threading._register_atexit(start, 'callback')",
    "a thread that is waited for": "threading.Thread(target=wait_and_start, args=['thread']).start()",
    "a timer that is waited for": "threading.Timer(0.01, wait_and_start, ['timer']).start()",
}
if sys.version_info >= (3, 12):
    # Before, the standard library waits for ever, as the new thread is ended before it has begun.
    LATE_STARTS["a destructor"] = "late = Late(); late.itself = late; del late"


@pytest.mark.parametrize("start", LATE_STARTS.values(), ids=LATE_STARTS)
@pytest.mark.parametrize("make", ["Thread(target=print)", "Timer(0.01, print)", "Thread(target=print, daemon=True)"])
def test_a_thread_that_is_started_late_is_one_or_an_error_as_with_the_standard_library(beside_stdlib, start, make):
    ours = beside_stdlib(f"""
        import atexit, gc
        gc.disable()
        atexit.register(gc.enable)
        def start(where, threading=threading, print=print):
            thread = threading.{make}
            try:
                thread.start()
                thread.join()
            except RuntimeError as error:
                print(where, error)
            else:
                print(where, "started one")
        def wait_and_start(where):
            threading.main_thread().join()
            start(where)
        class Late:
            def __del__(self, start=start):
                start("destructor")
        {start}
    """)
    assert ours[0] == 0
    assert ours[1]


@pytest.mark.parametrize("make", ["Thread(target=print)", "Timer(0.01, print)"], ids=["thread", "timer"])
def test_a_thread_that_a_destructor_starts_at_the_very_end_is_refused(ends, make):
    # Up to 3.11 the standard library waits for it for ever.
    ours = ends(f"""
        import atexit, gc
        class Late:
            def __del__(self, threading=threading, print=print):
                try:
                    threading.{make}.start()
                except RuntimeError as error:
                    print(error)
        gc.disable()
        atexit.register(gc.enable)
        late = Late()
        late.itself = late
        del late
    """)
    assert ours == "can't create new thread at interpreter shutdown\n"


@pytest.mark.skipif(sys.version_info < (3, 15), reason="such a wait is for ever, up to 3.14")
@pytest.mark.parametrize(
    "wait",
    ["lock.acquire()", "lock.acquire(timeout=60)", "threading.Event().wait()", "condition.wait()", "rlock.acquire()"],
)
def test_a_wait_that_nobody_can_end_any_more_is_refused(python, wait):
    source = f"""
        import threading
        lock, rlock, condition, begun = threading.Lock(), threading.RLock(), threading.Condition(), threading.Event()
        def stay():
            with lock, rlock:
                begun.set()
                threading.Event().wait()
        class Late:
            def __init__(self):
                self.itself = self
            def __del__(self):
                condition.acquire()
                try:
                    {wait}
                except PythonFinalizationError as error:
                    print(error, flush=True)
        threading.Thread(target=stay, daemon=True).start()
        begun.wait()
        Late()
    """
    theirs = python("-c", textwrap.dedent(source))
    ours = python("-m", "threadwell", "run", "-c", textwrap.dedent(source))
    assert (ours.stdout, ours.stderr) == (theirs.stdout, theirs.stderr)
    assert ours.stdout == "cannot acquire lock at interpreter finalization\n"
