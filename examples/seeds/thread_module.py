"""The low-level module (seed 2, first example; Python 2 there).

``threadwell run`` leaves ``_thread`` alone, on which the interpreter itself relies. A program that is to have
threadwell's locks there imports this one.
"""

import os
import time

from threadwell import _thread

SCALE = float(os.environ.get("SCALE", "0.02"))

a_lock = _thread.allocate_lock()

with a_lock:
    print("a_lock is locked while this executes")


def do_something_in_new_thread(tname, number):
    print("Hello, I am in thread", tname, number)
    print("I will interrupt main thread after 5 sec.")
    time.sleep(5 * SCALE)
    _thread.interrupt_main()


_thread.start_new_thread(do_something_in_new_thread, ("thread-1", 1))

try:
    while True:
        print("I am main thread, I will sleep 2 sec.")
        time.sleep(2 * SCALE)
except KeyboardInterrupt:  # the seed lets the traceback end the program
    print("main thread: KeyboardInterrupt")
