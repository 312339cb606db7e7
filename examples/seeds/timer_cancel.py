"""A timer is a thread, and can be cancelled until it fires (seed 5, "Timer").

``setName`` is the seed's; newer interpreters warn that it is deprecated.
"""

import logging
import os
import sys
import threading
import time
import warnings

SCALE = float(os.environ.get("SCALE", "0.02"))

FORMAT = "%(asctime)s %(threadName)s %(message)s"
logging.basicConfig(format=FORMAT, level=logging.INFO, stream=sys.stdout)
warnings.simplefilter("ignore", DeprecationWarning)


def worker():
    logging.info("in worker")
    time.sleep(2 * SCALE)


t = threading.Timer(4 * SCALE, worker)
t.setName("w1")
t.start()
print(threading.enumerate())

t.cancel()  # before it fires
time.sleep(1 * SCALE)
print(threading.enumerate())

fires = threading.Timer(1 * SCALE, worker)
fires.name = "w2"
fires.start()
fires.join()
