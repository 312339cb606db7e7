"""A deadlock with ``Lock``, and none with ``RLock`` (seed 4, "RLock" and "deadlock")."""

import threading

lock = threading.Lock()
lock.acquire()
print("Lock, second acquire within 10 ms:", lock.acquire(timeout=0.01))
lock.release()

rlock = threading.RLock()
for level in range(1, 4):
    print("RLock, recursion level", level, rlock.acquire())


def try_it(when):
    print("another thread gets it", when, rlock.acquire(blocking=False))


for when in ("at level 3:", "at level 2:", "at level 1:", "when released as often:"):
    thread = threading.Thread(target=try_it, args=(when,))
    thread.start()
    thread.join()
    if "level" in when:
        rlock.release()
