"""``join`` waits even for a daemon (seed 5, "join")."""

import os
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))


def foo(n):
    for i in range(n):
        print(i)
        time.sleep(1 * SCALE)


t1 = threading.Thread(target=foo, args=(10,), daemon=True)
t1.start()
t1.join()

print("Main Thread Exiting")
