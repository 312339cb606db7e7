"""The end of an interpreter in which daemon threads are anywhere, at least a thousand times at each place.

Up to 3.13 the interpreter ends a daemon thread that needs it while it finalizes by unwinding the thread's stack. Frames
of ours must not be unwound through: that would abort the process. Each shape below is a program that puts threads where
this could happen, keeps the interpreter busy at its end, and has to end well: with the exit code of the standard
library's, and without a word.
"""

from __future__ import annotations

import sys

import pytest

#: What to wait for, and the wait: `held` are the arguments of a lock's acquire(), `seconds` is a timeout.
WAITS = {
    "Lock": ("lock = threading.Lock(); lock.acquire()", "lock.acquire(*held())"),
    "RLock": ("lock = threading.RLock(); lock.acquire()", "lock.acquire(*held())"),
    "Condition": ("condition = threading.Condition()", "with condition: condition.wait(seconds())"),
    "Condition of a Lock": (
        "condition = threading.Condition(threading.Lock())",
        "with condition: condition.wait(seconds())",
    ),
    "Condition of the interpreter's lock": (
        "condition = threading.Condition(_thread.allocate_lock())",
        "with condition: condition.wait(seconds())",
    ),
    "Condition of a subclass's lock": (
        "condition = threading.Condition(type('Mine', (type(threading.RLock()),), {})())",
        "with condition: condition.wait(seconds())",
    ),
    "Condition whose lock is held": (
        "condition = threading.Condition(threading.Lock()); condition.acquire()",
        "condition.acquire(*held())",
    ),
    "Condition.wait_for": (
        "condition = threading.Condition()",
        "with condition: condition.wait_for(bool, seconds())",
    ),
    "Semaphore": ("semaphore = threading.Semaphore(0)", "semaphore.acquire(True, seconds())"),
    "BoundedSemaphore": (
        "semaphore = threading.BoundedSemaphore(1); semaphore.acquire()",
        "semaphore.acquire(timeout=seconds())",
    ),
    "Event": ("event = threading.Event()", "event.wait(seconds())"),
    "Barrier": ("barrier = threading.Barrier(9)", "barrier.reset() if barrier.broken else barrier.wait(seconds())"),
    "join": ("[other] = daemons(stay, count=1)", "other.join(seconds())"),
    "join of a timer": (
        "timer = threading.Timer(1000, print); timer.daemon = True; timer.start()",
        "timer.join(seconds())",
    ),
    "finished of a timer": (
        "timer = threading.Timer(1000, print); timer.daemon = True; timer.start()",
        "timer.finished.wait(seconds())",
    ),
}
HOW_LONG = {
    "blocked": "held = lambda: (); seconds = lambda: None",
    "polling": "held = lambda: (True, tick()); seconds = tick",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("how_long", HOW_LONG.values(), ids=HOW_LONG)
def test_daemons_that_wait(exits, how_long, wait):
    exits(f"""
        {how_long}
        {wait[0]}
        def run():
            while True:
                try:
                    {wait[1]}
                except threading.BrokenBarrierError:
                    pass
        daemons(run, count=3)
        time.sleep(tick())
    """)


#: What threads do in a loop, several at once.
WORK = {
    "with a Lock": ("lock = threading.Lock()", "with lock: tick()"),
    "with an RLock": ("lock = threading.RLock()", "with lock, lock: tick()"),
    "with a Condition": ("condition = threading.Condition()", "with condition: condition.notify()"),
    "with a Semaphore": ("semaphore = threading.Semaphore(2)", "with semaphore: time.sleep(0.0001)"),
    "with a BoundedSemaphore": ("semaphore = threading.BoundedSemaphore()", "with semaphore: time.sleep(0.0001)"),
    "a lock held while asleep": ("lock = threading.Lock()", "with lock: time.sleep(0.0001)"),
    "notify and wait": (
        "condition = threading.Condition()",
        "with condition: condition.notify(); condition.wait(tick())",
    ),
    "an Event that goes up and down": ("event = threading.Event()", "event.set(); event.clear(); event.wait(tick())"),
    "Barriers that are passed": ("barrier = threading.Barrier(3)", "barrier.wait()"),
    "threads that come and go": ("", "thread, = daemons(tick, count=1); thread.join()"),
    "a Thread's own run": (
        "Mine = type('Mine', (threading.Thread,), {'run': lambda self: time.sleep(tick())})",
        "thread = Mine(daemon=True); thread.start(); thread.join(tick())",
    ),
    "threads that fail": (
        "threading.excepthook = lambda args: threading.current_thread().name",
        "thread, = daemons(divmod, 1, 0, count=1); thread.join()",
    ),
    "timers that fire": (
        "",
        "timer = threading.Timer(tick(), tick); timer.daemon = True; timer.start(); timer.join()",
    ),
    "timers that are cancelled": (
        "",
        "timer = threading.Timer(tick(), tick); timer.daemon = True; timer.start(); time.sleep(tick()); timer.cancel()",
    ),
    "timers that nobody awaits": (
        "",
        "timer = threading.Timer(tick(), tick); timer.daemon = True; timer.start(); time.sleep(tick())",
    ),
    "destructors that ask who runs them": (
        "Noisy = type('Noisy', (), {'__del__': lambda self: threading.current_thread().name})",
        "Noisy(), threading.Thread(target=Noisy, daemon=True).start(), time.sleep(tick())",
    ),
    "the registry": ("", "threading.enumerate(); threading.active_count(); threading.current_thread().name"),
    "thread-local data": (
        "local = threading.local(); local_of_main = local.late = Late()",
        "thread, = daemons(setattr, local, 'late', Late(), count=1); thread.join()",
    ),
    "locks that come and go": ("", "threading.Lock().acquire(), threading.Condition(), threading.Event().set()"),
    "all waits at once": (
        "locks = threading.Lock(), threading.RLock(), threading.Condition()",
        "[lock.acquire(timeout=tick()) and lock.release() for lock in locks]",
    ),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_daemons_that_work(exits, work):
    exits(f"""
        {work[0]}
        def run():
            while True:
                try:
                    {work[1]}
                except RuntimeError as error:
                    # Once the exit has begun. 3.12.0 and 3.12.1 say it while threads are still waited for.
                    if "at interpreter shutdown" not in str(error):
                        raise
        daemons(run, count=3)
        time.sleep(2 * tick())
    """)


#: Objects of ours that go while daemons hold them, and how a thread comes to run `stay` meanwhile.
OBJECTS = {
    "RLock": "type('Mine', (type(threading.RLock()),), {})()",
    "Condition": "threading.Condition()",
    "Semaphore": "threading.Semaphore()",
    "BoundedSemaphore": "threading.BoundedSemaphore()",
    "Event": "threading.Event()",
    "Barrier": "threading.Barrier(1)",
}
ENDS_OF_OBJECTS = {
    "an attribute": "thing.slow = Slow()",
    "a weak reference": "reference = weakref.ref(thing, lambda _: stay())",
    "a cycle": "thing.itself = thing; thing.slow = Slow()",
}
OF_OBJECTS = {
    f"{name}, {how}": (make, end) for name, make in OBJECTS.items() for how, end in ENDS_OF_OBJECTS.items()
} | {
    "Lock, a weak reference": ("threading.Lock()", ENDS_OF_OBJECTS["a weak reference"]),
    "a lock's weak reference": (
        "threading.Lock()",
        "reference = weakref.ref(thing, lambda _: stay()); thing = threading.Condition(thing)",
    ),
    "a subclass's destructor": ("type('Mine', (threading.Event,), {'__del__': stay})()", ""),
    "a slot": ("type('Mine', (threading.Event,), {'__slots__': ('slow',)})()", "thing.slow = Slow()"),
    "a thread": ("threading.Thread()", "thing.slow = Slow()"),
    "a timer": ("threading.Timer(1, print)", "thing.slow = Slow()"),
    "what a thread was to call": ("threading.Thread(target=Slow().__init__)", ""),
    "thread-local data": ("threading.local()", "thing.slow = Slow()"),
}


@pytest.mark.parametrize(("make", "end"), OF_OBJECTS.values(), ids=OF_OBJECTS)
def test_daemons_that_free_an_object(exits, make, end):
    exits(f"""
        import gc, weakref
        class Slow:
            __del__ = stay
        def run():
            thing = {make}
            {end}
            del thing
            gc.collect()
        daemons(run)
        inside.acquire()
    """)


#: What the main thread waits for at the very end, when others are not let in any more.
LATE_WAITS = {
    "Event": ("threading.Event()", "wait(0.003)"),
    "Lock": ("threading.Lock()", "acquire(timeout=0.003)"),
    "Semaphore": ("threading.Semaphore(0)", "acquire(timeout=0.003)"),
    "Condition": ("threading.Condition()", "wait(0.003)"),
    "Condition of the interpreter's lock": ("threading.Condition(_thread.allocate_lock())", "wait(0.003)"),
    "Condition of a subclass's lock": (
        "threading.Condition(type('Mine', (type(threading.RLock()),), {})())",
        "wait(0.003)",
    ),
}
SIGNALS = {"in peace": 0, "with signals": 0.0003}


@pytest.mark.parametrize(("make", "wait"), LATE_WAITS.values(), ids=LATE_WAITS)
@pytest.mark.parametrize("interval", SIGNALS.values(), ids=SIGNALS)
def test_destructors_that_wait(exits, make, wait, interval):
    # The signals are handled without the interpreter, and so arrive although it is going away. What is right is what
    # the interpreter's own lock does: from 3.15 on it refuses to wait then.
    exits(
        f"""
        import _signal as signal, faulthandler, os
        def outcome(wait):
            try:
                return wait()
            except BaseException as error:
                return type(error), str(error)
        class Last:
            def __init__(self, thing):
                self.thing, self.held = thing, _thread.allocate_lock()
                self.held.acquire()
            def __del__(self, setitimer=signal.setitimer, real=signal.ITIMER_REAL, write=os.write, outcome=outcome):
                theirs = outcome(lambda: self.held.acquire(True, 0.003))
                setitimer(real, {interval}, {interval})
                ours = outcome(lambda: self.thing.{wait})
                setitimer(real, 0)
                write(1, b"as the interpreter" if ours == theirs else repr((ours, theirs)).encode())
        nowhere = sys.nowhere = open(os.devnull, "w")
        faulthandler.register(signal.SIGALRM, file=nowhere)
        thing = {make}
        if not isinstance(thing, threading.Semaphore):
            getattr(thing, "acquire", bool)()
        sys.last = Last(thing)
        daemons(stay)
        """,
        output="as the interpreter",
    )


def test_daemons_that_get_signals(exits):
    # A wait with a timeout is one that a signal interrupts.
    exits("""
        import _signal as signal, faulthandler, os
        class Last:
            def __init__(self, threads):
                self.idents = [thread.ident for thread in threads]
            def __del__(self, kill=signal.pthread_kill, sleep=time.sleep, usr1=signal.SIGUSR1):
                for _ in range(10):
                    for ident in self.idents:
                        kill(ident, usr1)
                    sleep(0.0005)
        nowhere = sys.nowhere = open(os.devnull, "w")
        # What is put back when `faulthandler` goes, when a last signal may be on its way.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        faulthandler.register(signal.SIGUSR1, file=nowhere)
        lock = threading.Lock()
        lock.acquire()
        waits = [(threading.Event().wait, 100), (threading.Semaphore(0).acquire, True, 100), (lock.acquire, True, 100)]
        sys.last = Last([daemons(*wait, count=1)[0] for wait in waits])
    """)


#: 3.14 lets a thread in that is new when the interpreter takes itself apart, with the standard library's module, too:
#: it finds None in the place of names, or crashes. So none comes there any more.
LAST_COME = "come.acquire(), come.acquire()" if sys.version_info[:2] == (3, 14) else "daemons(start_often, count=1)"


#: Daemons whose threads other languages have started, again and again.
@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("how_long", HOW_LONG.values(), ids=HOW_LONG)
def test_threads_of_other_languages_that_wait(exits, how_long, wait):
    exits(
        f"""
        import ctypes
        come = threading.Semaphore(0)
        {how_long}
        {wait[0]}
        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        def run(_):
            come.release()
            while True:
                try:
                    {wait[1]}
                except threading.BrokenBarrierError:
                    pass
        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        def run_once(_):
            threading.current_thread().name, threading.Event().wait(tick())
        c = ctypes.CDLL(None)
        def start(run):
            thread = ctypes.c_ulong()
            if c.pthread_create(ctypes.byref(thread), None, run, None) == 0:
                c.pthread_detach(thread)
        def start_often():
            while True:
                start(run_once)
                time.sleep(tick())
        start(run)
        start(run)
        {LAST_COME}
        time.sleep(tick())
        """,
        modules=("ctypes",),
    )


#: Several daemons at once, each somewhere else; a thread that is waited for, which says so at last.
CROWD = """
lock, event, semaphore = threading.Lock(), threading.Event(), threading.Semaphore(0)
condition, barrier = threading.Condition(), threading.Barrier(1, stay)
lock.acquire()
def poll():
    while True:
        lock.acquire(timeout=tick()), event.wait(tick()), semaphore.acquire(timeout=tick())
        with condition:
            condition.wait_for(bool, tick())
def fire():
    while True:
        timer = threading.Timer(tick(), tick)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError as error:
            if "at interpreter shutdown" not in str(error):
                raise
        time.sleep(tick())
daemons(poll)
daemons(fire)
daemons(barrier.wait, count=1)
daemons(event.wait, count=1)
class Slow:
    __del__ = stay
def free():
    event = threading.Event()
    event.slow = Slow()
daemons(free, count=1)
inside.acquire()

import os, _signal as signal
def work():
    threading.main_thread().join()
    time.sleep(tick())
    os.write(1, b"waited for\\n")
thread = threading.Thread(target=work)
timer = threading.Timer(tick(), work)

def interrupt(error):
    # The main thread handles signals when it wakes up. One that comes just before it sleeps does not wake it.
    handled = []
    def handle(*_):
        if not handled:
            handled.append(True)
            raise error
    signal.signal(signal.SIGINT, handle)
    def run():
        threading.main_thread().join()
        while not handled:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(500):
                time.sleep(0.001)
                if handled:
                    break
        threading.Event().wait()
    return threading.Thread(target=run)
"""

#: How a program ends: what it does last, its exit code, and what it writes.
ENDS = {
    "at its end": ("", 0, ""),
    "waiting for a thread": ("thread.start()", 0, "waited for\n"),
    "waiting for a timer": ("timer.start()", 0, "waited for\n"),
    "waiting for both": ("thread.start(); timer.start()", 0, "waited for\nwaited for\n"),
    "sys.exit": ("thread.start(); sys.exit(3)", 3, "waited for\n"),
    "sys.exit, at once": ("sys.exit(3)", 3, ""),
    "sys.exit with a message": ("thread.start(); sys.exit('message')", 1, "message\nwaited for\n"),
    "an exception": (
        "thread.start(); raise ValueError('wrong')",
        1,
        "Traceback (most recent call last):\n...ValueError: wrong\nwaited for\n",
    ),
    "SIGINT": (
        "signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
        -2,
        "Traceback (most recent call last):\n...\nKeyboardInterrupt\n",
    ),
    "os._exit": ("thread.start(); os._exit(5)", 5, ""),
    "os._exit in the wait": (
        "threading.Thread(target=lambda: (threading.main_thread().join(), os._exit(5))).start()",
        5,
        "",
    ),
    "SIGINT in the wait": ("interrupt(KeyboardInterrupt('now')).start()", 0, "...KeyboardInterrupt: now\n"),
    "SystemExit in the wait": ("interrupt(SystemExit(3)).start()", 0, "...SystemExit: 3\n"),
    "a callback that exits": ("import atexit; atexit.register(os._exit, 6)", 6, ""),
}


@pytest.mark.parametrize(("last", "code", "output"), ENDS.values(), ids=ENDS)
def test_ends(exits, last, code, output):
    exits(CROWD + last, code=code, output=output)
