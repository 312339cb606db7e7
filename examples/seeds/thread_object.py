"""A thread from a function, and a thread by subclassing (seed 1, "Thread Object")."""

import threading


def func(number):
    print("func runs with", number)


class Custom(threading.Thread):
    def __init__(self, number):
        super().__init__()  # before anything else
        self.number = number

    def run(self):
        print("run of the subclass, with", self.number)


thread = threading.Thread(target=func, args=(1,))
thread.start()
thread.join()

custom = Custom(2)
print("is_alive before start:", custom.is_alive())
custom.start()
custom.join()
print("is_alive after join:", custom.is_alive())
