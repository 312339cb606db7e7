"""What is ours about threads: the registry, the start and its failures. Behaviour that the standard library shares is
tested beside it in tests/seeds.
"""

from __future__ import annotations

import _thread
import contextvars
import gc
import os
import signal
import sys
import weakref

import pytest

import threadwell as threading
from threadwell import _native

#: The function that starts threads, by the name that programs know it by.
STARTER = "_start_joinable_thread" if hasattr(_thread, "start_joinable_thread") else "_start_new_thread"
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="reads /proc")


@pytest.fixture
def blocked():
    """Makes threads that run until the test is over."""
    gate = threading.Event()
    threads = []

    def make(**settings):
        thread = threading.Thread(target=gate.wait, **settings)
        threads.append(thread)
        thread.start()
        return thread

    yield make
    gate.set()
    for thread in threads:
        thread.join()


# -- The registry ----------------------------------------------------------------------------------------------------


def test_the_registry_is_two_dictionaries(blocked):
    thread = blocked()
    assert type(threading._active) is type(threading._limbo) is dict
    assert threading._active[thread.ident] is thread
    assert threading._active[threading.get_ident()] is threading.current_thread()
    assert not threading._limbo
    assert threading.enumerate() == list(threading._active.values())


def test_a_thread_is_registered_when_start_returns():
    for _ in range(200):
        gate = threading.Lock()
        gate.acquire()
        thread = threading.Thread(target=gate.acquire)
        thread.start()
        assert threading._active[thread.ident] is thread
        assert thread not in threading._limbo
        assert thread.native_id
        gate.release()
        thread.join()
        assert thread not in threading.enumerate()


def test_programs_may_change_the_registry():
    def run():
        ident = threading.get_ident()
        threading._active[ident] = stand_in
        found.append(threading.current_thread())
        del threading._active[ident]
        found.append(threading.current_thread())

    stand_in, found = object(), []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found[0] is stand_in
    assert type(found[1]) is threading._DummyThread
    threading._active.pop(found[1]._ident, None)


def test_a_thread_that_is_starting_is_listed_once(monkeypatch):
    listed = []
    start = getattr(threading, STARTER)

    def spy(*args, **kwargs):
        listed.append((threading.enumerate().count(thread), threading.active_count()))
        return start(*args, **kwargs)

    monkeypatch.setattr(threading, STARTER, spy)
    thread = threading.Thread(target=lambda: listed.append((threading.enumerate().count(thread), None)))
    before = threading.active_count()
    thread.start()
    thread.join()
    assert listed == [(1, before + 1), (1, None)]


@pytest.mark.parametrize("collecting", [False, True], ids=["", "while collecting garbage"])
def test_nobody_is_missing_or_twice_in_the_list(blocked, collecting):
    steady = {blocked() for _ in range(20)}
    over = threading.Event()

    def churn():
        while not over.is_set():
            # Starts, and leaves, from limbo too.
            timer = threading.Timer(100, int)
            timer.start()
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
            timer.cancel()

    churners = [threading.Thread(target=churn) for _ in range(3)]
    threshold = gc.get_threshold()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    if collecting:
        gc.set_threshold(1)
    try:
        for thread in churners:
            thread.start()
        for _ in range(100 if collecting else 2000):
            listed = threading.enumerate()
            assert steady <= set(listed)
            assert len(listed) == len(set(listed))
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
        over.set()
        for thread in churners:
            thread.join()


def test_a_thread_may_have_a_hash_and_an_equality_of_its_own():
    class Same(threading.Thread):
        def __eq__(self, other):
            return isinstance(other, Same)

        def __hash__(self):
            return 1

    for _ in range(20):
        thread = Same()
        thread.start()
        thread.join()
    assert not threading._limbo


def test_functions_say_that_they_are_from_threading():
    for name in ("current_thread", "enumerate", "active_count", "main_thread", "settrace", "Thread", "Timer"):
        assert getattr(threading, name).__module__ == "threading"
    assert repr(threading.Thread) == "<class 'threading.Thread'>"


# -- Start -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()], ids=repr)
def test_a_start_that_is_refused_can_be_repeated(monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    before = threading.enumerate()
    ran = []
    thread = threading.Thread(target=ran.append, args=[1])
    with monkeypatch.context() as patch:
        patch.setattr(threading, STARTER, refuse)
        with pytest.raises(type(error)):
            thread.start()
    assert not thread.is_alive()
    assert threading.enumerate() == before
    assert "initial" in repr(thread)
    thread.start()
    thread.join()
    assert ran == [1]


def test_a_thread_that_cannot_even_begin_does_not_hang_its_starter(monkeypatch):
    # What an interpreter without memory does: it has a thread, but cannot call anything in it.
    thread = threading.Thread(target=int)
    with monkeypatch.context() as patch:
        patch.setattr(threading, STARTER, lambda *args, **kwargs: None)
        with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
            thread.start()
    assert not thread.is_alive()
    assert not threading._limbo
    thread.start()
    thread.join()


@pytest.mark.parametrize("step", ["_set_ident", "_tw_begin_lifetime", "_bootstrap_inner"])
def test_a_thread_that_fails_as_it_begins_does_not_hang_its_starter(monkeypatch, step, until):
    class Failing(threading.Thread):
        pass

    def fail(self):
        raise MemoryError

    reports = []
    monkeypatch.setattr(sys, "unraisablehook", reports.append)
    monkeypatch.setattr(Failing, step, fail)
    thread = Failing()
    with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
        thread.start()
    assert not thread.is_alive()
    assert thread not in threading.enumerate()
    until("the interpreter has reported it", lambda: reports)
    assert reports[0].exc_type is MemoryError
    reports.clear()
    monkeypatch.undo()
    thread.start()
    thread.join()


def test_the_starter_may_be_interrupted(until):
    class Interrupted(Exception):
        pass

    def handler(*_):
        if not gate.is_set():
            gate.set()
            raise Interrupted

    class Slow(threading.Thread):
        def _tw_begin(self):
            # One signal would not do: it does not wake a starter that is only about to sleep.
            while not gate.is_set():
                signal.pthread_kill(starter, signal.SIGUSR1)
                gate.wait(0.001)
            super()._tw_begin()

    gate, starter = threading.Event(), threading.get_ident()
    previous = signal.signal(signal.SIGUSR1, handler)
    thread = Slow()
    try:
        with pytest.raises(Interrupted):
            thread.start()
        until("it has begun", thread._started.is_set)
        thread.join()
    finally:
        gate.set()
        signal.signal(signal.SIGUSR1, previous)
    assert not thread.is_alive()


def test_a_join_that_is_interrupted_leaves_the_thread_alive(blocked):
    class Interrupted(Exception):
        pass

    def handler(*_):
        raise Interrupted

    thread = blocked()
    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(Interrupted):
            thread.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert thread.is_alive()


def test_the_context_is_where_run_is_called():
    variable = contextvars.ContextVar("variable", default="default")
    context = contextvars.Context()
    context.run(variable.set, "given")
    seen = []
    for settings in ({"context": context}, {}):
        thread = threading.Thread(target=lambda: seen.append(variable.get()), **settings)
        thread.start()
        thread.join()
    assert seen == ["given", "default"]


# -- Names -----------------------------------------------------------------------------------------------------------


def system_name(native_id):
    # The system cuts a name off where it may, in the middle of a letter.
    with open(f"/proc/self/task/{native_id}/comm", encoding="utf-8", errors="ignore") as file:
        return file.read().rstrip("\n")


@needs_proc
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short", "short"),
        ("a name longer than fifteen", "a name longer t"),
        ("éééééééé", "ééééééé"),
        ("with \udcff in it", "with"),
    ],
)
def test_the_system_knows_the_name(blocked, name, shown, until):
    thread = blocked(name=name)
    until("it has its name", lambda: system_name(thread.native_id).startswith(shown))


@needs_proc
def test_the_system_learns_the_new_name_from_the_thread_itself():
    def run():
        threading.current_thread().name = "renamed"
        names.append(system_name(threading.get_native_id()))

    names = []
    thread = threading.Thread(target=run, name="first")
    thread.start()
    thread.join()
    assert names == ["renamed"]


# -- End -------------------------------------------------------------------------------------------------------------


def test_thread_local_values_are_gone_when_join_returns():
    class Value:
        pass

    def run():
        local.value = Value()
        gone.append(weakref.ref(local.value))

    local, gone = threading.local(), []
    for _ in range(100):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert gone.pop()() is None


def test_an_ended_thread_keeps_nothing_alive():
    class Argument:
        pass

    argument = Argument()
    thread = threading.Thread(target=id, args=[argument])
    thread.start()
    thread.join()
    gone = weakref.ref(argument), weakref.ref(thread)
    assert thread in threading._dangling
    del argument
    assert gone[0]() is None
    del thread
    assert gone[1]() is None
    assert len(threading._dangling) == len(list(threading._dangling))


def test_threads_that_nobody_joins_leave_nothing_behind(until):
    before = _thread._count()
    ended = threading.Semaphore(0)
    for _ in range(300):
        threading.Thread(target=ended.release).start()
        ended.acquire()
    until("the last has ended", lambda: _thread._count() <= before)
    locks = getattr(threading, "_shutdown_locks", ())
    assert len(locks) <= 64


def test_a_foreign_thread_has_a_dummy(until):
    def run():
        dummies.append((threading.current_thread(), threading.current_thread()))
        told.release()
        gate.acquire()

    gate, told = _thread.allocate_lock(), threading.Semaphore(0)
    gate.acquire()
    dummies = []
    ident = _thread.start_new_thread(run, ())
    told.acquire()
    (dummy, again) = dummies.pop()
    assert dummy is again
    assert type(dummy) is threading._DummyThread
    assert (dummy.ident, dummy.daemon, dummy.is_alive()) == (ident, True, True)
    with pytest.raises((RuntimeError, AssertionError), match="cannot join a dummy thread"):
        dummy.join()
    gate.release()
    if hasattr(_thread, "_make_thread_handle"):
        until("the dummy is gone with its thread", lambda: ident not in threading._active)
    else:
        del threading._active[ident]


def test_natives_refuse_a_second_registry():
    with pytest.raises(RuntimeError, match="a second time"):
        _native._set_registry({}, {}, threading)
