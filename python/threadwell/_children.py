"""Child interpreters that start on threadwell.

`enable` marks the environment of this process. A Python interpreter that inherits the mark swaps threadwell in while it
starts, before its program, and marks its own children in turn. Two carriers look at the mark:

* ``threadwell_children.pth``, which the wheel puts into ``site-packages``. It also works for ``python -I`` and ``-E``.
* ``PYTHONPATH``, led by a directory with a ``sitecustomize.py``, where that file is not installed (a source tree on
  ``PYTHONPATH``, an editable install, ``pip install --target``).

This reaches ``multiprocessing`` with ``spawn`` and ``forkserver`` and everything that runs ``sys.executable``; a forked
child needs nothing. It does not reach

* ``python -S``, which never imports ``site``, nor, with the second carrier, ``-I`` and ``-E``;
* a child that is given an environment without the mark (``env={}``, ``sudo``);
* an interpreter of another version, which the mark names, or a virtual environment without threadwell;
* sub-interpreters, where the extension cannot be loaded.

All of these run on the standard library, as they would have without threadwell.
"""

from __future__ import annotations

import os
import sys

# The name and the value of the mark are also spelled out in the two carriers, which must not import threadwell to look.
VARIABLE = "THREADWELL_CHILDREN"
VALUE = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"

_CARRIER = "threadwell_children.pth"
_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_site")


def enable() -> None:
    """Make the interpreters that this process starts from now on run on threadwell."""
    os.environ[VARIABLE] = VALUE
    if _carrier_is_installed():
        return
    path = os.environ.get("PYTHONPATH")
    if path is None:
        os.environ["PYTHONPATH"] = _DIRECTORY
    elif _DIRECTORY not in path.split(os.pathsep):
        os.environ["PYTHONPATH"] = _DIRECTORY + os.pathsep + path


def disable() -> None:
    """Take back `enable`; children that run already keep threadwell."""
    os.environ.pop(VARIABLE, None)
    path = os.environ.get("PYTHONPATH")
    if path is not None:
        rest = [entry for entry in path.split(os.pathsep) if entry != _DIRECTORY]
        if rest:
            os.environ["PYTHONPATH"] = os.pathsep.join(rest)
        else:
            del os.environ["PYTHONPATH"]


def _carrier_is_installed() -> bool:
    # Only a directory that `site` itself has read counts: `sys.path` also names those that it never looks into.
    site = sys.modules.get("site")
    if site is None:
        return False
    directories: list[str] = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        directories.append(site.getusersitepackages())
    return any(os.path.exists(os.path.join(directory, _CARRIER)) for directory in directories)
