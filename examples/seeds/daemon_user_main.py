"""The main thread waits for user threads and drops daemons (seed 1, ``daemon_user_main.py``)."""

import os
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))


def serve():
    print("daemon: serving", flush=True)
    time.sleep(3600)
    print("daemon: never printed")


def work(main):
    print("user: working")
    main.join()  # the main thread counts as ended before the interpreter has exited
    time.sleep(2 * SCALE)
    print("user: done, although nobody joined it")


daemon = threading.Thread(target=serve, daemon=True)
user = threading.Thread(target=work, args=(threading.main_thread(),))
print("daemon flags:", daemon.daemon, user.daemon)
daemon.start()
time.sleep(1 * SCALE)
user.start()
time.sleep(1 * SCALE)
print("main: finished")
