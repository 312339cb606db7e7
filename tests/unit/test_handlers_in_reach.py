"""No `except`, `finally` or `with` is so far into a function that it takes memory to leave it.

The interpreter remembers where one was entered by a number of instructions. Numbers up to 256 are there already;
without memory for a larger one it tries for ever.
"""

from __future__ import annotations

import dis
import sys
from pathlib import Path
from types import CodeType

import pytest

import threadwell

#: Where threads and timers start and end.
MODULES = ["_threads", "_timer", "_lifetime", "_hooks"]

pytestmark = pytest.mark.skipif(
    not hasattr(dis, "_parse_exception_table"), reason=f"Python {sys.version_info[:2]} does not tell"
)


def functions(code: CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from functions(constant)


def out_of_reach(source: str) -> list[str]:
    return [
        code.co_name
        for code in functions(compile(source, "source", "exec"))
        if any(entry.lasti and entry.end // 2 > 257 for entry in dis._parse_exception_table(code))
    ]


@pytest.mark.parametrize("module", MODULES)
def test_no_handler_is_out_of_reach(module):
    assert out_of_reach(Path(threadwell.__file__).with_name(f"{module}.py").read_text()) == []


def test_one_is_found():
    lines = "\n".join(f"    it.attribute_{number} = it" for number in range(300))
    assert out_of_reach(f"def far(it):\n{lines}\n    with it:\n        it()\n") == ["far"]
    assert out_of_reach("def near(it):\n    with it:\n        it()\n") == []
