"""What the child of a fork finds of objects that the parent's threads hold and wait for."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

# Each line that it prints is a child's.
FOUND = """
import os, time, {} as threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)

def background(function):
    threading.Thread(target=function, daemon=True).start()

def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)

def until_two_wait(thing):
    # The standard library's are made of conditions, whose locks have to be free again.
    condition = getattr(thing, "_cond", None)
    if condition is not None:
        until(lambda: len(condition._waiters) == 2)
        with condition:
            pass

def hold(lock, times=1):
    def function():
        for _ in range(times):
            lock.acquire()
        held.append(lock)
        gate.wait()
    background(function)
    until(lambda: lock in held)

def of(function, *arguments, **keywords):
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

def elsewhere(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(of(function)))
    thread.start()
    thread.join()
    return results[0]

def meet(barrier):
    others = [threading.Thread(target=barrier.wait) for _ in range(barrier.parties - 1)]
    for other in others:
        other.start()
    number = barrier.wait()
    for other in others:
        other.join()
    return number in range(barrier.parties)

def child(name, function):
    pid = os.fork()
    if not pid:
        print(name, of(function), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, name

gate, held = threading.Event(), []
lock = threading.Lock()
hold(lock)
child("lock", lambda: [
    lock.locked(), lock.acquire(False), lock.acquire(timeout=0.001), lock.release(), lock.locked(), lock.acquire(False),
    elsewhere(lambda: lock.acquire(False)), lock.release(), of(lock.release)])
child("lock, re-initialised", lambda: [lock._at_fork_reinit(), lock.locked(), lock.acquire(False)])
rlock = threading.RLock()
hold(rlock, 2)
child("rlock", lambda: [
    rlock.acquire(False), rlock.acquire(timeout=0.001), rlock._is_owned(), of(rlock.release), "count=2" in repr(rlock)])
child("rlock, re-initialised", lambda: [
    rlock._at_fork_reinit(), rlock.acquire(False), rlock._is_owned(), rlock.acquire(False), rlock.release(),
    elsewhere(lambda: rlock.acquire(False)), rlock.release(), of(rlock.release), elsewhere(rlock.acquire)])
mine = threading.RLock()
mine.acquire()
mine.acquire()
child("own rlock", lambda: [
    mine._is_owned(), elsewhere(lambda: mine.acquire(False)), mine.release(), mine.release(), of(mine.release)])
for kind in (threading.RLock, threading.Lock):
    condition = threading.Condition(kind())
    waits = threading.Semaphore(0)
    def wait(condition=condition, waits=waits):
        with condition:
            waits.release()
            condition.wait()
    for _ in range(2):
        background(wait)
        waits.acquire()
    with condition:
        # They have let go of it in order to wait.
        pass
    child("waited for", lambda: [
        condition.acquire(), condition.notify(5), condition.wait(0.001), condition.release(), of(condition.notify)])
    hold(condition._lock)
    child("condition, held", lambda: [condition.acquire(False), condition._is_owned(), of(condition.wait, 0.001)])
    child("condition, re-initialised", lambda: [
        condition._at_fork_reinit(), condition.acquire(False), len(condition._waiters), condition.notify_all(),
        condition.wait(0.001), condition.release()])
for kind in (threading.Semaphore, threading.BoundedSemaphore):
    kept, empty = kind(3), kind(1)
    kept.acquire()
    empty.acquire()
    for _ in range(2):
        background(empty.acquire)
    until_two_wait(empty)
    child("semaphore", lambda: [
        kept._value, kept.acquire(False), kept.acquire(False), kept.acquire(False), kept.acquire(timeout=0.001),
        kept.release(), kept.release(2), of(kept.release), kept._value])
    child("semaphore, waited for", lambda: [
        empty.acquire(False), empty.release(), empty._value, empty.acquire(), elsewhere(lambda: empty.acquire(False))])
event = threading.Event()
for _ in range(2):
    background(event.wait)
until_two_wait(event)
child("event", lambda: [
    event.is_set(), event.wait(0.001), event.set(), event.is_set(), elsewhere(event.wait), event.clear(),
    event.is_set()])
barrier = threading.Barrier(3)
for _ in range(2):
    background(barrier.wait)
until_two_wait(barrier)
until(lambda: barrier.n_waiting == 2)
child("barrier", lambda: [barrier.n_waiting, barrier.broken, barrier.parties, barrier.wait()])
child("barrier, aborted", lambda: [barrier.abort(), barrier.broken, barrier.n_waiting, of(barrier.wait)])
local = threading.local()
local.value = 1
child("local", lambda: [local.value, "AttributeError" in elsewhere(lambda: local.value)])
thread, later = threading.Thread(target=gate.wait, name="parked", daemon=True), threading.Thread(target=int)
thread.start()
child("thread", lambda: [
    thread.is_alive(), thread.join(), thread.join(1), thread.ident is None, repr(thread).split()[1], thread.daemon,
    of(thread.start), of(setattr, thread, "daemon", False), threading.active_count()])
child("thread, not started", lambda: [of(later.join), later.is_alive(), later.daemon])
{}
"""


def test_objects_are_found_as_with_the_standard_library(program):
    ours = program(FOUND.format("threadwell", ""))
    assert ours == program(FOUND.format("threading", ""))
    assert ours.count("\n") == 21


def test_nobody_waits_for_threads_of_the_parent(program):
    # With the standard library, the notification is lost, and the barrier is never empty again.
    out = program(
        FOUND.format(
            "threadwell",
            """
def notify_one():
    results = []
    def wait():
        with condition:
            waits.release()
            results.append(condition.wait(30))
    thread = threading.Thread(target=wait)
    thread.start()
    waits.acquire()
    with condition:
        condition.notify()
    thread.join()
    return results

condition, waits = threading.Condition(), threading.Semaphore(0)
for _ in range(2):
    background(lambda: (condition.acquire(), waits.release(), condition.wait()))
    waits.acquire()
with condition:
    pass
print("--")
child("notified", notify_one)
child("reset", lambda: [barrier.reset(), barrier.n_waiting, barrier.broken, meet(barrier)])
child("aborted and reset", lambda: [barrier.abort(), barrier.reset(), barrier.broken, meet(barrier)])
""",
        )
    )
    assert out.partition("--\n")[2].splitlines() == [
        "notified [True]",
        "reset [None, 0, False, True]",
        "aborted and reset [None, None, False, True]",
    ]
