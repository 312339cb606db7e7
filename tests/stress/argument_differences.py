"""Where threadwell answers otherwise than the standard library, and is meant to. CHANGELOG.md says it to users."""

from __future__ import annotations

import re

#: Arguments that are, or contain, a number which is no small int.
NO_INT = r"(True|False|\d\.\d|e[+-]|Fraction|Decimal|argument_values|Mock|inf|\d{19})"

#: Pattern of the call and of what ours gave, and of what theirs gave; and why. Each is in CHANGELOG.md.
MEANT = [
    (r"^_thread\.allocate(_lock)? ", "TypeError", "TypeError", "is the class, as `threading.Lock` from 3.13 on"),
    (r"RLock(#\d\.__init__)? ", "DeprecationWarning", "", "the function around the class is one with it"),
    (r"(set|del) .*Barrier#\d\.\w+ ", "AttributeError", "AttributeError", "an attribute written in C says so"),
    (r"^del .*Timer#\d\.finished ", "AttributeError", "None", "a property: it begins a thread for a pending timer"),
    (r"Condition#\d\.__init__ ", "", "", "a condition keeps its lock"),
    (r"Barrier#\d\.__init__ ", "", "", "a barrier keeps its parties"),
    (r"^_thread\.LockType ", "", "cannot create", "another version's lock can be made by its class"),
    (r"Barrier ", "Error", "'Barrier'", "older versions accept any parties"),
    (rf"Barrier .*{NO_INT}", "", "", "whole numbers only"),
    (rf"Semaphore(#\d\.(__init__|release))? .*{NO_INT}", "", "", "whole numbers below 2**63"),
    (r"Thread(#\d\.__init__)? ", "", "unexpected keyword argument 'context'", "it is accepted before 3.14, too"),
    (r"(Barrier|Condition|Semaphore)(#\d\.\w+)? .*(nan|NaN)", "", "", "is no time; theirs never ends"),
    (r"Condition#2\.(release|locked) ", r"Lock\.\w", r"lock\.\w", "the class is called as it is found by pickle"),
    (r"_thread\.lock object", "'Lock' object", "'_thread.lock' object", "the same"),
    (r"#[23]\._release_save ", "RuntimeError", "tuple", "a lock is released by its owner"),
    (r"\._\w+ ", "(Type|Value)Error: ", "TypeError: ", "not public: the wording is free"),
    (r"threading\.concurrent_tee ", "_Branch object", "_concurrent_tee object", "not public: the name is free"),
    (r"threading\.(active_count|activeCount) ", "int", "int", "each counts its own"),
]


def meant(call, ours, theirs):
    return any(
        re.search(where, call) and re.search(mine, ascii(ours)) and re.search(other, ascii(theirs))
        for where, mine, other, _ in MEANT
    )
