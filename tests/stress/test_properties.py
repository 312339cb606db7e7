"""Random programs of operations, on threadwell, on the standard library and on a model of a few lines each.

In one thread, without anything that waits; and in three, each of which does what it is handed when the one before has
done its part or is blocked in it, so that there is one order of things.
"""

from __future__ import annotations

import copy
import importlib
import queue
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

sys.path.insert(0, str(Path(__file__).parent))

import models
import more_models
from models import BLOCKS, SKIP, Error

#: Seconds after which an operation that should have returned will not.
PATIENCE = 30

SHARED = [
    *(models.Lock, models.RLock, models.Condition, models.Semaphore, models.BoundedSemaphore),
    *(more_models.Event, more_models.Barrier, more_models.LowLevelLock, more_models.Local),
]
ALL = [*SHARED, more_models.Thread, more_models.Timer]
THREADS = 3


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """Where hypothesis keeps what it knows about the code, which else is the checkout."""
    set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


def explore(stress, programs, check, *, quick, full):
    """Check many programs, the same for the same seed, and return how many; nothing is kept for the next time."""
    checked = 0

    def counted(program):
        nonlocal checked
        checked += 1
        check(program)

    configured = settings(
        max_examples=stress.rounds(quick, full),
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    configured(seed(stress.random.getrandbits(64))(given(programs)(counted)))()
    return checked


def phrases(kind):
    """Operations, one or some in a row."""
    return st.sampled_from([*((name,) for name in sorted(kind.operations)), *kind.phrases])


def outcome(kind, t, thing, name):
    """What comes of an operation: its value, or the type and the text of what it raises."""
    try:
        return kind.operations[name](t, thing)
    except Exception as error:  # noqa: BLE001 - it is looked at
        return type(error).__name__, re.sub("0x[0-9a-f]+", "0x", str(error))


def like(expected, found):
    """Whether it is what the model expects. A number is no truth."""
    if isinstance(expected, Error):
        return isinstance(found, tuple) and found[:1] == (expected.kind,)
    return type(found) is type(expected) and found == expected


def glance(model, t, thing, trace):
    """Look at the state, from outside."""
    for name in model.glances:
        found = outcome(type(model), t, thing, name)
        assert like(model.step(None, name), found), f"{t.__name__}: {trace}, and then {name} is {found}"


# In one thread


def alone(kind, t, program):
    """Carry a program out, without what would wait; every outcome has to be the model's."""
    model, thing, trace = kind(), kind.make(t), []
    try:
        for name in program:
            after = copy.deepcopy(model)
            expected = after.step(0, name)
            if expected in (BLOCKS, SKIP):
                continue
            model = after
            trace.append((name, outcome(kind, t, thing, name)))
            assert like(expected, trace[-1][1]), f"{t.__name__}: {trace}, and not {expected}"
            glance(model, t, thing, trace)
    finally:
        for name in kind.rescue:
            outcome(kind, t, thing, name)
    return trace


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_programs_of_one_thread(kind, stress):
    ours, theirs = importlib.import_module("threadwell"), importlib.import_module("threading")

    def check(program):
        assert alone(kind, ours, program) == alone(kind, theirs, program)

    steps = st.lists(phrases(kind), min_size=10, max_size=40)
    checked = explore(stress, steps.map(lambda steps: sum(steps, ())), check, quick=25, full=20_000)
    stress.counted(f"{checked} programs of one thread, 0 differences")


# In several


class Worker:
    """A thread that does what it is handed."""

    def __init__(self, t):
        self._inbox, self._outbox = queue.SimpleQueue(), queue.SimpleQueue()
        self.thread = t.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while (task := self._inbox.get()) is not None:
            self._outbox.put(outcome(*task))
            del task

    def begin(self, *task):
        self._inbox.put(task)

    def end(self):
        self._inbox.put(None)
        self.thread.join(PATIENCE)

    def result(self):
        try:
            return self._outbox.get(timeout=PATIENCE)
        except queue.Empty:
            return BLOCKS

    def blocks(self):
        """Wait until it has returned, or stays asleep at one instruction."""
        places = []
        while self._outbox.empty():
            frame, sleep = sys._current_frames().get(self.thread.ident), self._sleep()
            places.append(frame and sleep and (frame.f_code, frame.f_lasti, sleep))
            if len(places) > 3 and places[-1] and len({*places[-4:]}) == 1:
                return True
            time.sleep(0.0005)
        return False

    def _sleep(self):
        """What the system calls the sleep that the thread is in, None if it is awake."""
        status = Path(f"/proc/self/task/{self.thread.native_id}/status").read_text(encoding="utf-8")
        state = re.search(r"^State:\s(\w)", status, re.MULTILINE)[1]
        return re.search(r"^voluntary_ctxt_switches:\s(\d+)", status, re.MULTILINE)[1] if state == "S" else None


class Crew:
    """Some workers of one module."""

    def __init__(self, t):
        self._t = t
        self.workers = [Worker(t) for _ in range(THREADS)]

    def together(self, kind, program):
        """Carry a program out, step by step; every outcome has to be the model's."""
        model, thing, trace, busy = kind(), kind.make(self._t), [], set()
        try:
            for thread, name in program:
                after = copy.deepcopy(model)
                if thread in busy or (expected := after.step(thread, name)) == SKIP:
                    continue
                if expected == BLOCKS and len(busy - after.woken.keys()) == THREADS - 1:
                    continue  # nobody would be left
                model, woken = after, after.woken
                worker = self.workers[thread]
                worker.begin(kind, self._t, thing, name)
                blocks = expected == BLOCKS and worker.blocks()
                step = [thread, name, BLOCKS if blocks else worker.result()]
                busy = (busy | {thread}) if step[2] == BLOCKS else busy
                trace.append(step)
                assert like(expected, step[2]), f"{self._t.__name__}: {trace}, and not {expected}"
                for other in sorted(woken):
                    step += [other, self.workers[other].result()]
                    assert like(woken[other], step[-1]), f"{self._t.__name__}: {trace}, and not {woken}"
                    busy.discard(other)
                glance(model, self._t, thing, trace)
        finally:
            self.rescue(kind, thing, busy)
        return trace

    def rescue(self, kind, thing, busy):
        """Have those that do not wait end the waits of the others, and take what they hold from all."""
        deadline = time.monotonic() + PATIENCE
        idle = {*range(THREADS)} - busy
        done = 0
        while len(idle) > done:
            done = len(idle)
            for thread in sorted(idle):
                for name in kind.rescue:
                    self.workers[thread].begin(kind, self._t, thing, name)
                    self.workers[thread].result()
            while busy and len(idle) == done and time.monotonic() < deadline:
                idle |= {thread for thread in busy if not self.workers[thread]._outbox.empty()}
            for thread in idle & busy:
                self.workers[thread].result()
            busy = busy - idle
        assert not busy, f"{kind.__name__}: {busy} cannot be woken"

    def end(self):
        for worker in self.workers:
            worker.end()


@pytest.fixture
def crews():
    """One for each module."""
    crews = [Crew(importlib.import_module(name)) for name in ("threadwell", "threading")]
    yield crews
    for crew in crews:
        crew.end()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="nobody tells which thread sleeps")
@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.__name__)
def test_programs_of_three_threads(kind, crews, stress):
    ours, theirs = crews

    def check(program):
        assert ours.together(kind, program) == theirs.together(kind, program)

    steps = st.lists(st.tuples(st.integers(0, THREADS - 1), phrases(kind)), min_size=10, max_size=25)
    programs = steps.map(lambda steps: [(thread, name) for thread, names in steps for name in names])
    checked = explore(stress, programs, check, quick=12, full=10_000)
    stress.counted(f"{checked} programs of three threads, 0 differences")
