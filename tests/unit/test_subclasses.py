"""Subclasses of Thread: what they may define and override without getting in its way, as with the standard library,
which is tried, too.
"""

from __future__ import annotations

import _thread
import importlib
import sys

import pytest


@pytest.fixture(params=["threading", "threadwell"])
def threading(request):
    return importlib.import_module(request.param)


def test_a_thread_may_equal_another_one(threading):
    class Job:
        def __eq__(self, other):
            return isinstance(other, Job)

        def __hash__(self):
            return 1

    class Worker(Job, threading.Thread):
        pass

    class Reminder(Job, threading.Timer):
        pass

    gate = threading.Event()
    worker, reminder = Worker(target=gate.wait), Reminder(1000, print)
    worker.start()
    reminder.start()
    gate.set()
    worker.join()
    ident = worker.ident
    reminder.cancel()
    reminder.join()
    assert type(ident) is int


def test_nothing_of_a_thread_is_called_once_it_has_left(threading):
    class Counted(threading.Thread):
        def __hash__(self):
            callers.append(threading.current_thread().name)
            return 1

        def __eq__(self, other):
            return self is other

    callers = []
    thread = Counted(name="counted")
    before = threading.active_count()
    thread.start()
    thread.join()
    assert threading.active_count() == before
    assert set(callers) <= {"counted", threading.current_thread().name}


def test_steps_may_be_overridden_where_there_are_sentinels(threading):
    if not hasattr(threading.Thread, "_wait_for_tstate_lock"):
        pytest.skip("this version has handles of threads")

    class Watched(threading.Thread):
        def _set_tstate_lock(self):
            called.append("set")
            super()._set_tstate_lock()

        def _wait_for_tstate_lock(self, *args, **kwargs):
            called.append("wait")
            super()._wait_for_tstate_lock(*args, **kwargs)

        def _stop(self):
            called.append("stop")
            super()._stop()

    called = []
    gate = threading.Event()
    thread = Watched(target=gate.wait)
    thread.start()
    thread.join(0)
    gate.set()
    thread.join()
    assert not thread.is_alive()
    assert called == ["set", "wait", "wait", "stop"]


@pytest.mark.skipif(hasattr(sys.flags, "thread_inherit_context"), reason="the attribute is the interpreter's here")
@pytest.mark.parametrize("name", ["Thread", "Timer"])
def test_a_subclass_may_have_a_context_of_its_own(threading, name):
    class WithContext(getattr(threading, name)):
        def __init__(self, *args):
            super().__init__(*args)
            self._context = "a socket's"

        def run(self):
            seen.append(self._context)

    seen = []
    thread = WithContext(*([0, print] if name == "Timer" else []))
    thread.start()
    thread.join()
    assert seen == ["a socket's"]


@pytest.mark.parametrize("name", [5, ("a", 1), b"bytes", None, "\0", "\ud800"], ids=repr)
def test_a_thread_runs_whatever_its_name_is(threading, name):
    if threading.__name__ == "threading" and hasattr(_thread, "set_name"):
        pytest.skip("the standard library's does not begin if the system cannot be told")
    names = []
    thread = threading.Thread(target=lambda: names.append(threading.current_thread().name), daemon=True)
    thread._name = name
    thread.start()
    thread.join()
    assert names == [name]


#: Names that a later standard library has, too.
OF_LATER_VERSIONS = {"_after_fork", "_context", "_set_os_name"}


@pytest.mark.parametrize("make", [lambda m: m.Thread(target=int), lambda m: m.Timer(60, int)], ids=["Thread", "Timer"])
def test_what_only_our_threads_have_is_out_of_a_subclasss_way(make):
    ours, theirs = (make(importlib.import_module(name)) for name in ("threadwell", "threading"))
    own = {*dir(ours), *vars(ours)} - {*dir(theirs), *vars(theirs), *vars(object), "__annotations__"}
    assert [name for name in own - OF_LATER_VERSIONS if not name.startswith("_tw_")] == []


def test_a_subclass_may_use_names_that_come_to_mind(threading):
    ran = []
    names = ["_event", "_finished", "_key", "_pending", "_over", "_rest", "_begin", "_spawn", "_launch", "_settled"]

    class Worker(threading.Thread):
        def __init__(self):
            for name in names:
                setattr(self, name, 5)
            super().__init__()

        def run(self):
            ran.append(self)

    class Reminder(threading.Timer):
        def __init__(self):
            for name in names:
                setattr(self, name, 5)
            super().__init__(0.01, lambda: ran.append(self))

    threads = [Worker(), Reminder()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ran) == set(threads)
    assert {getattr(thread, name) for thread in threads for name in names} == {5}
