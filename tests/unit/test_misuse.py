"""Misuse that ``tests/stress/test_arguments.py`` has found to be told in other words than the standard library's."""

import contextlib
import decimal
import re
import threading as stdlib

import pytest

import threadwell


class Undecided:
    def __bool__(self):
        raise ZeroDivisionError


def entered(t):
    condition = t.Condition()
    condition.acquire()
    return condition


def ended(t):
    thread = t.Thread(target=int)
    thread.start()
    thread.join()
    return thread


def again(thing, *args):
    with contextlib.suppress(ValueError):
        thing.__init__(*args)
    return thing


def join_running(t, timeout):
    gate = t.Event()
    thread = t.Thread(target=gate.wait)
    thread.start()
    try:
        thread.join(timeout)
    finally:
        gate.set()
        thread.join()


CALLS = {
    "unknown name and too many": lambda t: t.Event().wait(0, 1, x=2),
    "nearly the name": lambda t: t.Event().wait(timeot=0),
    "self twice": lambda t: t.Semaphore().acquire(self=1),
    "a name that is no text": lambda t: t.Semaphore().release(**{"\ud800": 1}),
    "self twice for a constructor": lambda t: t.Barrier(1, self=1),
    "Event.set": lambda t: t.Event().set(1),
    "Event.clear": lambda t: t.Event().clear(x=1),
    "Event.is_set": lambda t: t.Event().is_set(1, 2),
    "Event.isSet": lambda t: t.Event().isSet(1),
    "Barrier.reset": lambda t: t.Barrier(1).reset(1),
    "Barrier.abort": lambda t: t.Barrier(1).abort(x=1),
    "Condition.notify_all": lambda t: entered(t).notify_all(1),
    "Condition.notifyAll": lambda t: entered(t).notifyAll(1),
    "Condition.wait_for": lambda t: entered(t).wait_for(int, 0, 1),
    "Condition.wait_for without": lambda t: entered(t).wait_for(timeout=0),
    "Condition.release": lambda t: entered(t).release(1),
    "Condition.__exit__": lambda t: entered(t).__exit__(None, None, x=None),
    "Lock.locked": lambda t: t.Lock().locked(1),
    "Lock.release": lambda t: t.Lock().release(1),
    "Lock": lambda t: t.Lock(1),
    "Lock by name": lambda t: t.Lock(x=1),
    "current_thread": lambda t: t.current_thread(1),
    "active_count": lambda t: t.active_count(x=1),
    "enumerate": lambda t: t.enumerate(1, 2),
    "is_alive": lambda t: ended(t).is_alive(1),
    "the lock is missed before the timeout is looked at": lambda t: t.Condition().wait_for(int, 9.3e9),
    "blocking is looked at before the timeout is": lambda t: t.Lock().acquire(2**63, "1"),
    "a daemon's truth": lambda t: t.Thread(daemon=Undecided()).name and None,
    "a daemon's truth, later": lambda t: setattr(t.Thread(), "daemon", Undecided()),
    "join": lambda t: join_running(t, decimal.Decimal(0)),
}


def outcome(call, module):
    try:
        return repr(call(module))
    except Exception as error:  # noqa: BLE001 - it is looked at
        return type(error).__name__, re.sub("0x[0-9a-f]+", "0x", str(error))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_misuse_is_told_in_the_same_words(call):
    assert outcome(call, threadwell) == outcome(call, stdlib)


@pytest.mark.parametrize("t", [stdlib, threadwell], ids=lambda t: t.__name__)
def test_a_bound_survives_an_attempt_to_initialise_again(t):
    semaphore = again(t.BoundedSemaphore(2), -1)
    with pytest.raises(ValueError, match="too many times"):
        semaphore.release()


@pytest.mark.parametrize("t", [stdlib, threadwell], ids=lambda t: t.__name__)
def test_an_event_that_is_initialised_again_is_not_set(t):
    event = t.Event()
    event.set()
    assert not again(event).is_set()
