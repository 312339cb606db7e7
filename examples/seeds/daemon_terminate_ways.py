"""How daemons quit, abruptly or gracefully (seed 1, ``daemon_terminate_ways.py``)."""

import os
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))

stop = threading.Event()
ready = threading.Barrier(3)


def abrupt():
    print("abrupt: open the resource", flush=True)
    ready.wait()
    try:
        while True:
            time.sleep(1 * SCALE)
    finally:
        print("abrupt: close the resource (never printed: a daemon is not unwound)")


def graceful():
    ready.wait()
    print("graceful: open the resource")
    stop.wait()
    print("graceful: close the resource")


threading.Thread(target=abrupt, daemon=True).start()
worker = threading.Thread(target=graceful)
worker.start()
ready.wait()
time.sleep(2 * SCALE)
stop.set()
worker.join()
print("main: finished")
