"""What the binding itself is responsible for: the rest is tested against the stdlib in tests/seeds."""

import collections
import contextlib
import functools
import gc
import sys
import weakref

import pytest

from threadwell import _native

LOCKS = [_native.Lock, _native.RLock, _native.Condition, _native.Semaphore]
CLASSES = {
    "Lock": _native.Lock,
    "RLock": _native.RLock,
    "Condition": _native.Condition,
    "Semaphore": _native.Semaphore,
    "BoundedSemaphore": _native.BoundedSemaphore,
    "Event": _native.Event,
    "Barrier": lambda: _native.Barrier(1),
}


@pytest.mark.parametrize("make", LOCKS, ids=lambda make: make.__name__)
def test_enter_and_exit_can_be_called_by_hand(make):
    lock = make()
    assert lock.__enter__() is True
    lock.__exit__(None, None, None)
    assert make.__enter__(lock) is True
    make.__exit__(lock, None, None, None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
    with pytest.raises(TypeError, match="doesn't apply to"):
        make.__enter__(object())


@pytest.mark.parametrize("name", ["__enter__", "__exit__"])
@pytest.mark.parametrize("make", LOCKS, ids=lambda make: make.__name__)
def test_enter_and_exit_bind_to_objects_of_their_class_only(make, name):
    method = vars(make)[name]
    with pytest.raises(TypeError, match="doesn't apply to"):
        method.__get__(object())

    class Borrower(list):
        pass

    setattr(Borrower, name, method)
    with pytest.raises(TypeError, match="doesn't apply to"):
        getattr(Borrower(), name)
    assert getattr(Borrower, name) is getattr(make, name)


def test_many_blocks_are_open_at_once():
    locks = [_native.Lock() for _ in range(1000)]
    with contextlib.ExitStack() as stack:
        for lock in locks:
            assert lock.__enter__() is True
            stack.callback(lock.__exit__, None, None, None)
        assert all(lock.locked() for lock in locks)
    assert not any(lock.locked() for lock in locks)


@pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)
def test_the_collector_may_run_while_objects_are_made(make):
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        assert len([make() for _ in range(3000)]) == 3000
    finally:
        gc.set_threshold(*threshold)


def test_a_block_keeps_its_lock_alive_and_lets_it_go():
    lock = _native.RLock()
    gone = weakref.ref(lock)
    with lock:
        del lock
        assert gone() is not None
        assert gone()._is_owned()
    assert gone() is None


@pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)
def test_objects_can_be_referred_to_weakly(make):
    thing = make()
    gone = weakref.ref(thing)
    del thing
    assert gone() is None


@pytest.mark.parametrize("name", ["Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"])
def test_attributes_and_cycles_are_as_for_any_object(name):
    thing = CLASSES[name]()
    thing.itself = thing
    gone = weakref.ref(thing)
    del thing
    assert gone() is not None
    gc.collect()
    assert gone() is None


def test_cycles_through_a_foreign_lock_and_an_action_are_collected():
    class Thing:
        def acquire(self):
            pass

        release = acquire

    thing = Thing()
    thing.condition = _native.Condition(thing)
    thing.barrier = _native.Barrier(1, action=thing.acquire)
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


def test_cycles_through_what_a_subclass_hands_over_are_collected():
    class Meeting(_native.Barrier):
        def __init__(self):
            super().__init__(1, self.act, self.act)

        def act(self):
            pass

    # Neither a tuple nor a bound method can be cleared: the condition has to be.
    lock = collections.namedtuple("lock", ["acquire", "release"])

    class Selfish(_native.Condition):
        def __init__(self):
            super().__init__(lock(self.acquire, self.release))

    for kind in Selfish, Meeting:
        kind()
        gc.collect()
        # A weak reference would not tell: the collector clears it even if the cycle remains.
        assert [thing for thing in gc.get_objects() if type(thing) is kind] == []


def test_a_long_chain_of_conditions_is_freed():
    condition = _native.Condition()
    gone = weakref.ref(condition)
    for _ in range(100_000):
        condition = _native.Condition(condition)
    del condition
    assert gone() is None


def test_a_semaphore_calls_the_release_of_a_subclass():
    released = []

    class Watched(_native.BoundedSemaphore):
        def release(self, n=1):
            released.append(n)
            super().release(n)

    with Watched(1):
        pass
    assert released == [1]


def test_a_semaphore_takes_whole_numbers_only():
    assert _native.Semaphore(2.0)._value == 2
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        _native.Semaphore(0.5)
    with pytest.raises(OverflowError):
        _native.Semaphore(1 << 64)
    semaphore = _native.Semaphore()
    with pytest.raises(OverflowError):
        semaphore.release((1 << 63) - 1)
    assert semaphore._value == 1


def test_initialising_a_semaphore_again_makes_it_new():
    semaphore = _native.BoundedSemaphore(2)
    semaphore.acquire()
    semaphore.__init__(5)
    assert (semaphore._value, semaphore._initial_value) == (5, 5)


def test_a_lock_count_that_would_overflow_is_an_error():
    lock = _native.RLock()
    most = 2 * sys.maxsize + 1
    lock._acquire_restore((most, 0))
    calls = [lock.acquire, lambda: lock.acquire(timeout=1), lock.__enter__, lambda: lock.acquire(blocking=False)]
    for call in [*calls, lambda: lock._acquire_restore((1, 0)), lambda: lock._acquire_restore((most, 0))]:
        with pytest.raises(OverflowError, match=r"^Internal lock count overflowed$"):
            call()
    assert repr(lock).startswith("<locked ")
    assert lock._release_save()[0] == most
    assert repr(lock).startswith("<unlocked ")


def test_a_barrier_keeps_its_parties():
    barrier = _native.Barrier(1)
    with pytest.raises(RuntimeError, match="keeps the parties"):
        barrier.__init__(2)
    assert barrier.parties == 1


def test_the_parties_of_a_barrier_belong_to_it():
    barrier = _native.Barrier.__new__(_native.Barrier)
    for name in ("parties", "_parties"):
        with pytest.raises(AttributeError, match=name):
            getattr(barrier, name)
    barrier.__init__(10**6)
    parties = barrier.parties
    assert barrier._parties is parties
    held = sys.getrefcount(parties)
    del barrier
    assert parties == 10**6
    assert sys.getrefcount(parties) == held - 1
    for _ in range(1000):
        assert _native.Barrier(10**6).parties == 10**6
    with pytest.raises(AttributeError):
        _native.Barrier(1).parties = 2


def test_an_action_that_raises_breaks_the_barrier():
    def action():
        raise OSError("no")

    barrier = _native.Barrier(1, action=action)
    with pytest.raises(OSError, match="^no$"):
        barrier.wait()
    assert barrier.broken
    with pytest.raises(_native.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken


def test_an_action_that_aborts_breaks_the_barrier():
    barrier = _native.Barrier(1, action=lambda: barrier.abort())
    with pytest.raises(_native.BrokenBarrierError):
        barrier.wait()


@pytest.mark.parametrize("wait", [_native.Event.wait, _native.Condition.wait])
def test_a_timeout_of_another_number_type_is_understood(wait):
    class Seconds(float):
        pass

    thing = getattr(_native, wait.__qualname__.split(".")[0])()
    with thing if hasattr(thing, "acquire") else contextlib.nullcontext():
        assert wait(thing, Seconds(0.001)) is False


def test_deprecated_names_warn_at_their_caller():
    event, condition = _native.Event(), _native.Condition()
    with pytest.warns(DeprecationWarning, match=r"^isSet\(\) is deprecated, use is_set\(\) instead$") as seen:
        assert event.isSet() is False
    assert seen[0].filename == __file__
    with condition, pytest.warns(DeprecationWarning, match=r"^notifyAll\(\) is deprecated"):
        condition.notifyAll()


def test_the_build_profile_is_told():
    assert _native.__build_profile__ in {"release", "debug"}


@pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)
def test_nobody_gets_hold_of_an_object_that_is_being_freed(make):
    found = []

    def look(_):
        found.extend(id(thing) for thing in gc.get_objects() if type(thing) is kind)

    kind = type(make())
    for _ in range(10):
        thing = make()
        address, weak = id(thing), weakref.ref(thing, look)
        del thing
        assert weak() is None
        assert address not in found
        found.clear()


class Thing:
    """Something that can be referred to weakly."""


class ReturnsState:
    """A lock whose state is a new thing each time, known by weak reference."""

    def __init__(self):
        self.states = []

    def acquire(self, *args):
        pass

    release = acquire

    def _is_owned(self):
        return True

    def _release_save(self):
        state = Thing()
        self.states.append(weakref.ref(state))
        return state

    def _acquire_restore(self, state):
        pass


class RaisesState(ReturnsState):
    """The same, in the attribute error for a method that it does not have."""

    def __getattribute__(self, name):
        if name != "_acquire_restore":
            return super().__getattribute__(name)
        raise self._missing(name)

    def _missing(self, name):
        error = AttributeError(name)
        error.state = self._release_save()
        return error


@pytest.mark.parametrize("make", [ReturnsState, RaisesState])
def test_what_a_wait_got_from_its_lock_is_gone_afterwards(make):
    lock = make()
    condition = _native.Condition(lock)
    condition.wait(0)
    assert lock.states
    assert [state() for state in lock.states] == [None] * len(lock.states)


@pytest.mark.parametrize(
    "fail",
    [
        _native.Lock().release,
        _native.Condition().notify,
        _native.BoundedSemaphore().release,
        functools.partial(_native.Event().wait, 0, 1),
        functools.partial(_native.Event().wait, 10**400),
        functools.partial(_native.BoundedSemaphore().release, 10**400),
    ],
    ids=["release", "notify", "limit", "arguments", "too long", "too many"],
)
def test_failed_calls_leave_nothing_behind(fail):
    def fail_often():
        for _ in range(1000):
            with contextlib.suppress(Exception):
                fail()

    fail_often()
    before = sys.getallocatedblocks()
    fail_often()
    assert sys.getallocatedblocks() - before < 500
