"""Arguments of all kinds: what programs pass by mistake, and what a fuzzer would.

Each kind is a function of the module that the call is for, because a value is not shared by two calls.
"""

from __future__ import annotations

import decimal
import fractions
from unittest import mock


class Sour:
    """Raises whatever it is asked for."""

    def _refuse(self, *_):
        raise ZeroDivisionError("sour")

    __index__ = __float__ = __bool__ = __int__ = __len__ = __iter__ = __call__ = __getitem__ = _refuse
    __lt__ = __gt__ = __le__ = __ge__ = __eq__ = __add__ = __radd__ = __sub__ = __rsub__ = _refuse
    __hash__ = None


class SourIndex:
    def __index__(self):
        raise ZeroDivisionError("index")


class SourFloat:
    def __float__(self):
        raise ZeroDivisionError("float")


class SourBool:
    def __bool__(self):
        raise ZeroDivisionError("bool")


class SourText(str):
    def __str__(self):
        raise ZeroDivisionError("str")


class WrongIndex:
    def __index__(self):
        return "1"  # noqa: PLE0305 - that is what is wrong


class WrongFloat:
    def __float__(self):
        return "1"


class WrongBool:
    def __bool__(self):
        return 2  # noqa: PLE0304 - that is what is wrong


class Index:
    """A number where a whole number is asked for, and nothing else."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Ordered(Index):
    """It can also be compared and added to."""

    def __lt__(self, other):
        return self.value < other

    def __le__(self, other):
        return self.value <= other

    def __gt__(self, other):
        return self.value > other

    def __add__(self, other):
        return self.value + other

    __radd__ = __add__


class Float:
    def __float__(self):
        return 0.0


class Int(int):
    pass


class Real(float):
    pass


class OddInt(int):
    """Its value depends on who asks."""

    def __index__(self):
        return 7

    def __float__(self):
        return 7.0

    def __bool__(self):
        return not int(self)


class OddReal(float):
    def __float__(self):
        return 7.0

    def __bool__(self):
        return not float.__bool__(self)


class SourInt(int):
    """A number that refuses to be compared or added to."""

    def _refuse(self, *_):
        raise ZeroDivisionError("number")

    __lt__ = __le__ = __gt__ = __add__ = __radd__ = __sub__ = _refuse
    __hash__ = int.__hash__


class Anything:
    """Has every attribute, and each can be called."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


class Callable:
    def __call__(self, *args, **kwargs):
        return 0


def raising(*_, **__):
    raise LookupError("called")


def generator():
    yield 1


#: Values of their own, without a module.
PLAIN = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), 2**64, 10**400, -(10**400)),
    *(0.0, -0.0, 1e-9, -1e-9, 0.5, -0.5, -1.0, 1.0, 1.5, 2.0, 9e9, 9.3e9, 1e300, -1e300),
    *(float("inf"), float("-inf"), float("nan")),
    *("", "1", "text", "\ud800", "a\0b", "é" * 40, b"", b"1", (), (1,), (1, 2), frozenset()),
    *(int, object, len, print.__class__, raising, ValueError, Ellipsis, NotImplemented),
    *(1j, 0j, fractions.Fraction(0), fractions.Fraction(1, 2), fractions.Fraction(-1), fractions.Fraction(10**400)),
    *(decimal.Decimal(0), decimal.Decimal("0.5"), decimal.Decimal("NaN"), decimal.Decimal("sNaN")),
    *(decimal.Decimal("Infinity"), range(0), range(2)),
]

#: The same kinds in the proportions in which they are drawn: most calls are to get past the first argument.
USUAL = [None, True, False, 0, 1, 0.0, 2, -1]

KINDS = [
    *((lambda _, value=value: value) for value in [*PLAIN, *USUAL, *USUAL, *USUAL]),
    *(
        lambda _, kind=kind: kind()
        for kind in (Sour, SourIndex, SourFloat, SourBool, WrongIndex, WrongFloat, WrongBool, Float, Anything, Callable)
    ),
    *(lambda _, kind=kind: kind() for kind in (generator, mock.MagicMock, object, list, dict, set, bytearray)),
    *((lambda _, kind=kind: kind(0)) for kind in (Index, Ordered, Int, Real, OddInt, OddReal, SourInt)),
    *((lambda _, kind=kind: kind(-1)) for kind in (Index, Ordered, Int, Real, OddInt, OddReal, SourInt)),
    *((lambda _, kind=kind: kind(2)) for kind in (Index, Ordered, Int, Real, OddInt, OddReal, SourInt)),
    *((lambda _, kind=kind: kind(2**64)) for kind in (Index, Ordered, Int, Real, OddInt, OddReal, SourInt)),
    *((lambda _, kind=kind: kind("text")) for kind in (SourText, list)),
    *(lambda _, value=value: dict(value) for value in ({"a": 1}, {1: 1}, {"timeout": 0})),
    lambda t: t.TIMEOUT_MAX,
    lambda t: t.TIMEOUT_MAX * 2,
    lambda t: t.Lock(),
    lambda t: t.RLock(),
    lambda t: t.Condition(),
    lambda t: t.Event(),
    lambda t: t.Thread(),
    lambda t: t.Thread,
    lambda t: t.local(),
    lambda t: t.BrokenBarrierError(),
]

#: Names for named arguments, beside those of the parameters.
NAMES = ["timeout", "blocking", "n", "self", "x", "", "a b", "é", "\ud800", "class"]


class Arguments:
    """The arguments of one call."""

    def __init__(self, random, parameters, exact):
        """Draw them. If `exact`, there is one for each parameter, by position."""
        count = len(parameters) if exact else random.choice([0, 1, 1, 1, 2, 2, 3, 4, 7])
        self._positional = [random.choice(KINDS) for _ in range(count)]
        self._named = {}
        if not exact:
            for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
                names = parameters if parameters and random.random() < 0.8 else NAMES
                self._named[random.choice(names)] = random.choice(KINDS)

    def make(self, module):
        """Return them as a list and a dictionary, for a call of `module`."""
        positional = [make(module) for make in self._positional]
        return positional, {name: make(module) for name, make in self._named.items()}
