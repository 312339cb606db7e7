"""Hooks: tracing and profiling of threads, and what happens when one fails."""

from __future__ import annotations

import sys

import pytest

import threadwell as threading


def run(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    return thread


@pytest.fixture(autouse=True)
def restored():
    """The hooks of threading and of this thread, as they were."""
    hooks = threading.gettrace(), threading.getprofile(), sys.gettrace(), sys.getprofile()
    yield
    threading.settrace(hooks[0])
    threading.setprofile(hooks[1])
    sys.settrace(hooks[2])
    sys.setprofile(hooks[3])


KINDS = {
    "trace": (threading.settrace, threading.gettrace, sys.gettrace, "_trace_hook"),
    "profile": (threading.setprofile, threading.getprofile, sys.getprofile, "_profile_hook"),
}


@pytest.mark.parametrize(("set_hook", "get_hook", "installed", "name"), KINDS.values(), ids=KINDS)
def test_the_hook_is_set_in_each_new_thread(set_hook, get_hook, installed, name):
    def hook(*_):
        return None

    seen = []
    before = installed()
    set_hook(hook)
    assert get_hook() is getattr(threading, name) is hook
    assert installed() is before, "not in this one"
    run(lambda: seen.append(installed()))
    set_hook(None)
    run(lambda: seen.append(installed()))
    assert seen == [hook, None]
    assert get_hook() is None


@pytest.mark.parametrize("name", ["_trace_hook", "_profile_hook"])
def test_a_hook_that_is_rebound_counts(monkeypatch, name):
    calls = []
    monkeypatch.setattr(threading, name, lambda frame, event, arg: calls.append(frame.f_code.co_name))
    run(lambda: None)
    assert "run" in calls
    assert "<lambda>" in calls


def test_the_hook_sees_run_and_what_it_calls_and_may_use_threading():
    def function():
        pass

    def hook(frame, event, arg):
        if event == "call":
            called.append((frame.f_code.co_name, threading.current_thread(), len(threading.enumerate())))

    called = []
    count = threading.active_count()
    threading.settrace(hook)
    thread = run(function)
    assert ("run", thread, count + 1) in called
    assert ("function", thread, count + 1) in called


ALL = {
    "trace": (threading.settrace_all_threads, threading.gettrace, sys.gettrace, "_settraceallthreads"),
    "profile": (threading.setprofile_all_threads, threading.getprofile, sys.getprofile, "_setprofileallthreads"),
}


@pytest.mark.parametrize(("set_all", "get_hook", "installed", "reaches"), ALL.values(), ids=ALL)
def test_all_threads(set_all, get_hook, installed, reaches):
    def hook(*_):
        return None

    def function():
        seen.append(installed())
        began.release()
        go_on.acquire()
        seen.append(installed())

    seen = []
    began, go_on = threading.Semaphore(0), threading.Semaphore(0)
    thread = threading.Thread(target=function)
    thread.start()
    began.acquire()
    set_all(hook)
    try:
        go_on.release()
        thread.join()
        assert get_hook() is installed() is hook
        run(lambda: seen.append(installed()))
    finally:
        set_all(None)
    assert seen == [None, hook if hasattr(sys, reaches) else None, hook]
    assert get_hook() is installed() is None


# -- A thread that fails ---------------------------------------------------------------------------------------------


def fail():
    raise ValueError("as it should")


def test_the_hook_gets_what_happened(monkeypatch):
    reports = []
    monkeypatch.setattr(threading, "excepthook", reports.append)
    thread = run(fail)
    (args,) = reports
    assert type(args) is threading.ExceptHookArgs
    assert args.thread is thread
    assert args.exc_type is ValueError
    assert args.exc_traceback is args.exc_value.__traceback__
    names = []
    traceback = args.exc_traceback
    while traceback:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names == ["_bootstrap_inner", "run", "fail"]


def test_the_hook_is_the_one_of_that_moment(monkeypatch):
    def function():
        gate.acquire()
        fail()

    reports = []
    gate = threading.Semaphore(0)
    thread = threading.Thread(target=function)
    thread.start()
    monkeypatch.setattr(threading, "excepthook", reports.append)
    gate.release()
    thread.join()
    assert len(reports) == 1


def test_the_default_prints_the_name_and_the_traceback(capsys):
    assert threading.excepthook is threading.__excepthook__
    thread = run(fail)
    printed = capsys.readouterr().err
    assert printed.startswith(f"Exception in thread {thread.name}:\nTraceback (most recent call last):\n")
    assert printed.endswith("ValueError: as it should\n")


def test_system_exit_is_silent(capsys):
    run(sys.exit)
    assert capsys.readouterr().err == ""


def test_a_hook_that_fails_is_reported_to_sys(monkeypatch, capsys):
    def broken(args):
        raise LookupError

    reports = []
    monkeypatch.setattr(threading, "excepthook", broken)
    monkeypatch.setattr(sys, "excepthook", lambda *args: reports.append(args))
    run(fail)
    assert capsys.readouterr().err == "Exception in threading.excepthook:\n"
    ((kind, value, _),) = reports
    assert kind is LookupError
    assert value.__suppress_context__


def test_without_hooks_no_thread_can_be_made(monkeypatch):
    for module in (threading, sys):
        with monkeypatch.context() as patch:
            patch.setattr(module, "excepthook", None)
            with pytest.raises(RuntimeError, match=rf"^{module.__name__.replace('well', 'ing')}\.excepthook is None$"):
                threading.Thread()


def test_a_hook_that_was_there_at_first_is_used_if_it_is_gone(monkeypatch, capsys):
    def function():
        threading.excepthook = None
        fail()

    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    run(function)
    assert "ValueError: as it should" in capsys.readouterr().err


def test_without_stderr_it_goes_where_the_thread_was_made(monkeypatch, capsys):
    def function():
        monkeypatch.setattr(sys, "stderr", None)
        fail()

    thread = run(function)
    monkeypatch.undo()
    # The traceback goes elsewhere from 3.13 on.
    assert f"Exception in thread {thread.name}:\n" in capsys.readouterr().err
