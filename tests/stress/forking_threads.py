"""Timers and threads, in `forking.py`: what the parent's threads do with them, and what the child finds."""

from __future__ import annotations

import random

from forking_base import Kind, brief, others, stop

import threadwell as threading


class Timers(Kind):
    def __init__(self) -> None:
        self.pending = [threading.Timer(1000, stop.set) for _ in range(20)]
        self.fired: list[float] = []
        self.parked = []
        self.steps = [self.cancel, self.fire, self.fire]

    def cancel(self) -> None:
        timers = [threading.Timer(brief() or 1000, int) for _ in range(5)]
        for timer in timers:
            timer.start()
        for timer in timers:
            timer.cancel()

    def fire(self) -> None:
        timer = threading.Timer(brief(), int)
        timer.start()
        timer.join()

    def settle(self) -> None:
        for timer in self.pending:
            timer.start()

    def child(self) -> None:
        for timer in self.pending:
            assert not timer.is_alive()
            timer.join()
            assert not timer.finished.is_set()
            timer.cancel()
            assert timer.finished.is_set()
        fired: list[float] = []
        timers = [threading.Timer(after, fired.append, [after]) for after in (0.002, 0, 0.001, 1000)]
        for timer in timers:
            timer.start()
        timers.pop().cancel()
        for timer in timers:
            timer.join()
        assert sorted(fired) == [0, 0.001, 0.002]

    def finish(self) -> None:
        for timer in self.pending:
            timer.cancel()


class Threads(Kind):
    def __init__(self) -> None:
        self.local = threading.local()
        self.joined = threading.Thread(target=stop.wait)
        self.joined.start()
        others.append(self.joined)
        self.parked = [self.joined.join]
        self.steps = [self.start_and_join, self.leave, self.look]

    def start_and_join(self) -> None:
        thread = threading.Thread(target=self.look)
        thread.start()
        thread.join(brief())
        thread.join()

    def leave(self) -> None:
        threading.Thread(target=self.look, daemon=random.random() < 0.5).start()
        stop.wait(0.001)

    def look(self) -> None:
        self.local.value = threading.current_thread()
        assert threading.current_thread() in threading.enumerate()
        assert threading.active_count() > 1
        assert self.local.value is threading.current_thread()

    def prepare(self) -> None:
        self.local.mine = threading.current_thread()

    def child(self) -> None:
        assert self.local.mine is threading.current_thread()
        found = []
        thread = threading.Thread(target=lambda: found.append(vars(self.local)))
        thread.start()
        thread.join()
        assert found == [{}]
        self.start_and_join()
