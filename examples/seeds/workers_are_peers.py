"""A thread outlives the daemon that started it (seed 5, "daemon and non-daemon threads")."""

import os
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))


def bar():
    time.sleep(10 * SCALE)
    print("bar")  # printed last: threads are peers, nobody is their parent


def foo():
    t = threading.Thread(target=bar, daemon=False)
    t.start()


t = threading.Thread(target=foo, daemon=True)
t.start()
time.sleep(0.5 * SCALE)
print("Main Thread Exiting")
