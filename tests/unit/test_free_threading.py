"""An interpreter without an interpreter lock stays without one."""

from __future__ import annotations

import sys
import sysconfig

import pytest

free_threaded = pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter has an interpreter lock"
)


@free_threaded
@pytest.mark.parametrize(
    "use", ["import threadwell", "import threadwell; threadwell.install()", "import threadwell.dummy"]
)
def test_importing_it_leaves_the_interpreter_lock_off(python, use):
    result = python("-W", "error", "-c", f"import sys; {use}; print(sys._is_gil_enabled())")
    assert (result.stdout, result.stderr) == ("False\n", "")


@free_threaded
def test_these_tests_run_without_it():
    assert sys._is_gil_enabled() is False
