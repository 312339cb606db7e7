"""Waits in the main thread and signals: a handler that raises ends the wait, one that returns does not.

`pytest` runs the tests in the main thread. Another thread sends the signal again and again until it has
been handled: one that arrives before the wait begins is then followed by one that arrives during it.
"""

import contextlib
import signal
import threading as stdlib
import time

import pytest

from threadwell import _native


class Handled(Exception):
    pass


@contextlib.contextmanager
def signals(handler):
    """Sends SIGUSR1 to the main thread every few milliseconds while the block runs, until the handler raises."""
    stop = stdlib.Event()
    main = stdlib.main_thread().ident

    def send():
        while not stop.wait(0.005):
            signal.pthread_kill(main, signal.SIGUSR1)

    def handle(*args):
        # Raising again would cut off the end of this function.
        if not stop.is_set():
            try:
                handler(*args)
            except BaseException:
                stop.set()
                raise

    previous = signal.signal(signal.SIGUSR1, handle)
    thread = stdlib.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        signal.signal(signal.SIGUSR1, previous)


def held(lock):
    """The lock, taken by another thread, which has ended."""
    thread = stdlib.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    return lock


def wait_on_condition(timeout):
    condition = _native.Condition()
    with condition:
        try:
            return condition.wait(timeout)
        finally:
            assert condition._is_owned(), "the lock is held again, however the wait ended"


def wait_on_barrier(timeout):
    barrier = _native.Barrier(2)
    try:
        barrier.wait(timeout)
    except _native.BrokenBarrierError:
        return False
    finally:
        assert barrier.n_waiting == 0


WAITS = {
    "Lock": lambda timeout: held(_native.Lock()).acquire(timeout=timeout),
    "RLock": lambda timeout: held(_native.RLock()).acquire(timeout=timeout),
    "Semaphore": lambda timeout: _native.Semaphore(0).acquire(timeout=timeout),
    "Event": lambda timeout: _native.Event().wait(timeout),
    "Condition": wait_on_condition,
    "Barrier": wait_on_barrier,
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_handler_that_raises_ends_the_wait(wait):
    def handler(*_):
        raise Handled

    with pytest.raises(Handled), signals(handler):
        wait(60)


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_handler_that_returns_leaves_the_wait_its_deadline(wait):
    handled = []
    began = time.monotonic()
    with signals(lambda *_: handled.append(True)):
        assert wait(0.1) is False
    assert handled, "no signal arrived: the test shows nothing"
    # Not early; how late is the machine's affair.
    assert time.monotonic() - began >= 0.1


def test_a_wake_up_during_a_storm_of_signals_is_not_lost():
    rounds = 300
    event, back = _native.Semaphore(0), _native.Semaphore(0)

    def partner():
        for _ in range(rounds):
            event.acquire()
            back.release()

    handled = []
    thread = stdlib.Thread(target=partner)
    with signals(lambda *_: handled.append(True)):
        thread.start()
        for _ in range(rounds):
            event.release()
            assert back.acquire(timeout=20)
    thread.join()
    assert (event._value, back._value) == (0, 0)


def test_a_pulse_while_the_handler_runs_is_seen():
    event = _native.Event()

    def handler(*_):
        event.set()
        event.clear()

    with signals(handler):
        assert event.wait(60) is True


def test_a_notification_while_the_handler_runs_is_seen():
    condition = _native.Condition()

    def handler(*_):
        with condition:
            condition.notify()

    with condition, signals(handler):
        assert condition.wait(60) is True
