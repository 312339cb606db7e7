"""Misuse: the exception of the standard library on the running interpreter, and nothing changed.

Each case names the exception that must come, and for the standard library that is checked. For
threadwell, type and message must be those that the standard library raises here and now: messages
differ between versions.
"""

import re

import pytest

PATIENT = 3600


def held(lock):
    lock.acquire()
    return lock


def started(threading):
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return thread


#: Name of the case, exception, whether the message counts, what to do. The message does not count
#: where the standard library's is an accident of how it is written: a comparison that failed.
CASES = [
    ("Lock: timeout -2", ValueError, True, lambda t: t.Lock().acquire(timeout=-2)),
    ("Lock: timeout -0.5", ValueError, True, lambda t: t.Lock().acquire(timeout=-0.5)),
    ("Lock: non-blocking timeout", ValueError, True, lambda t: t.Lock().acquire(False, 1)),
    ("Lock: timeout too large", OverflowError, True,
     lambda t: t.Lock().acquire(timeout=t.TIMEOUT_MAX * 2)),
    ("Lock: timeout just too large", OverflowError, True,
     lambda t: t.Lock().acquire(timeout=t.TIMEOUT_MAX + 1)),
    ("Lock: timeout infinite", OverflowError, True,
     lambda t: t.Lock().acquire(timeout=float("inf"))),
    ("Lock: timeout 1e300", OverflowError, True, lambda t: t.Lock().acquire(timeout=1e300)),
    ("Lock: timeout NaN", ValueError, True, lambda t: t.Lock().acquire(timeout=float("nan"))),
    ("Lock: timeout None", TypeError, True, lambda t: t.Lock().acquire(timeout=None)),
    ("Lock: timeout str", TypeError, True, lambda t: t.Lock().acquire(True, "1")),
    ("Lock: unknown keyword", TypeError, False, lambda t: t.Lock().acquire(wait=True)),
    ("Lock: too many arguments", TypeError, False, lambda t: t.Lock().acquire(True, 1, 1)),
    ("Lock: constructor argument", TypeError, False, lambda t: t.Lock(1)),
    ("Lock: release unlocked", RuntimeError, True, lambda t: t.Lock().release()),
    ("Lock: release with argument", TypeError, False, lambda t: held(t.Lock()).release(1)),
    ("Lock: leave unlocked", RuntimeError, True, lambda t: t.Lock().__exit__(None, None, None)),
    ("RLock: timeout -2", ValueError, True, lambda t: t.RLock().acquire(timeout=-2)),
    ("RLock: non-blocking timeout", ValueError, True, lambda t: t.RLock().acquire(False, 1)),
    ("RLock: timeout too large", OverflowError, True,
     lambda t: t.RLock().acquire(timeout=t.TIMEOUT_MAX * 2)),
    ("RLock: timeout str", TypeError, True, lambda t: t.RLock().acquire(timeout="1")),
    ("RLock: release unlocked", RuntimeError, True, lambda t: t.RLock().release()),
    ("Condition: lock is a number", AttributeError, True, lambda t: t.Condition(3)),
    ("Condition: wait without lock", RuntimeError, True, lambda t: t.Condition().wait()),
    ("Condition: timed wait without lock", RuntimeError, True, lambda t: t.Condition().wait(1)),
    ("Condition: wait_for without lock", RuntimeError, True,
     lambda t: t.Condition().wait_for(lambda: False)),
    ("Condition: notify without lock", RuntimeError, True, lambda t: t.Condition().notify()),
    ("Condition: notify_all without lock", RuntimeError, True,
     lambda t: t.Condition().notify_all()),
    ("Condition: release without lock", RuntimeError, True, lambda t: t.Condition().release()),
    ("Condition: wait_for without predicate", TypeError, False, lambda t: t.Condition().wait_for()),
    ("Semaphore: -1", ValueError, True, lambda t: t.Semaphore(-1)),
    ("Semaphore: str", TypeError, False, lambda t: t.Semaphore("1")),
    ("Semaphore: None", TypeError, False, lambda t: t.Semaphore(None)),
    ("Semaphore: non-blocking timeout", ValueError, True, lambda t: t.Semaphore().acquire(False, 1)),
    ("Semaphore: non-blocking timeout 0", ValueError, True,
     lambda t: t.Semaphore().acquire(False, 0)),
    ("Semaphore: timeout too large", OverflowError, True,
     lambda t: t.Semaphore(0).acquire(timeout=t.TIMEOUT_MAX * 2)),
    ("Semaphore: timeout str", TypeError, False, lambda t: t.Semaphore(0).acquire(timeout="1")),
    ("Semaphore: release 0", ValueError, True, lambda t: t.Semaphore().release(0)),
    ("Semaphore: release -1", ValueError, True, lambda t: t.Semaphore().release(-1)),
    ("Semaphore: release str", TypeError, False, lambda t: t.Semaphore().release("1")),
    ("BoundedSemaphore: -1", ValueError, True, lambda t: t.BoundedSemaphore(-1)),
    ("BoundedSemaphore: release too often", ValueError, True,
     lambda t: t.BoundedSemaphore().release()),
    ("BoundedSemaphore: release 0", ValueError, True, lambda t: t.BoundedSemaphore().release(0)),
    ("BoundedSemaphore: leave too often", ValueError, True,
     lambda t: t.BoundedSemaphore().__exit__(None, None, None)),
    ("Lock: leave with a keyword", TypeError, True, lambda t: held(t.Lock()).__exit__(x=1)),
    ("RLock: leave with a keyword", TypeError, True, lambda t: held(t.RLock()).__exit__(x=1)),
    ("Semaphore: leave without arguments", TypeError, True, lambda t: t.Semaphore().__exit__()),
    ("Semaphore: leave with one argument", TypeError, True, lambda t: t.Semaphore().__exit__(1)),
    ("Semaphore: leave with two arguments", TypeError, True, lambda t: t.Semaphore().__exit__(1, 2)),
    ("Semaphore: leave with a keyword", TypeError, True,
     lambda t: t.Semaphore().__exit__(1, 2, 3, x=4)),
    ("BoundedSemaphore: release with two arguments", TypeError, True,
     lambda t: t.BoundedSemaphore().release(1, 2)),
    ("Event: timeout str", TypeError, False, lambda t: t.Event().wait("1")),
    ("Event: timeout too large", OverflowError, True,
     lambda t: t.Event().wait(t.TIMEOUT_MAX * 2)),
    ("Event: timeout infinite", OverflowError, True, lambda t: t.Event().wait(float("inf"))),
    ("Event: set with argument", TypeError, False, lambda t: t.Event().set(1)),
    ("Event: constructor argument", TypeError, False, lambda t: t.Event(1)),
    ("Barrier: no parties", TypeError, False, lambda t: t.Barrier()),
    ("Barrier: action cannot be called", TypeError, True, lambda t: t.Barrier(1, 3).wait()),
    ("Barrier: timeout too large", OverflowError, True,
     lambda t: t.Barrier(2).wait(t.TIMEOUT_MAX * 2)),
    ("Barrier: timeout str", TypeError, False, lambda t: t.Barrier(2).wait("1")),
    ("Barrier: timeout negative", RuntimeError, True, lambda t: t.Barrier(2).wait(-1)),
    ("Thread: group", AssertionError, True, lambda t: t.Thread(group=1)),
    ("Thread: daemon by position", TypeError, True,
     lambda t: t.Thread(None, None, None, (), {}, True)),
    ("Thread: unknown keyword", TypeError, True, lambda t: t.Thread(priority=1)),
    ("Thread: args cannot be unpacked", TypeError, True, lambda t: t.Thread(None, id, args=5).run()),
    ("Thread: target cannot be called", TypeError, True, lambda t: t.Thread(target=5).run()),
    ("Thread: start twice", RuntimeError, True, lambda t: started(t).start()),
    ("Thread: join before start", RuntimeError, True, lambda t: t.Thread().join()),
    ("Thread: join str", TypeError, True, lambda t: started(t).join("1")),
    ("Thread: join itself", RuntimeError, True, lambda t: t.current_thread().join()),
    ("Thread: daemon while alive", RuntimeError, True,
     lambda t: setattr(t.main_thread(), "daemon", True)),
    ("Thread: ident is read-only", AttributeError, True,
     lambda t: setattr(t.Thread(), "ident", 1)),
    ("Timer: no arguments", TypeError, True, lambda t: t.Timer()),
    ("Timer: no function", TypeError, True, lambda t: t.Timer(1)),
    ("local: arguments", TypeError, True, lambda t: t.local(1)),
    ("local: missing attribute", AttributeError, True, lambda t: t.local().x),
    ("stack_size: too small", ValueError, True, lambda t: t.stack_size(1000)),
    ("stack_size: negative", ValueError, True, lambda t: t.stack_size(-1)),
    ("stack_size: str", TypeError, True, lambda t: t.stack_size("1")),
    ("settrace: no argument", TypeError, True, lambda t: t.settrace()),
    ("excepthook: no args", TypeError, True, lambda t: t.__excepthook__(1)),
    ("ExceptHookArgs: too short", TypeError, True, lambda t: t.ExceptHookArgs((1, 2))),
]  # fmt: skip


def outcome(call, threading):
    """What the call raised, with addresses taken out of the message; or that it returned."""
    try:
        call(threading)
    except Exception as error:  # noqa: BLE001 - it is looked at
        return type(error), re.sub(r"0x[0-9a-f]+", "0x…", str(error)), error
    return None, "", None


@pytest.mark.parametrize(("kind", "exact", "call"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_misuse_raises_what_the_standard_library_raises(threading, stdlib, kind, exact, call):
    found, message, error = outcome(call, threading)
    assert isinstance(error, kind), f"{found}: {message}"
    _, its_message, its_error = outcome(call, stdlib)
    assert found.__name__ == type(its_error).__name__
    if exact:
        assert message == its_message


#: What some versions accept and others do not: the result must be the running version's.
VARYING = [
    ("Lock: blocking str", lambda t: t.Lock().acquire("x")),
    ("Lock: blocking None", lambda t: t.Lock().acquire(None)),
    ("Thread: daemon str", lambda t: t.Thread(daemon="x")),
    ("Thread: name bytes", lambda t: t.Thread(name=b"x").name),
    ("Timer: interval str", lambda t: t.Timer("x", int)),
    ("Semaphore: True", lambda t: t.Semaphore(True)),
    ("Condition: notify 0", lambda t: notify(t, 0)),
    ("Condition: notify -1", lambda t: notify(t, -1)),
    ("Thread: join timeout NaN", lambda t: started(t).join(float("nan"))),
    ("Semaphore: free, timeout too large", lambda t: t.Semaphore().acquire(timeout=t.TIMEOUT_MAX * 2)),
    ("Condition: wait_for that holds, without lock", lambda t: t.Condition().wait_for(lambda: 1)),
    ("Event: set, timeout too large", lambda t: set_event(t).wait(t.TIMEOUT_MAX * 2)),
]  # fmt: skip


def notify(threading, n):
    condition = threading.Condition()
    with condition:
        return condition.notify(n)


def set_event(threading):
    event = threading.Event()
    event.set()
    return event


@pytest.mark.parametrize("call", [call for _, call in VARYING], ids=[name for name, _ in VARYING])
def test_odd_input_is_taken_as_the_running_version_takes_it(threading, stdlib, call):
    found, message, _ = outcome(call, threading)
    its, its_message, _ = outcome(call, stdlib)
    assert (found and found.__name__, message) == (its and its.__name__, its_message)


@pytest.mark.parametrize("parties", [0, -1])
def test_barrier_without_parties_is_refused(threading, stdlib, parties):
    def make(module):
        return module.Barrier(parties)

    its, its_message, _ = outcome(make, stdlib)
    found, message, _ = outcome(make, threading)
    if its is None:
        # Older standard libraries accept it, and nobody ever passes such a barrier.
        assert found is (None if threading is stdlib else ValueError)
    else:
        assert (found, message) == (ValueError, its_message)


# Nothing changed


def refuses(call, *args, **kwargs):
    with pytest.raises((ValueError, TypeError, OverflowError, RuntimeError)):
        call(*args, **kwargs)


def test_lock_is_as_before(threading, spawn):
    lock = threading.Lock()
    refuses(lock.release)
    refuses(lock.acquire, False, 1)
    refuses(lock.acquire, timeout=-2)
    refuses(lock.acquire, timeout=threading.TIMEOUT_MAX * 2)
    refuses(lock.acquire, timeout="1")
    assert not lock.locked()
    assert lock.acquire(False)
    refuses(lock.acquire, False, 1)
    refuses(lock.acquire, timeout=-2)
    assert lock.locked()
    spawn(lock.release).result()
    assert not lock.locked()


def test_rlock_is_as_before(threading, spawn):
    rlock = threading.RLock()
    refuses(rlock.release)
    refuses(rlock.acquire, timeout=-2)
    with rlock:
        refuses(spawn(rlock.release).result)
        refuses(rlock.acquire, timeout=threading.TIMEOUT_MAX * 2)
        assert "count=1" in repr(rlock)
    assert "count=0" in repr(rlock)


def test_condition_is_as_before(threading):
    condition = threading.Condition()
    for call in condition.wait, condition.notify, condition.notify_all, condition.release:
        refuses(call)
    with condition:
        refuses(condition.wait, threading.TIMEOUT_MAX * 2)
        refuses(condition.wait, "1")
        assert condition._is_owned()
    assert repr(condition).endswith(", 0)>")
    assert "count=0" in repr(condition)


def test_semaphores_are_as_before(threading):
    semaphore, bounded = threading.Semaphore(1), threading.BoundedSemaphore(1)
    for each in semaphore, bounded:
        refuses(each.acquire, False, 1)
        refuses(each.release, 0)
        refuses(each.release, "1")
    refuses(bounded.release)
    assert "value=1>" in repr(semaphore)
    assert "value=1/1>" in repr(bounded)


def test_event_is_as_before(threading):
    event = threading.Event()
    refuses(event.wait, "1")
    refuses(event.wait, threading.TIMEOUT_MAX * 2)
    assert not event.is_set()
    event.set()
    assert event.wait(0)


def test_barrier_is_as_before(threading, spawn, eventually):
    barrier = threading.Barrier(2)
    refuses(barrier.wait, "1")
    refuses(barrier.wait, threading.TIMEOUT_MAX * 2)
    assert (barrier.n_waiting, barrier.broken) == (0, False)
    call = spawn(barrier.wait)
    eventually(lambda: barrier.n_waiting == 1, "one waits")
    assert {barrier.wait(), call.result()} == {0, 1}


def test_thread_is_as_before(threading):
    log = []
    thread = threading.Thread(target=log.append, args=(1,), name="n")
    before = threading.enumerate()
    refuses(thread.join)
    assert repr(thread) == "<Thread(n, initial)>"
    thread.start()
    refuses(thread.start)
    thread.join()
    refuses(thread.start)
    assert log == [1]
    assert repr(thread) == f"<Thread(n, stopped {thread.ident})>"
    assert threading.enumerate() == before


def test_stack_size_is_as_before(threading):
    before = threading.stack_size(512 * 1024)
    try:
        refuses(threading.stack_size, 1000)
        refuses(threading.stack_size, -1)
        refuses(threading.stack_size, "1")
    finally:
        assert threading.stack_size(before) == 512 * 1024


def test_start_that_fails_leaves_nothing(threading, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("can't start new thread")

    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    monkeypatch.setattr(threading, name, refuse)
    before = threading.enumerate()
    thread = threading.Thread(target=int)
    with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
        thread.start()
    assert not thread.is_alive()
    assert threading.enumerate() == before
    assert thread not in threading._limbo
