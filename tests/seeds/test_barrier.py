"""The barrier: a number of threads that wait for one another."""

import gc
import re
import weakref

import pytest


@pytest.fixture
def barrier(threading):
    return threading.Barrier(3)


@pytest.fixture
def waiting(spawn, eventually):
    """``waiting(barrier, n)`` returns n calls that wait at the barrier."""

    def waiting(barrier, n, *args):
        before = barrier.n_waiting
        calls = [spawn(barrier.wait, *args) for _ in range(n)]
        eventually(lambda: barrier.n_waiting == before + n, f"{n} more wait")
        return calls

    return waiting


def test_all_are_released_when_the_last_one_comes(barrier, waiting):
    calls = waiting(barrier, 2)
    barrier.wait()
    for call in calls:
        call.result()


def test_nobody_passes_before_the_last_one_comes(barrier, waiting):
    calls = waiting(barrier, 2)
    for call in calls:
        call.blocked()
    assert barrier.n_waiting == 2
    barrier.wait()
    for call in calls:
        call.result()


def test_wait_returns_each_number_below_parties_once(barrier, waiting):
    calls = waiting(barrier, 2)
    results = [barrier.wait(), *(call.result() for call in calls)]
    assert sorted(results) == [0, 1, 2]


def test_one_thread_may_be_singled_out_by_its_number(barrier, spawn):
    printed = []

    def work():
        i = barrier.wait()
        if i == 0:
            printed.append("passed the barrier")

    for call in [spawn(work) for _ in range(3)]:
        call.result()
    assert printed == ["passed the barrier"]


def test_may_be_used_again(barrier, spawn):
    rounds = [spawn(lambda: [barrier.wait() for _ in range(20)]) for _ in range(3)]
    numbers = zip(*(call.result() for call in rounds), strict=True)
    assert all(sorted(round_) == [0, 1, 2] for round_ in numbers)


def test_barrier_of_one_never_blocks(threading):
    barrier = threading.Barrier(1)
    assert [barrier.wait() for _ in range(3)] == [0, 0, 0]


def test_parties(barrier, threading):
    assert barrier.parties == 3
    assert threading.Barrier(parties=7).parties == 7


def test_n_waiting(barrier, waiting):
    assert barrier.n_waiting == 0
    calls = waiting(barrier, 1)
    assert barrier.n_waiting == 1
    calls += waiting(barrier, 1)
    assert barrier.n_waiting == 2
    barrier.wait()
    for call in calls:
        call.result()
    assert barrier.n_waiting == 0


@pytest.mark.parametrize("name", ["parties", "n_waiting", "broken"])
def test_attributes_are_read_only(barrier, name):
    with pytest.raises(AttributeError):
        setattr(barrier, name, 1)


def test_action_is_called_once_by_one_thread_before_any_is_released(threading, waiting):
    log = []
    barrier = threading.Barrier(3, action=lambda: log.append(("action", threading.get_ident())))

    calls = waiting(barrier, 2)
    barrier.wait()
    log.append("released")
    for call in calls:
        call.result()
    ((action, ident), released) = log
    assert (action, released) == ("action", "released")
    assert ident in {threading.get_ident(), *(call.thread.ident for call in calls)}


def test_action_runs_in_each_round(threading):
    rounds = []
    barrier = threading.Barrier(1, lambda: rounds.append(1))
    for _ in range(3):
        barrier.wait()
    assert len(rounds) == 3


def test_action_that_raises_breaks_the_barrier(threading, waiting):
    def action():
        raise KeyError("mine")

    barrier = threading.Barrier(2, action)
    (call,) = waiting(barrier, 1)
    with pytest.raises(KeyError, match="mine"):
        barrier.wait()
    with pytest.raises(threading.BrokenBarrierError):
        call.result()
    assert barrier.broken is True


def test_timeout_breaks_the_barrier_for_all(barrier, waiting, threading):
    (call,) = waiting(barrier, 1)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.01)
    with pytest.raises(threading.BrokenBarrierError):
        call.result()
    assert barrier.broken is True
    assert barrier.n_waiting == 0


def test_timeout_of_the_constructor_is_the_default(threading):
    barrier = threading.Barrier(2, timeout=0.01)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    assert barrier.broken


def test_timeout_of_wait_goes_before_that_of_the_constructor(threading, waiting):
    barrier = threading.Barrier(2, timeout=0)
    (call,) = waiting(barrier, 1, 30)
    assert {barrier.wait(30), call.result()} == {0, 1}
    patient = threading.Barrier(2, None, 30)
    with pytest.raises(threading.BrokenBarrierError):
        patient.wait(timeout=0.01)


def test_wait_at_a_broken_barrier_raises_at_once(barrier, threading):
    barrier.abort()
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    assert barrier.n_waiting == 0


def test_abort_breaks_it_for_those_who_wait(barrier, waiting, threading):
    assert barrier.broken is False
    calls = waiting(barrier, 2)
    assert barrier.abort() is None
    for call in calls:
        with pytest.raises(threading.BrokenBarrierError):
            call.result()
    assert barrier.broken is True


def test_reset_raises_in_those_who_wait_and_leaves_it_usable(barrier, waiting, threading):
    calls = waiting(barrier, 2)
    assert barrier.reset() is None
    for call in calls:
        with pytest.raises(threading.BrokenBarrierError):
            call.result()
    assert barrier.broken is False
    calls = waiting(barrier, 2)
    assert sorted([barrier.wait(), *(call.result() for call in calls)]) == [0, 1, 2]


def test_reset_of_an_empty_barrier_changes_nothing(barrier):
    barrier.reset()
    assert (barrier.broken, barrier.n_waiting) == (False, 0)


def test_reset_repairs_a_broken_barrier(threading):
    barrier = threading.Barrier(1)
    barrier.abort()
    barrier.reset()
    assert barrier.broken is False
    assert barrier.wait() == 0


def test_broken_barrier_error_is_a_runtime_error(threading):
    assert issubclass(threading.BrokenBarrierError, RuntimeError)
    assert threading.BrokenBarrierError.__module__ == "threading"


def test_timeout_past_the_maximum_overflows(threading):
    barrier = threading.Barrier(2)
    with pytest.raises(OverflowError):
        barrier.wait(threading.TIMEOUT_MAX * 2)
    assert (barrier.broken, barrier.n_waiting) == (False, 0)


def test_repr_shows_waiters_and_parties(barrier, waiting):
    at = r"at 0x[0-9a-f]+"
    assert re.fullmatch(rf"<threading\.Barrier {at}: waiters=0/3>", repr(barrier))
    calls = waiting(barrier, 2)
    assert re.fullmatch(rf"<threading\.Barrier {at}: waiters=2/3>", repr(barrier))
    barrier.wait()
    for call in calls:
        call.result()
    barrier.abort()
    assert re.fullmatch(rf"<threading\.Barrier {at}: broken>", repr(barrier))


def test_may_be_subclassed_and_has_attributes(threading):
    class Mine(threading.Barrier):
        def wait(self, timeout=None):
            self.label = "waited"
            return super().wait(timeout)

    mine = Mine(1)
    assert mine.wait() == 0
    assert vars(mine)["label"] == "waited"


def test_may_be_weakly_referenced_and_collected_in_a_cycle(threading):
    barrier = threading.Barrier(1)
    barrier.itself = barrier
    reference = weakref.ref(barrier)
    del barrier
    gc.collect()
    assert reference() is None


def test_action_in_a_cycle_is_collected(threading):
    class Owner:
        def __init__(self):
            self.barrier = threading.Barrier(1, action=self.act)

        def act(self):
            pass

    owner = Owner()
    owner.barrier.wait()
    reference = weakref.ref(owner)
    del owner
    gc.collect()
    assert reference() is None


def test_the_party_that_acts_waits_like_the_others(threading):
    seen = []
    barrier = threading.Barrier(1, lambda: seen.extend([barrier.n_waiting, repr(barrier).split(": ")[-1]]))
    barrier.wait()
    assert seen == [1, "waiters=1/1>"]
    assert barrier.n_waiting == 0
