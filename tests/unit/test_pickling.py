"""What of threadwell can be pickled, and what of it reaches another process."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

import threadwell

if TYPE_CHECKING:
    from conftest import Program


class MyError(threadwell.BrokenBarrierError):
    """A subclass is found where it says it is from."""


@pytest.mark.parametrize("kind", [threadwell.BrokenBarrierError, MyError])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_exception_comes_back_as_it_was(kind: type[Exception], protocol: int) -> None:
    error = kind("first", 2)
    error.add_note("noted")
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert (type(again), again.args, again.__notes__) == (kind, ("first", 2), ["noted"])


def test_an_exception_is_that_of_the_module_in_place(program: Program) -> None:
    # Of whichever one takes the place of threading where it arrives, then: a child may be on the standard library.
    output = program("""
        import threadwell
        import pickle, sys
        threadwell.install()
        pickled = pickle.dumps(threadwell.BrokenBarrierError("text"))
        assert type(pickle.loads(pickled)) is threadwell.BrokenBarrierError
        threadwell.uninstall()
        import threading
        error = pickle.loads(pickled)
        assert type(error) is threading.BrokenBarrierError is not threadwell.BrokenBarrierError
        print(error)
    """)
    assert output == "text\n"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_exception_gets_out_of_a_pool(program: Program, method: str) -> None:
    output = program(
        f"""
        import multiprocessing
        import threadwell as threading

        def wait(timeout):
            threading.Barrier(2).wait(timeout)

        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                try:
                    pool.map(wait, [0])
                except threading.BrokenBarrierError as error:
                    print(repr(error))
        """
    )
    assert output == "BrokenBarrierError()\n"


def test_the_classes_of_locks_are_found_and_their_objects_are_refused(program: Program) -> None:
    source = """
        {}
        import copy, pickle, threading
        for make in (threading.Lock, threading.RLock):
            assert pickle.loads(pickle.dumps(make)) is make
            for reduce in (pickle.dumps, copy.copy):
                try:
                    reduce(make())
                except TypeError as error:
                    print(error)
            print(repr(make()).split(" object")[0], type(make()).__name__)
    """
    ours = program(source.format("import threadwell; threadwell.install()"))
    assert ours == program(source.format(""))
    assert "cannot pickle '_thread.lock' object" in ours


@pytest.mark.parametrize("children", [False, True])
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_manager_starts(program: Program, method: str, children: bool) -> None:
    # What it sends to its process are the classes of its objects, `threading.Lock` among them.
    output = program(
        f"""
        import threadwell
        threadwell.install(children={children})
        import multiprocessing

        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Manager() as manager:
                lock = manager.Lock()
                print(lock.acquire(), lock.acquire(False), manager.RLock().acquire(), manager.Barrier(1).wait())
        """
    )
    assert output == "True False True 0\n"
