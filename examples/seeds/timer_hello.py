"""A timer of 30 seconds (seed 3, 17.1.8)."""

import os
from threading import Timer

SCALE = float(os.environ.get("SCALE", "0.02"))


def hello():
    print("hello, world")


t = Timer(30.0 * SCALE, hello)
t.start()  # after 30 seconds, "hello, world" will be printed
