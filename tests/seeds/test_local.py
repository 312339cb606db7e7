"""Thread-local data: one object, as many sets of attributes as there are threads."""

import gc
import weakref

import pytest


@pytest.fixture
def local(threading):
    return threading.local()


def test_attributes_are_set_read_and_deleted(local):
    local.x = 1
    assert local.x == 1
    local.x += 1
    assert local.x == 2
    del local.x
    with pytest.raises(AttributeError):
        local.x


def test_another_thread_does_not_see_them(local, spawn):
    local.x = 1
    message = r"^'_thread\._local' object has no attribute 'x'$"
    with pytest.raises(AttributeError, match=message):
        spawn(lambda: local.x).result()
    assert local.x == 1


def test_each_thread_has_values_of_its_own(local, spawn):
    def work(number):
        local.x = 0
        for _ in range(100):
            local.x += number
        return local.x

    local.x = "main"
    calls = [spawn(work, number) for number in range(10)]
    assert [call.result() for call in calls] == [100 * number for number in range(10)]
    assert local.x == "main"


def test_two_locals_are_independent(threading):
    one, other = threading.local(), threading.local()
    one.x = 1
    assert not hasattr(other, "x")


def test_dict_is_that_of_the_thread(local, spawn):
    local.x = 1
    assert local.__dict__ == {"x": 1}

    def work():
        local.y = 2
        return local.__dict__

    assert spawn(work).result() == {"y": 2}


def test_type_and_repr_are_the_same_in_each_thread(local, spawn):
    assert type(local).__name__ == "_local"
    assert repr(local).startswith("<_thread._local object at 0x")
    assert spawn(lambda: repr(local)).result() == repr(local)


def test_subclass_is_initialised_in_each_thread_with_the_same_arguments(threading, spawn):
    class Mine(threading.local):
        def __init__(self, number, *, label):
            self.number, self.label = number, label
            inits.append(threading.get_ident())

    inits = []
    mine = Mine(1, label="a")
    mine.number = 5
    assert spawn(lambda: (mine.number, mine.label)).result() == (1, "a")
    assert mine.number == 5
    assert len(inits) == 2


def test_subclass_may_have_methods_and_class_attributes(threading, spawn):
    class Mine(threading.local):
        number = 2

        def squared(self):
            return self.number**2

    mine = Mine()
    mine.number = 3
    assert mine.squared() == 9
    assert spawn(mine.squared).result() == 4


def test_slots_of_a_subclass_are_shared(threading, spawn):
    class Mine(threading.local):
        __slots__ = ("number",)

    mine = Mine()
    mine.number = 1
    spawn(setattr, mine, "number", 2).result()
    assert mine.number == 2


def test_arguments_need_an_init(threading):
    with pytest.raises(TypeError, match=r"^Initialization arguments are not supported$"):
        threading.local(1)


class Value:
    pass


def test_values_die_with_their_thread(local, spawn):
    def work():
        local.value = Value()
        return weakref.ref(local.value)

    reference = spawn(work).result()
    gc.collect()
    assert reference() is None


def test_values_die_with_the_local(threading):
    local = threading.local()
    local.value = Value()
    reference = weakref.ref(local.value)
    del local
    gc.collect()
    assert reference() is None


def test_may_be_weakly_referenced(threading):
    local = threading.local()
    reference = weakref.ref(local)
    del local
    gc.collect()
    assert reference() is None
