"""Thread-local data (seed 3, 17.1.1)."""

import threading

mydata = threading.local()
mydata.x = 1


def other_thread():
    print("another thread has x:", hasattr(mydata, "x"))
    mydata.x = 2


thread = threading.Thread(target=other_thread)
thread.start()
thread.join()
print("the main thread still has x =", mydata.x)
