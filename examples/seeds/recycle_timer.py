"""A timer that repeats, by subclassing ``Timer`` (seed 1, ``recycle_timer.py``)."""

import os
import threading

SCALE = float(os.environ.get("SCALE", "0.02"))


class RecycleTimer(threading.Timer):
    def run(self):
        while not self.finished.wait(self.interval):
            self.function(*self.args, **self.kwargs)


ticks = 0
enough = threading.Event()


def tick(what):
    global ticks
    ticks += 1
    if ticks <= 3:
        print(what, ticks)
    else:
        enough.set()


timer = RecycleTimer(1 * SCALE, tick, args=["tick"])
timer.start()
enough.wait()
timer.cancel()
timer.join()
print("cancelled, alive:", timer.is_alive())
