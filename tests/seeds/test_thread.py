"""The thread object: construction, start, run, join, names, daemon flag, states."""

import gc
import inspect
import os
import re
import sys
import weakref

import pytest


@pytest.fixture
def paused(threading, eventually):
    """``paused(**options)`` starts a thread that stays alive until the test ends."""
    go_on = threading.Event()
    threads = []

    def paused(**options):
        thread = threading.Thread(target=go_on.wait, **options)
        thread.start()
        threads.append(thread)
        return thread

    yield paused
    go_on.set()
    for thread in threads:
        thread.join(30)


def finished(thread):
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    return thread


# Construction


def test_calls_the_target_with_args_and_kwargs(threading):
    calls = []
    thread = threading.Thread(target=lambda *args, **kwargs: calls.append((args, kwargs)), args=(1, 2), kwargs={"c": 3})
    finished(thread)
    assert calls == [((1, 2), {"c": 3})]


def test_args_and_kwargs_are_empty_by_default(threading):
    calls = []
    finished(threading.Thread(target=lambda *args, **kwargs: calls.append((args, kwargs))))
    assert calls == [((), {})]


def test_args_may_be_any_iterable(threading):
    calls = []
    finished(threading.Thread(target=lambda *args: calls.append(args), args=[1, 2]))
    assert calls == [(1, 2)]


def test_without_a_target_run_does_nothing(threading):
    assert finished(threading.Thread()).ident is not None


def test_parameters_in_order(threading):
    names = [*inspect.signature(threading.Thread).parameters]
    assert names[:6] == ["group", "target", "name", "args", "kwargs", "daemon"]
    thread = threading.Thread(None, print, "mine", (), {})
    assert thread.name == "mine"


def test_daemon_is_keyword_only(threading):
    with pytest.raises(TypeError):
        threading.Thread(None, None, None, (), {}, True)


def test_group_is_reserved(threading):
    with pytest.raises(AssertionError, match=r"^group argument must be None for now$"):
        threading.Thread(group=object())


def test_subclass_overrides_run(threading):
    class Mine(threading.Thread):
        def run(self):
            self.ran_in = threading.get_ident()

    thread = finished(Mine())
    assert thread.ran_in == thread.ident


def test_subclass_calls_the_base_constructor_first(threading):
    class Mine(threading.Thread):
        def __init__(self, number):
            super().__init__(name=f"mine-{number}")
            self.number = number

        def run(self):
            self.number += 1

    thread = finished(Mine(1))
    assert (thread.name, thread.number) == ("mine-1", 2)


def test_subclass_that_does_not_call_the_base_constructor_cannot_start(threading):
    class Mine(threading.Thread):
        def __init__(self):
            pass

    with pytest.raises(RuntimeError, match=r"^thread\.__init__\(\) not called$"):
        Mine().start()
    with pytest.raises(RuntimeError, match=r"^Thread\.__init__\(\) not called$"):
        Mine().join()


# start and run


def test_start_calls_run_in_a_new_thread(threading):
    where = []
    thread = threading.Thread(target=lambda: where.append((threading.get_ident(), threading.current_thread())))
    assert thread.start() is None
    thread.join(30)
    assert where == [(thread.ident, thread)]
    assert thread.ident != threading.get_ident()


def test_start_returns_when_the_thread_is_alive(threading, paused):
    thread = paused()
    assert thread.is_alive()
    assert thread.ident is not None
    assert thread in threading.enumerate()


def test_start_twice_raises(threading, paused):
    thread = paused()
    with pytest.raises(RuntimeError, match=r"^threads can only be started once$"):
        thread.start()
    assert thread.is_alive()


def test_start_of_a_finished_thread_raises(threading):
    calls = []
    thread = finished(threading.Thread(target=calls.append, args=(1,)))
    with pytest.raises(RuntimeError, match=r"^threads can only be started once$"):
        thread.start()
    assert calls == [1]
    assert not thread.is_alive()


def test_run_is_a_plain_call_in_the_calling_thread(threading):
    where = []
    before = threading.active_count()
    thread = threading.Thread(target=lambda: where.append((threading.get_ident(), threading.active_count())))
    assert thread.run() is None
    assert where == [(threading.get_ident(), before)]
    assert thread.ident is None


def test_run_passes_on_what_the_target_raises(threading):
    def target():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        threading.Thread(target=target).run()


def test_run_forgets_its_target_and_works_once(threading):
    thread = threading.Thread(target=print, args=())
    assert (thread._target, thread._args, thread._kwargs) == (print, (), {})
    thread = threading.Thread(target=int)
    thread.run()
    for name in "_target", "_args", "_kwargs":
        assert not hasattr(thread, name)
    with pytest.raises(AttributeError, match="_target"):
        thread.run()


def test_arguments_die_with_the_run(threading):
    class Argument:
        pass

    argument = Argument()
    reference = weakref.ref(argument)
    thread = threading.Thread(target=id, args=(argument,))
    del argument
    assert reference() is not None
    finished(thread)
    gc.collect()
    assert reference() is None


# Life


def test_is_alive_from_start_to_the_end_of_run(threading, spawn):
    seen = []
    go_on = threading.Event()

    def target():
        seen.append(threading.current_thread().is_alive())
        go_on.wait(30)

    thread = threading.Thread(target=target)
    assert thread.is_alive() is False
    thread.start()
    assert thread.is_alive() is True
    go_on.set()
    thread.join(30)
    assert thread.is_alive() is False
    assert seen == [True]


def test_is_alive_is_a_method_and_the_old_spelling_is_gone(threading):
    assert callable(threading.Thread.is_alive)
    assert not hasattr(threading.Thread, "isAlive")


def test_ends_when_run_returns(threading):
    assert not finished(threading.Thread(target=int)).is_alive()


def test_ends_when_run_raises(threading, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    def target():
        raise KeyError

    assert not finished(threading.Thread(target=target)).is_alive()


def test_cannot_be_destroyed_stopped_suspended_resumed_or_interrupted(threading):
    for name in "destroy", "stop", "suspend", "resume", "interrupt", "exit", "priority":
        assert not hasattr(threading.Thread, name)


def test_many_threads_run_at_the_same_time(threading, spawn):
    together = threading.Barrier(10, timeout=30)
    calls = [spawn(together.wait) for _ in range(10)]
    assert sorted(call.result() for call in calls) == [*range(10)]


def test_threads_share_the_data_of_the_process(threading):
    shared = {}

    def target():
        shared["pid"] = os.getpid()

    finished(threading.Thread(target=target))
    assert shared == {"pid": os.getpid()}


# join


def test_join_waits_for_the_end(threading, spawn):
    order = []
    go_on = threading.Event()

    def target():
        go_on.wait(30)
        order.append("end of run")

    thread = threading.Thread(target=target)
    thread.start()

    def join():
        result = thread.join()
        order.append("joined")
        return result

    call = spawn(join).blocked()
    go_on.set()
    assert call.result() is None
    assert order == ["end of run", "joined"]


def test_join_waits_for_a_daemon_thread_too(threading):
    log = []
    thread = threading.Thread(target=log.append, args=(1,), daemon=True)
    thread.start()
    thread.join()
    assert log == [1]


def test_join_with_a_timeout_returns_none_and_is_alive_tells(paused):
    thread = paused()
    assert thread.join(0.01) is None
    assert thread.is_alive()
    assert thread.join(timeout=0) is None
    assert thread.join(timeout=-1) is None
    assert thread.is_alive()


def test_join_in_time_returns_none_too(threading):
    thread = threading.Thread(target=int)
    thread.start()
    assert thread.join(30) is None
    assert not thread.is_alive()


def test_join_may_be_called_many_times_and_by_many_threads(threading, spawn):
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    calls = [spawn(thread.join).blocked() for _ in range(3)]
    go_on.set()
    assert [call.result() for call in calls] == [None] * 3
    for _ in range(3):
        assert thread.join() is None


def test_join_of_the_own_thread_raises(threading, spawn):
    def join():
        threading.current_thread().join()

    with pytest.raises(RuntimeError, match=r"^cannot join current thread$"):
        spawn(join).result()
    with pytest.raises(RuntimeError, match=r"^cannot join current thread$"):
        join()


def test_join_before_start_raises(threading):
    thread = threading.Thread(target=int)
    with pytest.raises(RuntimeError, match=r"^cannot join thread before it is started$"):
        thread.join()
    finished(thread)


def test_join_past_the_maximum_overflows(threading, stdlib, paused):
    thread = paused()
    with pytest.raises(OverflowError):
        thread.join(threading.TIMEOUT_MAX * 2)
    # Before 3.13 the standard library takes the thread for dead after this.
    assert thread.is_alive() or (threading is stdlib and sys.version_info < (3, 13))


# name


def test_default_name_is_thread_n_and_the_name_of_the_target(threading):
    def target():
        pass

    assert re.fullmatch(r"Thread-\d+", threading.Thread().name)
    assert re.fullmatch(r"Thread-\d+ \(target\)", threading.Thread(target=target).name)


def test_default_names_count_up(threading):
    first, second = (int(threading.Thread().name.removeprefix("Thread-")) for _ in range(2))
    assert second == first + 1


def test_name_is_given_read_and_changed(threading):
    thread = threading.Thread(name="first")
    assert thread.name == "first"
    thread.name = "second"
    assert thread.name == "second"


def test_name_may_be_changed_while_it_runs(paused):
    thread = paused(name="first")
    thread.name = "second"
    assert thread.name == "second"
    assert "second" in repr(thread)


def test_names_need_not_differ(threading):
    one, other = threading.Thread(name="same"), threading.Thread(name="same")
    assert one.name == other.name
    assert one != other


def test_name_becomes_a_string(threading):
    thread = threading.Thread(name=5)
    assert thread.name == "5"
    thread.name = 6
    assert thread.name == "6"


def test_get_name_and_set_name_are_the_old_way(threading):
    thread = threading.Thread(name="first")
    with pytest.warns(DeprecationWarning, match=r"setName\(\) is deprecated"):
        assert thread.setName("second") is None
    with pytest.warns(DeprecationWarning, match=r"getName\(\) is deprecated"):
        assert thread.getName() == "second"


# ident and native_id


def test_ident_is_none_before_start_and_stays_after_the_end(threading):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(threading.get_ident()))
    assert thread.ident is None
    finished(thread)
    assert isinstance(thread.ident, int)
    assert thread.ident != 0
    assert seen == [thread.ident]


def test_idents_of_living_threads_differ(threading, paused):
    threads = [paused() for _ in range(5)]
    assert len({thread.ident for thread in threads} | {threading.get_ident()}) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="the platform decides whether an ident comes back")
def test_thread_that_got_a_used_ident_is_another_thread(threading, eventually):
    threads = []
    for _ in range(50):
        threads.append(finished(threading.Thread(target=int)))
        task = f"/proc/self/task/{threads[-1].native_id}"
        eventually(lambda task=task: not os.path.exists(task), "the system has done with the thread, too")
    assert len({thread.ident for thread in threads}) < 50
    assert len(set(threads)) == 50


def test_ident_is_read_only(threading):
    with pytest.raises(AttributeError):
        threading.Thread().ident = 1


def test_native_id(threading, spawn):
    thread = threading.Thread()
    assert thread.native_id is None
    own = spawn(lambda: (threading.get_native_id(), threading.current_thread().native_id)).result()
    assert own[0] == own[1]
    assert threading.current_thread().native_id == threading.get_native_id()


# daemon


def test_daemon_is_inherited_from_the_creating_thread(threading, spawn):
    def child_of(daemon):
        thread = threading.Thread(target=lambda: seen.append(threading.Thread().daemon))
        thread.daemon = daemon
        finished(thread)

    seen = []
    child_of(True)
    child_of(False)
    assert seen == [True, False]


def test_threads_of_the_main_thread_are_not_daemons(threading):
    assert threading.current_thread() is threading.main_thread()
    assert threading.Thread().daemon is False


@pytest.mark.parametrize("daemon", [True, False])
def test_daemon_parameter_goes_before_the_inherited_flag(threading, spawn, daemon):
    make = lambda: threading.Thread(daemon=daemon).daemon  # noqa: E731
    assert make() is daemon
    assert spawn(make).result() is daemon


def test_daemon_none_means_inherited(threading):
    assert threading.Thread(daemon=None).daemon is False


def test_daemon_may_be_set_before_start(threading):
    thread = threading.Thread(target=int)
    thread.daemon = True
    assert thread.daemon is True
    assert finished(thread).daemon is True


def test_daemon_may_not_be_set_while_alive(paused):
    thread = paused()
    with pytest.raises(RuntimeError, match=r"^cannot set daemon status of active thread$"):
        thread.daemon = True
    assert thread.daemon is False


def test_is_daemon_and_set_daemon_are_the_old_way(threading):
    thread = threading.Thread()
    with pytest.warns(DeprecationWarning, match=r"setDaemon\(\) is deprecated"):
        assert thread.setDaemon(True) is None
    with pytest.warns(DeprecationWarning, match=r"isDaemon\(\) is deprecated"):
        assert thread.isDaemon() is True


def test_set_daemon_may_be_overridden_by_a_subclass(threading):
    class Daemonizable(threading.Thread):
        def __init__(self, name):
            super().__init__(name=name)
            self.count = 0

        def setDaemon(self, daemonic):  # noqa: N802 - the name in the seed
            self.daemon = daemonic

    thread = Daemonizable("demon")
    thread.setDaemon(True)
    assert thread.daemon is True


# repr, references


def test_repr_shows_name_and_state(threading, paused):
    assert repr(threading.Thread(name="n")) == "<Thread(n, initial)>"
    thread = paused(name="n")
    assert repr(thread) == f"<Thread(n, started {thread.ident})>"
    thread = paused(name="n", daemon=True)
    assert repr(thread) == f"<Thread(n, started daemon {thread.ident})>"
    thread = finished(threading.Thread(name="n"))
    assert repr(thread) == f"<Thread(n, stopped {thread.ident})>"


def test_has_attributes_and_may_be_weakly_referenced(threading):
    thread = threading.Thread(target=int)
    thread.label = 1
    assert vars(thread)["label"] == 1
    reference = weakref.ref(thread)
    finished(thread)
    del thread
    gc.collect()
    assert reference() is None


# What run raises: excepthook


def failing(threading, error):
    def target():
        raise error

    return threading.Thread(target=target, name="failing")


def test_excepthook_gets_what_run_raised(threading, monkeypatch):
    seen = []

    def hook(args):
        seen.append((args.exc_type, str(args.exc_value), args.exc_traceback, args.thread.name))

    monkeypatch.setattr(threading, "excepthook", hook)
    finished(failing(threading, KeyError("mine")))
    ((kind, value, traceback, name),) = seen
    assert (kind, value, name) == (KeyError, "'mine'", "failing")
    assert traceback is not None


def test_excepthook_is_looked_up_when_the_exception_comes(threading, monkeypatch):
    seen = []
    go_on = threading.Event()

    def target():
        go_on.wait(30)
        raise KeyError

    thread = threading.Thread(target=target)
    thread.start()
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    go_on.set()
    thread.join(30)
    assert seen == [KeyError]


def test_default_excepthook_prints_the_traceback(threading, monkeypatch, capsys):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    finished(failing(threading, KeyError("mine")))
    err = capsys.readouterr().err
    assert err.startswith("Exception in thread failing:\nTraceback (most recent call last):\n")
    assert err.endswith("\nKeyError: 'mine'\n")


def test_system_exit_ends_the_thread_silently(threading, monkeypatch, capsys):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    finished(failing(threading, SystemExit(3)))
    assert capsys.readouterr().err == ""


def test_excepthook_that_raises_is_reported_through_sys(threading, monkeypatch):
    seen = []

    def hook(args):
        raise ValueError("in the hook")

    monkeypatch.setattr(threading, "excepthook", hook)
    monkeypatch.setattr(sys, "excepthook", lambda kind, value, traceback: seen.append(kind))
    finished(failing(threading, KeyError("mine")))
    assert seen == [ValueError]


def test_excepthook_args(threading):
    args = threading.ExceptHookArgs((KeyError, KeyError("a"), None, None))
    assert args.exc_type is KeyError
    assert args.thread is None
    assert tuple(args)[1] is args.exc_value


def test_excepthook_that_stores_nothing_lets_the_thread_go(threading, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    thread = finished(failing(threading, KeyError("mine")))
    reference = weakref.ref(thread)
    del thread
    gc.collect()
    assert reference() is None


def test_excepthook_that_stores_the_thread_keeps_it(threading, monkeypatch):
    kept = []
    monkeypatch.setattr(threading, "excepthook", lambda args: kept.append(args.thread))
    thread = finished(failing(threading, KeyError("mine")))
    reference = weakref.ref(thread)
    del thread
    gc.collect()
    assert reference() is kept[0]
