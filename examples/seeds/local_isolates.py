"""Each thread counts in its own attribute of one object (seed 5, "local", first example)."""

import threading
import time

gl_data = threading.local()


def worker():
    gl_data.x = 0
    for _ in range(100):
        time.sleep(0.0009)
        gl_data.x += 1
    # One string: the parts of a print may be torn apart by another thread's, as the seed warns.
    print(f"{threading.current_thread().ident} {gl_data.x}\n", end="")


for _ in range(10):
    threading.Thread(target=worker).start()
