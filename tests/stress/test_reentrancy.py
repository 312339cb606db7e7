"""Operations that are interrupted by themselves: by a destructor, a weak reference's callback, a signal handler.

Each runs in an interpreter of its own (`reentrancy`), which prints the stacks of all threads and ends if it gets no
further. After it come the shapes in which programs have met the problem.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stress

SHAPES = Path(__file__).with_name("reentrancy")

#: Python code runs in the middle of these: theirs, or that of an argument.
INTERRUPTED = [
    *("Lock", "RLock", "Condition", "ConditionOfLock", "Semaphore", "BoundedSemaphore", "Event", "Barrier"),
    *("Thread", "Timer", "FiringTimer", "Local", "Hooks", "Patch"),
]
#: No code runs in the middle of these but in a wait's, where it is the handlers'.
INDIVISIBLE = [
    *(
        "Functions",
        "WaitForLock",
        "WaitForPermit",
        "WaitForEvent",
        "WaitForNotification",
        "WaitAtBarrier",
        "WaitForEnd",
    ),
]


def run(*arguments: str | Path) -> str:
    """Run a child that watches itself for as long as it gets on, and return what it wrote."""
    child = subprocess.run([sys.executable, *arguments], capture_output=True, check=False, text=True)
    assert (child.returncode, child.stderr) == (0, "")
    return child.stdout


@pytest.mark.parametrize("shape", INTERRUPTED + INDIVISIBLE)
def test_an_operation_may_be_interrupted_by_itself(stress: Stress, shape: str) -> None:
    rounds = stress.rounds(200, 1_000_000)
    result = json.loads(run(SHAPES, shape, str(rounds)))
    counts = result["interrupted"]
    assert result["failures"] == []
    # Else it shows nothing.
    assert min(counts["__del__"], counts["callback"]) >= result["rounds"]
    assert counts["handler"] > 0
    if shape in INTERRUPTED:
        assert counts["__del__ in the middle"] > 0
        assert counts["callback in the middle"] > 0
    stress.counted(f"{result['rounds']} rounds, 0 hangs, {counts}")


# -- In the field ----------------------------------------------------------------------------------------------------


@pytest.fixture
def field(tmp_path: Path) -> Callable[[str], str]:
    """Run a program from the field, in a file."""

    def field(source: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source))
        return run(path)

    return field


#: So many new objects have the collector come. Without an interpreter lock it is told of a thread's every 512th alone,
#: not of those that come from a store of 80; and it comes however many there are if the second threshold is 0.
ENOUGH, THRESHOLDS = (600, (1, 0)) if sysconfig.get_config_var("Py_GIL_DISABLED") else (2, (1,))

COLLECT_ALWAYS = f"""
    import faulthandler, gc, sys
    faulthandler.dump_traceback_later(35, exit=True)
    import threadwell
    threadwell.install()
    import logging, queue, threading, weakref
    gc.freeze()
    gc.set_threshold(*{THRESHOLDS})

    class Litter:
        def __init__(self, end):
            self.me, self.end = self, end
        def __del__(self):
            self.end()
"""


def test_events_sent_from_destructors_during_a_put(stress: Stress, field) -> None:
    # sentry-python 803: a destructor logs, and so puts an event into the queue in whose lock the collector has found
    # it. With the standard library's `queue.Queue` that is a deadlock by the contract of `Lock`, with this as with any
    # `threading`; Sentry's queue has an RLock since, and must come through.
    rounds = stress.rounds(300, 1_000_000)
    source = f"""{COLLECT_ALWAYS}
    class Queue(queue.Queue):
        def __init__(self):
            super().__init__(maxsize=100)
            self.mutex = threading.RLock()
            self.not_empty = threading.Condition(self.mutex)
            self.not_full = threading.Condition(self.mutex)
            self.all_tasks_done = threading.Condition(self.mutex)
        def _put(self, event):
            Litter(send)
            [[] for _ in range({ENOUGH})]
            super()._put(event)

    def send():
        global inside, lost
        inside += events.mutex._is_owned()
        try:
            super(Queue, events).put("from a destructor", block=False) if full() else None
        except queue.Full:
            lost += 1

    def full():
        # Not one more for each.
        return len(seen) % 2

    def work():
        while (event := events.get()) is not None:
            seen.append(event)
            events.task_done()

    events, seen, inside, lost = Queue(), [], 0, 0
    worker = threading.Thread(target=work)
    worker.start()
    for number in range({rounds}):
        if number % 1000 == 0:
            faulthandler.dump_traceback_later(35, exit=True)
        events.put(number)
    events.join()
    events.put(None)
    worker.join()
    assert [event for event in seen if isinstance(event, int)] == list(range({rounds}))
    print(inside > 0)
    """
    assert field(source) == "True\n"


def test_messages_logged_from_destructors_during_a_message(stress: Stress, field) -> None:
    # loguru 712: a destructor logs while its thread holds the handler's lock. loguru's handler now notices, by a
    # thread-local flag, and refuses; `logging`, whose handlers have RLocks, goes on.
    rounds = stress.rounds(300, 1_000_000)
    source = f"""{COLLECT_ALWAYS}
    class Handler(logging.Handler):
        def __init__(self):
            super().__init__()
            self.plain, self.local = threading.Lock(), threading.local()
        def emit(self, record):
            global nested, refused
            nested += record.msg == "from a destructor"
            if getattr(self.local, "busy", False):
                refused += 1
                return
            self.local.busy = True
            try:
                with self.plain:
                    if record.msg != "from a destructor":
                        Litter(lambda: log.warning("from a destructor"))
                        [[] for _ in range({ENOUGH})]
            finally:
                self.local.busy = False

    nested = refused = 0
    log = logging.getLogger("field")
    log.propagate = False
    log.addHandler(Handler())
    for number in range({rounds}):
        if number % 1000 == 0:
            faulthandler.dump_traceback_later(35, exit=True)
        log.warning("message")
    gc.collect()
    assert nested == {rounds}, nested
    print(refused > 0)
    """
    assert field(source) == "True\n"


def test_handlers_that_go_while_the_lock_of_logging_is_released(stress: Stress, field) -> None:
    # eventlet 742: the callback for a handler that goes acquires `logging._lock`, whose release the collector has
    # interrupted. With an RLock in Python, such as `threading._PyRLock` on the standard library, it is half released
    # then: it has no owner, and cannot be acquired.
    rounds = stress.rounds(300, 1_000_000)
    source = f"""{COLLECT_ALWAYS}
    import signal

    def interrupt(*_):
        global handled
        handled += 1
        logging.getLogger(f"handler {{handled % 7}}")

    handled = gone = 0
    assert isinstance(logging._lock, type(threading.RLock()))

    class Handler(logging.Handler):
        def __init__(self):
            super().__init__()
            self.me = self
        def __del__(self):
            global gone
            gone += 1

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for number in range({rounds}):
        if number % 1000 == 0:
            faulthandler.dump_traceback_later(35, exit=True)
        Handler()
        logging.getLogger(f"main {{number % 7}}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    assert gone == {rounds}
    assert not logging._handlerList or all(reference() is not None for reference in logging._handlerList)
    assert not logging._lock._is_owned()
    print("released")
    """
    assert field(source) == "released\n"


def test_a_thread_may_be_started_while_the_standard_librarys_module_is_imported(program) -> None:
    # By a destructor or a signal handler that interrupts an import: what they find has no more than a name.
    source = """
    import sys, types
    import threadwell
    sys.modules["threading"] = types.ModuleType("threading")
    thread = threadwell.Thread(target=print, args=["ran"])
    thread.start()
    thread.join()
    timer = threadwell.Timer(0.001, print, ["fired"])
    timer.start()
    timer.join()
    del sys.modules["threading"]
    threadwell.Thread(target=print, args=["ran"]).start()
    """
    assert program(source) == "ran\nfired\nran\n"
