"""Only the main thread sets signal handlers, and they run in it (seed 2, "thread signal")."""

import os
import signal
import threading

arrived = threading.Event()


def terminate_handler(sig, frame):
    print("Caught signal:", sig, "in", threading.current_thread().name)
    arrived.set()


def register():
    try:
        signal.signal(signal.SIGTERM, terminate_handler)
    except ValueError as error:
        print("in a worker:", error)


worker = threading.Thread(target=register)
worker.start()
worker.join()

signal.signal(signal.SIGTERM, terminate_handler)
sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))
sender.start()
arrived.wait()
sender.join()
