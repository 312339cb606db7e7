"""The functions that tell about threads (seed 5, "Thread", first example)."""

import os
import threading
import time

SCALE = float(os.environ.get("SCALE", "0.02"))


def add(x, y):
    show_thread_info()
    print(f"{x} + {y} = {x + y}", threading.current_thread().ident)


# 返回线程信息: show information on the thread
def show_thread_info():
    print(f"current_thread = {threading.current_thread().name}")
    print(f"main_thread = {threading.main_thread().ident}")
    print(f"active count = {threading.active_count()}")


print("t1")
t1 = threading.Thread(target=add, name="worker1", args=(5, 4))
t1.start()
time.sleep(0.2 * SCALE)

print("+" * 30)
print("t2")
t2 = threading.Thread(target=add, name="worker2", args=(5, 6))
t2.start()
time.sleep(0.2 * SCALE)

print("+" * 30)
print("t3")
t3 = threading.Thread(target=add, name="worker3", args=(5, 7))
t3.start()
