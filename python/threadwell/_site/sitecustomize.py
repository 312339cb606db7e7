"""Swap threadwell in while a child interpreter starts; see ``threadwell/_children.py``.

This file is found through ``PYTHONPATH`` and hides the environment's own ``sitecustomize``, which it runs afterwards.
"""

import importlib
import os
import sys


def _swap_in() -> None:
    mark = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"
    if os.environ.get("THREADWELL_CHILDREN") != mark:
        return
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(0, package)
    try:
        from threadwell.patch import install
    except ImportError as error:
        if "interpreters" not in str(error):
            raise
    else:
        install(children=True)
    finally:
        sys.path.remove(package)


def _run_hidden() -> None:
    module = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, module)


sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
try:
    _swap_in()
finally:
    _run_hidden()
