# What the programs of test_exits.py and test_exits_in_calls.py begin with, after `threading` and SEED.
import _random
import _thread
import sys
import time

chance = _random.Random(SEED).random  # noqa: F821
sys.setswitchinterval(10 ** (4 * chance() - 6))


def tick():
    """Seconds, from 0.1 to 1 ms."""
    return 0.0001 + 0.0009 * chance()


class Late:
    """Keeps the interpreter busy when it is about to go, while other threads may ask for it."""

    def __init__(self):
        self.naps = [tick() for _ in range(int(1 + 10 * chance()))]

    def __del__(self, sleep=time.sleep):
        for nap in self.naps:
            sleep(nap)


def daemons(function, *args, count=2):
    threads = [threading.Thread(target=function, args=args, daemon=True) for _ in range(count)]  # noqa: F821
    for thread in threads:
        thread.start()
    return threads


# What ends when the collector comes by, when the modules do, and after all modules but two. Not in this module: its
# names outlive the interpreter while a thread is in a function of it.
cyclic, time.late, sys.late = Late(), Late(), Late()
cyclic.itself = cyclic
del cyclic

inside = _thread.allocate_lock()
inside.acquire()


def stay(*_, inside=inside, sleep=time.sleep, **__):
    """Release `inside`, and then need the interpreter again and again."""
    try:
        inside.release()
    except RuntimeError:
        pass
    while True:
        sleep(0.0005)
