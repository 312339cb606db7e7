"""Ten thousand signals that end no wait: no permit and no wake-up is lost, and only the main thread handles them."""

from __future__ import annotations

import faulthandler
import itertools
import os
import signal
import threading as stdlib
import time
from typing import TYPE_CHECKING

import pytest

import threadwell as threading

if TYPE_CHECKING:
    from conftest import Handlers, Stress

MAIN = threading.get_ident()
#: Seconds, more than any test has.
LONG = 1000


def work_with_a_mutex(lock, over):
    def count():
        nonlocal total
        own = 0
        while not over():
            with lock:
                total, own = total + 1, own + 1
        counts.append(own)

    total, counts = 0, []
    yield count, count
    assert total == sum(counts)
    assert lock.acquire(False)
    lock.release()
    yield total


def work_with_a_lock(over):
    return work_with_a_mutex(threading.Lock(), over)


def work_with_an_rlock(over):
    return work_with_a_mutex(threading.RLock(), over)


def work_with_a_semaphore(over):
    def produce():
        while not over():
            full.release()
            assert empty.acquire(timeout=LONG)
        full.release()

    def consume():
        nonlocal taken
        while full.acquire() and not over():
            taken += 1
            empty.release()
        empty.release()

    full, empty, taken = threading.Semaphore(0), threading.Semaphore(0), 0
    yield consume, produce
    # Each may have gone on for one more than the other.
    assert full._value + empty._value in (1, 2)
    yield taken


def work_with_a_bounded_semaphore(over):
    def work():
        nonlocal total
        while not over():
            with semaphore:
                total += 1

    semaphore, total = threading.BoundedSemaphore(1), 0
    yield work, work
    assert semaphore._value == 1
    yield total


def work_with_an_event(over):
    def ask():
        nonlocal asked
        while not over():
            asked += 1
            question.set()
            assert answer.wait()
            answer.clear()
        asked = -asked
        question.set()

    def reply():
        nonlocal replied
        while question.wait(LONG) and asked > 0:
            question.clear()
            replied += 1
            answer.set()

    question, answer, asked, replied = threading.Event(), threading.Event(), 0, 0
    yield ask, reply
    assert replied == -asked
    yield replied


def work_with_a_condition(over):
    def put():
        for number in itertools.count():
            with condition:
                items.append(None if over() else number)
                condition.notify()
                if items[-1] is None:
                    return
                assert condition.wait_for(lambda: not items, LONG)

    def get():
        while True:
            with condition:
                while not items:
                    condition.wait()
                if (item := items.pop()) is None:
                    return
                got.append(item)
                condition.notify()

    condition, items, got = threading.Condition(), [], []
    yield get, put
    assert got == list(range(len(got)))
    assert len(condition._waiters) == 0
    yield len(got)


def work_at_a_barrier(over):
    def meet():
        # Both find out in the same round.
        while meetings and meetings[-1]:
            barrier.wait()

    meetings = [True]
    barrier = threading.Barrier(2, lambda: meetings.append(not over()))
    yield meet, meet
    assert (barrier.n_waiting, barrier.broken) == (0, False)
    yield len(meetings)


def work_with_threads(over):
    def work():
        while not over():
            thread = threading.Thread(target=ran.append, args=[1])
            thread.start()
            started.append(1)
            thread.join()

    started, ran = [], []
    yield work, work
    assert started == ran
    yield len(ran)


def work_with_timers(over):
    def work():
        while not over():
            timers = [threading.Timer(delay, fired.append, [1]) for delay in (0.000001, 0.0005)]
            for timer in timers:
                timer.start()
            cancelled = threading.Timer(LONG, pytest.fail)
            cancelled.start()
            cancelled.cancel()
            for timer in (*timers, cancelled):
                timer.join()
            started.extend([1, 1])

    started, fired = [], []
    yield work, work
    assert started == fired
    yield len(fired)


WORK = [
    *(work_with_a_lock, work_with_an_rlock, work_with_a_semaphore, work_with_a_bounded_semaphore),
    *(work_with_an_event, work_with_a_condition, work_at_a_barrier, work_with_threads, work_with_timers),
]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_a_storm_loses_nothing(stress: Stress, handlers: Handlers, work) -> None:
    def storm() -> None:
        nonlocal sent
        targets = itertools.cycle([MAIN, other.ident])
        for sent in range(1, signals + 1):
            if sent % 3 == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
            else:
                signal.pthread_kill(next(targets), signal.SIGUSR1)
            if sent % 10 == 0:
                # Lets the others run, else they would be over before they had begun.
                time.sleep(0)
        finished.set()
        released.wait()

    def in_other() -> None:
        begun.set()
        theirs()
        # It stays as long as it is sent signals.
        finished.wait()

    signals, sent, handled = stress.rounds(500, 10_000), 0, []
    begun, finished, released = (stdlib.Event() for _ in range(3))
    steps = work(finished.is_set)
    mine, theirs = next(steps)
    other = threading.Thread(target=in_other)
    storming = stdlib.Thread(target=storm)
    for number in (signal.SIGUSR1, signal.SIGALRM):
        handlers(number, lambda *_: handled.append(threading.get_ident()))
    # Beside them, and not to fire: it reads the frames of threads that run, and crashes now and then with any threads.
    faulthandler.dump_traceback_later(LONG)
    other.start()
    begun.wait()
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        storming.start()
        mine()
        other.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        released.set()
        storming.join()
        faulthandler.cancel_dump_traceback_later()
    done = next(steps)
    assert sent == signals
    assert set(handled) == {MAIN}
    assert done > 0
    stress.counted(f"{signals} signals, {len(handled)} handlers, {done} operations, 0 lost")
