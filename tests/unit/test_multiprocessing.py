"""Processes of `multiprocessing` and `concurrent.futures`, by each way to start them and each to use threadwell."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

# In the children `threading` is what it is there; what they find is written down.
PROGRAM = """
import sys
if "installed" in sys.argv:
    import threadwell
    threadwell.install()
if "imported" in sys.argv:
    import threadwell as threading
else:
    import threading
import json, multiprocessing, os, warnings
from concurrent.futures import ProcessPoolExecutor
warnings.simplefilter("ignore", DeprecationWarning)

def meet(queue, lock, event, barrier, semaphore, condition):
    me = threading.current_thread()
    found = [me is threading.main_thread(), threading.active_count(), me.is_alive(), me.native_id == os.getpid()]
    results = []
    timer = threading.Timer(0.001, results.append, ["timer"])
    thread = threading.Thread(target=results.append, args=["thread"])
    for one in (timer, thread):
        one.start()
    for one in (timer, thread):
        one.join()
    event.wait()
    with lock, semaphore, condition:
        condition.notify_all()
    number = barrier.wait(60)
    # One of the two is the main process', and which is anyone's guess.
    queue.put([found, sorted(results), number in (0, 1)])

def square(n):
    thread = threading.Thread(target=lambda: squares.append(n * n))
    squares = []
    thread.start()
    thread.join()
    return squares[0]

def fail(_):
    # What is not joined is waited for.
    threading.Timer(0.01, sys.stdout.flush).start()
    raise SystemExit(7)

def main(method):
    context = multiprocessing.get_context(method)
    # The main process is busy meanwhile.
    stop = threading.Event()
    busy = [threading.Thread(target=stop.wait) for _ in range(2)]
    timers = [threading.Timer(1000, print) for _ in range(3)]
    for one in (*busy, *timers):
        one.start()

    queue, lock, event = context.Queue(), context.Lock(), context.Event()
    barrier, semaphore = context.Barrier(2), context.BoundedSemaphore(1)
    condition = context.Condition()
    process = context.Process(target=meet, args=(queue, lock, event, barrier, semaphore, condition))
    with condition:
        process.start()
        event.set()
        yield "notified", condition.wait(60)
    barrier.wait(60)
    yield "process", queue.get(timeout=60)
    process.join()
    yield "exit code", process.exitcode
    yield "barrier", [barrier.parties, barrier.n_waiting, barrier.broken]
    barrier.abort()
    try:
        barrier.wait()
    except RuntimeError as error:
        # It is the standard library's where threadwell is only imported.
        yield "aborted", [type(error).__name__, barrier.broken]
    barrier.reset()
    yield "reset", barrier.broken

    process = context.Process(target=fail, args=(0,))
    process.start()
    process.join()
    yield "failing", process.exitcode

    with context.Pool(2) as pool:
        yield "pool", pool.map(square, range(20))
    with context.Manager() as manager:
        shared, held = manager.dict(), manager.Lock()
        with held:
            shared["locked"] = held.acquire(False)
        yield "manager", [dict(shared), manager.Barrier(1).wait(), manager.Event().wait(0.001)]
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield "executor", list(executor.map(square, range(20)))

    stop.set()
    for timer in timers:
        timer.cancel()
    for one in (*busy, *timers):
        one.join()

if __name__ == "__main__":
    print(json.dumps(dict(main(sys.argv[1]))))
"""

WAYS: dict[str, tuple[list[str], list[str]]] = {
    "imported": ([], ["imported"]),
    "installed": ([], ["installed"]),
    "run": (["-m", "threadwell", "run"], []),
    "children too": (["-m", "threadwell", "run", "--children"], []),
}


@pytest.mark.parametrize(
    ("method", "way"),
    [
        (method, way)
        for method in ("fork", "spawn", "forkserver")
        for way in WAYS
        if (method, way) != ("fork", "children too")
    ],
)
def test_processes_work(python: Python, tmp_path: Path, method: str, way: str) -> None:
    path = tmp_path / "processes.py"
    path.write_text(PROGRAM)
    options, arguments = WAYS[way]
    result = python(*options, path, method, *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "notified": True,
        "process": [[True, 1, True, True], ["thread", "timer"], True],
        "exit code": 0,
        "barrier": [2, 0, False],
        "aborted": ["BrokenBarrierError", True],
        "reset": False,
        "failing": 7,
        "pool": [n * n for n in range(20)],
        "manager": [{"locked": False}, 0, False],
        "executor": [n * n for n in range(20)],
    }
