"""Many threads at one object: what programs do that take the interpreter lock for granted, or have none."""

from __future__ import annotations

import _thread
import contextlib
import gc
import itertools
import sys
import weakref

import pytest

import threadwell as threading

#: Threads for each of the things that are done at once.
EACH = 2


@pytest.fixture(autouse=True)
def often():
    """Have threads take turns often where they have to."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def hammer(stress):
    """Do all of some things at once and again and again, each in several threads; none may raise."""

    def hammer(*actions, quick=200, full=100_000, each=EACH):
        rounds = stress.rounds(quick, full)
        gate = threading.Barrier(each * len(actions))
        errors = []

        def run(action):
            try:
                gate.wait()
                for _ in range(rounds):
                    action()
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=run, args=(action,)) for action in actions for _ in range(each)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        stress.counted(f"{rounds} rounds in each of {len(threads)} threads, 0 errors")

    return hammer


class Counter:
    """A number that only a lock keeps right."""

    def __init__(self):
        self.value = 0

    def add(self):
        value = self.value
        self.value = value + 1


# -- The primitives ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"])
def test_one_at_a_time_is_inside(hammer, kind, stress):
    lock, counter = getattr(threading, kind)(), Counter()

    def enter():
        with lock:
            counter.add()

    def acquire():
        while not lock.acquire(blocking=False):
            lock.acquire(timeout=0.001) and lock.release()
        counter.add()
        lock.release()

    hammer(enter, acquire, lambda: repr(lock))
    assert counter.value == 2 * EACH * stress.rounds(200, 100_000)


def test_one_condition(hammer, stress):
    condition, tokens, taken = threading.Condition(), [], []

    def give():
        with condition:
            tokens.append(None)
            condition.notify()

    def take():
        with condition:
            condition.wait_for(lambda: tokens)
            tokens.pop()
        taken.append(None)

    def look():
        assert len(condition._waiters) <= EACH
        with condition:
            condition.wait(0)
            condition.notify_all()

    hammer(give, take, look)
    assert tokens == []
    assert len(taken) == EACH * stress.rounds(200, 100_000)


def test_one_event_shows_what_was_written_before(hammer):
    pairs = [[threading.Event(), None]]

    def write():
        pair = pairs[-1]
        pair[1] = "written"
        pair[0].set()
        pairs.append([threading.Event(), None])

    def read():
        pair = pairs[-1]
        if pair[0].wait(0.001):
            assert pair[1] == "written"

    hammer(write, read)


def test_one_event(hammer):
    event = threading.Event()
    hammer(event.set, event.clear, event.is_set, lambda: event.wait(0), lambda: repr(event))
    event.set()
    assert event.is_set()


def test_one_barrier(hammer, stress):
    rounds = stress.rounds(200, 100_000)
    barrier, indices = threading.Barrier(3), [[] for _ in range(3)]

    def arrive():
        indices[barrier.wait()].append(None)

    hammer(arrive, each=3)
    assert [len(found) for found in indices] == [rounds] * 3


def test_one_barrier_that_is_reset_and_broken(hammer):
    barrier = threading.Barrier(2)

    def arrive():
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(0.001)

    hammer(arrive, barrier.reset, barrier.abort, lambda: (barrier.broken, barrier.n_waiting, repr(barrier)))


def test_initialised_again_and_again(hammer):
    semaphore, bounded = threading.Semaphore(), threading.BoundedSemaphore()
    barrier, condition = threading.Barrier.__new__(threading.Barrier), threading.Condition.__new__(threading.Condition)

    def once(thing, *args):
        with contextlib.suppress(RuntimeError):
            thing.__init__(*args)

    hammer(
        lambda: semaphore.__init__(2),
        lambda: bounded.__init__(2),
        lambda: semaphore.acquire(blocking=False),
        lambda: once(barrier, 1),
        lambda: once(condition),
        lambda: getattr(barrier, "parties", 1) == 1,
    )
    assert barrier.wait() == 0
    with condition:
        condition.notify()


# -- Their attributes, and their end ----------------------------------------------------------------------------------

WITH_ATTRIBUTES = {
    "Condition": threading.Condition,
    "Event": threading.Event,
    "Semaphore": lambda: threading.Semaphore(100),
    "BoundedSemaphore": lambda: threading.BoundedSemaphore(100),
    "Barrier": lambda: threading.Barrier(1),
    "Thread": lambda: threading.Thread(target=int),
    "Timer": lambda: threading.Timer(60, int),
}


@pytest.mark.parametrize("make", WITH_ATTRIBUTES.values(), ids=WITH_ATTRIBUTES)
def test_attributes_are_set_and_deleted_while_others_read(hammer, make):
    thing = make()

    def set_and_delete():
        thing.extra = object()
        with contextlib.suppress(AttributeError):
            del thing.extra

    def use():
        if isinstance(thing, threading.Condition):
            with thing:
                thing.notify_all()
        elif isinstance(thing, threading.Semaphore):
            with thing:
                pass
        elif isinstance(thing, threading.Barrier):
            thing.wait()
        repr(thing)

    def refer():
        assert weakref.ref(thing)() is thing

    hammer(set_and_delete, lambda: getattr(thing, "extra", None), lambda: list(vars(thing)), use, refer)


@pytest.mark.parametrize("kind", ["Lock", "RLock", *WITH_ATTRIBUTES])
def test_made_in_one_thread_and_freed_in_others(hammer, kind):
    make = WITH_ATTRIBUTES.get(kind) or getattr(threading, kind)
    handed, freed = [], []

    def give():
        thing = make()
        with contextlib.suppress(AttributeError):
            thing.itself = thing
        handed.append((thing, weakref.ref(thing, freed.append)))

    def take():
        with contextlib.suppress(IndexError):
            thing, reference = handed.pop()
            del thing
            reference()

    hammer(give, take, take)
    handed.clear()
    gc.collect()


def test_the_collector_comes_by(hammer):
    def make_cycle():
        thing = threading.Condition(threading.Lock())
        thing.action = threading.Barrier(1, action=thing.notify, timeout=thing)
        thing.action.event = threading.Event()
        thing.action.event.back = thing

    hammer(make_cycle, lambda: gc.collect(0), quick=50, full=5_000)


# -- Threads ----------------------------------------------------------------------------------------------------------


def at_once(count, action):
    """Do something in several threads, as much at once as can be; return how often it raised `RuntimeError`."""
    gate, refused = threading.Barrier(count), []

    def run():
        gate.wait()
        try:
            action()
        except RuntimeError as error:
            refused.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(refused)


@pytest.mark.parametrize(
    "make", [threading.Thread, lambda target: threading.Timer(1e-3, target)], ids=["thread", "timer"]
)
def test_one_of_many_starts_the_thread(make, stress):
    rounds = stress.rounds(50, 20_000)
    for _ in range(rounds):
        ran = []
        thread = make(target=lambda ran=ran: ran.append(None))
        assert at_once(4, thread.start) == 3
        assert at_once(4, thread.join) == 0
        assert ran == [None]
        assert not thread.is_alive()
        assert thread not in threading.enumerate()
    stress.counted(f"{rounds} threads started by 4 at once, {rounds} ran once")


def test_a_timer_is_cancelled_or_fires(stress):
    rounds = stress.rounds(100, 20_000)
    for _ in range(rounds):
        fired = []
        timer = threading.Timer(stress.random.choice([1e-9, 1e-4]), fired.append, [None])
        timer.start()
        at_once(3, timer.cancel)
        timer.join()
        assert len(fired) <= 1
        assert timer.finished.is_set()
    stress.counted(f"{rounds} timers")


@pytest.mark.parametrize("pending", [0, 3])
def test_threads_are_counted_while_they_come_and_go(hammer, pending):
    stay = threading.Event()
    residents = [threading.Thread(target=stay.wait) for _ in range(3)]
    timers = [threading.Timer(3600, int) for _ in range(pending)]
    for thread in (*residents, *timers):
        thread.start()
    known = {*residents, *timers, threading.main_thread()}

    def come_and_go():
        thread = threading.Thread(target=threading.current_thread)
        thread.start()
        thread.join()

    def look():
        found = threading.enumerate()
        assert len(found) == len(set(found))
        assert known <= set(found)
        # The threads of this test, and those that they start.
        assert len(known) <= threading.active_count() <= len(known) + 6 * EACH

    def time():
        timer = threading.Timer(3600, int)
        timer.start()
        timer.cancel()

    hammer(come_and_go, look, time, quick=100)
    stay.set()
    for timer in timers:
        timer.cancel()
    for thread in (*residents, *timers):
        thread.join()


def test_threads_of_others_are_counted_once(hammer):
    def visit():
        done = _thread.allocate_lock()
        done.acquire()
        seen = []

        def run():
            seen.extend([threading.current_thread(), threading.current_thread()])
            done.release()

        _thread.start_new_thread(run, ())
        done.acquire()
        assert seen[0] is seen[1]

    hammer(visit, threading.enumerate, quick=50, full=20_000)


def test_the_first_threads_are_started_by_many_at_once(program, stress):
    rounds = stress.rounds(3, 1000)
    for _ in range(rounds):
        program("""
            import _thread, threading as stdlib
            import threadwell
            import threadwell._threads

            gate, ended = stdlib.Barrier(8), stdlib.Semaphore(0)
            def run():
                gate.wait()
                thread = threadwell.Thread(target=int)
                thread.start()
                thread.join()
                ended.release()
            for _ in range(8):
                _thread.start_new_thread(run, ())
            for _ in range(8):
                ended.acquire()
            registered = [call for call in stdlib._threading_atexits
                          if threadwell._threads._shutdown in (
                              # A partial object up to 3.11.
                              getattr(call, "func", None),
                              *[cell.cell_contents for cell in getattr(call, "__closure__", None) or ()],
                          )]
            assert len(registered) == 1, registered
        """)
    stress.counted(f"{rounds} programs")


# -- Iterators, and the swap ------------------------------------------------------------------------------------------


def test_each_item_goes_to_one_thread(hammer, stress):
    numbers = threading.serialize_iterator(n for n in itertools.count())
    seen = []
    hammer(lambda: seen.append(next(numbers)))
    assert sorted(seen) == list(range(EACH * stress.rounds(200, 100_000)))


def test_each_branch_has_all_items(hammer, stress):
    rounds = stress.rounds(200, 100_000)
    branches = threading.concurrent_tee((n for n in itertools.count()), 3)
    found = [[] for _ in branches]
    hammer(*(lambda b=b, f=f: f.append(next(b)) for b, f in zip(branches, found, strict=True)), each=1)
    assert found == [list(range(rounds))] * 3


def test_installed_and_taken_back_while_threads_run(program, stress):
    rounds = stress.rounds(20, 2_000)
    program(f"""
        import sys
        import threading as stdlib
        import threadwell

        errors = []
        gate = stdlib.Barrier(6)

        def run(action):
            try:
                gate.wait()
                for _ in range({rounds}):
                    action()
            except BaseException as error:
                errors.append(error)
                raise

        def use():
            import threading
            assert threading.__name__ in ("threading", "threadwell")
            lock = threading.Lock()
            with lock:
                event = threading.Event()
            thread = threading.Thread(target=event.set)
            thread.start()
            thread.join()
            assert event.is_set()

        actions = [threadwell.install, threadwell.uninstall, use] * 2
        threads = [threadwell.Thread(target=run, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors
        threadwell.uninstall()
        assert sys.modules["threading"].__name__ == stdlib.__name__ == "threading"
    """)
    stress.counted(f"{rounds} rounds in each of 6 threads")
