"""Threads, timers, and the functions of the module."""

from __future__ import annotations

import sys

from interruptions import Inside, Shape, package_runs

import threadwell as threading


def nothing(*_: object) -> None:
    pass


class Thread(Shape):
    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.turn = 0

    def operate(self) -> None:
        thread = self.thread = threading.Thread(target=nothing)
        thread.start()
        thread.name = "thread"
        thread.is_alive()
        thread.join()

    def again(self) -> None:
        thread = self.thread
        thread.is_alive(), thread.ident, thread.native_id, thread.daemon
        repr(thread)
        thread.name = thread.name
        try:
            thread.join(0)
        except RuntimeError:
            # It has not been started, or it is this one.
            pass
        self.turn += 1
        if self.turn % 16 == 0:
            other = threading.Thread(target=nothing)
            other.start()
            other.join()
            assert not other.is_alive()

    def check(self) -> None:
        assert threading.active_count() == 1


class Timer(Shape):
    #: Seconds.
    interval = 3600

    def __init__(self) -> None:
        self.timer = threading.Timer(self.interval, nothing)
        self.turn = 0

    def operate(self) -> None:
        timer = self.timer = threading.Timer(self.interval, nothing)
        timer.start()
        timer.is_alive()
        timer.cancel()
        timer.join()
        assert not timer.is_alive()

    def again(self) -> None:
        timer = self.timer
        self.turn += 1
        what = self.turn % 8
        if what == 0:
            timer.ident
        elif what == 1:
            repr(timer)
        elif what == 2:
            timer.finished.is_set()
        elif what == 3:
            timer.cancel()
        elif what == 4 and timer.finished.is_set():
            self._join(timer, None)
        elif what == 5:
            [repr(thread) for thread in threading.enumerate()]
        else:
            other = threading.Timer(self.interval, nothing)
            other.start()
            other.cancel()
            other.join()
        self._join(timer, 0)

    def _join(self, timer: threading.Timer, timeout: float | None) -> None:
        try:
            timer.join(timeout)
        except RuntimeError:
            # It has not been started, or it is this thread.
            pass

    def check(self) -> None:
        assert threading._limbo == {}


class FiringTimer(Timer):
    interval = 1e-6

    def operate(self) -> None:
        timer = self.timer = threading.Timer(self.interval, nothing)
        timer.start()
        timer.join()


class Functions(Shape):
    def operate(self) -> None:
        threading.enumerate()
        threading.active_count()
        threading.current_thread()
        threading.main_thread()
        threading.get_ident(), threading.get_native_id()

    again = operate

    def beside(self) -> None:
        thread = threading.Thread(target=nothing)
        thread.start()
        thread.join()


class Local(Shape):
    def __init__(self) -> None:
        self.local = threading.local()

    def operate(self) -> None:
        # The value that goes is the one of the round before.
        self.local.value = Goes()
        self.local.other = [[]]
        self.local.__dict__
        del self.local.other

    def again(self) -> None:
        self.local.value = 1
        self.local.mine = [getattr(self.local, "value", None)]
        del self.local.mine


class Goes:
    """Its last reference goes in the middle of an operation."""

    def __del__(self) -> None:
        Inside(None)()


class Hooks(Shape):
    def __init__(self) -> None:
        threading.excepthook = Inside(None)

    def operate(self) -> None:
        thread = threading.main_thread()
        try:
            raise ValueError
        except ValueError:
            thread._invoke_excepthook(thread)
        threading.settrace(None)
        threading.setprofile(None)
        threading.gettrace(), threading.getprofile()

    def again(self) -> None:
        threading.excepthook, hook = nothing, threading.excepthook
        try:
            self.operate()
        finally:
            threading.excepthook = hook


class Patch(Shape):
    """A walk through all that there is: a hundredth of the rounds."""

    share = 100

    def operate(self) -> None:
        threading.install()
        threading.uninstall()

    def again(self) -> None:
        if not package_runs():
            threading.install()
            threading.uninstall()

    def check(self) -> None:
        assert sys.modules.get("threading") is not threading
