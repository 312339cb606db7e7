"""The end of a program: whom it waits for, and whom it does not. Each test is a real interpreter."""

from __future__ import annotations

import signal
import subprocess
import sys
import sysconfig
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


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sys.version_info < (3, 14),
    reason="3.13t may stop a daemon at exit that holds the lock of a dictionary, and wait for it for ever",
)
@pytest.mark.timeout(120)
def test_daemons_in_the_middle_of_everything_do_not_disturb_the_end(python):
    # They wait, work, start timers and fail while the interpreter goes away around them. Up to 3.13 it ends them by
    # unwinding their stacks.
    source = """
    import threadwell as threading
    class Noisy:
        def __del__(self):
            threading.current_thread()
    def function(step):
        ready.release()
        while True:
            try:
                step()
            except Exception:
                pass
    def start_timer():
        timer = threading.Timer(0.0005, Noisy)
        timer.daemon = True
        timer.start()
        timer.cancel() if len(threading.enumerate()) > 200 else None
    steps = [
        lambda: threading.Event().wait(0.0001),
        lambda: threading.Lock().acquire(),
        lambda: threading.enumerate() and Noisy(),
        start_timer,
        lambda: threading.Condition().wait(0.0001),
        lambda: threading.Thread(target=Noisy, daemon=True).start(),
    ]
    ready = threading.Semaphore(0)
    for step in steps * 2:
        threading.Thread(target=function, args=[step], daemon=True).start()
    for _ in range(12):
        ready.acquire()
    """
    for _ in range(15):
        result = python("-c", textwrap.dedent(source))
        assert (result.returncode, result.stderr) == (0, "")


#: How a thread comes to run Python code while an object of ours goes: the object is `thing`, the code `Slow.__del__`.
ENDS_OF_OBJECTS = {
    "attribute": "thing.slow = Slow()",
    "weak reference": "weak = weakref.ref(thing, lambda _: Slow())",
}


@pytest.mark.parametrize("end", ENDS_OF_OBJECTS.values(), ids=ENDS_OF_OBJECTS)
@pytest.mark.parametrize(
    "make", ["Lock()", "RLock()", "Condition()", "Semaphore()", "BoundedSemaphore()", "Event()", "Barrier(1)"]
)
def test_a_daemon_that_frees_an_object_does_not_disturb_the_end(program, make, end):
    if "thing." in end and make in ("Lock()", "RLock()"):
        make = f"type('R', (type({make}),), {{}})()" if make == "RLock()" else ""
    if not make:
        pytest.skip("a lock has no attributes")
    program(f"""
        import time, weakref
        import threadwell as threading
        from threadwell import *

        class Slow:
            def __del__(self):
                for _ in range(100):
                    time.sleep(0.001)

        begun = threading.Barrier(4)

        def run():
            begun.wait()
            while True:
                thing = {make}
                {end}
                del thing

        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        begun.wait()
        time.sleep(0.02)
    """)


#: Waits of the main thread in the last `__del__`s of a program.
LATE_WAITS = {
    "event": "event.wait(0.1)",
    "lock": "lock.acquire(timeout=0.1)",
    "semaphore": "semaphore.acquire(timeout=0.1)",
    "condition": "condition.wait(0.1)",
    "foreign lock": "foreign.wait(0.1)",
    "subclass": "subclass.wait(0.1)",
}


@pytest.mark.parametrize("wait", LATE_WAITS.values(), ids=LATE_WAITS)
@pytest.mark.parametrize("signals", [False, True], ids=["in peace", "with signals"])
def test_destructors_at_the_very_end_can_wait(program, wait, signals):
    # The signals are handled without the interpreter, and so arrive although it is going away.
    output = program(f"""
        import _thread, faulthandler, os, signal, sys
        import threadwell as threading

        class Late:
            event = threading.Event()
            lock = threading.Lock()
            semaphore = threading.Semaphore(0)
            condition = threading.Condition()
            foreign = threading.Condition(_thread.allocate_lock())
            subclass = threading.Condition(type("Mine", (type(threading.RLock()),), {{}})())
            nowhere = open(os.devnull, "w")

            def __del__(self, setitimer=signal.setitimer, real=signal.ITIMER_REAL, is_finalizing=sys.is_finalizing):
                for held in (self.lock, self.condition, self.foreign, self.subclass):
                    held.acquire()
                interval = 0.005 if {signals} else 0
                setitimer(real, interval, interval)
                result = self.{wait}
                setitimer(real, 0)
                print(is_finalizing(), result)

        faulthandler.register(signal.SIGALRM, file=Late.nowhere)
        late = Late()
    """)
    assert output == "True False\n"


def test_daemons_that_get_a_signal_at_the_very_end_say_nothing(ends):
    ends("""
        import faulthandler, os, signal, time

        class Late:
            nowhere = open(os.devnull, "w")

            def __init__(self, threads):
                self.idents = [thread.ident for thread in threads]

            def __del__(self, kill=signal.pthread_kill, sleep=time.sleep, usr1=signal.SIGUSR1):
                for _ in range(50):
                    for ident in self.idents:
                        kill(ident, usr1)
                    sleep(0.001)

        faulthandler.register(signal.SIGUSR1, file=Late.nowhere)
        lock = threading.Lock()
        lock.acquire()
        # A wait with a timeout is one that a signal interrupts.
        waits = [(threading.Event().wait, 100), (threading.Semaphore(0).acquire, True, 100), (lock.acquire, True, 100)]
        threads = [threading.Thread(target=wait, args=args, daemon=True) for wait, *args in waits]
        for thread in threads:
            thread.start()
        late = Late(threads)
    """)


#: Calls that run Python code in their middle, or at their end: the code is `stay`.
CALLS_INTO_PYTHON = {
    "str of a lock": "repr(Condition(Foreign()))",
    "timeout": "Lock().acquire(True, Number())",
    "timeout, second look": "Lock().acquire(True, Number(2))",
    "timeout of an event": "Event().wait(Number())",
    "timeout of an event, second look": "Event().wait(Number(2))",
    "permits": "Semaphore(Number())",
    "permits, second look": "Semaphore(Number(2))",
    "released permits": "Semaphore().release(Number())",
    "parties": "Barrier(Number())",
    "notified": "condition.notify(Number())",
    "warning": "Event().isSet()",
    "ownership": "Condition(Foreign(owned=Slow)).wait(0)",
    "state": "Condition(Foreign(state=Slow)).wait(0)",
    "release": "Condition(Foreign(released=Slow)).release()",
    "predicate": "condition.wait_for(Slow, 0.01)",
    "sum": "Semaphore(0).acquire(timeout=Slow())",
    "comparison": "Semaphore(Slow())",
    "collection, event": "collecting(Event)",
    "collection, condition": "collecting(Condition)",
    "collection, subclass": "collecting(Subclass)",
    "collection, waiters": "collecting(waiters)",
    "collection, threads": "collecting(threading.enumerate)",
    "collection, error": "collecting(Lock().release)",
}


@pytest.mark.parametrize("call", CALLS_INTO_PYTHON.values(), ids=CALLS_INTO_PYTHON)
def test_a_daemon_in_python_code_that_a_call_runs_does_not_disturb_the_end(python, call):
    # Up to 3.13 the interpreter ends such a thread by unwinding its stack, through our frames.
    source = f"""
        import contextlib, gc, time, warnings
        import threading as stdlib
        import threadwell as threading
        from threadwell import *

        inside = stdlib.Semaphore(0)

        def stay(*_, inside=inside, sleep=time.sleep, get_ident=get_ident, main=get_ident(), **__):
            if get_ident() == main:
                # Not every version has collected it before the end.
                return
            inside.release()
            while True:
                sleep(0.001)

        class Number:
            def __init__(self, patience=1):
                self.patience = patience
            def __index__(self):
                self.patience -= 1
                return 1 if self.patience else stay()
            __float__ = __index__
            def __lt__(self, other):
                return False
            def __gt__(self, other):
                return True
            def __radd__(self, other):
                return 1.0

        class Slow:
            __del__ = stay
            def __bool__(self):
                return False
            def __lt__(self, other):
                return Slow()
            def __radd__(self, other):
                return Slow()
            def __float__(self):
                return 0.0

        class Foreign:
            def __init__(self, owned=object, state=object, released=object):
                self._is_owned = owned
                self._release_save = state
                self.release = released
            def acquire(self, *args):
                return True
            def _acquire_restore(self, state):
                pass
            __str__ = stay

        class Subclass(Event):
            pass

        def collecting(function):
            gc.disable()
            for _ in range(50):
                slow = Slow()
                slow.itself = slow
                del slow
            gc.set_threshold(1, 1, 1)
            gc.enable()
            function()

        def waiters(condition=Condition()):
            return condition._waiters

        warnings.simplefilter("always")
        warnings.showwarning = stay

        def run():
            condition = Condition()
            condition.acquire()
            with contextlib.suppress(Exception):
                {call}
            inside.release()

        stdlib.Thread(target=run, daemon=True).start()
        inside.acquire()

        class Late:
            def __del__(self, sleep=time.sleep):
                for _ in range(100):
                    sleep(0.001)

        late = Late()
    """
    result = python("-c", textwrap.dedent(source))
    assert (result.returncode, result.stderr) == (0, "")
