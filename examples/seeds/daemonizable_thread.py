"""A thread that is told to stop on Ctrl-C (seed 2, "daemon thread"; Python 2 there).

Two errors of the seed are put right: ``threading._sleep`` was never public, and ``not t.isAlive``
tested the method instead of calling it. A timer stands in for the reader's Ctrl-C.
"""

import os
import signal
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))


class DaemonizableThread(threading.Thread):
    def __init__(self, name):
        super().__init__(name=name)
        self.count = 0
        self.should_stop = False

    def setDaemon(self, daemonic):  # noqa: N802
        self.daemon = daemonic

    def run(self):
        while not self.should_stop:
            time.sleep(2 * SCALE)
            self.count += 2
            print(self.name + f" sleeping {self.count} seconds")

    def stop(self):
        self.should_stop = True


t = DaemonizableThread("demon")
# t.setDaemon(True)

t.start()
threading.Timer(5 * SCALE, os.kill, [os.getpid(), signal.SIGINT]).start()

try:
    while True:
        t.join(2 * SCALE)
        if not t.is_alive():
            break
except KeyboardInterrupt:
    t.stop()
t.join()
print("stopped, alive:", t.is_alive())
