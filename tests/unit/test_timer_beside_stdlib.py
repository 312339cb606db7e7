"""What a timer does that was pending, beside what the standard library's does, which always has a thread."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading as stdlib
import time

import pytest

import threadwell

FAR = 1000


@pytest.fixture
def both():
    """Returns what a function returns that is called with the standard library's module, and with ours: the same."""

    def compare(function):
        expected = function(stdlib)
        assert function(threadwell) == expected
        return expected

    return compare


def until(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"this did not come to be: {what}"
        time.sleep(0.001)


# -- Again -----------------------------------------------------------------------------------------------------------


def test_a_timer_may_be_initialised_again(both):
    def run(threading):
        log = []
        timer = threading.Timer(0.01, log.append, ["fired"])
        timer.start()
        timer.join()
        timer.__init__(0.01, log.append, ["fired again"])
        log.append((timer.is_alive(), timer.finished.is_set(), timer.ident, timer.daemon))
        timer.start()
        timer.join()
        timer.__init__(FAR, log.append, ["never"])
        timer.start()
        timer.cancel()
        timer.join()
        timer.__init__(0.01, log.append, ["after cancel"])
        timer.start()
        log.append(timer.is_alive())
        timer.join()
        return log

    assert "after cancel" in both(run)


def test_the_idiom_for_resetting_a_timer(both):
    def run(threading):
        class Watchdog(threading.Timer):
            def reset(self):
                self.cancel()
                self.join()
                threading.Timer.__init__(self, self.interval, self.function, self.args, self.kwargs)
                self.start()

        log = []
        dog = Watchdog(0.2, log.append, ["barks"])
        dog.start()
        for _ in range(3):
            dog.reset()
        dog.join()
        return log, dog.is_alive(), len(threading.enumerate()) == threading.active_count()

    assert both(run)[0] == ["barks"]


def test_a_pending_timer_that_is_initialised_again_goes_on_beside(both):
    def run(threading):
        fired = threading.Semaphore(0)
        before = threading.active_count()
        timer = threading.Timer(0.1, fired.release)
        timer.start()
        timer.__init__(0.1, fired.release)
        log = [timer.is_alive(), threading.active_count() - before]
        fired.acquire()
        until("it has ended", lambda: threading.active_count() == before)
        return log

    both(run)


def test_a_timer_that_starts_itself_again_from_its_function_is_cancelled_by_its_own_end(both):
    def run(threading):
        def function():
            log.append("called")
            timer.__init__(FAR, log.append, ["again"])
            timer.start()

        log = []
        before = threading.active_count()
        timer = threading.Timer(0.01, function)
        timer.start()
        until("both have ended", lambda: log and threading.active_count() == before)
        timer.join()
        return log, timer.is_alive(), timer.finished.is_set()

    assert both(run) == (["called"], False, True)


def test_run_waits_for_the_interval_each_time_it_is_called(both):
    def run(threading):
        class Recorder(threading.Event):
            def wait(self, timeout=None):
                waits.append(timeout)

        waits, calls = [], []
        timer = threading.Timer(0.01, calls.append, [1])
        timer.start()
        timer.join()
        timer.finished = Recorder()
        timer.run()
        return waits, calls

    assert both(run) == ([0.01], [1, 1])


# -- As it was when it was started -----------------------------------------------------------------------------------


def test_hooks_are_those_of_the_start(both):
    def run(threading):
        def hook(frame, event, _):
            if frame.f_code is function.__code__:
                log.append(event)
            return hook

        def function():
            pass

        log = []
        for name in "settrace", "setprofile":
            set_hook = getattr(threading, name)
            for at_start, later in (hook, None), (None, hook):
                log.append((name, bool(at_start)))
                set_hook(at_start)
                timer = threading.Timer(0.05, function)
                timer.start()
                set_hook(later)
                timer.join()
                set_hook(None)
        return log

    log = both(run)
    assert log.count("call") == 2
    assert log[-1] == ("setprofile", False)


@pytest.mark.skipif(not hasattr(stdlib, "settrace_all_threads"), reason="no tracing of all threads")
def test_tracing_all_threads_traces_pending_timers(program):
    source = """
    import {} as threading, sys
    seen = []
    def hook(frame, event, _):
        if frame.f_code is function.__code__:
            seen.append(event)
        return hook
    def function():
        pass
    for name in "settrace", "setprofile":
        timer = threading.Timer(0.2, function)
        timer.start()
        getattr(threading, name + "_all_threads")(hook)
        timer.join()
        getattr(threading, name + "_all_threads")(None)
    print(seen)
    """
    ours = program(source.format("threadwell"))
    assert ours == program(source.format("threading"))
    assert ours.count("call") == 2


def test_stderr_is_that_of_the_constructor(both, monkeypatch):
    import io

    def run(threading):
        written = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(threading, "excepthook", threading.__excepthook__)
            patch.setattr(sys, "stderr", written)
            timer = threading.Timer(0.05, [].pop)
            timer.name = "failing"
            timer.start()
            patch.setattr(sys, "stderr", None)
            timer.join()
        return written.getvalue().splitlines()[0]

    assert both(run) == "Exception in thread failing:"


@pytest.mark.parametrize("where", ["instance", "class", "another class"])
def test_the_run_that_is_called_is_that_of_the_start(both, monkeypatch, where):
    def run(threading):
        log = []

        class Other(threading.Timer):
            def run(self):
                log.append("other")

        timer = threading.Timer(0.1, log.append, ["function"])
        timer.start()
        with monkeypatch.context() as patch:
            if where == "instance":
                timer.run = lambda: log.append("other")
            elif where == "class":
                patch.setattr(threading.Timer, "run", Other.run)
            else:
                timer.__class__ = Other
            timer.join()
        return log

    assert both(run) == ["function"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the C library of Linux")
def test_the_stack_size_is_that_of_the_start(both):
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "pthread_getattr_np"):
        pytest.skip("asks the GNU C library")
    libc.pthread_self.restype = ctypes.c_ulong

    def size():
        attributes, size = (ctypes.c_long * 64)(), ctypes.c_size_t()
        assert libc.pthread_getattr_np(ctypes.c_ulong(libc.pthread_self()), attributes) == 0
        assert libc.pthread_attr_getstacksize(attributes, ctypes.byref(size)) == 0
        assert libc.pthread_attr_destroy(attributes) == 0
        return size.value

    def run(threading):
        seen = []
        before = threading.stack_size(64 << 20)
        try:
            timer = threading.Timer(0.05, lambda: seen.append(size()))
            timer.start()
        finally:
            threading.stack_size(before)
        timer.join()
        return seen

    assert both(run) == [64 << 20]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="threads have no signal masks")
def test_blocked_signals_are_those_of_the_starter(both):
    blocked = signal.SIGTERM, signal.SIGINT

    def run(threading):
        def show(who):
            seen[who] = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))

        def start(who, interval=0.05):
            timer = threading.Timer(interval, show, [who])
            timer.start()
            timers.append(timer)
            return timer

        def worker():
            signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
            start("first, of a worker")

        def toucher(timer):
            signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
            # This gives it a thread.
            assert timer.ident

        seen, timers = {}, []
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()
        timer = start("touched", 0.2)
        thread = threading.Thread(target=toucher, args=[timer])
        thread.start()
        thread.join()
        start("beside it")
        for timer in timers:
            timer.join()
        return seen

    seen = both(run)
    assert seen == {"first, of a worker": sorted(blocked), "touched": [], "beside it": []}


# -- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["threading.excepthook", "sys.excepthook"])
def test_a_hook_that_is_none_while_a_timer_fires(both, monkeypatch, hook):
    def run(threading):
        reports = []
        with monkeypatch.context() as patch:
            patch.setattr(threading, "excepthook", lambda args: reports.append((args.exc_type, args.thread is timer)))
            timer = threading.Timer(0.05, [].pop)
            timer.start()
            patch.setattr(*((threading, "excepthook") if hook.startswith("threading") else (sys, "excepthook")), None)
            timer.join()
            with pytest.raises(RuntimeError, match="excepthook is None"):
                threading.Timer(FAR, print)
        after = threading.Timer(0.01, reports.append, ["the next one"])
        after.start()
        after.join()
        return reports, timer.is_alive()

    assert both(run) == ([(IndexError, True), "the next one"], False)


def test_a_timer_that_cannot_be_fired_does_not_take_others_with_it(monkeypatch):
    class Unusable(threadwell.Timer):
        def __hash__(self):
            if threadwell.get_ident() != main:
                raise ValueError("no hash here")
            return 1

    main, fired, reports = threadwell.get_ident(), [], []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: reports.append((args.exc_type, args.object is timers[0])))
    timers = [Unusable(0.05, fired.append, ["unusable"])]
    timers += [threadwell.Timer(0.05, fired.append, [n]) for n in range(3)]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join(30)
        assert not timer.is_alive()
    # Nobody else could.
    threadwell._limbo.pop(timers[0])
    assert sorted(fired) == [0, 1, 2]
    assert set(reports) == {(ValueError, True)}


@pytest.mark.skipif(not hasattr(sys, "_setprofileallthreads"), reason="no profiling of all threads")
def test_a_profile_function_that_fails_in_all_threads_strands_no_timer(program):
    source = """
    import {} as threading, sys, time
    def fail(frame, event, _):
        if threading.get_ident() != main:
            raise ValueError
    main = threading.get_ident()
    timers = [threading.Timer(0.1 + n / 100, int) for n in range(10)]
    for timer in timers:
        timer.start()
    sys._setprofileallthreads(fail)
    for timer in timers:
        timer.join(30)
    sys._setprofileallthreads(None)
    print([timer.is_alive() for timer in timers])
    threading.Timer(0.01, print, ["the next one"]).start()
    """
    ours = program(source.format("threadwell"))
    assert ours == program(source.format("threading"))
    assert ours.endswith("the next one\n")


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 1e300, 2**70, -(2**70), float("-inf"), -1, 0, True])
def test_join_refuses_the_same_timeouts(both, timeout):
    def run(threading):
        timer = threading.Timer(FAR, int)
        timer.start()
        try:
            return timer.join(timeout)
        except (ValueError, OverflowError) as error:
            return type(error), str(error)
        finally:
            timer.cancel()
            timer.join()

    both(run)


# -- `finished` ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["attribute", "method", "property"])
def test_finished_of_a_subclass(both, kind):
    def run(threading):
        class Attribute(threading.Timer):
            finished = None

        class Method(threading.Timer):
            def finished(self):
                pass

        class Property(threading.Timer):
            @property
            def finished(self):
                return self.kept

            @finished.setter
            def finished(self, event):
                self.kept = event

        log = []
        cls = {"attribute": Attribute, "method": Method, "property": Property}[kind]
        timer = cls(0.01, log.append, ["fired"])
        log.append(timer.finished.is_set())
        timer.start()
        timer.join()
        log.append(timer.finished.is_set())
        timer = cls(FAR, log.append, ["never"])
        timer.start()
        timer.cancel()
        timer.join()
        log.append(timer.finished.is_set())
        timer = cls(FAR, log.append, ["never"])
        timer.start()
        timer.finished.set()
        timer.join()
        return log

    assert both(run) == [False, "fired", True, True]
