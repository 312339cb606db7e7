"""Runs in the test process of each project, with threadwell and without: says what the tests ran on.

It counts the threads that are started, by an event that the interpreter raises for each from 3.12 on, and keeps the
tests on this machine: a connection elsewhere, or a look-up of a name, fails as it would without a network.
"""

import ipaddress
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

VARIABLE = "THREADWELL_WILD"

_threads = {"ours": 0, "stdlib": 0, "bare": 0}


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("_thread.start_new_thread", "_thread.start_joinable_thread"):
        _threads[_kind(getattr(arguments[0], "__self__", None))] += 1
    elif event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and isinstance(address[0], str) and not _is_here(address[0]):
            raise OSError(101, f"Network is unreachable: {address[0]}")
    elif event == "socket.getaddrinfo" and not _is_here(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {arguments[0]!r}")


def _kind(thread: object) -> str:
    for base in type(thread).__mro__:
        if base.__name__ == "Thread" and base.__module__ == "threading":
            return "ours" if "_tw_launch" in vars(base) else "stdlib"
    return "bare"


def _is_here(host: object) -> bool:
    name = host.decode("idna", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.endswith((".localhost", ".local"))
    return address.is_loopback or address.is_unspecified


def pytest_configure() -> None:
    sys.addaudithook(_audit)
    if sys.version_info < (3, 12):
        # The interpreter raises no such event yet. Each of the modules looks the function up in itself.
        start = threading._start_new_thread  # type: ignore[attr-defined]

        def start_new_thread(function: Callable[..., object], *args: Any) -> object:
            _audit("_thread.start_new_thread", (function,))
            return start(function, *args)

        threading._start_new_thread = start_new_thread  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    ours = sys.modules.get("threadwell")
    seen = {
        # What this module has imported before the tests, and what they leave.
        "swapped": {id(threading), id(sys.modules.get("threading"))} == {id(ours)},
        # If it was never loaded, nobody can have got hold of it.
        "loaded": sys.modules["threadwell.patch"].original("threading") is not None if ours else True,
        "threads": _threads,
    }
    with open(os.environ[VARIABLE], "w", encoding="utf-8") as file:
        json.dump(seen, file)
