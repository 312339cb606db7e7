"""What runs other people's tests notices what differs, what varies anyhow, and what a run must not pass over."""

import shutil
import sys
import textwrap
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "wild"))

import environments
import projects
import suites
from comparison import Comparison
from environments import Interpreter


@pytest.fixture(scope="module")
def interpreter():
    found = Interpreter.probe(Path(sys.executable))
    environments.install_witnesses(found)
    return found


@pytest.fixture
def suite(interpreter, tmp_path):
    """Runs a module of tests once."""

    def start(source, *, swapped=True, limit=40):
        sample = tmp_path / "sample-1"
        sample.mkdir(exist_ok=True)
        (sample / "test_sample.py").write_text(textwrap.dedent(source), encoding="utf-8")
        archive = Path(shutil.make_archive(str(tmp_path / "sample"), "gztar", tmp_path, "sample-1"))
        project = projects.Project("sample", "1", "", "", ("test_sample.py",), limit=limit)
        return suites.run(project, interpreter, archive, tmp_path / str(swapped), swapped=swapped)

    return start


TELLS_THEM_APART = """
import threading
import pytest

def test_passes():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

def test_relies_on_the_stdlib():
    assert threading.Event()._cond is not None

@pytest.mark.xfail
def test_is_expected_to_fail():
    assert False

def test_is_skipped():
    pytest.skip("on purpose")

@pytest.fixture
def broken():
    yield
    raise ValueError

def test_cannot_be_taken_down(broken):
    pass
"""


def test_what_differs_is_found(suite):
    theirs, ours = suite(TELLS_THEM_APART, swapped=False), suite(TELLS_THEM_APART)
    result = Comparison(projects.Project("sample", "1", "", "", ()), [theirs], [ours])
    assert result.complaints == []
    assert result.different == ["test_sample::test_relies_on_the_stdlib"]
    assert not result.good
    assert result.same == {"passed": 1, "xfailed": 1, "skipped": 1, "error": 1}
    assert "no attribute '_cond'" in ours.texts["test_sample::test_relies_on_the_stdlib"]
    assert theirs.threads == ours.threads == 1


def of(*runs):
    return [suites.Suite(dict(zip("abc", run.split(), strict=False)), threads=1) for run in runs]


@pytest.mark.parametrize(
    ("stdlib", "ours", "flaky", "different"),
    [
        (["passed", "passed"], ["passed", "passed"], [], []),
        (["failed"], ["failed"], [], []),
        (["passed", "failed"], ["passed"], ["a"], []),
        (["passed", "failed"], ["failed", "passed"], ["a"], []),
        (["passed", "failed"], ["passed", "skipped"], [], ["a"]),
        (["passed", "passed"], ["passed", "failed"], [], ["a"]),
        (["skipped"], ["passed"], [], ["a"]),
        (["passed passed"], ["passed"], [], ["b"]),
        (["passed"], ["passed passed"], [], ["b"]),
        (["passed passed", "passed"], ["passed"], ["b"], []),
    ],
)
def test_what_is_flaky_and_what_is_different(stdlib, ours, flaky, different):
    result = Comparison(projects.Project("sample", "1", "", "", ()), of(*stdlib), of(*ours))
    assert (result.flaky, result.different) == (flaky, different)
    assert result.same.total() + len(flaky) + len(different) == len(result.tests)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def test_a():\n import sys, importlib\n del sys.modules['threading']\n import threading", "not in the place"),
        ("def test_a():\n import os\n os.abort()", "it was ended by SIGABRT"),
        ("def test_a():\n import os\n os._exit(0)", "it ended with exit code 0"),
        ("def test_a(:", "it ended with exit code 2"),
    ],
)
def test_a_run_that_does_not_count(suite, source, complaint):
    complaints = suite(source).complaints
    assert any(complaint in text for text in complaints), complaints


def test_a_hang_is_ended_and_shown(suite):
    (complaint,) = suite("import time\ndef test_hangs():\n time.sleep(600)", limit=5).complaints
    assert "SIGALRM" in complaint
    assert "in test_hangs" in complaint


def test_children_are_watched(suite):
    found = suite(
        """
        import os, subprocess, sys
        def test_swapped():
            subprocess.run([sys.executable, "-c", "pass"], check=True)
        def test_out_of_reach():
            subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
        """
    )
    assert (found.children, found.unreached, found.complaints) == (1, 1, [])


def test_a_child_on_the_stdlib_is_a_complaint(suite):
    (complaint,) = suite(
        """
        import os, subprocess, sys
        def test_not_swapped():
            environment = {name: value for name, value in os.environ.items() if name != "THREADWELL_CHILDREN"}
            subprocess.run([sys.executable, "-c", "pass"], check=True, env=environment)
        """
    ).complaints
    assert complaint == "1 interpreters ran on the stdlib"


def test_there_is_no_network_but_this_machine(suite):
    found = suite(
        """
        import socket
        import pytest
        def test_elsewhere():
            with socket.socket() as client, pytest.raises(OSError, match="Network is unreachable"):
                client.connect(("192.0.2.1", 80))
            with pytest.raises(socket.gaierror):
                socket.getaddrinfo("example.org", 80)
        def test_here():
            with socket.create_server(("localhost", 0)) as server:
                socket.create_connection(server.getsockname()).close()
        """
    )
    assert set(found.outcomes.values()) == {"passed"}, found.texts


def test_no_thread_and_no_test_do_not_count():
    project = projects.Project("sample", "1", "", "", ())
    assert Comparison(project, [suites.Suite()], [suites.Suite()]).complaints == ["no test was run"]
    idle = [suites.Suite({"a": "passed"})]
    assert Comparison(project, idle, idle).complaints == ["no thread was started"]


def test_the_table_of_projects_is_whole():
    found = projects.load()
    assert len({project.name for project in found}) == len(found) >= 8
    for project in found:
        assert len(project.sha256) == 64 and project.what and project.arguments and project.version
