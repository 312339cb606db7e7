"""The event: a flag that one thread raises and others wait for."""

import gc
import hashlib
import os
import re
import weakref

import pytest


@pytest.fixture
def event(threading):
    return threading.Event()


def test_flag_is_down_at_first(event):
    assert event.is_set() is False


def test_set_and_clear(event):
    assert event.set() is None
    assert event.is_set() is True
    assert event.clear() is None
    assert event.is_set() is False


def test_set_and_clear_may_be_repeated(event):
    event.set()
    event.set()
    assert event.is_set()
    event.clear()
    event.clear()
    assert not event.is_set()


def test_wait_returns_true_at_once_when_set(event):
    event.set()
    assert event.wait() is True
    assert event.wait(0) is True
    assert event.wait(timeout=30) is True


def test_wait_blocks_until_set(event, spawn):
    order = []

    def wait():
        result = event.wait()
        order.append("returned")
        return result

    call = spawn(wait).blocked()
    order.append("set")
    event.set()
    assert call.result() is True
    assert order == ["set", "returned"]


def test_set_wakes_every_waiter(event, spawn):
    calls = [spawn(event.wait).blocked() for _ in range(5)]
    event.set()
    assert [call.result() for call in calls] == [True] * 5


def test_set_stays_set_for_those_who_come_later(event, spawn):
    event.set()
    assert [spawn(event.wait).result() for _ in range(3)] == [True] * 3


def test_wait_blocks_again_after_clear(event, spawn):
    event.set()
    event.clear()
    call = spawn(event.wait).blocked()
    event.set()
    assert call.result() is True


def test_set_then_clear_releases_those_who_waited(event, spawn):
    calls = [spawn(event.wait).blocked() for _ in range(3)]
    event.set()
    event.clear()
    assert [call.result() for call in calls] == [True] * 3
    assert event.wait(0) is False


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="the system does not tell who sleeps")
def test_who_works_at_one_instruction_is_not_taken_for_one_who_waits(spawn):
    # The test above is about threads that sleep, not about some that are on their way to it.
    with pytest.raises(AssertionError, match="returned instead of blocking"):
        spawn(hashlib.pbkdf2_hmac, "sha256", b"", b"", 200_000).blocked()


def test_wait_returns_false_on_timeout_only(event):
    assert event.wait(0.01) is False
    assert event.wait(timeout=0) is False
    assert event.wait(-1) is False


def test_timed_wait_returns_true_when_set_in_time(event, spawn):
    call = spawn(event.wait, 30).blocked()
    event.set()
    assert call.result() is True


def test_timeout_may_be_an_int_or_a_float(event):
    assert event.wait(0) is False
    assert event.wait(0.0) is False
    event.set()
    assert event.wait(1) is True
    assert event.wait(1.5) is True


def test_timeout_past_the_maximum_overflows(threading, event):
    with pytest.raises(OverflowError):
        event.wait(threading.TIMEOUT_MAX * 2)
    assert not event.is_set()


def test_camel_case_is_set_is_deprecated(event):
    with pytest.warns(DeprecationWarning, match="isSet"):
        assert event.isSet() is False


def test_one_thread_signals_and_another_waits_for_it(threading, spawn):
    request, answer = threading.Event(), threading.Event()
    log = []

    def serve():
        request.wait()
        log.append("served")
        answer.set()

    call = spawn(serve)
    log.append("asked")
    request.set()
    assert answer.wait(30)
    call.result()
    assert log == ["asked", "served"]


def test_has_neither_acquire_nor_release(event):
    assert not hasattr(event, "acquire")
    assert not hasattr(event, "release")
    with pytest.raises((TypeError, AttributeError)), event:
        pass


def test_repr_shows_the_flag(event):
    assert re.fullmatch(r"<threading\.Event at 0x[0-9a-f]+: unset>", repr(event))
    event.set()
    assert re.fullmatch(r"<threading\.Event at 0x[0-9a-f]+: set>", repr(event))


def test_private_names_that_programs_read(event):
    assert event._flag is False
    event.set()
    assert event._flag is True


def test_may_be_subclassed_and_has_attributes(threading):
    class Mine(threading.Event):
        def set(self):
            self.label = "set"
            super().set()

    mine = Mine()
    mine.set()
    assert mine.is_set()
    assert vars(mine)["label"] == "set"


def test_may_be_weakly_referenced_and_collected_in_a_cycle(threading):
    event = threading.Event()
    event.itself = event
    reference = weakref.ref(event)
    del event
    gc.collect()
    assert reference() is None
