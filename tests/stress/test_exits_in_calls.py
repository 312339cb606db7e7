"""The end of an interpreter in which daemon threads run Python code that frames of ours have called.

As in test_exits.py, but each thread is where an unwinding is sure to come by our frames: in `stay`, which needs the
interpreter again and again.
"""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

#: Programs, of which one daemon runs the function `run`. Once it is in `stay`, the program ends.
OF_OURS = {
    "repr of a lock": "run = lambda: repr(Condition(Foreign(__str__=stay)))",
    "blocking": "run = lambda: Lock().acquire(Number())",
    "blocking of a semaphore": "run = lambda: Semaphore().acquire(Number())",
    "timeout": "run = lambda: Lock().acquire(True, Number())",
    "timeout, second look": "run = lambda: whether_or_not(Lock().acquire, True, Number(2))",
    "timeout of an event": "run = lambda: Event().wait(Number())",
    "timeout of an event, second look": "run = lambda: whether_or_not(Event().wait, Number(2))",
    "timeout of a join": "run = lambda: daemons(time.sleep, 9)[0].join(Number())",
    "timeout of a barrier": "run = lambda: Barrier(2).wait(Number())",
    "timeout of a barrier's own": "run = lambda: Barrier(2, timeout=Number()).wait()",
    "timeout of a predicate": "run = lambda: condition.wait_for(bool, Number())",
    "permits": "run = lambda: Semaphore(Number())",
    "permits, second look": "run = lambda: whether_or_not(Semaphore, Number(2))",
    "released permits": "run = lambda: Semaphore().release(Number())",
    "bounded permits": "run = lambda: BoundedSemaphore(Number())",
    "parties": "run = lambda: Barrier(Number())",
    "parties, second look": "run = lambda: whether_or_not(Barrier, Number(2))",
    "warning": "warnings.showwarning = stay; run = lambda: Event().isSet()",
    "warning of a condition": "warnings.showwarning = stay; run = lambda: condition.notifyAll()",
    "predicate": "run = lambda: condition.wait_for(stay)",
    "predicate, second call": "looks = iter([int]); run = lambda: condition.wait_for(lambda: next(looks, stay)(), 0.1)",
    "truth of a predicate": "run = lambda: condition.wait_for(lambda: Foreign(__bool__=stay))",
    "action of a barrier": "run = lambda: Barrier(1, stay).wait()",
    "truth of an action": "run = lambda: Barrier(1, Foreign(__bool__=stay)).wait()",
    "sum": "run = lambda: Semaphore(0).acquire(timeout=Foreign(__radd__=lambda *_: Slow()))",
    "comparison": "run = lambda: Semaphore(Foreign(__lt__=lambda *_: Slow()))",
    "state to restore": "run = lambda: RLock()._acquire_restore((Number(), 0))",
    "state to restore of a condition": "run = lambda: Condition()._acquire_restore((Number(), 0))",
    "module of a class": "run = lambda: whether_or_not(repr, Meta('Mine', (Event,), {})())",
    "module of a class of semaphores": "run = lambda: whether_or_not(repr, Meta('Mine', (Semaphore,), {})())",
    "module of a class of barriers": "run = lambda: whether_or_not(repr, Meta('Mine', (Barrier,), {})(1))",
    "module of a class of conditions": "run = lambda: whether_or_not(repr, Meta('Mine', (Condition,), {})())",
    "name of a class of locks": "run = lambda: whether_or_not(repr, Meta('Mine', (type(RLock()),), {})())",
    "name of an argument": "run = lambda: condition.wait_for(**{Name('predicate'): stay})",
    "lock, acquire": "run = lambda: Condition(Foreign(acquire=stay)).acquire()",
    "lock, release": "run = lambda: Condition(Foreign(release=stay)).release()",
    "lock, entered": "run = lambda: Condition(Foreign(__enter__=stay)).__enter__()",
    "lock, left": "run = lambda: Condition(Foreign(__exit__=stay)).__exit__()",
    "lock, owned": "run = lambda: Condition(Foreign(_is_owned=stay)).wait(0)",
    "lock, owned, result": "run = lambda: Condition(Foreign(_is_owned=Slow)).wait(0)",
    "lock, owned by trial": "run = lambda: Condition(Trial()).notify()",
    "lock, release for a wait": "run = lambda: Condition(Foreign(_release_save=stay)).wait(tick())",
    "lock, state of a wait": "run = lambda: Condition(Foreign(_release_save=Slow)).wait(tick())",
    "lock, acquire after a wait": "run = lambda: Condition(Foreign(_acquire_restore=stay)).wait(tick())",
    "lock, looked up": "run = lambda: Condition(Foreign(__getattribute__=stay))",
    "lock, freed": "run = lambda: Condition(Foreign(__del__=stay))",
    "lock, for a fork": "run = lambda: Condition(Foreign(_at_fork_reinit=stay))._at_fork_reinit()",
    "action, freed": "run = lambda: Barrier(1, Slow())",
    "timeout, freed": "run = lambda: Barrier(1, timeout=Slow())",
    "result, freed": "run = lambda: Barrier(1, Slow).wait()",
    "wait of a subclass": "Mine.wait = stay; run = lambda: Mine(lock).wait_for(bool, 9)",
    "notify of a subclass": "Mine.notify = stay; run = lambda: Mine(lock).notify_all()",
    "release of a subclass": "run = lambda: type('Mine', (Semaphore,), {'release': stay})().__exit__(None, None, None)",
    "acquire of a subclass": "run = lambda: Condition(type('Mine', (type(RLock()),), {'acquire': stay})()).acquire()",
    "dummy for a thread": "threading._DummyThread = stay; run = lambda: _thread.start_new_thread(current_thread, ())",
    "notified": "run = lambda: notify(Foreign(__gt__=stay))",
    "notified, next": "run = lambda: notify(Foreign(__gt__=lambda *_: True, __isub__=stay))",
    "hash of a thread": """
        class Odd(threading.Thread):
            def __hash__(self):
                return 1 if self._ident is None else stay()
        run = Odd(daemon=True).start
    """,
    "look at a timer": """
        class Odd(threading.Timer):
            def __getattribute__(self, name):
                return stay() if name == "_tw_fire" else super().__getattribute__(name)
        def run():
            timer = Odd(tick(), print)
            timer.daemon = True
            timer.start()
    """,
    "report of a timer": """
        class Odd(threading.Timer):
            def __getattribute__(self, name):
                return 1 / 0 if name == "_tw_fire" else super().__getattribute__(name)
        def run():
            timer = Odd(tick(), print)
            timer.daemon = True
            timer.start()
        sys.unraisablehook = stay
    """,
    "timer that is fired": """
        def run():
            timer = threading.Timer(tick(), stay)
            timer.daemon = True
            timer.start()
    """,
    "start of a driver": """
        def profile(frame, event, arg):
            if frame.f_code.co_name == "_prepare_driver":
                stay()
        def run():
            sys.setprofile(profile)
            timer = threading.Timer(1, stay)
            timer.daemon = True
            timer.start()
    """,
}

#: The same, where the code is not called by us, but a thread of ours is in it.
OF_OTHERS = {
    "a Thread's run": "run = type('Mine', (threading.Thread,), {'run': stay})(daemon=True).start",
    "excepthook": "threading.excepthook = stay; run = lambda: 1 / 0",
    "trace function": "threading.settrace(stay); run = print",
    "profile function": "threading.setprofile(stay); run = print",
    "profile function at a call of ours": """
        def profile(frame, event, arg):
            if event in ("c_call", "c_return") and getattr(arg, "__name__", "") in ("wait", "release"):
                stay()
        def run():
            sys.setprofile(profile)
            event.wait(tick()) if chance() < 0.5 else Semaphore().release()
        event = Event()
    """,
    "thread-local data": "local = threading.local(); run = lambda: setattr(local, 'slow', Slow())",
    "release in a destructor": """
        class Releases:
            def __del__(self):
                ours.release()
                if chance() < 0.1:
                    stay()
        def run():
            while True:
                ours.acquire()
                Releases()
        ours = Lock()
    """,
    "set in the callback of a weak reference": """
        def callback(_):
            event.set()
            stay()
        def run():
            thing = Event()
            reference = weakref.ref(thing, callback)
            del thing
        import weakref
        event = Event()
    """,
}

#: What allocates, if only for an exception: garbage is collected somewhere in it, and `Slow.__del__` runs.
COLLECTIONS = {
    "Event": "Event()",
    "Condition": "Condition()",
    "Semaphore": "Semaphore(value=2)",
    "Barrier": "Barrier(1, action=bool, timeout=2)",
    "RLock": "RLock()",
    "subclass": "Mine()",
    "_waiters": "condition._waiters",
    "enumerate": "threading.enumerate()",
    "current_thread": "threading.current_thread()",
    "Thread": "Thread()",
    "Timer": "Timer(1, print)",
    "start of a thread": "daemons(bool, count=1)[0].join()",
    "with": "lock.__enter__, lock.__exit__, lock.__enter__(), lock.__exit__()",
    "start of a timer": "daemon = Timer(1, print); daemon.daemon = True; daemon.start(); daemon.cancel()",
    "repr": "repr(Event()), repr(Semaphore()), repr(Barrier(1)), repr(condition), repr(lock)",
    "wait": "condition.wait(0.0001), Event().wait(0.0001), Semaphore(0).acquire(timeout=0.0001)",
    "wait with an int": "Event().wait(-1), Lock().acquire(True, timeout=1)",
    "wait_for": "condition.wait_for(bool, 0.0001)",
    "state": "Condition(Mine())._acquire_restore(condition._release_save()), condition.acquire()",
    "timeout": "Lock().acquire(timeout=Fraction())",
    "error of release": "Lock().release()",
    "error of an RLock": "RLock().release()",
    "error of _release_save": "RLock()._release_save()",
    "error of notify": "Condition().notify()",
    "error of wait": "Condition().wait()",
    "error of wait_for": "Condition().wait_for(bool)",
    "error of a Condition": "Condition(object())",
    "error of a second __init__": "condition.__init__()",
    "error of an argument": "Event(1)",
    "error of a name": "Event(name=1)",
    "error of a method's argument": "Event().wait(1, 2)",
    "error of a method's name": "Event().wait(name=2)",
    "error of predicates": "condition.wait_for()",
    "error of permits": "Semaphore(-1)",
    "error of odd permits": "Semaphore('x')",
    "error of many permits": "Semaphore(1 << 70)",
    "error of broken permits": "Semaphore(0.5)",
    "error of many releases": "Semaphore().release(1 << 70)",
    "error of odd releases": "Semaphore().release('x')",
    "error of too many releases": "BoundedSemaphore().release()",
    "error of parties": "Barrier(0)",
    "error of odd parties": "Barrier('x')",
    "error of no parties": "Barrier()",
    "error of a broken barrier": "Barrier(2).wait(0)",
    "error of a barrier's state": "Barrier.__new__(Barrier).broken",
    "error of a timeout": "Lock().acquire(timeout=-2)",
    "error of an odd timeout": "Event().wait('x')",
    "error of a long timeout": "Event().wait(1e300)",
    "error of a semaphore's timeout": "Semaphore(0).acquire(timeout='x')",
    "error of a timeout too many": "Semaphore().acquire(False, 1)",
    "error of arguments": "Lock().acquire(1, 2, 3)",
    "error of names": "Lock().acquire(name=1)",
    "error of a join": "Thread().join()",
    "error of a start": "threading.current_thread().start()",
    "attribute that there is not": "Event().nothing",
    "attribute that cannot be": "Event().nothing",
}

PRELUDE = dedent("""
    import gc, warnings
    globals().update((name, getattr(threading, name)) for name in threading.__all__)

    class Number:
        # Converts itself, and stays there after so many times.
        def __init__(self, patience=1):
            self.patience = patience
        def __index__(self):
            self.patience -= 1
            return 1 if self.patience else stay()
        __float__ = __bool__ = __index__
        def __lt__(self, other):
            return False
        __le__ = __lt__
        def __gt__(self, other):
            return True
        def __radd__(self, other):
            return 1.0

    class Slow:
        __del__ = stay
        def __bool__(self):
            return False
        def __lt__(self, other):
            return Slow()

    class Foreign:
        def __new__(cls, **special):
            made = type("Made", (cls,), special)
            return object.__new__(made)
        def __init__(self, **special):
            pass
        def acquire(self, *args):
            return True
        def release(self):
            pass
        def _acquire_restore(self, state):
            pass
        def _release_save(self):
            pass
        def _is_owned(self):
            return True

    class Trial:
        acquire = release = stay

    class Meta(type):
        def __getattribute__(cls, name):
            return stay() if name in ("__module__", "__qualname__", "__name__") else super().__getattribute__(name)

    class Name(str):
        def __eq__(self, other):
            return str.__eq__(self, other) if sys._getframe(1).f_code is run.__code__ else stay()
        __hash__ = str.__hash__

    class Mine(Condition):
        pass

    def wait(condition):
        with condition:
            condition.wait()

    def notify(number):
        waited = Condition()
        daemons(wait, waited, count=1)
        while True:
            with waited:
                waited.notify(number)

    def whether_or_not(call, *args):
        # It need not come to this.
        call(*args)
        stay()

    class Fraction:
        def __float__(self):
            return 0.5
        __index__ = None

    def make_garbage():
        # One collection is to come, after so many of the next allocations.
        gc.disable()
        gc.collect()
        for _ in range(20):
            slow = Slow()
            slow.itself = slow
        gc.set_threshold(gc.get_count()[0] + int(12 * chance()), 1000, 1000)
        gc.enable()

    warnings.simplefilter("always")
    lock = RLock()

    def begin():
        global condition
        lock.acquire()
        condition = Condition(lock)
        run()
""")


@pytest.mark.parametrize("source", [*OF_OURS.values(), *OF_OTHERS.values()], ids=[*OF_OURS, *OF_OTHERS])
def test_a_daemon_in_python_code(exits, source):
    exits("\n".join([PRELUDE, dedent(source), "daemons(begin, count=1)", "inside.acquire()"]), modules=("warnings",))


if sys.version_info >= (3, 12):
    # Garbage is collected between two instructions there, and when signals are looked for: in calls that wait.
    COLLECTIONS = {call: COLLECTIONS[call] for call in ("wait", "wait_for", "error of permits")}


@pytest.mark.parametrize("call", COLLECTIONS.values(), ids=COLLECTIONS)
def test_a_daemon_in_a_collection(exits, call):
    source = """
        def run():
            kept = []
            make_garbage()
            while True:
                try:
                    CALL
                except Exception:
                    pass
                kept.append([])
    """
    exits("\n".join([PRELUDE, dedent(source).replace("CALL", call), "daemons(begin, count=1)", "inside.acquire()"]))
