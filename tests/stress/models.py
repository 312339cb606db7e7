"""What each primitive is to do, as a few lines of sequential code; and how to do it to a real one.

A model is told which thread does what. It answers with what comes of it at once, `BLOCKS` if that thread waits, or
`SKIP` if the outcome would be a matter of luck. In `woken` it notes what comes of operations of threads that waited.
Errors are named by their type: what they say is compared with the standard library.
"""

from __future__ import annotations

BLOCKS, SKIP = "blocks", "skip"


class Error:
    """What an operation raises."""

    def __init__(self, kind):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, Error) and self.kind == other.kind

    def __repr__(self):
        return self.kind

    __hash__ = None


RUNTIME, VALUE = Error("RuntimeError"), Error("ValueError")


class Model:
    """Common to all: `operations` by name, each a function of the module and the real object."""

    operations = {}
    #: Those that do little without each other.
    phrases = ()
    #: Those that may be done at any time, by any thread, to see the state.
    glances = ("show",)
    #: What ends every wait that there may be, done by each thread that does not wait.
    rescue = ()

    def __init__(self):
        self.woken = {}
        self.waiting = []

    def step(self, thread, name):
        self.woken = {}
        return getattr(self, name)(thread)

    def may_wait(self, thread):
        """The thread waits, the only one to do so: the order of several is not promised."""
        if self.waiting:
            return SKIP
        self.waiting.append(thread)
        return BLOCKS


def enter(lock):
    return lock.__enter__()


def leave(lock):
    return lock.__exit__(None, None, None)


class Lock(Model):
    """A lock that anyone may release."""

    operations = {
        "acquire": lambda _, lock: lock.acquire(),
        "enter": lambda _, lock: enter(lock),
        "attempt": lambda _, lock: lock.acquire(False),
        "attempt_for_no_time": lambda _, lock: lock.acquire(timeout=0),
        "refused": lambda _, lock: lock.acquire(False, 1),
        "refused_as_negative": lambda _, lock: lock.acquire(timeout=-2),
        "release": lambda _, lock: lock.release(),
        "leave": lambda _, lock: leave(lock),
        "locked": lambda _, lock: lock.locked(),
        "show": lambda _, lock: repr(lock).split(maxsplit=1)[0],
    }
    rescue = ("release",)
    held = False

    @staticmethod
    def make(t):
        return t.Lock()

    def acquire(self, thread):
        if self.held:
            return self.may_wait(thread)
        return self.attempt(thread)

    enter = acquire

    def attempt(self, _):
        was_free, self.held = not self.held, True
        return was_free

    attempt_for_no_time = attempt

    def refused(self, _):
        return VALUE

    refused_as_negative = refused

    def release(self, _):
        if not self.held:
            return RUNTIME
        if self.waiting:
            self.woken[self.waiting.pop()] = True
        else:
            self.held = False
        return None

    leave = release

    def locked(self, _):
        return self.held

    def show(self, _):
        return "<locked" if self.held else "<unlocked"


class RLock(Lock):
    """A lock that its owner may acquire again, and nobody else release."""

    operations = {name: do for name, do in Lock.operations.items() if name != "locked"} | {
        "is_owned": lambda _, lock: lock._is_owned(),
        "count": lambda _, lock: repr(lock).partition("count=")[2].split()[0],
    }
    glances = ("show", "count")
    rescue = ("release",) * 20
    owner, depth = None, 0

    @staticmethod
    def make(t):
        return t.RLock()

    def acquire(self, thread):
        if self.owner not in (None, thread):
            return self.may_wait(thread)
        return self.attempt(thread)

    enter = acquire

    def attempt(self, thread):
        if self.owner not in (None, thread):
            return False
        self.owner, self.depth = thread, self.depth + 1
        return True

    attempt_for_no_time = attempt

    def release(self, thread):
        if self.owner != thread:
            return RUNTIME
        self.depth -= 1
        if not self.depth:
            self.owner = None
            self.freed()
        return None

    leave = release

    def freed(self):
        if self.waiting:
            self.owner, self.depth = self.waiting.pop(), 1
            self.woken[self.owner] = True

    def is_owned(self, thread):
        return self.owner == thread

    def count(self, _):
        return str(self.depth)

    def show(self, _):
        return "<unlocked" if self.owner is None else "<locked"


class Condition(RLock):
    """Waiting with an RLock let go of. At most one thread at a time is after the lock."""

    operations = {
        **{name: RLock.operations[name] for name in ("acquire", "attempt", "release", "enter", "leave", "is_owned")},
        "wait": lambda _, condition: condition.wait(),
        "wait_for_no_time": lambda _, condition: condition.wait(0),
        "wait_for_what_holds": lambda _, condition: condition.wait_for(lambda: 7, 0),
        "wait_for_what_does_not": lambda _, condition: condition.wait_for(list, 0),
        "notify": lambda _, condition: condition.notify(),
        "notify_none": lambda _, condition: condition.notify(0),
        "notify_all": lambda _, condition: condition.notify_all(),
        "waiters": lambda _, condition: repr(condition).rpartition(", ")[2],
    }
    phrases = (
        *(("acquire", wait) for wait in ("wait", "wait", "wait", "wait_for_no_time")),
        *(("acquire", notify, "release") for notify in ("notify", "notify_none", "notify_all")),
    )
    glances = ("waiters",)
    rescue = (*("release",) * 20, "attempt", "notify_all", "release")

    def __init__(self):
        super().__init__()
        #: Who waits to be notified, and how often they hold the lock.
        self.asleep = []
        #: Who was notified, and wants the lock back.
        self.awake = []

    @staticmethod
    def make(t):
        return t.Condition()

    def may_wait(self, thread):
        return SKIP if self.awake else super().may_wait(thread)

    def freed(self):
        if self.awake:
            self.owner, self.depth = self.awake.pop()
            self.woken[self.owner] = True
        else:
            super().freed()

    def wait(self, thread):
        if self.owner != thread:
            return RUNTIME
        self.asleep.append((thread, self.depth))
        self.owner, self.depth = None, 0
        self.freed()
        return BLOCKS

    def wait_for_no_time(self, thread):
        if self.owner != thread:
            return RUNTIME
        return SKIP if self.waiting or self.awake else False

    def wait_for_what_holds(self, _):
        return 7

    def wait_for_what_does_not(self, thread):
        outcome = self.wait_for_no_time(thread)
        return [] if outcome is False else outcome

    def notify(self, thread, n=1):
        if self.owner != thread:
            return RUNTIME
        picked = self.asleep[:n]
        if len(picked) + len(self.awake) + len(self.waiting) > 1:
            return SKIP
        del self.asleep[: len(picked)]
        self.awake += picked
        return None

    def notify_none(self, thread):
        return self.notify(thread, 0)

    def notify_all(self, thread):
        return self.notify(thread, len(self.asleep))

    def waiters(self, _):
        return f"{len(self.asleep)})>"


class Semaphore(Model):
    """Permits; those that wait get them in turn."""

    operations = {
        "acquire": lambda _, semaphore: semaphore.acquire(),
        "enter": lambda _, semaphore: enter(semaphore),
        "attempt": lambda _, semaphore: semaphore.acquire(blocking=False),
        "attempt_for_no_time": lambda _, semaphore: semaphore.acquire(timeout=0),
        "refused": lambda _, semaphore: semaphore.acquire(False, 1),
        "release": lambda _, semaphore: semaphore.release(),
        "leave": lambda _, semaphore: leave(semaphore),
        "release_two": lambda _, semaphore: semaphore.release(2),
        "release_none": lambda _, semaphore: semaphore.release(0),
        "value": lambda _, semaphore: semaphore._value,
        "show": lambda _, semaphore: repr(semaphore).rpartition("value=")[2],
    }
    rescue = ("release",) * 3
    permits, limit = 1, None

    @staticmethod
    def make(t):
        return t.Semaphore(1)

    def acquire(self, thread):
        if not self.permits:
            self.waiting.append(thread)
            return BLOCKS
        return self.attempt(thread)

    enter = acquire

    def attempt(self, _):
        if not self.permits:
            return False
        self.permits -= 1
        return True

    attempt_for_no_time = attempt

    def refused(self, _):
        return VALUE

    def release(self, _, n=1):
        if self.limit is not None and self.permits + n > self.limit:
            return VALUE
        self.permits += n
        while self.permits and self.waiting:
            self.permits -= 1
            self.woken[self.waiting.pop(0)] = True
        return None

    leave = release

    def release_two(self, thread):
        return self.release(thread, 2)

    def release_none(self, _):
        return VALUE

    def value(self, _):
        return self.permits

    def show(self, _):
        return f"{self.permits}>"


class BoundedSemaphore(Semaphore):
    """No more permits than at first."""

    permits = limit = 2

    @staticmethod
    def make(t):
        return t.BoundedSemaphore(2)

    def show(self, _):
        return f"{self.permits}/2>"
