"""Every public name of `threading` from 3.6 to 3.15, and the parameters of what can be called."""

import inspect
import sys

import pytest

#: The names that came with each version, beginning with those of 3.6, the version of seed 3.
NAMES = {
    (3, 6): """
        active_count activeCount current_thread currentThread enumerate get_ident main_thread
        settrace setprofile stack_size TIMEOUT_MAX ThreadError local Thread Lock RLock Condition
        Semaphore BoundedSemaphore Event Timer Barrier BrokenBarrierError
    """,
    (3, 8): "excepthook ExceptHookArgs get_native_id",
    (3, 10): "gettrace getprofile __excepthook__",
    (3, 12): "settrace_all_threads setprofile_all_threads",
    (3, 15): "serialize_iterator synchronized_iterator concurrent_tee",
}

METHODS = {
    "Thread": """
        start run join is_alive name ident native_id daemon getName setName isDaemon setDaemon
    """,
    "Lock": "acquire release locked __enter__ __exit__",
    "RLock": "acquire release __enter__ __exit__",
    "Condition": """
        acquire release wait wait_for notify notify_all notifyAll __enter__ __exit__
    """,
    "Semaphore": "acquire release __enter__ __exit__",
    "BoundedSemaphore": "acquire release __enter__ __exit__",
    "Event": "is_set isSet set clear wait",
    "Timer": "cancel start run join is_alive name ident daemon",
    "Barrier": "wait reset abort parties n_waiting broken",
}

#: Parameters as the seeds and the standard library have them; `kwargs` and `args` default to None
#: in fact where the seeds say {} and ().
PARAMETERS = {
    "active_count": "()",
    "current_thread": "()",
    "enumerate": "()",
    "main_thread": "()",
    "settrace": "(func)",
    "setprofile": "(func)",
    "Thread": "(group=None, target=None, name=None, args=(), kwargs=None, *, daemon=None)",
    "Thread.start": "(self)",
    "Thread.run": "(self)",
    "Thread.join": "(self, timeout=None)",
    "Thread.is_alive": "(self)",
    "Condition": "(lock=None)",
    "Condition.wait": "(self, timeout=None)",
    "Condition.wait_for": "(self, predicate, timeout=None)",
    "Condition.notify": "(self, n=1)",
    "Condition.notify_all": "(self)",
    "Semaphore": "(value=1)",
    "Semaphore.acquire": "(self, blocking=True, timeout=None)",
    "Semaphore.release": "(self, n=1)",
    "BoundedSemaphore": "(value=1)",
    "BoundedSemaphore.acquire": "(self, blocking=True, timeout=None)",
    "BoundedSemaphore.release": "(self, n=1)",
    "Event": "()",
    "Event.is_set": "(self)",
    "Event.set": "(self)",
    "Event.clear": "(self)",
    "Event.wait": "(self, timeout=None)",
    "Timer": "(interval, function, args=None, kwargs=None)",
    "Timer.cancel": "(self)",
    "Barrier": "(parties, action=None, timeout=None)",
    "Barrier.wait": "(self, timeout=None)",
    "Barrier.reset": "(self)",
    "Barrier.abort": "(self)",
}


def expected(threading):
    """What is in `NAMES`, up to the running version for the standard library."""
    return {
        name
        for version, names in NAMES.items()
        if threading.__name__ != "threading" or version <= sys.version_info
        for name in names.split()
    }


def test_every_public_name_is_there(threading):
    assert sorted(name for name in expected(threading) if not hasattr(threading, name)) == []


def test_all_is_at_least_that_of_the_standard_library(threading, stdlib):
    assert sorted({*stdlib.__all__} - {*dir(threading)}) == []
    assert sorted({*stdlib.__all__} - {*threading.__all__}) == []


def test_what_all_names_is_there(threading):
    assert [name for name in threading.__all__ if not hasattr(threading, name)] == []
    assert len({*threading.__all__}) == len(threading.__all__)


def test_no_name_of_the_standard_library_is_missing(stdlib):
    known = {name for names in NAMES.values() for name in names.split()}
    assert sorted({*stdlib.__all__} - known) == []


def make(threading, owner):
    arguments = {"Timer": (3600, int), "Barrier": (1,)}.get(owner, ())
    return getattr(threading, owner)(*arguments)


@pytest.mark.parametrize("owner", METHODS)
def test_every_method_and_attribute_is_there(threading, owner):
    thing = make(threading, owner)
    assert [name for name in METHODS[owner].split() if not hasattr(thing, name)] == []


@pytest.mark.parametrize("owner", METHODS)
def test_no_public_attribute_of_the_standard_library_is_missing(threading, stdlib, owner):
    def public(thing):
        return {name for name in dir(thing) if not name.startswith("_")}

    assert sorted(public(make(stdlib, owner)) - public(make(threading, owner))) == []


def bare(signature):
    """A signature as names and defaults: no annotations, no mark of positional-only."""
    parts = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append(stars + parameter.name + default)
    return f"({', '.join(parts)})"


@pytest.mark.parametrize("path", PARAMETERS)
def test_parameters(threading, path):
    thing = threading
    for name in path.split("."):
        thing = getattr(thing, name)
    found = bare(inspect.signature(thing))
    if path == "Thread":
        found = found.replace(", context=None", "")  # came with 3.14
    assert found == PARAMETERS[path]


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.Lock().acquire(blocking=True, timeout=-1),
        lambda t: t.RLock().acquire(blocking=True, timeout=-1),
        lambda t: t.Semaphore(value=1).acquire(blocking=True, timeout=None),
        lambda t: t.Semaphore(value=1).release(n=1),
        lambda t: t.BoundedSemaphore(value=1).acquire(blocking=True, timeout=None),
        lambda t: t.Condition(lock=None),
        lambda t: t.Event().wait(timeout=0),
        lambda t: t.Barrier(parties=1, action=None, timeout=None).wait(timeout=None),
        lambda t: t.Timer(interval=1, function=int, args=None, kwargs=None),
        lambda t: t.Thread(group=None, target=None, name=None, args=(), kwargs={}, daemon=None),
    ],
)
def test_parameters_may_be_given_by_name(threading, call):
    call(threading)


def test_aliases_of_the_old_methods_are_deprecated(threading):
    with pytest.warns(DeprecationWarning, match="is_set"):
        threading.Event().isSet()
    condition = threading.Condition()
    with condition, pytest.warns(DeprecationWarning, match="notify_all"):
        condition.notifyAll()


@pytest.mark.parametrize("name", ["Thread", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Timer", "Barrier"])
def test_classes_say_that_they_are_of_threading(threading, name):
    thing = getattr(threading, name)
    assert isinstance(thing, type)
    assert (thing.__module__, thing.__qualname__) == ("threading", name)


@pytest.mark.parametrize("name", ["start", "_sleep", "RWLock", "ThreadGroup", "ThreadPool"])
def test_what_the_seeds_name_by_mistake_or_miss_is_not_there(threading, name):
    assert not hasattr(threading, name)


def test_dummy_has_the_names_of_dummy_threading(threading):
    if threading.__name__ == "threading":
        pytest.skip("dummy_threading left the standard library in 3.9")
    from threadwell import dummy

    names = [name for name in NAMES[3, 6].split() if name != "TIMEOUT_MAX"]
    # dummy_threading re-exported what it took from threading's own __all__ of 3.6.
    lacking = {"active_count", "get_ident", "main_thread", "stack_size", "Barrier"}
    missing = [name for name in names if not hasattr(dummy, name)]
    assert {*missing} <= lacking


def test_dummy_runs_a_thread_inside_start(threading):
    if threading.__name__ == "threading":
        pytest.skip("dummy_threading left the standard library in 3.9")
    from threadwell import dummy

    log = []
    thread = dummy.Thread(target=log.append, args=(1,))
    thread.start()
    assert log == [1]
    thread.join()
    assert not thread.is_alive()
