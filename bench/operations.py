"""Every public operation of ``threading`` that does not block, as source text.

The text runs with ``threading`` bound to one side or the other; see ``measure.LOOP`` for its frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNROLL = 10


@dataclass(frozen=True)
class Operation:
    """One operation to time.

    ``needs`` names the attribute of the module without which there is nothing to measure.
    ``subject`` names an attribute that, when both sides hold the very same object, makes a
    measurement pointless. ``each`` is an expression for a fresh object per turn, under that name.
    ``alone``: each side is measured in a process that makes no use of the other, see ``alone.py``. The
    stdlib's module is loaded in both: too much of its library imports it.
    """

    name: str
    setup: str
    statement: str
    unroll: int = UNROLL
    teardown: str = ""
    each: str = ""
    subject: str = ""
    needs: str = ""
    alone: bool = False


def all_operations() -> Iterator[Operation]:
    """Yield all operations, by class."""
    yield from _lock()
    yield from _rlock()
    yield from _condition()
    yield from _semaphore()
    yield from _event()
    yield from _barrier()
    yield from _thread()
    yield from _timer()
    yield from _functions()
    yield from _local()


def _lock() -> Iterator[Operation]:
    lock = "lock = threading.Lock()"
    held = lock + "; lock.acquire()"
    yield Operation("Lock()", "Lock = threading.Lock", "Lock()")
    yield Operation("Lock acquire+release", lock, "lock.acquire(); lock.release()")
    yield Operation("with lock", lock, "with lock: pass")
    yield Operation("Lock.acquire(False)+release", lock, "lock.acquire(False); lock.release()")
    yield Operation("Lock.acquire(blocking=False)+release", lock, "lock.acquire(blocking=False); lock.release()")
    yield Operation("Lock.acquire(timeout=1)+release", lock, "lock.acquire(timeout=1); lock.release()")
    yield Operation("Lock.acquire(False), held", held, "lock.acquire(False)")
    yield Operation("Lock.acquire(timeout=0), held", held, "lock.acquire(timeout=0)")
    yield Operation("Lock.locked", lock, "lock.locked()")
    yield Operation("repr(lock)", lock, "repr(lock)")


def _rlock() -> Iterator[Operation]:
    lock = "lock = threading.RLock()"
    held = lock + "; lock.acquire()"
    yield Operation("RLock()", "RLock = threading.RLock", "RLock()")
    yield Operation("RLock acquire+release", lock, "lock.acquire(); lock.release()")
    yield Operation("with rlock", lock, "with lock: pass")
    yield Operation("RLock acquire+release, nested", held, "lock.acquire(); lock.release()")
    yield Operation("with rlock, nested", held, "with lock: pass")
    yield Operation("RLock.acquire(False)+release", lock, "lock.acquire(False); lock.release()")
    yield Operation("RLock.acquire(timeout=1)+release", lock, "lock.acquire(timeout=1); lock.release()")
    yield Operation("RLock.locked", lock, "lock.locked()", needs="RLock.locked")
    yield Operation("repr(rlock)", lock, "repr(lock)")


def _condition() -> Iterator[Operation]:
    made = "condition = threading.Condition()"
    over_lock = "condition = threading.Condition(threading.Lock())"
    held = made + "; condition.acquire()"
    yield Operation("Condition()", "Condition = threading.Condition", "Condition()")
    yield Operation(
        "Condition(lock)",
        "Condition = threading.Condition; lock = threading.Lock()",
        "Condition(lock)",
    )
    yield Operation("Condition acquire+release", made, "condition.acquire(); condition.release()")
    yield Operation("with condition", made, "with condition: pass")
    yield Operation("with condition(lock)", over_lock, "with condition: pass")
    yield Operation("with condition: notify()", made, "with condition: condition.notify()")
    yield Operation("with condition(lock): notify()", over_lock, "with condition: condition.notify()")
    yield Operation("with condition: notify_all()", made, "with condition: condition.notify_all()")
    yield Operation("Condition.wait(0)", held, "condition.wait(0)", unroll=2)
    yield Operation("Condition.wait_for, true", held + "; true = lambda: True", "condition.wait_for(true)")
    yield Operation(
        "Condition.wait_for(…, 0), false",
        held + "; false = lambda: False",
        "condition.wait_for(false, 0)",
        unroll=2,
    )
    yield Operation("Condition.locked", made, "condition.locked()", needs="Condition.locked")
    yield Operation("repr(condition)", made, "repr(condition)")


def _semaphore() -> Iterator[Operation]:
    made = "semaphore = threading.Semaphore(4)"
    empty = "semaphore = threading.Semaphore(0)"
    bounded = "semaphore = threading.BoundedSemaphore(4)"
    pair = "semaphore.acquire(); semaphore.release()"
    yield Operation("Semaphore()", "Semaphore = threading.Semaphore", "Semaphore()")
    yield Operation("Semaphore acquire+release", made, pair)
    yield Operation("with semaphore", made, "with semaphore: pass")
    yield Operation("Semaphore.acquire(False)+release", made, "semaphore.acquire(False); semaphore.release()")
    yield Operation(
        "Semaphore.acquire(timeout=1)+release",
        made,
        "semaphore.acquire(timeout=1); semaphore.release()",
    )
    yield Operation(
        "Semaphore.release(2)+2 acquire",
        made,
        "semaphore.release(2); semaphore.acquire(); semaphore.acquire()",
    )
    yield Operation("Semaphore.acquire(False), empty", empty, "semaphore.acquire(False)")
    yield Operation("Semaphore.acquire(timeout=0), empty", empty, "semaphore.acquire(timeout=0)")
    yield Operation("repr(semaphore)", made, "repr(semaphore)")
    yield Operation("BoundedSemaphore()", "BoundedSemaphore = threading.BoundedSemaphore", "BoundedSemaphore()")
    yield Operation("BoundedSemaphore acquire+release", bounded, pair)
    yield Operation("with bounded semaphore", bounded, "with semaphore: pass")


def _event() -> Iterator[Operation]:
    clear = "event = threading.Event()"
    raised = clear + "; event.set()"
    yield Operation("Event()", "Event = threading.Event", "Event()")
    yield Operation("Event.set, clear before", "", "each.set()", unroll=1, each="threading.Event()")
    yield Operation("Event.set, set before", raised, "event.set()")
    yield Operation("Event set+clear", clear, "event.set(); event.clear()")
    yield Operation("Event.clear, clear before", clear, "event.clear()")
    yield Operation("Event.is_set", clear, "event.is_set()")
    yield Operation("Event.wait, set", raised, "event.wait()")
    yield Operation("Event.wait(1), set", raised, "event.wait(1)")
    yield Operation("Event.wait(0), clear", clear, "event.wait(0)", unroll=2)
    yield Operation("repr(event)", clear, "repr(event)")


def _barrier() -> Iterator[Operation]:
    one = "barrier = threading.Barrier(1)"
    two = "barrier = threading.Barrier(2)"
    yield Operation("Barrier()", "Barrier = threading.Barrier", "Barrier(2)")
    yield Operation("Barrier(1).wait", one, "barrier.wait()")
    yield Operation("Barrier(1).wait(1)", one, "barrier.wait(1)")
    yield Operation("Barrier(1, action).wait", "barrier = threading.Barrier(1, lambda: None)", "barrier.wait()")
    yield Operation("Barrier.parties", two, "barrier.parties")
    yield Operation("Barrier.n_waiting", two, "barrier.n_waiting")
    yield Operation("Barrier.broken", two, "barrier.broken")
    yield Operation("Barrier.reset", two, "barrier.reset()")
    yield Operation("Barrier.abort", two, "barrier.abort()")
    yield Operation("repr(barrier)", two, "repr(barrier)")


def _thread() -> Iterator[Operation]:
    target = "target = lambda: None"
    new = f"{target}; thread = threading.Thread(target=target)"
    done = new + "; thread.start(); thread.join()"
    running = "stop = threading.Event(); thread = threading.Thread(target=stop.wait); thread.start()"
    end = "stop.set(); thread.join()"
    yield Operation("Thread()", f"Thread = threading.Thread; {target}", "Thread(target=target)")
    yield Operation(
        "Thread subclass()",
        "class Worker(threading.Thread):\n    def __init__(self): super().__init__(name='worker')",
        "Worker()",
    )
    yield Operation(
        "Thread create+start+join",
        f"Thread = threading.Thread; {target}",
        "thread = Thread(target=target); thread.start(); thread.join()",
        unroll=1,
        alone=True,
    )
    yield Operation("Thread.run", new, "each.run()", unroll=1, each="threading.Thread()")
    yield Operation("Thread.join, ended", done, "thread.join()")
    yield Operation("Thread.join(0), running", running, "thread.join(0)", teardown=end, unroll=2)
    yield Operation("Thread.is_alive, new", new, "thread.is_alive()")
    yield Operation("Thread.is_alive, running", running, "thread.is_alive()", teardown=end)
    yield Operation("Thread.is_alive, ended", done, "thread.is_alive()")
    yield Operation("Thread.name", new, "thread.name")
    yield Operation("Thread.name = …", new, "thread.name = 'worker'")
    yield Operation("Thread.ident", running, "thread.ident", teardown=end)
    yield Operation("Thread.native_id", running, "thread.native_id", teardown=end)
    yield Operation("Thread.daemon", new, "thread.daemon")
    yield Operation("Thread.daemon = …", new, "thread.daemon = True")
    yield Operation("Thread.getName", new, "thread.getName()", unroll=2)
    yield Operation("Thread.isDaemon", new, "thread.isDaemon()", unroll=2)
    yield Operation("repr(thread), running", running, "repr(thread)", teardown=end)


def _timer() -> Iterator[Operation]:
    made = "Timer = threading.Timer; target = lambda: None"
    yield Operation("Timer()", made, "Timer(60, target)")
    yield Operation(
        "Timer create+start+cancel",
        made + "; others = threading.active_count()",
        "timer = Timer(60, target); timer.start(); timer.cancel()",
        unroll=1,
        alone=True,
        # The stdlib's threads end a while after the cancel; they must not weigh on the next round.
        teardown="while threading.active_count() > others: sleep(0.0005)",
    )
    yield Operation(
        "Timer(0) create+start+join",
        made,
        "timer = Timer(0, target); timer.start(); timer.join()",
        unroll=1,
        alone=True,
    )
    yield Operation("Timer.cancel, new", "", "each.cancel()", unroll=1, each="threading.Timer(60, None)")
    yield Operation("Timer.cancel, cancelled", "timer = threading.Timer(60, None)", "timer.cancel()")


def _functions() -> Iterator[Operation]:
    crowd = (
        "stop = threading.Event()\n"
        "crowd = [threading.Thread(target=stop.wait) for _ in range(99)]\n"
        "for thread in crowd: thread.start()\n"
    )
    dismiss = "stop.set()\nfor thread in crowd: thread.join()"

    def plain(name: str, arguments: str = "", unroll: int = UNROLL) -> Operation:
        return Operation(
            f"{name}({arguments})",
            f"function = threading.{name}",
            f"function({arguments})",
            unroll=unroll,
            subject=name,
            needs=name,
        )

    yield plain("current_thread")
    yield plain("main_thread")
    yield plain("get_ident")
    yield plain("get_native_id")
    yield plain("active_count")
    yield plain("enumerate")
    yield Operation(
        "active_count, 100 threads",
        crowd + "active_count = threading.active_count",
        "active_count()",
        teardown=dismiss,
    )
    yield Operation(
        "enumerate, 100 threads",
        crowd + "enumerate = threading.enumerate",
        "enumerate()",
        teardown=dismiss,
        unroll=2,
    )
    yield plain("currentThread", unroll=2)
    yield plain("activeCount", unroll=2)
    yield plain("stack_size")
    yield plain("settrace", "None")
    yield plain("gettrace")
    yield plain("setprofile", "None")
    yield plain("getprofile")
    yield plain("settrace_all_threads", "None", unroll=1)
    yield plain("setprofile_all_threads", "None", unroll=1)


def _local() -> Iterator[Operation]:
    data = "data = threading.local(); data.x = 1"
    yield Operation("local()", "local = threading.local", "local()", subject="local")
    yield Operation("local get", data, "data.x", subject="local")
    yield Operation("local set", data, "data.x = 2", subject="local")
