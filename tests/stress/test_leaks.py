"""Nothing is left of what is over: objects, threads, cycles, and whatever an operation has used."""

from __future__ import annotations

import gc
import sys
import sysconfig
import threading as stdlib
import weakref
from pathlib import Path

import pytest

import threadwell

LEAKS = Path(__file__).with_name("leaks.py")
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# -- Operations ------------------------------------------------------------------------------------------------------


@needs_linux
def test_no_operation_leaks(stress, child):
    """Objects, references, threads, files, mappings, the registry, the heap; also when the operation fails."""
    rounds = stress.rounds(300, 10_000)
    operations = len(child(LEAKS, rounds).splitlines())
    stress.counted(f"{operations} operations, {rounds} rounds and as many again, 0 leaks")


@needs_linux
def test_threads_that_were_joined_leave_nothing(child, stress):
    count = stress.rounds(300, 10_000)
    left = child(f"""
    import os, sys, threadwell, time
    def now():
        # The system may have a thread for a moment longer than the interpreter.
        deadline = time.monotonic() + 30
        while (threads := len(os.listdir("/proc/self/task"))) > 1 and time.monotonic() < deadline:
            pass
        with open("/proc/self/maps") as maps:
            return sys.getallocatedblocks(), threads, len(maps.readlines())
    def rounds(count):
        for _ in range(count):
            thread = threadwell.Thread(target=int)
            thread.start()
            thread.join()
    rounds({count})
    before = now()
    rounds({count})
    print(*[after - before for before, after in zip(before, now())])
    """)
    objects, threads, mappings = map(int, left.split())
    assert objects < 100
    assert threads == 0
    assert mappings < 40
    stress.counted(f"{count} threads joined: {objects} objects, {threads} threads, {mappings} mappings more")


# -- Objects ---------------------------------------------------------------------------------------------------------

#: What makes one, and what is done with some of them before they are dropped.
OBJECTS = {
    "Lock": ("Lock()", "it.acquire()"),
    "RLock": ("RLock()", "it.acquire()"),
    "Condition": ("Condition()", "it.acquire(); it.wait(1e-6); it.release()"),
    "Condition of a Lock": ("Condition(threadwell.Lock())", "it.acquire(); it.wait(1e-6); it.notify()"),
    "Semaphore": ("Semaphore(0)", "it.acquire(timeout=1e-6)"),
    "BoundedSemaphore": ("BoundedSemaphore(2)", "it.acquire(); it.acquire(); it.acquire(timeout=1e-6)"),
    "Event": ("Event()", "it.wait(1e-6); it.set()"),
    "Barrier": ("Barrier(2, int, 1e-6)", "break_(it)"),
    "Thread": ("Thread(target=int)", "it.start(); it.join()"),
    "Timer": ("Timer(100, int)", "it.start(); it.cancel()"),
    "local": ("local()", "it.value = 1"),
}


@needs_linux
@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_give_their_memory_back(child, stress, kind):
    count = stress.rounds(5000, 1_000_000)
    make, use = OBJECTS[kind]
    #: Bytes that may stay, of the hundred and more that each object takes: what the allocators keep.
    bound = 32 * count + 4 * 1024 * 1024
    # Without an interpreter lock, the allocator gives nothing back to the system: only that it is used again can be
    # seen.
    first = count if FREE_THREADED else 1000
    sizes = child(f"""
    import gc, os, sys, threadwell
    def break_(barrier):
        try:
            barrier.wait()
        except threadwell.BrokenBarrierError:
            pass
    def resident():
        with open("/proc/self/statm") as sizes:
            return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    def some(count):
        objects = [threadwell.{make} for _ in range(count)]
        for it in objects[:: max(1, count // 1000)]:
            {use}
        del it
        return resident(), sys.getallocatedblocks()
    def now():
        gc.collect()
        return resident(), sys.getallocatedblocks()
    some({first})
    before = now()
    full, full_blocks = some({count})
    after = now()
    # Few at a time, which must not add up.
    for _ in range(1000):
        some({max(1, count // 10_000)})
    again = now()
    sizes = [size - begin for end in ((full, full_blocks), after, again) for begin, size in zip(before, end)]
    print(*sizes)
    """)
    full, full_blocks, resident, blocks, again, blocks_again = map(int, sizes.split())
    # They were there: each is a block at least. The quick count's may be in pages that the process had.
    assert full_blocks >= count
    assert resident < bound
    assert again < bound
    # What is there or not whatever their number.
    assert max(blocks, blocks_again) < 1000
    stress.counted(
        f"{count} took {full >> 10} KiB; {resident >> 10} KiB stay, {blocks} objects, {again >> 10} KiB later"
    )


# -- Cycles ----------------------------------------------------------------------------------------------------------


class Node:
    """What a cycle goes through, for a weak reference to it."""


def cycles(threading):
    """Return functions that make a cycle through an object of each kind, by what is looped through."""

    def attribute(make, name):
        def cycle(node):
            kind = type(name, (make,), {})
            it = kind(2) if name == "Barrier" else kind()
            it.node, node.it = node, it

        return cycle

    def target(node):
        node.it = threading.Thread(target=lambda: node)

    def timer(node):
        node.it = threading.Timer(100, lambda: node)

    def cancelled(node):
        node.it = threading.Timer(100, lambda: node)
        node.it.start()
        node.it.cancel()
        node.it.join()

    def ended(node):
        node.it = threading.Thread(target=int)
        node.it.node = node
        node.it.start()
        node.it.join()

    def values(node):
        node.it = threading.local()
        node.it.node = node

    def action(node):
        node.it = threading.Barrier(2, lambda: node)

    def lock(node):
        class Own:
            acquire = release = locked = int

        own = Own()
        node.it, own.node = threading.Condition(own), node

    names = ["Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier", "Thread"]
    return {f"attribute of {name}": attribute(getattr(threading, name), name) for name in names} | {
        function.__name__: function for function in [target, timer, cancelled, ended, values, action, lock]
    }


def collected(cycle):
    node = Node()
    cycle(node)
    gone = weakref.ref(node)
    del node
    gc.collect()
    return gone() is None


@pytest.mark.parametrize("name", cycles(threadwell))
def test_cycles_are_collected(stress, name):
    rounds = stress.rounds(5, 1000)
    assert collected(cycles(stdlib)[name])
    assert sum(collected(cycles(threadwell)[name]) for _ in range(rounds)) == rounds
    stress.counted(f"{rounds} cycles, {rounds} collected")


def waits(threading):
    """Return what waits for an object of each kind, and what ends that: the object is reached by the waiter alone."""

    def held(lock):
        lock.acquire()
        return lock

    def notified(condition):
        with condition:
            condition.notify_all()

    def waited(condition):
        with condition:
            condition.wait()

    return {
        "Lock": (lambda: held(threading.Lock()), lambda it: it.acquire(), lambda it: it.release()),
        "Condition": (threading.Condition, waited, notified),
        "Semaphore": (lambda: threading.Semaphore(0), lambda it: it.acquire(), lambda it: it.release()),
        "Event": (threading.Event, lambda it: it.wait(), lambda it: it.set()),
        "Barrier": (lambda: threading.Barrier(2), lambda it: it.wait(), lambda it: it.wait()),
    }


def fate(threading, name, until):
    """Tell what of a waiting thread's things is collected, during and after the wait."""
    make, wait, wake = waits(threading)[name]
    it = make()

    def run(node, kept):
        other = Node()
        # Two cycles: one that the waiting thread has let go of, and one that it will come back to.
        other.node = other
        node.other, node.kept = weakref.ref(other), kept
        kept.kept, kept.it = kept, it
        del other
        node.waits = True
        wait(it)

    node, kept = Node(), Node()
    node.waits = False
    still = weakref.ref(kept)
    thread = threading.Thread(target=run, args=(node, kept))
    del kept
    thread.start()
    until(f"a thread waits for a {name}", lambda: node.waits)
    node.kept = None
    seen = []
    for _ in range(3):
        gc.collect()
        seen.append((node.other() is None, still() is None))
    wake(it) if name != "Condition" else None
    while thread.is_alive():
        if name == "Condition":
            wake(it)
        thread.join(0.001)
    it = None
    gc.collect()
    return [*seen, still() is None]


@pytest.mark.parametrize("name", waits(threadwell))
def test_what_is_collected_while_a_thread_waits(stress, until, name):
    rounds = stress.rounds(2, 200)
    theirs = fate(stdlib, name, until)
    assert theirs == [(True, False)] * 3 + [True]
    for _ in range(rounds):
        assert fate(threadwell, name, until) == theirs
    stress.counted(
        f"{rounds} waits, what they hold stayed and what they do not was collected, as in the standard library"
    )
