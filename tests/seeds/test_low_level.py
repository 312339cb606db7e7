"""The names of `_thread` that the seeds show: what `threading` is built on."""

import sys

import pytest


def test_start_new_thread_calls_the_function_and_returns_the_ident(low_level, eventually):
    seen = []

    def function(*args, **kwargs):
        seen.append((low_level.get_ident(), args, kwargs))

    ident = low_level.start_new_thread(function, ("thread-1", 1), {"a": 2})
    eventually(lambda: seen, "the function ran")
    assert seen == [(ident, ("thread-1", 1), {"a": 2})]


def test_start_new_thread_takes_kwargs_or_none(low_level, eventually):
    seen = []
    low_level.start_new_thread(seen.append, (1,))
    eventually(lambda: seen == [1], "the function ran")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, ()), "first arg must be callable"),
        ((print, 1), "2nd arg must be a tuple"),
        ((print, (), 1), "optional 3rd arg must be a dictionary"),
    ],
)
def test_start_new_thread_with_bad_arguments(low_level, arguments, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        low_level.start_new_thread(*arguments)


def test_what_the_function_raises_ends_the_thread_and_goes_to_unraisablehook(low_level, eventually, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_type))

    def function():
        raise KeyError

    low_level.start_new_thread(function, ())
    eventually(lambda: seen, "the hook was called")
    assert seen == [KeyError]


@pytest.mark.parametrize("how", ["exit", "sys.exit", "SystemExit"])
def test_exit_ends_the_calling_thread_only_and_silently(low_level, eventually, monkeypatch, capsys, how):
    seen, log = [], []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_type))

    def function():
        try:
            if how == "exit":
                low_level.exit()
            if how == "sys.exit":
                sys.exit(3)
            raise SystemExit
        finally:
            log.append("ended")

    before = low_level._count()
    low_level.start_new_thread(function, ())
    eventually(lambda: log and low_level._count() <= before, "the thread ended")
    assert seen == []
    assert capsys.readouterr().err == ""


def test_exit_raises_system_exit(low_level):
    with pytest.raises(SystemExit):
        low_level.exit()


def test_allocate_lock_makes_the_lock_of_threading(low_level, threading):
    lock = low_level.allocate_lock()
    assert type(lock) is type(threading.Lock()) is low_level.LockType
    with lock:
        assert lock.locked()
    assert not lock.locked()


def test_lock_is_held_while_the_block_executes(low_level, spawn):
    a_lock = low_level.allocate_lock()
    with a_lock:
        assert spawn(a_lock.acquire, False).result() is False
    assert spawn(a_lock.acquire, False).result() is True


def test_lock_keeps_its_old_method_names(low_level):
    lock = low_level.allocate_lock()
    assert lock.acquire_lock() is True
    assert lock.locked_lock() is True
    assert lock.release_lock() is None


def test_error_is_runtime_error(low_level, threading):
    assert low_level.error is RuntimeError
    assert threading.ThreadError is RuntimeError


def test_get_ident_stack_size_and_timeout_max_are_those_of_threading(low_level, threading):
    assert low_level.get_ident() == threading.get_ident()
    assert low_level.TIMEOUT_MAX == threading.TIMEOUT_MAX
    before = low_level.stack_size(512 * 1024)
    assert threading.stack_size(before) == 512 * 1024


def test_interrupt_main_raises_keyboard_interrupt_in_the_main_thread(child, low_level):
    code = f"""
        import signal
        import {low_level.__name__} as _thread

        # A process started in the background of a shell ignores SIGINT.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def interrupt():
            print("interrupting")
            _thread.interrupt_main()

        _thread.start_new_thread(interrupt, ())
        try:
            # It acts like a signal without being one: it does not end a wait that has begun.
            while True:
                threading.Event().wait(0.01)
        except KeyboardInterrupt:
            print("interrupted", threading.current_thread() is threading.main_thread())
    """
    assert child(code).stdout == "interrupting\ninterrupted True\n"


def test_process_does_not_wait_for_low_level_threads(child, low_level):
    code = f"""
        import {low_level.__name__} as _thread

        started = threading.Event()

        def forever():
            started.set()
            threading.Event().wait()

        _thread.start_new_thread(forever, ())
        started.wait()
        print("main ends")
    """
    assert child(code).stdout == "main ends\n"
