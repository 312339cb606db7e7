"""What a signal handler or a destructor finds that comes in the middle of an operation of a timer, or ends it there."""

import pytest

import threadwell as threading
from threadwell import _native, _timer

FAR = 1000


class Interrupted(Exception):
    pass


@pytest.fixture
def timer():
    timer = threading.Timer(FAR, pytest.fail)
    timer.start()
    yield timer
    timer.cancel()
    timer.join()
    assert timer not in threading.enumerate()


def after(monkeypatch, module, name, interrupt):
    """Have `interrupt` called once, in the same thread, right after the function."""

    def interrupted(*args, **kwargs):
        monkeypatch.setattr(module, name, function)
        result = function(*args, **kwargs)
        interrupt()
        return result

    function = getattr(module, name)
    monkeypatch.setattr(module, name, interrupted)


def fail():
    raise Interrupted


def test_a_cancel_that_is_cut_off_has_cancelled(monkeypatch, timer):
    after(monkeypatch, _native, "_unschedule", fail)
    with pytest.raises(Interrupted):
        timer.cancel()
    assert not timer.is_alive()
    assert timer.finished.is_set()


@pytest.mark.parametrize(
    "look",
    [
        lambda timer: timer.join(),
        lambda timer: timer.join(FAR),
        lambda timer: timer.ident,
        lambda timer: timer.finished.is_set() or timer.finished,
        lambda timer: timer.cancel(),
        repr,
    ],
    ids=["join", "timed join", "ident", "finished", "cancel", "repr"],
)
def test_a_timer_that_is_being_cancelled_may_be_looked_at(monkeypatch, timer, look):
    after(monkeypatch, _native, "_unschedule", lambda: look(timer))
    timer.cancel()
    assert not timer.is_alive()


@pytest.mark.parametrize("end", [fail, lambda: None], ids=["cut off", "interrupted"])
def test_a_timer_that_is_being_given_a_thread_gets_one(monkeypatch, timer, end):
    def interrupt():
        assert timer.is_alive()
        assert timer.ident is not None
        end()

    after(monkeypatch, _native, "_start_timer", interrupt)
    try:
        assert timer.ident is not None
    except Interrupted:
        assert timer.ident is not None
    assert timer.is_alive()


def test_timers_may_be_used_while_a_driver_is_being_started(monkeypatch):
    def interrupt():
        other = threading.Timer(0.001, fired.append, ["other"])
        other.start()
        other.join()
        assert fired == ["other"]

    fired = []
    _native._send_driver_home()
    if _timer._driver is not None:
        _timer._driver.wait(30)
    after(monkeypatch, _timer, "_ensure_awaited", interrupt)
    timer = threading.Timer(0.001, fired.append, ["timer"])
    timer.start()
    timer.join()
    assert fired == ["other", "timer"]


def test_a_start_that_is_cut_off_has_not_started(monkeypatch):
    timer = threading.Timer(0.001, pytest.fail)
    after(monkeypatch, _native, "_schedule", fail)
    with pytest.raises(Interrupted):
        timer.start()
    assert not timer.is_alive()
    assert timer not in threading.enumerate()
    # What is in the queue under its old key does not disturb a second start.
    fired = threading.Event()
    timer.function = fired.set
    timer.start()
    timer.join()
    assert fired.is_set()


def test_a_join_of_a_timer_whose_start_is_interrupted_is_too_early(monkeypatch):
    def interrupt():
        with pytest.raises(RuntimeError, match=r"^cannot join thread before it is started$"):
            timer.join()

    timer = threading.Timer(FAR, pytest.fail)
    after(monkeypatch, _native, "_schedule", interrupt)
    timer.start()
    timer.cancel()
    timer.join()
