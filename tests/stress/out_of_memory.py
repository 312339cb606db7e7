"""Lets every allocation of the interpreter's fail in turn, in every operation of a module like ``threading``.

    python out_of_memory.py MODULE one|all ROUNDS [OPERATION...]

In round N of an operation the first N allocations succeed, and then one fails, or all do until the operation is over.
Afterwards there is memory again: what the operation was done to has to work, and the registry has to be clean. Prints
a line for each operation; ends with an error, and after too long a time with the stacks of all threads.
"""

from __future__ import annotations

import _testcapi
import collections
import faulthandler
import importlib
import os
import sys
import sysconfig
import time

PATIENCE = 30
MODULE, KIND, ROUNDS, *CHOSEN = sys.argv[1:]
threading = importlib.import_module(MODULE)
sys.unraisablehook = lambda _: None
main = threading.main_thread()

#: Memory for all. The interpreter's functions are never put back, which could not be done beside another thread.
PLENTY = (2**30, 0)
_testcapi.set_nomemory(*PLENTY)


def is_expected(error):
    return type(error) is MemoryError or (type(error) is RuntimeError and str(error) == "can't start new thread")


# -- The operations: what is done without memory, and what has to be so afterwards -----------------------------------


def works(thread):
    """A start that has failed can be repeated; then there is nothing left of the thread."""
    if not thread._started.is_set():
        assert not thread.is_alive()
        assert thread.ident is None
        thread.start()
    if isinstance(thread, threading.Timer):
        thread.cancel()
    thread.join()
    assert not thread.is_alive()


def all_work():
    for thread in threading.enumerate():
        if thread is not main:
            works(thread)


def a_start(daemon=False, target=int):
    thread = threading.Thread(target=target, daemon=daemon)
    return thread.start, lambda: works(thread)


def a_daemon():
    return a_start(daemon=True)


def a_failing_target():
    return a_start(target=lambda: 1 / 0)


def a_thread():
    def work():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

    return work, all_work


def a_join():
    thread = threading.Thread(target=int)
    thread.start()
    return thread.join, lambda: works(thread)


def a_timer_that_fires():
    timer = threading.Timer(0.0005, int)
    return timer.start, lambda: works(timer)


def a_timer():
    def work():
        timer = threading.Timer(100, int)
        timer.start()
        timer.cancel()
        timer.join()

    return work, all_work


def a_timer_that_needs_a_driver():
    deadline = time.monotonic() + PATIENCE
    # There is this one, and that of `faulthandler`.
    while len(os.listdir("/proc/self/task")) > 2:
        assert time.monotonic() < deadline
    timer = threading.Timer(100, int)

    def settle():
        works(timer)
        # A driver that could not begin must not be counted on.
        later = threading.Timer(0.001, int)
        later.start()
        later.join()

    return timer.start, settle


def a_timer_that_needs_a_thread():
    timer = threading.Timer(100, int)
    timer.start()
    return lambda: timer.ident, lambda: works(timer)


def a_class(name, *args):
    return lambda: (lambda: getattr(threading, name)(*args), int)


def free(lock):
    try:
        # A plain semaphore can always be released.
        while not getattr(lock, "_value", 0):
            lock.release()
    except RuntimeError:
        pass
    assert lock.acquire(timeout=PATIENCE)
    lock.release()


def a_lock(name):
    def operation():
        lock = getattr(threading, name)()

        def work():
            lock.acquire(True, 10)
            lock.release()
            with lock:
                lock.acquire(False)
                lock.acquire(timeout=0.0001)
            repr(lock)

        return work, lambda: free(lock)

    return operation


def a_contended_lock(name):
    def operation():
        lock, held, over = getattr(threading, name)(), threading.Event(), threading.Event()

        def hold():
            with lock:
                held.set()
                over.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()

        def work():
            assert not lock.acquire(timeout=0.0001)
            over.set()
            with lock:
                pass

        def settle():
            over.set()
            works(thread)
            free(lock)

        return work, settle

    return operation


def a_condition():
    condition, waiting = threading.Condition(), threading.Semaphore(0)

    def wait():
        with condition:
            waiting.release()
            condition.wait(PATIENCE)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.acquire()

    def work():
        with condition:
            condition.notify()
            condition.wait(0.0001)
            condition.wait_for(int, 0.0001)
            condition.notify_all()

    def settle():
        with condition:
            condition.notify_all()
        works(thread)

    return work, settle


def an_event():
    event = threading.Event()
    threads = [threading.Thread(target=event.wait) for _ in range(3)]
    for thread in threads:
        thread.start()

    def work():
        event.wait(0.0001)
        event.set()
        event.wait()
        event.clear()
        repr(event)

    def settle():
        event.set()
        for thread in threads:
            works(thread)

    return work, settle


def a_barrier():
    barrier = threading.Barrier(1, int)

    def work():
        barrier.wait()
        barrier.wait(1)
        _ = barrier.parties, barrier.n_waiting, barrier.broken
        repr(barrier)
        barrier.abort()
        barrier.reset()

    def settle():
        barrier.reset()
        barrier.wait(PATIENCE)

    return work, settle


def a_broken_barrier():
    barrier = threading.Barrier(2)

    def work():
        try:
            barrier.wait(0.0001)
        except threading.BrokenBarrierError:
            pass

    def settle():
        barrier.reset()
        thread = threading.Thread(target=barrier.wait)
        thread.start()
        barrier.wait(PATIENCE)
        works(thread)

    return work, settle


def a_foreign_thread():
    begin, over = threading.Event(), threading.Event()
    _thread = sys.modules["_thread"]

    def run():
        try:
            begin.wait()
            threading.current_thread()
        finally:
            over.set()

    _thread.start_new_thread(run, ())

    def work():
        begin.set()
        over.wait()

    def settle():
        if not hasattr(_thread, "_make_thread_handle"):
            # Where threads have no handles, a dummy stays, as in the standard library.
            for thread in threading.enumerate():
                if isinstance(thread, threading._DummyThread):
                    del threading._active[thread._ident]

    return work, settle


def the_functions():
    def work():
        threading.enumerate()
        threading.active_count()
        threading.get_ident()
        threading.get_native_id()
        repr(threading.current_thread())

    return work, int


def wrong_calls():
    lock, rlock, condition, event = threading.Lock(), threading.RLock(), threading.Condition(), threading.Event()
    semaphore, barrier, thread = threading.BoundedSemaphore(), threading.Barrier(2), threading.current_thread()
    calls = [
        (lock.release,),
        (rlock.release,),
        (semaphore.release,),
        (condition.notify,),
        (condition.wait,),
        (condition.release,),
        (lock.acquire, False, 1),
        (lock.acquire, True, -5),
        (lock.acquire, True, 1e300),
        (lock.acquire, 1, 2, 3),
        (semaphore.acquire, False, 1),
        (semaphore.acquire, 1, 2, 3),
        (condition.wait, 1, 2),
        (event.wait, ""),
        (event.wait, 1, 2),
        (barrier.wait, ""),
        (threading.Barrier, 0),
        (threading.Barrier,),
        (threading.Semaphore, -1),
        (threading.Semaphore, 1, 2),
        (thread.start,),
        (thread.join,),
    ]

    def work():
        for function, *args in calls:
            try:
                function(*args)
            except (TypeError, ValueError, RuntimeError, OverflowError):
                continue
            raise AssertionError(function)

    return work, int


#: Those make a `Thread`, and with it a function of its own.
CLOSURES = ["a_thread", "a_foreign_thread", "Thread()"]
#: Those make a list.
LISTS = ["the_functions"]
OPERATIONS = {
    operation.__name__: operation
    for operation in [
        a_start,
        a_daemon,
        a_failing_target,
        a_thread,
        a_join,
        a_timer_that_fires,
        a_timer,
        a_timer_that_needs_a_driver,
        a_timer_that_needs_a_thread,
        a_condition,
        an_event,
        a_barrier,
        a_broken_barrier,
        a_foreign_thread,
        the_functions,
        wrong_calls,
    ]
}
LOCKS = ["Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"]
OPERATIONS |= {f"{name}()": a_class(name) for name in [*LOCKS, "Event", "Thread"]}
OPERATIONS |= {"Barrier()": a_class("Barrier", 2), "Timer()": a_class("Timer", 1, int)}
OPERATIONS |= {f"a_lock({name})": a_lock(name) for name in LOCKS}
OPERATIONS |= {f"a_contended_lock({name})": a_contended_lock(name) for name in LOCKS}


# -- The rounds ------------------------------------------------------------------------------------------------------


def attempt(work, window):
    # A function of its own, and short: without memory the interpreter never gets out of an `except` that is more than
    # 256 instructions into a function.
    _testcapi.set_nomemory(*window)
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - what it is, is looked at
        _testcapi.set_nomemory(*PLENTY)
        return error
    _testcapi.set_nomemory(*PLENTY)
    return None


def rounds(name, operation):
    outcomes = collections.Counter()
    work, settle = operation()
    work()
    settle()
    for count in range(int(ROUNDS)):
        work, settle = operation()
        error = attempt(work, (count, count + 1 if KIND == "one" else 0))
        outcomes[type(error).__name__ if error else "success"] += 1
        if error and not is_expected(error):
            raise AssertionError(f"{name}, after {count} allocations") from error
        error = work = None
        settle()
        deadline = time.monotonic() + PATIENCE
        # A timer's driver, or a thread that its target ends, may still be on its way out.
        while threading.enumerate() != [main]:
            assert time.monotonic() < deadline, (name, count, threading._active, threading._limbo)
    return outcomes


for name, operation in OPERATIONS.items():
    if not CHOSEN or name in CHOSEN:
        if (name, KIND) == ("a_failing_target", "all") and sys.version_info < (3, 12):
            # The interpreter ends the process in such a case: "Cannot recover from stack overflow".
            continue
        if name in CLOSURES and sys.version_info[:2] in ((3, 12), (3, 13)):
            # Without memory for a function that it is to make, the interpreter frees what is not its own.
            continue
        if name in LISTS and sysconfig.get_config_var("Py_GIL_DISABLED") and sys.version_info < (3, 14):
            # Without memory for the items of a list, the interpreter frees whatever is where their address is to be.
            continue
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        print(name, dict(rounds(name, operation)), flush=True)
