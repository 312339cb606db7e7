"""Runs in every interpreter of a conformance run while it starts: says whether threadwell is in place.

The runner puts this file into the environment's ``site-packages``, with a ``.pth`` file that imports it. It does
nothing unless the runner's variable names a file to write to. An audit hook notes each child interpreter that is
started, so that one that never reported, and thus may have run on the standard library unseen, is missed.

It is imported while the interpreter starts and must not import what the swap has to come before.
"""

import os
import sys

VARIABLE = "THREADWELL_WITNESS"


def _note(*fields: object) -> None:
    line = "\t".join(map(str, fields)) + "\n"
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _look_for_children(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and VARIABLE in os.environ:
        executable, command, _, environment = arguments
        words = [os.fsdecode(word) for word in command]  # type: ignore[attr-defined]
        if sys.executable in (executable, words[0]):
            inherits = environment is None or VARIABLE in environment  # type: ignore[operator]
            _note("spawn", os.getpid(), inherits and not _without_site(words[1:]), words[1:2])


def _without_site(options: list[str]) -> bool:
    rest = iter(options)
    for option in rest:
        if option in ("-X", "-W"):
            # Its value comes next.
            next(rest, None)
        elif not option.startswith("-") or option.startswith(("-c", "-m")):
            return False
        elif "S" in option and not option.startswith(("-X", "-W", "--")):
            return True
    return False


if VARIABLE in os.environ:
    threading = sys.modules.get("threading")
    _note("start", os.getpid(), threading is not None and threading is sys.modules.get("threadwell"))
    sys.addaudithook(_look_for_children)
