"""Signals and threads: handlers run in the main thread, and end its waits."""

import os
import signal
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")


class Handled(Exception):
    pass


@pytest.fixture
def handler():
    """A handler for SIGUSR1 that raises; the old one is put back."""

    def handle(number, frame):
        raise Handled

    before = signal.signal(signal.SIGUSR1, handle)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def interrupted(threading, handler, spawn):
    """``interrupted(wait)`` runs `wait` in the main thread, and signals it until it ends."""

    def interrupted(wait):
        done = threading.Event()
        main = threading.main_thread().ident

        def kill():
            # Once the frame of the wait stands still. A signal just before the wait sleeps may be
            # seen only with the next one, hence the loop.
            last = None
            while not done.wait(0.01):
                frame = sys._current_frames()[main]
                place = frame.f_code, frame.f_lasti
                if place == last:
                    signal.pthread_kill(main, signal.SIGUSR1)
                last = place

        call = spawn(kill)
        try:
            wait()
        finally:
            # The signal may come once more while we tell the thread to stop.
            while not done.is_set():
                try:
                    done.set()
                    call.join()
                except Handled:
                    pass

    return interrupted


@pytest.mark.parametrize(
    "wait",
    [
        lambda threading: held(threading.Lock()).acquire(),
        lambda threading: held(threading.Lock()).acquire(timeout=3600),
        lambda threading: threading.Event().wait(),
        lambda threading: threading.Event().wait(3600),
        lambda threading: threading.Semaphore(0).acquire(),
        lambda threading: threading.Barrier(2).wait(),
        lambda threading: wait_on(threading.Condition()),
    ],
    ids=["Lock", "timed Lock", "Event", "timed Event", "Semaphore", "Barrier", "Condition"],
)
def test_handler_that_raises_ends_a_wait_of_the_main_thread(threading, interrupted, wait):
    with pytest.raises(Handled):
        interrupted(lambda: wait(threading))


def held(lock):
    lock.acquire()
    return lock


def wait_on(condition):
    with condition:
        condition.wait()


def test_interrupted_acquire_has_not_acquired(threading, interrupted):
    lock = held(threading.Lock())
    with pytest.raises(Handled):
        interrupted(lock.acquire)
    assert lock.locked()
    lock.release()
    assert not lock.locked()


def test_wait_goes_on_after_a_handler_that_returns(threading, spawn):
    handled = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: handled.append(number))
    event = threading.Event()

    def kill():
        while len(handled) < 3:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            threading.Event().wait(0.01)
        event.set()

    try:
        call = spawn(kill)
        assert event.wait(30) is True
        call.result()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(handled) >= 3


def test_keyboard_interrupt_ends_a_join_of_the_main_thread(child):
    code = """
        import os, signal
        # A process started in the background of a shell ignores SIGINT.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()

        def interrupt():
            while not stop.wait(0.05):
                os.kill(os.getpid(), signal.SIGINT)

        killer = threading.Thread(target=interrupt)
        try:
            killer.start()
            thread.join()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("interrupted")
            stop.set()
    """
    assert child(code).stdout == "interrupted\n"


def test_only_the_main_thread_may_set_a_handler(spawn):
    with pytest.raises(ValueError, match=r"^signal only works in main thread"):
        spawn(signal.signal, signal.SIGUSR1, signal.SIG_DFL).result()


def test_any_thread_may_ask_for_handlers_and_timers(spawn, handler):
    assert spawn(signal.getsignal, signal.SIGUSR1).result() is signal.getsignal(signal.SIGUSR1)
    assert spawn(signal.getitimer, signal.ITIMER_PROF).result() == (0.0, 0.0)
    assert spawn(signal.setitimer, signal.ITIMER_PROF, 0).result() == (0.0, 0.0)


def test_any_thread_may_set_an_alarm_and_pause(child):
    code = """
        import signal
        handled = []
        signal.signal(signal.SIGALRM, lambda *args: handled.append(threading.current_thread()))

        def work():
            signal.alarm(1)
            signal.setitimer(signal.ITIMER_REAL, 0.01)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        while not handled:
            threading.Event().wait(0.01)
        print(handled == [threading.main_thread()])

        paused = threading.Thread(target=signal.pause)
        paused.start()
        while paused.is_alive():
            signal.pthread_kill(paused.ident, signal.SIGALRM)
            paused.join(0.01)
        print("paused")
    """
    assert child(code).stdout == "True\npaused\n"


def test_handler_runs_in_the_main_thread_whoever_gets_the_signal(threading, spawn, eventually):
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(threading.current_thread()))
    try:
        spawn(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)).result()
        eventually(lambda: seen, "the handler ran")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [threading.main_thread()]


def test_signal_to_the_process_is_handled_by_the_main_thread(threading, spawn, eventually):
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(threading.current_thread()))
    try:
        spawn(os.kill, os.getpid(), signal.SIGUSR1).result()
        eventually(lambda: seen, "the handler ran")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [threading.main_thread()]


class Second(Exception):
    pass


@pytest.fixture
def settled(threading, eventually):
    """``settled()`` waits until the main thread stays at one instruction, as in a call that blocks."""

    def settled():
        frames = []

        def stays():
            frame = sys._current_frames()[main]
            frames.append((frame.f_code, frame.f_lasti))
            return len(frames) > 30 and len(set(frames[-30:])) == 1

        eventually(stays, "the main thread blocks")

    main = threading.main_thread().ident
    return settled


def test_rlock_is_owned_again_before_a_handler_runs(threading, spawn, settled, handler):
    lock = threading.RLock()
    lock.acquire()
    lock.acquire()
    state = lock._release_save()
    taken = threading.Event()

    def disturb():
        with lock:
            taken.set()
            settled()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            settled()

    spawn(disturb)
    assert taken.wait(30)
    with pytest.raises(Handled):
        lock._acquire_restore(state)
    lock.release()
    lock.release()
    assert not lock._is_owned()


@pytest.mark.parametrize("mine", [False, True], ids=["RLock", "subclass"])
def test_second_exception_has_the_first_for_its_context(threading, spawn, settled, mine):
    class Mine(type(threading.RLock())):
        pass

    condition = threading.Condition(Mine() if mine else threading.RLock())
    main = threading.main_thread().ident
    handled = threading.Event()

    def first(number, frame):
        handled.set()
        raise Handled

    def second(number, frame):
        raise Second

    def disturb():
        with condition:  # Once the main thread waits.
            settled()
            signal.pthread_kill(main, signal.SIGUSR1)
            assert handled.wait(30)
            settled()
            signal.pthread_kill(main, signal.SIGUSR2)
            settled()

    before = signal.signal(signal.SIGUSR1, first), signal.signal(signal.SIGUSR2, second)
    try:
        with condition:
            spawn(disturb)
            with pytest.raises(Second) as raised:
                condition.wait(30)
            assert condition._is_owned()
    finally:
        signal.signal(signal.SIGUSR1, before[0])
        signal.signal(signal.SIGUSR2, before[1])
    assert isinstance(raised.value.__context__, Handled)


def test_failure_to_take_the_lock_again_has_the_handlers_exception_for_its_context(threading, interrupted):
    class Failing:
        def __init__(self):
            self.lock = threading.Lock()
            self.acquire, self.release = self.lock.acquire, self.lock.release
            self._is_owned = self.locked = self.lock.locked

        def _release_save(self):
            self.lock.release()

        def _acquire_restore(self, state):
            self.lock.acquire()
            raise OSError("restore")

    condition = threading.Condition(Failing())
    condition.acquire()
    with pytest.raises(OSError, match="restore") as raised:
        interrupted(lambda: condition.wait(30))
    assert isinstance(raised.value.__context__, Handled)
