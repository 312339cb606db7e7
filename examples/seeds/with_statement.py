"""``with`` and what it is equivalent to (seed 3, 17.1.10)."""

import threading

some_lock = threading.Lock()

with some_lock:
    # do something...
    print("locked:", some_lock.locked())

# equivalent to
some_lock.acquire()
try:
    # do something...
    print("locked:", some_lock.locked())
finally:
    some_lock.release()

print("locked:", some_lock.locked())

for cls in (threading.RLock, threading.Condition, threading.Semaphore, threading.BoundedSemaphore):
    with cls():
        print("with", cls.__name__)
