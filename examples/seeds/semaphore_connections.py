"""A semaphore that guards a resource of limited capacity (seed 3, 17.1.6.1)."""

import threading
import time
from threading import BoundedSemaphore

maxconnections = 5
# ...
pool_sema = BoundedSemaphore(value=maxconnections)

lock = threading.Lock()
open_connections = 0
most = 0
served = 0


class Connection:
    def __init__(self):
        global open_connections, most
        with lock:
            open_connections += 1
            most = max(most, open_connections)

    def use(self):
        global served
        time.sleep(0.002)
        with lock:
            served += 1

    def close(self):
        global open_connections
        with lock:
            open_connections -= 1


def connectdb():
    return Connection()


def worker():
    with pool_sema:
        conn = connectdb()
        try:
            conn.use()
        finally:
            conn.close()


threads = [threading.Thread(target=worker) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("served", served, "workers; never more than 5 connections:", most <= maxconnections)
