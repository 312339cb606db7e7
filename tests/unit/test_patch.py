"""Swapping threadwell in for the standard library's threading, each time in a child interpreter of its own.

What a program wants to keep of the standard library, to compare, it keeps in a list: a variable would be replaced.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import threadwell
from threadwell import _children

if TYPE_CHECKING:
    from conftest import Program, Python

SITE = Path(_children.__file__).with_name("_site")

# -- What is replaced -------------------------------------------------------------------------------------------------


def test_the_module_takes_the_place_of_threading(program: Program) -> None:
    output = program("""
        import sys
        loaded = "threading" in sys.modules
        import threadwell
        result = threadwell.install()
        import threading
        assert threading is threadwell is sys.modules["threading"]
        from threading import Event
        assert Event is threadwell.Event
        assert loaded or (result.replaced, result.unreached) == (["sys.modules['threading']"], []), result.lines()
        print(result)
    """)
    assert output.startswith("<threadwell.Installation: ")


HELD = """
import threading
import threading as alias
from threading import Condition, Event, Lock, RLock as Reentrant, Thread, current_thread

class Holder:
    event_class = Event
    class Inner:
        condition_class = Condition
    def method(self, event=Event): return event
    @staticmethod
    def static(event=Event): return event
    @classmethod
    def of_class(cls, event=Event): return event
    @property
    def value(self, event=Event): return event

def default(first, event=Event, last=None): return event
def keyword(*, event=Event): return event
def make():
    event_class = Event
    def closure(): return event_class
    return closure
closure = make()
def decorate(function):
    def wrapper(): return function()
    return wrapper
@decorate
def decorated(event=Event): return event
"""

PLACES = {
    "held.threading": "threadwell",
    "held.alias": "threadwell",
    "held.Event": "threadwell.Event",
    "held.Lock": "threadwell.Lock",
    "held.Reentrant": "threadwell.RLock",
    "held.Thread": "threadwell.Thread",
    "held.current_thread": "threadwell.current_thread",
    "held.Holder.event_class": "threadwell.Event",
    "held.Holder.Inner.condition_class": "threadwell.Condition",
    "held.Holder().method()": "threadwell.Event",
    "held.Holder.static()": "threadwell.Event",
    "held.Holder.of_class()": "threadwell.Event",
    "held.Holder().value": "threadwell.Event",
    "held.default(None)": "threadwell.Event",
    "held.keyword()": "threadwell.Event",
    "held.closure()": "threadwell.Event",
    "held.decorated()": "threadwell.Event",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_module_has_imported_is_replaced_and_restored(program: Program, tmp_path: Path, place: str) -> None:
    (tmp_path / "held.py").write_text(HELD)
    program(f"""
        import held
        before = [{place}]
        import threadwell
        threadwell.install()
        assert {place} is {PLACES[place]} is not before[0], {place}
        threadwell.uninstall()
        assert {place} is before[0], {place}
    """)


def test_the_report_names_each_place(program: Program, tmp_path: Path) -> None:
    (tmp_path / "held.py").write_text(HELD)
    output = program("""
        import held
        import threadwell
        threadwell.install(log=print)
    """)
    expected = {
        "held.threading",
        "held.alias",
        "held.Event",
        "held.Holder.Inner.condition_class",
        "held.Holder.method(default 0)",
        "held.default(default 0)",
        "held.keyword(event=)",
        "held.closure(closure event_class)",
        "held.decorated(closure function)(default 0)",
    }
    assert expected <= {line.removeprefix("replaced ") for line in output.splitlines()}


@pytest.mark.parametrize(
    "name",
    [
        "asyncio.base_events",
        "concurrent.futures.thread",
        "logging",
        "multiprocessing.dummy",
        "multiprocessing.pool",
        "queue",
    ],
)
def test_the_standard_library_uses_it(program: Program, name: str) -> None:
    program(f"""
        import importlib
        module = importlib.import_module({name!r})
        import threading
        import threadwell
        threadwell.install()
        assert module.threading is threadwell
    """)


def test_the_program_itself_is_reached(program: Program) -> None:
    program("""
        import threading
        from threading import Lock
        import threadwell
        threadwell.install()
        assert threading is threadwell and Lock is threadwell.Lock
    """)


# -- What cannot be reached -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("class Worker(threading.Thread): pass", "class __main__.Worker derives from threading.Thread"),
        ("class A(threading.Thread): pass\nclass B(A): pass", "class __main__.B derives from __main__.A"),
        ("events = [threading.Event() for _ in range(3)]", "3 x object of threading.Event"),
        ("locks = {'a': threading.Lock()}", "x object of _thread.lock"),
        ("class W(threading.Thread): pass\nworker = W()", "1 x object of __main__.W"),
        ("classes = [threading.Event]", "1 x reference in a list"),
        ("class C: pass\nc = C()\nc.event_class = threading.Event", "1 x reference in a __main__.C"),
        ("threading.Event = type('Event', (), {})", "threading.Event had been rebound"),
    ],
)
def test_the_report_names_what_still_uses_the_standard_library(program: Program, source: str, line: str) -> None:
    output = program(f"import threading\n{source}\nimport threadwell\nthreadwell.install(log=print)")
    if "reference in a __main__" in line and line not in output:
        # An instance whose attributes were looked at as a dictionary keeps them in one.
        line = "1 x reference in a dict"
    assert [out for out in output.splitlines() if out.startswith("not reached: ") and line in out], output


def test_a_running_thread_is_reported_and_waited_for(program: Program) -> None:
    output = program("""
        import threading
        go = threading.Event()
        def work():
            go.wait()
            print("worked")
        thread = threading.Thread(target=work, name="old-worker")
        thread.start()
        import threadwell
        result = threadwell.install()
        assert "thread 'old-worker' runs" in result.unreached, result.unreached
        go.set()
    """)
    assert output == "worked\n"


def test_nothing_is_reported_for_the_mere_import_of_threading(program: Program) -> None:
    program("""
        import threading
        import threadwell
        result = threadwell.install()
        references = [line for line in result.unreached if "reference in" in line or "derives" in line]
        assert not references, references
        assert "__main__.threading" in result.replaced
    """)


def test_no_code_of_the_program_runs_while_it_looks(program: Program) -> None:
    program("""
        import sys, threading, types

        def touched(*arguments):
            raise AssertionError(f"touched: {arguments[1:]}")

        class Proxy:
            __getattribute__ = __eq__ = __hash__ = __bool__ = touched
        class Meta(type):
            __getattribute__ = __eq__ = __hash__ = __instancecheck__ = __subclasscheck__ = touched
        class Odd(metaclass=Meta):
            event_class = threading.Event
        class Lazy(types.ModuleType):
            __getattribute__ = __getattr__ = touched
        class Property:
            __dict__ = property(touched)
        class Slots:
            __slots__ = ("a",)
        class Object:
            pass

        lazy, plain = Lazy("lazy"), Object()
        namespace = types.ModuleType.__dict__["__dict__"].__get__(lazy)
        namespace["Event"] = plain.event_class = threading.Event
        late = types.ModuleType("late")
        late.__getattr__ = touched
        odd = {
            "none": None, "proxy": Proxy(), "class": Odd, "lazy": lazy, "property": Property(), "slots": Slots(),
            "object": plain, "late": late, 7: types.ModuleType("number"),
        }
        sys.modules.update(odd)
        import threadwell
        threadwell.install()
        for name in odd:
            del sys.modules[name]
        assert namespace["Event"] is plain.event_class is threadwell.Event
        assert type.__getattribute__(Odd, "event_class") is threadwell.Event
    """)


# -- Twice, and back --------------------------------------------------------------------------------------------------


def test_install_may_be_called_again(program: Program) -> None:
    program("""
        import sys, threading, types
        stdlib = [threading]
        import threadwell
        first = threadwell.install()
        replaced = list(first.replaced)
        assert threadwell.install() is first
        assert first.replaced == replaced

        late = sys.modules["late"] = types.ModuleType("late")
        late.Event = stdlib[0].Event
        threadwell.install()
        assert late.Event is threadwell.Event
        assert first.replaced == [*replaced, "late.Event"]

        threadwell.uninstall()
        assert sys.modules["threading"] is stdlib[0] and late.Event is stdlib[0].Event
        threadwell.uninstall()
        assert sys.modules["threading"] is stdlib[0]
    """)


def test_uninstall_restores_every_namespace_exactly(program: Program) -> None:
    program("""
        import asyncio, concurrent.futures.thread, logging, multiprocessing.dummy, multiprocessing.pool, queue, sys
        import threadwell, threadwell.patch

        def state():
            ids = {name: id(module) for name, module in sys.modules.items()}
            for name, module in list(sys.modules.items()):
                if module is not sys.modules["__main__"]:
                    for key, value in vars(module).items():
                        ids[name, key] = id(value)
                        if type(value) is type:
                            ids.update({(name, key, k): id(v) for k, v in vars(value).items()})
            return {key: value for key, value in ids.items() if key[:2] != ("threadwell.patch", "_installation")}

        before = state()
        threadwell.install()
        assert state() != before
        threadwell.uninstall()
        after = state()
        assert after == before, {key for key in before | after if before.get(key) != after.get(key)}
    """)


def test_uninstall_forgets_a_threading_that_was_never_loaded(program: Program) -> None:
    program("""
        import sys
        sys.modules.pop("threading", None)
        import threadwell
        threadwell.install()
        threadwell.uninstall()
        import threading
        assert threading is not threadwell and threading.__name__ == "threading"
    """)


def test_uninstall_leaves_what_was_assigned_since(program: Program) -> None:
    program("""
        import threading as mine
        import threadwell
        threadwell.install()
        mine = "something else"
        threadwell.uninstall()
        assert mine == "something else"
    """)


def test_uninstall_without_install_does_nothing(program: Program) -> None:
    program("""
        import sys, threading
        import threadwell
        threadwell.uninstall()
        assert sys.modules["threading"] is threading is not threadwell
    """)


def test_original_is_the_module_that_was_replaced(program: Program) -> None:
    program("""
        import sys, threading
        from threadwell import patch
        stdlib = [threading]
        assert patch.original("threading") is stdlib[0]
        patch.install()
        assert patch.original("threading") is stdlib[0] is not sys.modules["threading"]
        assert patch.original("nothing") is None
    """)


# -- What moves along -------------------------------------------------------------------------------------------------


def test_settings_move_along_and_back(program: Program) -> None:
    program("""
        import threading
        hook, trace, profile = (lambda arguments: None), (lambda *arguments: None), (lambda *arguments: None)
        threading.excepthook = hook
        threading.settrace(trace)
        threading.setprofile(profile)
        import threadwell
        ours = threadwell.excepthook
        threadwell.install()
        assert (threading.excepthook, threading.gettrace(), threading.getprofile()) == (hook, trace, profile)
        threadwell.uninstall()
        assert (threadwell.excepthook, threadwell.gettrace(), threadwell.getprofile()) == (ours, None, None)
        assert (threading.excepthook, threading.gettrace(), threading.getprofile()) == (hook, trace, profile)
    """)


def test_a_pool_imported_before_still_lets_the_process_end(program: Program) -> None:
    # Its workers wait for ever until the callback that it has registered with threading tells them to end.
    output = program("""
        from concurrent.futures import ThreadPoolExecutor
        import threading
        import threadwell
        threadwell.install()
        pool = ThreadPoolExecutor(2)
        print(pool.submit(lambda: type(threading.current_thread()) is threadwell.Thread).result())
    """)
    assert output == "True\n"


def test_exit_callbacks_from_before_are_called_once(program: Program) -> None:
    output = program("""
        import threading
        threading._register_atexit(print, "called")
        import threadwell
        threadwell.install()
    """)
    assert output == "called\n"


def test_threads_are_waited_for_at_exit(program: Program) -> None:
    output = program("""
        import threadwell
        threadwell.install()
        import threading
        go = threading.Event()
        threading.Thread(target=lambda: (go.wait(), print("worked"))).start()
        go.set()
    """)
    assert output == "worked\n"


def test_threads_from_before_install_are_waited_for(program: Program) -> None:
    # They made threadwell register its own shutdown with the standard library's module.
    output = program("""
        import threadwell
        go = threadwell.Event()
        threadwell.Thread(target=lambda: (go.wait(), print("worked"))).start()
        threadwell.install()
        import threading
        threading._register_atexit(go.set)
    """)
    assert output == "worked\n"


def test_threads_from_before_uninstall_are_waited_for(program: Program) -> None:
    output = program("""
        import time
        import threadwell
        threadwell.install()
        go = threadwell.Event()
        def work():
            go.wait()
            # Long enough for a process that does not wait to be gone.
            time.sleep(0.2)
            print("worked")
        threadwell.Thread(target=work).start()
        threadwell.uninstall()
        import threading
        assert threading is not threadwell
        threading._register_atexit(go.set)
    """)
    assert output == "worked\n"


def test_an_exit_callback_from_before_may_cancel_a_timer(program: Program) -> None:
    # As it may without threadwell. It would take as long as a test may if the timer was waited for first.
    output = program("""
        import threading
        def end():
            print("callback", *[timer.is_alive() for timer in timers])
            timers[0].cancel()
        threading._register_atexit(end)
        import threadwell
        threadwell.install()
        timers = [threading.Timer(1000, print), threading.Timer(0.2, print, ["called"])]
        for timer in timers:
            timer.start()
    """)
    assert output == "callback True True\ncalled\n"


def test_the_main_threads_name_moves_along_and_back(program: Program) -> None:
    program("""
        import threading
        threading.main_thread().name = "Boss"
        import threadwell
        threadwell.install()
        assert threading.current_thread() is threadwell.main_thread()
        assert threading.current_thread().name == "Boss"
        threadwell.install()
        threadwell.uninstall()
        assert (threading.main_thread().name, threadwell.main_thread().name) == ("Boss", "MainThread")
        threadwell.main_thread().name = "Ours"
        threadwell.install()
        assert threading.main_thread().name == "Ours"
    """)


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", "1"), ("[threading.Thread() for _ in range(6)]", "7"), ("[threadwell.Thread() for _ in range(4)]", "5")],
)
def test_threads_are_numbered_on(program: Program, before: str, expected: str) -> None:
    output = program(f"""
        import threading, threadwell
        {before}
        threadwell.install()
        print(threading.Thread().name)
        threadwell.install()
        names = {{threading.Thread().name for _ in range(3)}}
        threadwell.uninstall()
        assert threading is not threadwell
        assert threading.Thread().name not in names and len(names) == 3
    """)
    assert output == f"Thread-{expected}\n"


# -- Around it --------------------------------------------------------------------------------------------------------


def test_classes_can_be_pickled_and_the_module_reloaded(program: Program) -> None:
    program("""
        import threadwell
        threadwell.install()
        import copy, importlib, pickle, sys, threading
        for cls in (threading.Thread, threading.Timer, threading.Event, threading.BrokenBarrierError):
            assert pickle.loads(pickle.dumps(cls)) is cls, cls
        assert type(pickle.loads(pickle.dumps(threading.BrokenBarrierError("x")))) is threading.BrokenBarrierError
        assert importlib.import_module("threading") is threadwell
        assert importlib.reload(threading) is threadwell is sys.modules["threading"]
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
    """)


def test_nothing_slow_is_imported(python: Python) -> None:
    source = """
import json, sys
before = set(sys.modules)
import threadwell.patch
print(json.dumps([*set(sys.modules) - before]))
"""
    loaded = set(json.loads(python("-c", source).stdout))
    assert "threadwell.patch" in loaded
    slow = {"argparse", "contextlib", "dataclasses", "inspect", "logging", "re", "threading", "traceback", "typing"}
    assert not loaded & slow


# -- Children ---------------------------------------------------------------------------------------------------------


def mark(**settings: str) -> dict[str, str]:
    """Return this environment with the mark that `install(children=True)` sets."""
    return {**os.environ, _children.VARIABLE: _children.VALUE, **settings}


def hooked(**settings: str) -> dict[str, str]:
    """Return a marked environment with the carrier on ``PYTHONPATH``, led by where threadwell is not."""
    path = os.pathsep.join([str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return mark(PYTHONPATH=path, **settings)


WHICH = "import sys, threading; print(threading.__name__)"


def test_children_are_marked_and_unmarked(program: Program) -> None:
    program("""
        import os
        before = dict(os.environ)
        import threadwell
        threadwell.install()
        assert dict(os.environ) == before
        threadwell.install(children=True)
        changed = {name for name in os.environ if os.environ[name] != before.get(name)}
        assert "THREADWELL_CHILDREN" in changed <= {"THREADWELL_CHILDREN", "PYTHONPATH"}, changed
        marked = dict(os.environ)
        threadwell.install(children=True)
        assert dict(os.environ) == marked
        threadwell.uninstall()
        assert dict(os.environ) == before
    """)


CHILDREN = """
import multiprocessing, subprocess, sys, threading

def name(queue=None):
    queue.put(threading.__name__)

if __name__ == "__main__":
    if len(sys.argv) > 1:
        import threadwell
        threadwell.install(children=True)
    run = lambda *arguments: subprocess.run([sys.executable, *arguments], capture_output=True, text=True).stdout.strip()
    which = "import threading; print(threading.__name__)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {which!r}])"
    print("subprocess", run("-c", which))
    print("grandchild", run("-c", nested))
    print("without-site", run("-S", "-c", which))
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=name, args=(queue,))
        process.start()
        print(method, queue.get(timeout=30))
        process.join(30)
"""


@pytest.mark.parametrize(("arguments", "expected"), [((), "threading"), (("children",), "threadwell")])
def test_children_start_on_it(python: Python, tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    path = tmp_path / "children.py"
    path.write_text(CHILDREN)
    result = python(path, *arguments)
    assert result.stderr == ""
    names = dict(line.split() for line in result.stdout.splitlines())
    assert names.pop("without-site") == "threading"
    assert names == dict.fromkeys(["subprocess", "grandchild", "fork", "spawn", "forkserver"], expected)


def test_the_carrier_on_the_path_leaves_no_trace_on_it(python: Python, tmp_path: Path) -> None:
    source = "import json, sys, threading; print(json.dumps([threading.__name__, sys.path]))"
    plain = json.loads(python("-c", source, cwd=tmp_path).stdout)
    name, path = json.loads(python("-c", source, env=hooked(), cwd=tmp_path).stdout)
    assert (name, path) == ("threadwell", plain[1])


def test_the_carrier_on_the_path_runs_the_sitecustomize_that_it_hides(python: Python, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import threading; print('mine', threading.__name__)")
    env = hooked()
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    result = python("-c", "import sitecustomize; print(sitecustomize.__file__)", env=env)
    assert result.stdout.splitlines() == ["mine threadwell", str(tmp_path / "sitecustomize.py")], result.stderr


def test_an_error_in_the_hidden_sitecustomize_is_not_lost(python: Python, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import does_not_exist")
    env = hooked()
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    result = python("-c", WHICH, env=env)
    assert result.stdout == "threadwell\n"
    assert "does_not_exist" in result.stderr


def test_the_mark_of_another_version_is_not_ours(python: Python) -> None:
    result = python("-c", WHICH, env={**hooked(), _children.VARIABLE: "cpython-27"})
    assert (result.stdout, result.stderr) == ("threading\n", "")


@pytest.mark.parametrize("option", ["-I", "-E", "-P", "-s"])
def test_the_installed_carrier_works_for_isolated_interpreters(python: Python, option: str) -> None:
    if not _children._carrier_is_installed():
        pytest.skip("threadwell_children.pth is not installed in this environment")
    result = python(option, "-c", WHICH, env=mark())
    assert (result.stdout, result.stderr) == ("threadwell\n", "")


def test_a_subinterpreter_stays_on_the_standard_library(python: Python) -> None:
    source = """
import threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
print(threading.__name__, flush=True)
child = interpreters.create()
interpreters.run_string(child, "import threading; print(threading.__name__, flush=True)")
interpreters.destroy(child)
"""
    result = python("-c", source, env=hooked())
    assert (result.stdout.split(), result.stderr) == (["threadwell", "threading"], "")


def test_the_carriers_name_the_mark_that_is_set() -> None:
    root = Path(__file__).parents[2]
    for carrier in (SITE / "sitecustomize.py", root / "wheel-data" / "platlib" / "threadwell_children.pth"):
        assert _children.VARIABLE in carrier.read_text()
    assert _children.VALUE.startswith(sys.implementation.cache_tag or "")
    assert threadwell.install is not None
