"""Methods put into a class, or an object, from outside: called wherever the standard library calls them."""

import enum
import importlib
from unittest import mock

import pytest

MAKERS = ["Condition", "Semaphore", "BoundedSemaphore", "Event"]


@pytest.fixture(params=["threading", "threadwell"])
def threading(request):
    return importlib.import_module(request.param)


class Name(str, enum.Enum):  # noqa: UP042 - the `str()` of a `StrEnum` is its text
    """Names whose `str()` is not their text."""

    TIMEOUT = "timeout"
    VALUE = "value"


@pytest.mark.parametrize("name", MAKERS)
def test_patched_init_is_called(threading, name):
    kind = getattr(threading, name)
    with mock.patch.object(kind, "__init__", lambda self: setattr(self, "mark", 1)):
        assert kind().mark == 1
    assert not hasattr(kind(), "mark")


@pytest.mark.parametrize("name", MAKERS)
def test_patched_new_is_called(threading, program, name):
    # In a child: no class gets its first __new__ back.
    output = program(f"""
        import {threading.__name__} as threading

        threading.{name}.__new__ = staticmethod(lambda kind: "something else")
        print(threading.{name}())
    """)
    assert output == "something else\n"


def test_wait_for_calls_the_wait_of_the_object(threading):
    condition = threading.Condition()
    calls = []
    condition.wait = calls.append
    results = iter([0, 0, "done"])
    with condition:
        assert condition.wait_for(lambda: next(results)) == "done"
    assert calls == [None, None]


@pytest.mark.parametrize("timeout", [0.01, -3, True])
def test_wait_for_hands_the_first_wait_its_timeout(threading, timeout):
    calls = []

    class Watched(threading.Condition):
        def wait(self, timeout=None):
            calls.append(timeout)

    assert Watched().wait_for(iter([0, 1]).__next__, timeout) == 1
    assert calls[0] is timeout


def test_notify_all_calls_the_notify_of_the_object(threading):
    condition = threading.Condition()
    calls = []
    condition.notify = calls.append
    with condition:
        condition.notify_all()
    assert calls == [0]


def test_other_attributes_of_a_condition_change_nothing(threading, until):
    condition = threading.Condition()
    condition.name = "mine"

    def wait():
        with condition:
            results.append(condition.wait_for(lambda: getattr(condition, "ready", False), 30))

    results = []
    waiter = threading.Thread(target=wait)
    waiter.start()
    until("the thread waits", lambda: condition._waiters)
    with condition:
        condition.ready = True
        condition.notify_all()
    waiter.join()
    assert results == [True]


def test_a_name_is_its_text(threading):
    assert threading.Event().wait(**{Name.TIMEOUT: 0}) is False
    assert threading.Semaphore(**{Name.VALUE: 0})._value == 0
    assert threading.Lock().acquire(**{Name.TIMEOUT: 0}) is True


def test_a_bounded_semaphore_has_the_methods_of_a_semaphore(threading):
    class Mixed(threading.Semaphore):
        def acquire(self, blocking=True, timeout=None):
            return "mixed"

    class Both(threading.BoundedSemaphore, Mixed):
        pass

    assert Both().acquire() == "mixed"
    with mock.patch.object(threading.Semaphore, "acquire", return_value="patched"):
        assert threading.BoundedSemaphore().acquire() == "patched"
    assert threading.BoundedSemaphore().acquire() is True


@pytest.mark.parametrize("name", ["Semaphore", "BoundedSemaphore"])
def test_the_end_of_a_block_calls_the_release_of_the_object(threading, name):
    semaphore = getattr(threading, name)()
    calls = []
    semaphore.release = lambda: calls.append("release")
    with semaphore:
        pass
    assert calls == ["release"]
    assert semaphore._value == 0
