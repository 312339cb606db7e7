"""Barriers whose class keeps their state itself.

``multiprocessing.Barrier`` derives from ``threading.Barrier``: its ``_state`` and ``_count`` are in memory that several
processes share, and its ``_cond`` is a condition of theirs. All the rest it takes from the standard library's class,
which is in Python. A class that has these gets the rest from here. The numbers mean what they mean there, so that a
process that runs on the standard library can be one of the parties.
"""

from __future__ import annotations

import threadwell as _module
from threadwell import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BROKEN, _RESETTING, _FILLING, _DRAINING = -2, -1, 0, 1


class _SharedBarrier:
    """What a class gets. The state and the count of those inside are changed with the condition held."""

    _cond: Any
    _state: int
    _count: int
    _parties: int = 0
    _action: Callable[[], object] | None
    _timeout: float | None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all parties are here, and return a number that is different for each."""
        if timeout is None:
            timeout = self._timeout
        with self._cond:
            # Those of the last round go first.
            self._cond.wait_for(lambda: self._state not in (_RESETTING, _DRAINING))
            self._check()
            index = self._count
            self._count += 1
            try:
                if index + 1 == self._parties:
                    self._release()
                else:
                    self._await_others(timeout)
            finally:
                self._count -= 1
                if not self._count and self._state in (_RESETTING, _DRAINING):
                    self._become(_FILLING)
            return index

    def reset(self) -> None:
        """Make the barrier empty and whole again. Whoever waits gets a BrokenBarrierError."""
        with self._cond:
            if not self._count:
                self._become(_FILLING)
            elif self._state != _DRAINING:
                self._become(_RESETTING)

    def abort(self) -> None:
        """Break the barrier."""
        with self._cond:
            self._become(_BROKEN)

    @property
    def parties(self) -> int:
        """How many have to arrive."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        return self._count if self._state == _FILLING else 0

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._state == _BROKEN

    def __repr__(self) -> str:
        state = "broken" if self.broken else f"waiters={self.n_waiting}/{self.parties}"
        return f"<{type(self).__module__}.{type(self).__qualname__} at {id(self):#x}: {state}>"

    def _release(self) -> None:
        try:
            if self._action:
                self._action()
        except:
            self._become(_BROKEN)
            raise
        self._become(_DRAINING)

    def _await_others(self, timeout: float | None) -> None:
        if not self._cond.wait_for(lambda: self._state != _FILLING, timeout):
            self._become(_BROKEN)
        self._check()

    def _check(self) -> None:
        if self._state < _FILLING:
            raise _module.BrokenBarrierError

    def _become(self, state: int) -> None:
        self._state = state
        self._cond.notify_all()


_STATE = {"_state", "_count"}
_REST = {name: value for name, value in vars(_SharedBarrier).items() if name == "__repr__" or not name.startswith("__")}


def _complete(cls: type[_native.Barrier], /, **options: object) -> None:
    """Called for each new class that derives from ``Barrier``."""
    super(_native.Barrier, cls).__init_subclass__(**options)
    if vars(cls).keys() >= _STATE:
        for name, value in _REST.items():
            if getattr(cls, name, None) is getattr(_native.Barrier, name, None):
                setattr(cls, name, value)
