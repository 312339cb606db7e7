"""The timer: a thread that waits before it calls its function, and may be cancelled until then."""

import re
import time

import pytest

SOON = 0.01
NEVER = 3600


@pytest.fixture
def timer(threading):
    """``timer(...)`` makes a Timer that is cancelled and joined when the test ends."""
    timers = []

    def timer(*args, **kwargs):
        timers.append(threading.Timer(*args, **kwargs))
        return timers[-1]

    yield timer
    for each in timers:
        each.cancel()
        if each.is_alive():
            each.join(30)


def test_is_a_thread(threading, timer):
    assert issubclass(threading.Timer, threading.Thread)
    assert isinstance(timer(NEVER, int), threading.Thread)


def test_calls_the_function_once_after_start(threading, timer):
    calls = []
    each = timer(SOON, lambda: calls.append(threading.current_thread()))
    assert calls == []
    each.start()
    each.join(30)
    assert calls == [each]


def test_calls_it_with_args_and_kwargs(timer):
    calls = []
    each = timer(
        interval=SOON,
        function=lambda *args, **kwargs: calls.append((args, kwargs)),
        args=(1, 2),
        kwargs={"c": 3},
    )
    each.start()
    each.join(30)
    assert calls == [((1, 2), {"c": 3})]


def test_args_and_kwargs_are_empty_by_default(timer):
    each = timer(NEVER, int, None, None)
    assert (each.args, each.kwargs) == ([], {})
    each = timer(NEVER, int)
    assert (each.args, each.kwargs) == ([], {})


def test_default_arguments_are_not_shared(timer):
    one, other = timer(NEVER, int), timer(NEVER, int)
    one.args.append(1)
    one.kwargs["a"] = 1
    assert (other.args, other.kwargs) == ([], {})


def test_waits_for_at_least_the_interval(timer):
    fired = []
    each = timer(0.05, lambda: fired.append(time.monotonic()))
    begin = time.monotonic()
    each.start()
    each.join(30)
    assert fired[0] >= begin + 0.05


def test_does_not_call_before_start(timer):
    calls = []
    each = timer(0, calls.append, (1,))
    assert not each.is_alive()
    assert calls == []


def test_cancel_while_waiting_prevents_the_call(timer):
    calls = []
    each = timer(NEVER, calls.append, (1,))
    each.start()
    assert each.is_alive()
    assert each.cancel() is None
    each.join(30)
    assert not each.is_alive()
    assert calls == []


def test_cancel_before_start_prevents_the_call(timer):
    calls = []
    each = timer(SOON, calls.append, (1,))
    each.cancel()
    each.start()
    each.join(30)
    assert calls == []


def test_cancel_while_the_function_runs_does_not_stop_it(threading, timer):
    log = []
    running, go_on = threading.Event(), threading.Event()

    def function():
        running.set()
        go_on.wait(30)
        log.append("done")

    each = timer(0, function)
    each.start()
    assert running.wait(30)
    each.cancel()
    assert each.is_alive()
    go_on.set()
    each.join(30)
    assert log == ["done"]


def test_cancel_after_the_end_does_nothing(timer):
    calls = []
    each = timer(0, calls.append, (1,))
    each.start()
    each.join(30)
    assert each.cancel() is None
    assert calls == [1]


def test_cancel_twice_does_nothing_more(timer):
    each = timer(NEVER, int)
    each.start()
    each.cancel()
    each.cancel()
    each.join(30)
    assert not each.is_alive()


def test_is_spelled_cancel(threading):
    assert not hasattr(threading.Timer, "cancle")


def test_pending_timer_is_an_alive_thread_in_the_list(threading, timer):
    each = timer(NEVER, int)
    assert each not in threading.enumerate()
    each.start()
    assert each.is_alive()
    assert each in threading.enumerate()
    assert threading.active_count() == len(threading.enumerate())
    each.cancel()
    each.join(30)
    assert each not in threading.enumerate()


def test_join_waits_for_the_call(timer):
    calls = []
    each = timer(SOON, calls.append, (1,))
    each.start()
    assert each.join() is None
    assert calls == [1]


def test_join_of_a_pending_timer_times_out(timer):
    each = timer(NEVER, int)
    each.start()
    assert each.join(0.01) is None
    assert each.is_alive()


def test_starts_once(timer):
    each = timer(NEVER, int)
    each.start()
    with pytest.raises(RuntimeError, match=r"^threads can only be started once$"):
        each.start()
    assert each.is_alive()


def test_has_a_name_that_may_be_changed(timer):
    each = timer(NEVER, int)
    assert re.fullmatch(r"Thread-\d+", each.name)
    with pytest.warns(DeprecationWarning, match=r"setName\(\) is deprecated"):
        each.setName("w1")
    assert each.name == "w1"


def test_function_runs_in_the_thread_of_that_name(threading, timer):
    names = []
    each = timer(SOON, lambda: names.append(threading.current_thread().name))
    each.name = "w1"
    each.start()
    each.join(30)
    assert names == ["w1"]


def test_ident_and_native_id_of_a_pending_timer(threading, timer):
    seen = []
    each = timer(NEVER, int)
    assert each.ident is None
    each.start()
    assert isinstance(each.ident, int)
    assert isinstance(each.native_id, int)
    each.cancel()
    other = timer(SOON, lambda: seen.append((threading.get_ident(), threading.get_native_id())))
    other.start()
    idents = other.ident, other.native_id
    other.join(30)
    assert seen == [idents]


def test_daemon_flag(timer):
    each = timer(NEVER, int)
    assert each.daemon is False
    each.daemon = True
    each.start()
    with pytest.raises(RuntimeError, match="cannot set daemon status of active thread"):
        each.daemon = False
    assert each.daemon is True


def test_attributes(threading, timer):
    each = timer(NEVER, int, (1,), {"base": 2})
    assert (each.interval, each.function, each.args, each.kwargs) == (NEVER, int, (1,), {"base": 2})
    assert isinstance(each.finished, threading.Event)
    assert not each.finished.is_set()
    each.cancel()
    assert each.finished.is_set()


def test_finished_is_set_after_the_call(timer):
    each = timer(0, int)
    each.start()
    each.join(30)
    assert each.finished.is_set()


def test_setting_finished_cancels(timer):
    calls = []
    each = timer(NEVER, calls.append, (1,))
    each.start()
    each.finished.set()
    each.join(30)
    assert calls == []


def test_interval_of_zero_or_less_calls_at_once(timer):
    calls = []
    for interval in 0, -1:
        each = timer(interval, calls.append, (interval,))
        each.start()
        each.join(30)
    assert calls == [0, -1]


def test_short_timer_does_not_wait_for_a_long_one(timer):
    log = []
    long, short = [timer(interval, log.append, (interval,)) for interval in (NEVER, 0.01)]
    long.start()
    short.start()
    short.join(30)
    assert log == [0.01]
    assert long.is_alive()


def test_repr(timer):
    each = timer(NEVER, int)
    each.name = "n"
    assert repr(each) == "<Timer(n, initial)>"
    each.start()
    assert re.fullmatch(r"<Timer\(n, started \d+\)>", repr(each))


def test_function_that_raises_goes_to_the_excepthook(threading, timer, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append((args.exc_type, args.thread)))

    def function():
        raise KeyError

    each = timer(0, function)
    each.start()
    each.join(30)
    assert seen == [(KeyError, each)]


def test_interval_that_is_no_number_fails_in_the_thread(threading, timer, monkeypatch):
    seen, calls = [], []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    each = timer("soon", calls.append, (1,))
    each.start()
    each.join(30)
    assert (seen, calls) == ([TypeError], [])


def test_interval_past_the_maximum_overflows_in_the_thread(threading, timer, monkeypatch):
    seen, calls = [], []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    each = timer(threading.TIMEOUT_MAX * 2, calls.append, (1,))
    each.start()
    each.join(30)
    assert (seen, calls) == ([OverflowError], [])


def test_subclass_that_repeats(threading):
    class RepeatTimer(threading.Timer):
        def run(self):
            while not self.finished.wait(self.interval):
                self.function(*self.args, **self.kwargs)

    calls = []
    enough = threading.Event()

    def function(step):
        calls.append(step)
        if len(calls) == 3:
            enough.set()

    each = RepeatTimer(0.001, function, (1,))
    each.start()
    assert enough.wait(30)
    each.cancel()
    each.join(30)
    assert len(calls) >= 3
    assert not each.is_alive()


def test_timer_that_starts_the_next(threading, timer):
    calls = []
    done = threading.Event()

    def function():
        calls.append(1)
        if len(calls) == 3:
            done.set()
        else:
            timer(0.001, function).start()

    timer(0.001, function).start()
    assert done.wait(30)
    assert len(calls) == 3


def test_many_timers_at_once(threading, timer):
    calls = []
    timers = [timer(SOON, calls.append, (number,)) for number in range(100)]
    for each in timers:
        each.start()
    for each in timers:
        each.join(30)
    assert sorted(calls) == [*range(100)]
