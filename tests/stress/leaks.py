"""Does every operation of threadwell's, its errors included, very often, and measures what is left.

    python leaks.py ROUNDS [OPERATION...]

After a first time to warm up, each operation is done ROUNDS times and then as often again: what grows by that much
in the second half has leaked. Prints a line for each operation.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time

import threadwell
from threadwell import _thread as low_level

PATIENCE = 30
ROUNDS, *CHOSEN = sys.argv[1:]
ROUNDS = int(ROUNDS)
threadwell.excepthook = sys.unraisablehook = lambda _: None
#: An argument of every operation that takes any: references to it are counted.
witness = object()

# -- What is measured ------------------------------------------------------------------------------------------------


class Heap(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks"]
    ]
    _fields_ += [(name, ctypes.c_size_t) for name in ("fordblks", "keepcost")]


try:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Heap
except AttributeError:
    # Another C library.
    mallinfo = Heap


def settled():
    """Wait until only the main thread is there, of the system's too, apart from the timers' driver, which may stay."""
    deadline = time.monotonic() + PATIENCE
    while threadwell.enumerate() != [threadwell.main_thread()] or len(os.listdir("/proc/self/task")) > 2:
        assert time.monotonic() < deadline, (threadwell.enumerate(), os.listdir("/proc/self/task"))
    gc.collect()


def measure():
    settled()
    with open("/proc/self/maps") as maps:
        mappings = len(maps.readlines())
    heap = mallinfo()
    return {
        "objects": sys.getallocatedblocks(),
        "references": sys.getrefcount(witness),
        "files": len(os.listdir("/proc/self/fd")),
        "mappings": mappings,
        "registry": len(threadwell._active) + len(threadwell._limbo) + len(threadwell._dangling),
        "heap": heap.uordblks + heap.hblkhd,
    }


#: What may be there or not whatever the number of rounds, in the units above: free lists, the chunks of the C library
#: and of threads' frames. Less than one for each of the quick count's rounds, and 32 bytes of the heap.
SLACK = {"objects": 100, "references": 0, "files": 0, "mappings": 40, "registry": 0, "heap": 64 * 1024}


# -- The operations --------------------------------------------------------------------------------------------------


def fails(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError, RuntimeError, OverflowError, AttributeError, AssertionError):
        return
    raise SystemExit(f"{function} has not failed")


def raise_error(*_):
    raise ValueError(witness)


def ends(thread):
    thread.start()
    thread.join()


def a_thread_that_waits(wait, wake):
    thread = threadwell.Thread(target=wait, args=(witness,))
    thread.start()
    wake()
    thread.join()


def a_lock(make):
    lock = make()
    if hasattr(lock, "__dict__"):
        lock.note = witness

    def work():
        with lock:
            fails(lock.acquire, witness, witness, witness)
            fails(lock.acquire, nonsense=witness)
            fails(lock.acquire, True, witness)
            lock.acquire(False)
            lock.acquire(timeout=1e-6)
            repr(lock)
            str(make())
        while getattr(lock, "_value", 1) < 1 or is_held(lock):
            lock.release()
        if not isinstance(lock, threadwell.Semaphore) or isinstance(lock, threadwell.BoundedSemaphore):
            fails(lock.release)
        if make is not threadwell.RLock:
            # Whatever it is given, it takes.
            fails(make, *[witness] * 4)

    return work


def is_held(lock):
    try:
        return lock._is_owned() if hasattr(lock, "_is_owned") else lock.locked()
    except AttributeError:
        return False


def contention(make):
    def work():
        lock = make()
        lock.acquire()

        def wait(_):
            with lock:
                pass

        a_thread_that_waits(wait, lock.release)

    return work


def condition():
    made = threadwell.Condition()
    fails(made.wait, 1)
    fails(made.notify, witness)
    fails(made.notify_all)
    fails(threadwell.Condition, witness)
    with made:
        made.wait(1e-6)
        made.wait_for(lambda: witness, 1e-6)
        made.wait_for(lambda: None, 1e-6)
        fails(made.wait_for, raise_error)
        fails(made.wait, witness)
        made.notify(3)
        made.notify_all()
        _ = repr(made), made._waiters, made._lock


def condition_of_a_foreign_lock():
    class Own:
        def __init__(self):
            self.lock, self.note = threadwell.Lock(), witness
            self.acquire, self.release = self.lock.acquire, self.lock.release

        def __enter__(self):
            return self.lock.__enter__()

        def __exit__(self, *error):
            self.lock.release()

    made = threadwell.Condition(Own())
    with made:
        made.wait(1e-6)
        made.notify_all()


def notification():
    made = threadwell.Condition()
    waiting = threadwell.Semaphore(0)

    def wait(_):
        with made:
            waiting.release()
            made.wait()

    def wake():
        waiting.acquire()
        with made:
            made.notify_all()

    a_thread_that_waits(wait, wake)


def event():
    made = threadwell.Event()
    made.note = witness
    made.wait(1e-6)
    fails(made.wait, witness)
    fails(made.wait, nonsense=witness)
    made.set()
    made.wait()
    made.clear()
    _ = repr(made), made.is_set()
    a_thread_that_waits(lambda _: made.wait(), made.set)


def barrier():
    made = threadwell.Barrier(1, lambda: witness, 1)
    made.wait()
    made.reset()
    made.abort()
    fails(made.wait)
    _ = repr(made), made.parties, made.n_waiting, made.broken
    fails(threadwell.Barrier(2).wait, 1e-6)
    fails(threadwell.Barrier(1, raise_error).wait)
    fails(threadwell.Barrier, 0)
    fails(threadwell.Barrier, witness)
    fails(threadwell.Barrier)
    pair = threadwell.Barrier(2)
    a_thread_that_waits(lambda _: pair.wait(), pair.wait)


def thread():
    made = threadwell.Thread(target=lambda *_, **__: None, args=(witness,), kwargs={"note": witness}, name="name")
    fails(made.join)
    ends(made)
    fails(made.start)
    fails(setattr, made, "daemon", True)
    made.name = "another"
    _ = repr(made), made.ident, made.native_id, made.is_alive(), made.daemon
    fails(threadwell.Thread, nonsense=witness)
    fails(threadwell.Thread, witness)
    fails(threadwell.current_thread().join)


def thread_that_nobody_joins():
    threadwell.Thread(target=int).start()


def thread_that_fails():
    ends(threadwell.Thread(target=raise_error, args=(witness,), daemon=True))


def thread_that_is_never_started():
    threadwell.Thread(target=raise_error, args=(witness,))


def thread_that_cannot_be_started():
    size = threadwell.stack_size(1 << 46)
    try:
        fails(threadwell.Thread(target=int, args=(witness,)).start)
    finally:
        threadwell.stack_size(size)


def timer_that_fires():
    ends(threadwell.Timer(1e-6, lambda _: None, [witness]))
    ends(threadwell.Timer(1e-6, raise_error, [witness]))
    ends(threadwell.Timer(0, int, [witness]))


def timer_that_is_cancelled():
    made = threadwell.Timer(100, int, [witness])
    made.cancel()
    made.start()
    made.join()
    made = threadwell.Timer(100, int, [witness])
    made.start()
    made.join(1e-6)
    fails(made.join, witness)
    fails(made.start)
    made.cancel()
    made.join()
    fails(threadwell.Timer, witness)


def timer_that_got_a_thread():
    made = threadwell.Timer(100, int, [witness])
    made.start()
    _ = made.ident, repr(made)
    made.finished.set()
    made.join()


class Own(threadwell.local):
    """One for all rounds: without an interpreter lock, 3.13 frees no class."""

    def __init__(self, note):
        self.note = note


def local():
    made = Own(witness)
    ends(threadwell.Thread(target=lambda: setattr(made, "other", made.note)))


def foreign_thread():
    over = threadwell.Lock()
    over.acquire()

    def run():
        threadwell.current_thread().note = witness
        over.release()

    low_level.start_new_thread(run, ())
    over.acquire()
    if not hasattr(sys.modules["_thread"], "_make_thread_handle"):
        # A dummy stays until its identifier is used again, as in the standard library.
        for made in threadwell.enumerate():
            if isinstance(made, threadwell._DummyThread):
                threadwell._active.pop(made._ident, None)


def functions():
    threadwell.enumerate()
    threadwell.active_count()
    threadwell.current_thread()
    threadwell.main_thread()
    threadwell.get_ident()
    threadwell.get_native_id()
    threadwell.settrace(threadwell.gettrace())
    threadwell.setprofile(threadwell.getprofile())
    fails(threadwell.stack_size, 1)
    fails(threadwell.current_thread, witness)
    fails(threadwell.enumerate, witness)
    fails(threadwell.excepthook.__class__, witness)


def iterators():
    for made in (threadwell.serialize_iterator([witness]), *threadwell.concurrent_tee([witness], 2)):
        list(made)
    fails(threadwell.serialize_iterator, 1)
    list(threadwell.synchronized_iterator(lambda: iter([witness]))())


OPERATIONS = {
    operation.__name__: operation
    for operation in [
        condition,
        condition_of_a_foreign_lock,
        notification,
        event,
        barrier,
        thread,
        thread_that_nobody_joins,
        thread_that_fails,
        thread_that_is_never_started,
        thread_that_cannot_be_started,
        timer_that_fires,
        timer_that_is_cancelled,
        timer_that_got_a_thread,
        local,
        foreign_thread,
        functions,
        iterators,
    ]
}
LOCKS = ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"]
OPERATIONS |= {name: a_lock(getattr(threadwell, name)) for name in LOCKS}
OPERATIONS |= {f"contention({name})": contention(getattr(threadwell, name)) for name in LOCKS}

# -- The rounds ------------------------------------------------------------------------------------------------------


def repeat(operation):
    for _ in range(ROUNDS):
        operation()


leaks = []
for name, operation in OPERATIONS.items():
    if CHOSEN and name not in CHOSEN:
        continue
    for _ in range(50):
        operation()
    repeat(operation)
    before = measure()
    repeat(operation)
    after = measure()
    grown = {unit: after[unit] - before[unit] for unit in before}
    print(name, grown, flush=True)
    if name == "thread_that_cannot_be_started":
        # The interpreter leaks its record of each: 352 bytes on 3.13, also with the standard library.
        grown["heap"] -= 384 * ROUNDS
    leaks += [(name, unit, growth) for unit, growth in grown.items() if growth > SLACK[unit]]
if leaks:
    sys.exit(f"leaks: {leaks}")
