"""The other objects in a line each (seed 1, "Lock, RLock" to "Barrier")."""

import threading

lock = threading.RLock()
with lock, lock:
    print("RLock: taken twice by one thread")

semaphore = threading.BoundedSemaphore(1)
semaphore.acquire()
semaphore.release()
try:
    semaphore.release()
except ValueError as error:
    print("BoundedSemaphore:", error)

event = threading.Event()
print("Event:", event.is_set(), event.wait(0))
event.set()
print("Event:", event.is_set(), event.wait())
event.clear()
print("Event:", event.is_set())

condition = threading.Condition()
items = []


def produce():
    with condition:
        items.append("item")
        condition.notify()


with condition:
    threading.Thread(target=produce).start()
    condition.wait_for(lambda: items)
    print("Condition:", items.pop())

barrier = threading.Barrier(3)
places = []
threads = [threading.Thread(target=lambda: places.append(barrier.wait())) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("Barrier:", sorted(places))
