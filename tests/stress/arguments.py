"""Calls everything that is public with arguments of all kinds, on threadwell and on the standard library.

    python arguments.py LOG SEED CALLS

It is run by ``test_arguments.py``, in a process of its own: some calls set hooks, and one that goes wrong may take the
interpreter with it. LOG then tells which one. Prints a line of JSON for each call that came out differently, and counts
as the last one.

What is called is found by looking, so a new name is covered or refused: a class needs an entry in `RECEIVERS`, a name
that the standard library does not have one in `OURS_ALONE`.
"""

from __future__ import annotations

import _thread
import contextlib
import inspect
import json
import random
import re
import signal
import sys
import threading as stdlib
import warnings
from functools import partial, wraps

from argument_differences import meant
from argument_values import Arguments

import threadwell
import threadwell._thread

#: Seconds after which a call counts as one that blocks, and how long is waited if the modules do not agree about that.
BRIEF, PATIENT = 0.002, 1.0

#: Threadwell's modules, and those that they stand for.
OURS, THEIRS = (threadwell, threadwell._thread), (stdlib, _thread)

#: Names that the standard library may lack, on this version or on all.
OURS_ALONE = {
    "threading.install": "puts threadwell in the place of threading",
    "threading.uninstall": "takes it out again",
    "threading.serialize_iterator": "of 3.15",
    "threading.synchronized_iterator": "of 3.15",
    "threading.concurrent_tee": "of 3.15",
    "threading.settrace_all_threads": "of 3.12",
    "threading.setprofile_all_threads": "of 3.12",
    "_thread.Lock": "what allocate_lock is",
    "_thread.RLock._recursion_count": "of 3.11.5",
}

#: What classes have to call that is not public: how conditions talk to locks. For `_acquire_restore` see the conditions
#: with locks of other makes: misused, it waits for ever, also in the standard library.
PROTOCOL = {"_is_owned", "_release_save", "_at_fork_reinit", "_recursion_count"}

#: Special names that are about the class or about its text, not calls with arguments; pickling has tests of its own.
NO_CALLS = {
    *("__class__", "__dict__", "__doc__", "__module__", "__weakref__", "__new__", "__static_attributes__"),
    *("__firstlineno__", "__repr__", "__reduce__", "__hash__", "__annotations__", "__subclasshook__"),
    *("__init_subclass__", "__dictoffset__", "__weakrefoffset__", "__slots__"),
}


def held(lock):
    lock.acquire()
    return lock


def elsewhere(t, lock):
    """A lock that a thread acquired which has ended since."""
    ended(t.Thread(target=lock.acquire))
    return lock


def after(thing, method):
    getattr(thing, method)()
    return thing


def fail():
    raise OSError("as asked")


def ended(thread):
    thread.start()
    thread.join()
    return thread


def running(t, stack):
    def end():
        gate.set()
        # Not if it has been initialised anew.
        with contextlib.suppress(RuntimeError):
            thread.join()

    gate = t.Event()
    thread = t.Thread(target=gate.wait)
    thread.start()
    stack.callback(end)
    return thread


def pending(t, stack):
    timer = t.Timer(3600, int)
    timer.daemon = True
    timer.start()
    stack.callback(end_timer, timer)
    return timer


def end_timer(timer):
    # Not if what it needs for that has been replaced.
    with contextlib.suppress(AttributeError, RuntimeError):
        timer.cancel()
        timer.join()


#: In which states the objects of a class are called. Each takes the module, and a stack of what cleans up afterwards.
RECEIVERS = {
    "Lock": [lambda t, _: t.Lock(), lambda t, _: held(t.Lock())],
    "RLock": [lambda t, _: t.RLock(), lambda t, _: held(t.RLock()), lambda t, _: elsewhere(t, t.RLock())],
    "Condition": [
        lambda t, _: t.Condition(),
        lambda t, _: held(t.Condition()),
        lambda t, _: held(t.Condition(t.Lock())),
        lambda t, _: elsewhere(t, t.Condition()),
    ],
    "Semaphore": [lambda t, _: t.Semaphore(0), lambda t, _: t.Semaphore(2)],
    "BoundedSemaphore": [lambda t, _: t.BoundedSemaphore(2), lambda t, _: held(t.BoundedSemaphore(1))],
    "Event": [lambda t, _: t.Event(), lambda t, _: after(t.Event(), "set")],
    "Barrier": [
        lambda t, _: t.Barrier(1),
        lambda t, _: t.Barrier(2),
        lambda t, _: t.Barrier(2, timeout=0),
        lambda t, _: t.Barrier(1, action=fail),
        lambda t, _: after(t.Barrier(2), "abort"),
    ],
    "Thread": [lambda t, _: t.Thread(target=int, name="n"), running, lambda t, _: ended(t.Thread(target=int))],
    "Timer": [
        lambda t, _: t.Timer(0, int),
        pending,
        lambda t, _: after(t.Timer(3600, int), "cancel"),
        lambda t, _: ended(t.Timer(0, int)),
    ],
    "BrokenBarrierError": [lambda t, _: t.BrokenBarrierError("why")],
    "serialize_iterator": [
        lambda t, _: t.serialize_iterator("ab"),
        lambda t, _: t.serialize_iterator(letter for letter in "ab"),
    ],
}

#: What shows what a constructor has made of its arguments.
USES = {
    "Condition": ["acquire", "notify", "release"],
    "Semaphore": ["__enter__", "release"],
    "BoundedSemaphore": ["__enter__", "release"],
    "Barrier": ["wait"],
    "Thread": ["start", "join", "is_alive"],
    "Timer": ["start", "join", "is_alive"],
}


class Target:
    """Something to be called on both sides."""

    def __init__(self, label, find, *, uses=(), exact=None):
        """Of `find`, which takes one side's modules and a stack of what cleans up, come a function and its object.

        Args:
            label: What it is called in reports.
            find: See above.
            uses: Names of methods that are called of what the function returns.
            exact: The parameters, if there is no other way to call it.
        """
        self.label, self._find, self._uses, self._exact = label, find, uses, exact
        self._parameters = exact or ()
        with contextlib.ExitStack() as stack, contextlib.suppress(TypeError, ValueError):
            self._parameters = exact or tuple(inspect.signature(find(OURS, stack)[0]).parameters)

    def arguments(self, chance):
        return Arguments(chance, self._parameters, self._exact is not None)

    def call(self, side, arguments, limit):
        """What comes of it on one side, as a list."""
        reports = []
        with contextlib.ExitStack() as stack:
            stack.callback(setattr, side[0], "excepthook", side[0].excepthook)
            side[0].excepthook = lambda args: reports.append((args.thread, described(args.exc_value)))
            function, receiver = self._find(side, stack)
            positional, named = arguments.make(side[0])
            value, said = attempt(lambda: function(*positional, **named), limit)
            outcome = [said]
            if BLOCKS in said:
                return outcome
            if self._uses and value is not None:
                receiver = value
                if isinstance(value, side[0].Timer):
                    stack.callback(end_timer, value)
                for use in self._uses:
                    outcome.append(attempt(getattr(value, use), limit)[1])
                    if BLOCKS in outcome[-1]:
                        return outcome
            if receiver is not None:
                outcome.append(attempt(lambda: repr(receiver), limit)[1])
        # Threads of earlier calls, whose end was interrupted, may report as well.
        return [*outcome, [report for thread, report in reports if thread is receiver]]

    def compare(self, arguments):
        """The outcomes on both sides; they are asked to wait for longer if they differ."""
        for limit in BRIEF, PATIENT:
            ours, theirs = (self.call(side, arguments, limit) for side in (OURS, THEIRS))
            if ours == theirs:
                break
        return ours, theirs


BLOCKS = "blocks"


class Blocked(BaseException):
    """The call has not returned in time."""


def interrupt(*_):
    raise Blocked


def attempt(call, limit):
    """The result, and a description of what came of the call, with warnings."""
    value, said = None, [BLOCKS]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            try:
                # Again and again, should it be raised where exceptions are ignored.
                signal.setitimer(signal.ITIMER_REAL, limit, limit)
                value = call()
                said = [shown(value)]
            except Blocked:
                raise
            except BaseException as error:  # noqa: BLE001 - it is looked at
                said = [described(error)]
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Blocked:
            signal.setitimer(signal.ITIMER_REAL, 0)
            said = [BLOCKS]
    # How often something is asked for its truth is nobody's business.
    return value, said + sorted({f"{each.category.__name__}: {each.message}" for each in seen})


def described(error):
    return f"{type(error).__name__}: {general(str(error))}"


def shown(value):
    if isinstance(value, (bool, int, float, str, tuple, type(None))):
        return general(f"{type(value).__name__} {value!r}")
    return type(value).__name__


def general(text):
    """The same for both sides: without addresses, identifiers and the numbers of threads."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    # A class written in C is shown with its module.
    text = re.sub(r"'threading\.(\w+)'( |$)", r"'\1'\2", text)
    text = re.sub(r"(, not) threading\.(\w+)$", r"\1 \2", text)
    text = re.sub(r"^(int) \d{9,}$", r"\1 N", text)
    text = re.sub(r"(owner=|id=')\d+", r"\1N", text)
    # Whether a thread has ended by now is a matter of luck, and a timer that was cancelled has no identifier.
    text = re.sub(r", (started|stopped)( daemon)?( \d+)?\)>", r", begun\2)>", text)
    return re.sub(r"(Thread|Dummy)-\d+", r"\1-N", text)


# -- What there is to call ---------------------------------------------------------------------------------------------


def targets():
    """Everything that has to be called, and what is in no table."""
    found, unknown, seen = [], [], set()
    for place, prefix in enumerate(["threading", "_thread"]):
        ours, theirs = OURS[place], THEIRS[place]
        names = {*ours.__all__, *(name for name, value in vars(ours).items() if callable(value))}
        for name in sorted(name for name in names if not name.startswith("_")):
            label, value = f"{prefix}.{name}", getattr(ours, name)
            if not hasattr(theirs, name):
                unknown += [label] * (label not in OURS_ALONE)
            elif value is not getattr(theirs, name):
                if not callable(value):
                    found.append(Target(label, partial(module_attribute, place, name), exact=()))
                    continue
                found.append(Target(label, partial(module_function, place, name), uses=USES.get(name, ())))
                if isinstance(value, type) and value not in seen:
                    seen.add(value)
                    unknown += [label] * (value.__name__ not in RECEIVERS and value.__qualname__ not in RECEIVERS)
                    for state, make in enumerate(RECEIVERS.get(value.__qualname__, ())):
                        more, lacking = members(f"{label}#{state}", make)
                        found += more
                        unknown += lacking
    return found, unknown


def module_attribute(place, name, side, _):
    return partial(getattr, side[place], name), None


def module_function(place, name, side, _):
    return untraced(getattr(side[place], name)), None


def untraced(function):
    """The function; what hooks it has set are gone when it returns."""

    @wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(None)
            sys.setprofile(None)
            stdlib.settrace(None)
            stdlib.setprofile(None)
            threadwell.settrace(None)
            threadwell.setprofile(None)

    return call


def members(label, make):
    """The methods and attributes of an object in one state."""
    found, unknown = [], []
    with contextlib.ExitStack() as stack:
        ours, theirs = make(threadwell, stack), make(stdlib, stack)
        for name in dir(ours):
            special = name.startswith("__")
            if name in NO_CALLS or (name.startswith("_") and not special and name not in PROTOCOL):
                continue
            value, their_value = (getattr(type(thing), name, None) for thing in (ours, theirs))
            if value is not None and value is their_value:
                continue
            path = f"{label}.{name}"
            if not hasattr(theirs, name):
                unknown += [path] * (not special and f"{label.split('#')[0]}.{name}" not in OURS_ALONE)
            elif callable(getattr(ours, name)) and value is not None:
                found.append(Target(path, partial(bound, make, name)))
            else:
                if name != "native_id":  # a number of the system's
                    found.append(Target(f"get {path}", partial(attribute, make, name, getattr), exact=()))
                if path != "threading.Timer#1.finished":  # nothing could end the timer any more
                    found.append(Target(f"set {path}", partial(attribute, make, name, setattr), exact=("value",)))
                    found.append(Target(f"del {path}", partial(attribute, make, name, delattr), exact=()))
    return found, unknown


def bound(make, name, side, stack):
    receiver = make(side[0], stack)
    # As `receiver.name(...)` calls it, which words some errors otherwise than what `receiver.name` gives.
    if name in getattr(receiver, "__dict__", ()):
        return getattr(receiver, name), receiver
    return partial(getattr(type(receiver), name), receiver), receiver


def attribute(make, name, access, side, stack):
    receiver = make(side[0], stack)
    return partial(access, receiver, name), receiver


def main(path, seed, calls):
    signal.signal(signal.SIGALRM, interrupt)
    found, unknown = targets()
    chance = random.Random(seed)
    accepted = 0
    with open(path, "w", buffering=1, encoding="utf-8", errors="backslashreplace") as log:
        for _ in range(calls):
            target = chance.choice(found)
            arguments = target.arguments(chance)
            text = general(ascii(arguments.make(threadwell)))
            log.write(f"{target.label} {text}\n")
            ours, theirs = target.compare(arguments)
            if ours == theirs:
                continue
            if meant(f"{target.label} {text}", ours, theirs):
                accepted += 1
            else:
                print(json.dumps([target.label, text, ours, theirs]), flush=True)
    print(json.dumps({"calls": calls, "targets": len(found), "unknown": unknown, "meant": accepted}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
