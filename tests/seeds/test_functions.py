"""The functions and constants of the module."""

import ctypes
import re
import sys

import pytest

LEAST_IS_THE_SYSTEMS = sys.version_info >= (3, 14)

# active_count, enumerate, current_thread, main_thread


def test_active_count_is_the_length_of_enumerate(threading, spawn):
    go_on = threading.Event()
    assert threading.active_count() == len(threading.enumerate())
    before = threading.active_count()
    calls = [spawn(go_on.wait) for _ in range(3)]
    assert threading.active_count() == before + 3 == len(threading.enumerate())
    go_on.set()
    for call in calls:
        call.join()
    assert threading.active_count() == before


def test_a_program_begins_with_one_thread(child):
    code = "print(threading.active_count(), threading.enumerate() == [threading.main_thread()])"
    assert child(code).stdout == "1 True\n"


def test_enumerate_holds_main_and_daemon_threads(threading, spawn):
    go_on = threading.Event()
    call = spawn(go_on.wait)
    assert call.thread.daemon
    threads = threading.enumerate()
    assert isinstance(threads, list)
    assert {call.thread, threading.main_thread()} <= set(threads)
    go_on.set()


def test_enumerate_holds_neither_unstarted_nor_finished_threads(threading):
    thread = threading.Thread(target=int)
    assert thread not in threading.enumerate()
    thread.start()
    thread.join()
    assert thread not in threading.enumerate()


def test_enumerate_returns_a_list_of_its_own(threading):
    threading.enumerate().clear()
    assert threading.main_thread() in threading.enumerate()


def test_current_thread_is_the_callers(threading, spawn):
    assert threading.current_thread() is threading.main_thread()
    call = spawn(threading.current_thread)
    assert call.result() is call.thread


def test_main_thread(threading, spawn):
    main = threading.main_thread()
    assert type(main).__name__ == "_MainThread"
    assert isinstance(main, threading.Thread)
    assert (main.name, main.daemon, main.is_alive()) == ("MainThread", False, True)
    assert main.ident == threading.get_ident()
    assert spawn(threading.main_thread).result() is main
    assert repr(main) == f"<_MainThread(MainThread, started {main.ident})>"


def test_camel_case_names_are_deprecated(threading):
    with pytest.warns(DeprecationWarning, match="currentThread"):
        assert threading.currentThread() is threading.current_thread()
    with pytest.warns(DeprecationWarning, match="activeCount"):
        assert threading.activeCount() == threading.active_count()


# Threads that were started elsewhere


def in_foreign_thread(low_level, eventually, function):
    """What the function returns in a thread that is not the module's."""
    results = []
    low_level.start_new_thread(lambda: results.append(function()), ())
    eventually(lambda: results, "the thread has run")
    return results[0]


def test_current_thread_of_a_foreign_thread_is_a_dummy(threading, low_level, eventually):
    def look():
        thread = threading.current_thread()
        assert threading.current_thread() is thread
        listed = thread in threading.enumerate()
        state = (thread.name.startswith("Dummy-"), thread.daemon, thread.is_alive(), listed)
        return thread, thread.ident == threading.get_ident(), state

    thread, same_ident, state = in_foreign_thread(low_level, eventually, look)
    assert type(thread).__name__ == "_DummyThread"
    assert isinstance(thread, threading.Thread)
    assert same_ident
    assert state == (True, True, True, True)


def test_dummy_thread_cannot_be_joined(threading, low_level, eventually):
    thread = in_foreign_thread(low_level, eventually, threading.current_thread)
    with pytest.raises((RuntimeError, AssertionError), match=r"^cannot join a dummy thread$"):
        thread.join()


def test_dummy_thread_cannot_be_started(threading, low_level, eventually):
    thread = in_foreign_thread(low_level, eventually, threading.current_thread)
    with pytest.raises(RuntimeError, match=r"^threads can only be started once$"):
        thread.start()


def test_dummy_thread_goes_when_the_version_can_tell_that_its_thread_ended(threading, low_level, stdlib, eventually):
    thread = in_foreign_thread(low_level, eventually, threading.current_thread)
    if hasattr(stdlib, "_DeleteDummyThreadOnDel"):
        eventually(lambda: thread not in threading.enumerate(), "the dummy is gone")
    else:
        assert thread in threading.enumerate()


# get_ident, get_native_id


def test_get_ident_is_a_number_other_than_zero(threading, spawn):
    ident = threading.get_ident()
    assert isinstance(ident, int)
    assert ident != 0
    assert threading.get_ident() == ident
    call = spawn(threading.get_ident)
    assert call.result() == call.thread.ident


def test_get_ident_indexes_data_of_threads(threading, spawn):
    data = {}

    def work(value):
        data[threading.get_ident()] = value

    together = threading.Barrier(3, timeout=30)

    def keep(value):
        work(value)
        together.wait()

    calls = [spawn(keep, value) for value in range(3)]
    for call in calls:
        call.result()
    assert [data[call.thread.ident] for call in calls] == [0, 1, 2]


def test_get_native_id(threading, spawn):
    native_id = threading.get_native_id()
    assert isinstance(native_id, int)
    assert spawn(threading.get_native_id).result() != native_id


# stack_size


@pytest.fixture
def stack_size(threading):
    before = threading.stack_size()
    yield threading.stack_size
    threading.stack_size(before)


def test_stack_size_is_zero_unless_set(child):
    assert child("print(threading.stack_size())").stdout == "0\n"


def test_stack_size_sets_and_returns_the_old_one(stack_size):
    stack_size(0)
    assert stack_size(512 * 1024) == 0
    assert stack_size(0) == 512 * 1024
    assert stack_size() == 0


def test_stack_size_without_an_argument_means_zero(stack_size):
    stack_size(512 * 1024)
    assert stack_size() == 512 * 1024, "it returns the old size,"
    assert stack_size() == 0, "and has set it back to the default"


@pytest.mark.skipif(LEAST_IS_THE_SYSTEMS, reason="from 3.14 on the system has a say in it")
def test_stack_size_of_32_kib_is_the_least(stack_size):
    stack_size(32768)
    assert stack_size(0) == 32768
    with pytest.raises(ValueError, match=r"^size not valid: 32767 bytes$"):
        stack_size(32767)
    assert stack_size(0) == 0


@pytest.mark.skipif(not LEAST_IS_THE_SYSTEMS, reason="up to 3.13 the least is 32 KiB")
def test_stack_size_tells_the_least(stack_size):
    with pytest.raises(ValueError, match=r"^size must be at least \d+ bytes$") as raised:
        stack_size(1)
    least = int(re.findall(r"\d+", str(raised.value))[0])
    assert least >= 32768
    stack_size(least)
    assert stack_size(0) == least
    with pytest.raises(ValueError, match=r"^size must be at least "):
        stack_size(least - 1)
    assert stack_size(0) == 0


def test_stack_size_below_zero_raises(stack_size):
    expected = "at least [0-9]+ bytes" if LEAST_IS_THE_SYSTEMS else "0 or a positive value"
    with pytest.raises(ValueError, match=f"^size must be {expected}$"):
        stack_size(-1)
    assert stack_size(0) == 0


def size_of_the_stack():
    """Bytes of the calling thread's stack, as the system's library tells."""
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_void_p
    attributes = ctypes.create_string_buffer(256)  # More than a pthread_attr_t is anywhere.
    size = ctypes.c_size_t()
    assert library.pthread_getattr_np(ctypes.c_void_p(library.pthread_self()), attributes) == 0
    assert library.pthread_attr_getstacksize(attributes, ctypes.byref(size)) == 0
    assert library.pthread_attr_destroy(attributes) == 0
    return size.value


@pytest.mark.skipif(sys.platform != "linux", reason="pthread_getattr_np is Linux's")
def test_threads_start_with_the_stack_size_that_was_set(stack_size, spawn):
    usual = spawn(size_of_the_stack).result()
    stack_size(2 * usual)
    assert spawn(size_of_the_stack).result() >= 2 * usual


# TIMEOUT_MAX


def test_timeout_max_is_a_positive_number(threading, stdlib):
    assert isinstance(threading.TIMEOUT_MAX, float)
    assert threading.TIMEOUT_MAX > 0
    assert threading.TIMEOUT_MAX == stdlib.TIMEOUT_MAX


@pytest.mark.parametrize(
    "wait",
    [
        lambda threading, timeout: threading.Lock().acquire(timeout=timeout),
        lambda threading, timeout: threading.RLock().acquire(timeout=timeout),
        lambda threading, timeout: threading.Semaphore(0).acquire(timeout=timeout),
        lambda threading, timeout: threading.Event().wait(timeout),
        lambda threading, timeout: threading.Barrier(2).wait(timeout),
    ],
    ids=["Lock.acquire", "RLock.acquire", "Semaphore.acquire", "Event.wait", "Barrier.wait"],
)
def test_more_than_timeout_max_overflows(threading, wait):
    with pytest.raises(OverflowError):
        wait(threading, threading.TIMEOUT_MAX * 2)


# settrace, setprofile


@pytest.mark.parametrize("what", ["trace", "profile"])
def test_hook_is_set_in_each_new_thread_before_run(threading, spawn, what):
    events = []
    get, set_ = getattr(threading, f"get{what}"), getattr(threading, f"set{what}")
    in_thread = getattr(sys, f"get{what}")

    def hook(frame, event, argument):
        events.append((frame.f_code.co_name, event))

    class Mine(threading.Thread):
        def run(self):
            self.hook = in_thread()

    outside = in_thread()
    before = get()
    assert set_(hook) is None
    try:
        assert get() is hook
        thread = Mine()
        thread.start()
        thread.join(30)
    finally:
        set_(before)
    assert thread.hook is hook
    assert ("run", "call") in events
    assert in_thread() is outside, "the thread that set it is left alone"
    assert get() is before


@pytest.mark.parametrize("what", ["trace", "profile"])
def test_hook_may_be_set_for_all_threads(threading, what, spawn, eventually):
    set_all = getattr(threading, f"set{what}_all_threads", None)
    if set_all is None:
        assert threading.__name__ == "threading", "threadwell has it on every interpreter"
        pytest.skip("this interpreter's threading has it not: it came with 3.12")
    outside = getattr(sys, f"get{what}")()
    before = getattr(threading, f"get{what}")()
    stop, seen = threading.Event(), []

    def work():
        def step():
            pass

        while not stop.is_set():
            step()

    def hook(frame, event, argument):
        seen.append(frame.f_code.co_name)

    call = spawn(work)
    try:
        set_all(hook)
        assert getattr(threading, f"get{what}")() is hook
        assert getattr(sys, f"get{what}")() is hook, "the calling thread has it"
        if hasattr(sys, f"_set{what}allthreads"):  # Before 3.12 the interpreter has no means to do it.
            eventually(lambda: "step" in seen, "a thread that was running already has it")
    finally:
        set_all(None)
        getattr(threading, f"set{what}")(before)
        getattr(sys, f"set{what}")(outside)
        stop.set()
    call.result()
