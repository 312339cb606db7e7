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

_enabled = False
# ``PYTHONPATH`` before and after `enable`, if it has changed it.
_path_before: str | None = None
_path_after: str | None = None


def enable() -> None:
    """Make the interpreters that this process starts from now on run on threadwell."""
    global _enabled, _path_before, _path_after
    os.environ[VARIABLE] = VALUE
    _enabled = True
    if _carrier_is_installed():
        return
    path = os.environ.get("PYTHONPATH")
    if path and _DIRECTORY in path.split(os.pathsep):
        return
    _path_before = path
    # An empty entry would be the working directory, for the children.
    os.environ["PYTHONPATH"] = _path_after = os.pathsep.join(filter(None, [_DIRECTORY, path]))


def disable() -> None:
    """Take back `enable`, if it was called; children that run already keep threadwell."""
    global _enabled, _path_after
    if _enabled:
        os.environ.pop(VARIABLE, None)
    path = os.environ.get("PYTHONPATH")
    if _path_after is not None and path is not None:
        if path == _path_after:
            path = _path_before
        else:
            path = os.pathsep.join(entry for entry in path.split(os.pathsep) if entry != _DIRECTORY)
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path
    _enabled, _path_after = False, None


def _carrier_is_installed() -> bool:
    # Only a directory that `site` itself has read counts: `sys.path` also names those that it never looks into.
    site = sys.modules.get("site")
    if site is None:
        return False
    directories: list[str] = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        directories.append(site.getusersitepackages())
    return any(os.path.exists(os.path.join(directory, _CARRIER)) for directory in directories)
