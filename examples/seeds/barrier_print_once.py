"""One of the threads that pass does something special (seed 3, 17.1.9, second example)."""

import threading

barrier = threading.Barrier(3, action=lambda: print("action: all", barrier.parties, "are here"))


def worker():
    i = barrier.wait()
    if i == 0:
        # Only one thread needs to print this
        print("passed the barrier")


threads = [threading.Thread(target=worker) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

barrier.abort()
try:
    barrier.wait()
except threading.BrokenBarrierError as error:
    print("broken:", barrier.broken, type(error).__name__)
barrier.reset()
print("reset, broken:", barrier.broken, "waiting:", barrier.n_waiting)
