"""Timers that wait without a thread: what they share, when they get one, and that nobody can tell the difference."""

from __future__ import annotations

import _thread
import gc
import os
import sys
import time
import weakref
from fractions import Fraction

import pytest

import threadwell as threading
from threadwell import _native, _timer

FAR = 1000
#: Seconds that a driver without anything to wait for stays.
IDLE = 0.05
STARTER = "_start_joinable_thread" if hasattr(_thread, "start_joinable_thread") else "_start_new_thread"
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="reads /proc")


def has_thread(timer):
    """Whether a started timer has a thread; unlike `ident`, this does not give it one."""
    return timer._ident is not None


def fire(timer):
    """Do what the driver does when the time of a pending timer has come."""
    assert _native._unschedule(timer._tw_key)
    timer._tw_fire(timer._tw_key)


@pytest.fixture(autouse=True)
def no_driver(until):
    """Each test begins, and ends, without a driver."""
    yield
    assert not threading._limbo, "a timer is still pending"
    until("the driver has gone home", lambda: not _driver_alive())


def _driver_alive():
    driver = _timer._driver
    return driver is not None and not driver._tw_has_ended()


@pytest.fixture
def pending():
    """Makes timers that are pending until the test is over."""
    timers = []

    def make(interval=FAR, function=int, *args):
        timer = threading.Timer(interval, function, args)
        timers.append(timer)
        timer.start()
        return timer

    yield make
    for timer in timers:
        timer.cancel()
    for timer in timers:
        timer.join()


# -- Without a thread ------------------------------------------------------------------------------------------------


@needs_proc
def test_a_thousand_pending_timers_are_one_thread(pending):
    before = set(os.listdir("/proc/self/task"))
    listed = threading.active_count()
    timers = [pending() for _ in range(1000)]
    assert len(set(os.listdir("/proc/self/task")) - before) <= 1
    assert threading.active_count() == listed + 1000
    assert set(timers) <= set(threading.enumerate())
    assert all(timer.is_alive() for timer in timers)
    assert not any(has_thread(timer) for timer in timers)


def test_the_driver_is_in_no_list(pending):
    before = threading.enumerate()
    timer = pending()
    assert _driver_alive()
    assert threading.enumerate() == [*before, timer]


def test_a_cancelled_timer_ends_at_once_and_is_freed(pending):
    class Argument:
        pass

    argument = Argument()
    timer = pending(FAR, int, argument)
    timer.cancel()
    assert not timer.is_alive()
    assert timer not in threading.enumerate()
    assert timer.finished.is_set()
    assert not has_thread(timer)
    assert timer.ident is timer.native_id is None
    assert repr(timer) == f"<Timer({timer.name}, stopped)>"
    timer.join()
    with pytest.raises(RuntimeError, match=r"^threads can only be started once$"):
        timer.start()
    other = threading.Timer(FAR, int, [argument])
    other.start()
    gone = weakref.ref(other), weakref.ref(argument)
    other.cancel()
    del other
    assert gone[0]() is None
    timer.args = ()
    del argument
    assert gone[1]() is None


def test_a_timer_that_is_forgotten_still_fires(until):
    fired = threading.Event()
    threading.Timer(0.01, fired.set).start()
    gc.collect()
    assert fired.wait(30)
    until("it has ended", lambda: threading.active_count() == len(threading._active) == 1)


def test_join_of_a_pending_timer_returns_when_it_is_cancelled(pending, until):
    timer = pending()
    thread = threading.Thread(target=timer.join)
    thread.start()
    until("it is being waited for", lambda: timer._tw_settled is not None)
    timer.cancel()
    thread.join()
    assert not has_thread(timer)


def test_join_with_a_timeout_gives_it_no_thread(pending):
    timer = pending()
    timer.join(0.01)
    timer.join(-1)
    assert timer.is_alive()
    assert not has_thread(timer)
    with pytest.raises(OverflowError):
        timer.join(threading.TIMEOUT_MAX * 2)


def test_attributes_may_be_changed_while_it_is_pending(pending):
    called = []
    timer = pending()
    timer.function, timer.args, timer.kwargs = lambda *args, **kwargs: called.append((args, kwargs)), (1,), {"a": 2}
    fire(timer)
    timer.join()
    assert called == [((1,), {"a": 2})]


# -- With one --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "touch",
    [
        lambda timer: timer.ident,
        lambda timer: timer.native_id,
        repr,
        lambda timer: timer.finished,
        lambda timer: setattr(timer, "finished", timer.finished),
    ],
    ids=["ident", "native_id", "repr", "finished", "finished ="],
)
def test_it_gets_a_thread_when_somebody_could_notice(pending, touch):
    fired = []
    timer = pending(FAR, fired.append, "far")
    touch(timer)
    assert has_thread(timer)
    assert timer not in threading._limbo
    assert threading._active[timer.ident] is timer
    assert timer.is_alive()
    timer.cancel()
    timer.join()
    assert fired == []
    soon = pending(0.05, fired.append, "soon")
    touch(soon)
    soon.join()
    assert fired == ["soon"]


def test_it_goes_on_waiting_for_the_rest(pending, until):
    fired = []
    began = time.monotonic()
    timer = pending(0.5, fired.append, "first")
    # Comes earlier if the first waits for the whole interval once more.
    other = pending(0.8, fired.append, "second")
    until("some of it has passed", lambda: time.monotonic() > began + 0.4)
    assert timer.ident
    timer.join()
    assert time.monotonic() >= began + 0.5
    other.join()
    assert fired == ["first", "second"]


def test_who_has_the_event_before_the_start_can_cancel_by_it():
    timer = threading.Timer(FAR, pytest.fail)
    finished = timer.finished
    timer.start()
    assert has_thread(timer)
    finished.set()
    timer.join()


def test_a_run_of_its_own_gets_a_thread_at_once():
    class Repeating(threading.Timer):
        def run(self):
            while not self.finished.wait(self.interval):
                self.function(*self.args, **self.kwargs)

    ticks = threading.Semaphore(0)
    timer = Repeating(0.001, ticks.release)
    timer.start()
    assert has_thread(timer)
    for _ in range(3):
        ticks.acquire()
    timer.cancel()
    timer.join()

    ran = []
    timer = threading.Timer(FAR, int)
    timer.run = lambda: ran.append(timer)
    timer.start()
    timer.join()
    assert ran == [timer]


def test_a_subclass_may_skip_the_constructor_of_timer():
    class Odd(threading.Timer):
        def __init__(self):
            threading.Thread.__init__(self, name="odd")
            self.interval, self.function, self.args, self.kwargs = 0.01, called.append, (1,), {}

    called = []
    timer = Odd()
    timer.start()
    timer.join()
    assert called == [1]


@pytest.mark.parametrize(
    ("interval", "error"),
    [
        *((interval, None) for interval in (0, -1, -0.5, None)),
        (float("nan"), ValueError if sys.version_info >= (3, 14) else None),
        *((interval, TypeError) for interval in ("1", 1j, [])),
        (Fraction(1, 1000), None if sys.version_info >= (3, 15) else TypeError),
        *((interval, OverflowError) for interval in (1e10, 2**80, float("inf"))),
    ],
    ids=repr,
)
def test_an_unusual_interval_is_dealt_with_in_a_thread(monkeypatch, interval, error):
    reports = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reports.append(args.exc_type))
    timer = threading.Timer(interval, int)
    timer.start()
    assert has_thread(timer)
    if interval is None:
        timer.cancel()
    timer.join()
    assert reports == ([error] if error else [])


@pytest.mark.parametrize(("method", "calls"), [("__init__", 2), ("start", 1), ("_bootstrap_inner", 1)])
def test_programs_that_wrap_methods_of_thread_see_timers(monkeypatch, method, calls):
    original = getattr(threading.Thread, method)
    seen = []

    def wrapper(self, *args, **kwargs):
        seen.append(self)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(threading.Thread, method, wrapper)
    timers = [threading.Timer(0.01, int), threading.Timer(FAR, int)]
    timers[0].start()
    timers[0].join()
    assert seen == timers[:calls]


def test_a_fired_timer_runs_in_a_thread_of_its_own(until):
    def function():
        seen.append((threading.current_thread(), threading.get_ident()))
        gate.wait()

    seen, gate = [], threading.Event()
    timers = [threading.Timer(0.01, function) for _ in range(5)]
    for timer in timers:
        timer.start()
    # None waits for the end of another.
    until("all have fired", lambda: len(seen) == 5)
    gate.set()
    for timer in timers:
        timer.join()
    assert {thread for thread, _ in seen} == set(timers)
    assert {ident for _, ident in seen} == {timer.ident for timer in timers}


# -- Races -----------------------------------------------------------------------------------------------------------


def test_cancel_and_fire_agree_on_who_came_first():
    fired = []
    timers = [threading.Timer(0.0001 * index, fired.append, [index]) for index in range(1, 300)]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.cancel()
    for timer in timers:
        timer.join()
    # A cancelled one that fired did so before cancel() could take it out.
    assert len(fired) == len(set(fired))
    for index, timer in enumerate(timers, 1):
        assert timer.finished.is_set()
        assert not timer.is_alive()
        assert index not in fired or has_thread(timer)


def test_any_number_of_threads_may_touch_a_timer():
    def touch(timer, action):
        start.wait()
        action(timer)

    actions = [lambda timer: timer.ident, repr, lambda timer: timer.finished, threading.Timer.cancel]
    for _ in range(50):
        start = threading.Barrier(len(actions))
        timer = threading.Timer(FAR, pytest.fail)
        timer.start()
        threads = [threading.Thread(target=touch, args=(timer, action)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in (*threads, timer):
            thread.join()
        assert not timer.is_alive()


def test_a_timer_may_be_cancelled_and_started_where_garbage_is_collected():
    class Owner:
        def __init__(self):
            self.cycle = self
            self.timer = threading.Timer(FAR, pytest.fail)
            self.timer.start()

        def __del__(self):
            self.timer.cancel()
            threading.Timer(FAR, int).start()

    before = threading.active_count()
    for _ in range(50):
        Owner()
    gc.collect()
    left = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert len(left) == 50
    assert all(timer.function is int for timer in left)
    for timer in left:
        timer.cancel()
    assert threading.active_count() == before


# -- Without resources -----------------------------------------------------------------------------------------------


def refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")


def test_a_start_without_resources_can_be_repeated(monkeypatch):
    timer = threading.Timer(0.01, int)
    with monkeypatch.context() as patch:
        patch.setattr(threading, STARTER, refuse)
        with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
            timer.start()
    assert not timer.is_alive()
    assert timer not in threading.enumerate()
    assert "initial" in repr(timer)
    timer.start()
    timer.join()


def test_a_timer_that_gets_no_thread_when_it_fires_uses_the_drivers(pending, monkeypatch):
    def function():
        seen.append((threading.current_thread(), timer.ident == threading.get_ident()))
        raise ValueError

    seen, reports = [], []
    monkeypatch.setattr(threading, "excepthook", lambda args: reports.append((args.thread, args.exc_type)))
    pending()
    monkeypatch.setattr(threading, STARTER, refuse)
    timer = threading.Timer(0.01, function)
    timer.start()
    timer.join()
    assert seen == [(timer, True)]
    assert reports == [(timer, ValueError)]
    assert not timer.is_alive()
    assert timer not in threading.enumerate()


def test_a_pending_timer_that_gets_no_thread_stays_pending(pending, monkeypatch):
    fired = threading.Event()
    timer = pending(FAR, fired.set)
    with monkeypatch.context() as patch:
        patch.setattr(threading, STARTER, refuse)
        with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
            _ = timer.ident
        assert "started" in repr(timer)
        assert timer in threading.enumerate()
    fire(timer)
    timer.join()
    assert fired.is_set()


# -- The driver ------------------------------------------------------------------------------------------------------


@needs_proc
def test_the_driver_goes_home_and_comes_back(pending, until):
    for _ in range(2):
        timer = pending()
        driver = _timer._driver
        assert driver is not None
        until("it has its name", lambda driver=driver: "threadwell-time" in names())
        timer.cancel()
        until("it has ended", driver._tw_has_ended)


def names():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm", encoding="utf-8") as file:
                found.append(file.read().strip())
        except OSError:
            pass
    return found


def test_one_timer_after_the_other_needs_one_driver():
    drivers = set()
    began = time.monotonic()
    for _ in range(20):
        timer = threading.Timer(FAR, int)
        timer.start()
        drivers.add(_timer._driver)
        timer.cancel()
        # Time for a driver that would not stay.
        time.sleep(0.001)
    # One more for each time that the machine was busy elsewhere for longer than a driver stays.
    assert len(drivers) <= 1 + (time.monotonic() - began) / IDLE


def test_the_natives_do_not_keep_what_was_drained():
    timer = threading.Timer(FAR, int)
    timer.start()
    assert _native._drain_timers() == [timer]
    assert _native._drain_timers() == []
    assert not _native._unschedule(timer._tw_key)
    timer._tw_skip()
