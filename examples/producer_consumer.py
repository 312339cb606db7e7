"""Producers and consumers around a bounded buffer made of two semaphores and a lock."""

import argparse
import threading
from collections import deque

END = object()


class Buffer:
    def __init__(self, size):
        self._items = deque()
        self._lock = threading.Lock()
        self._free = threading.Semaphore(size)
        self._filled = threading.Semaphore(0)

    def put(self, item):
        self._free.acquire()
        with self._lock:
            self._items.append(item)
        self._filled.release()

    def get(self):
        self._filled.acquire()
        with self._lock:
            item = self._items.popleft()
        self._free.release()
        return item


def produce(buffer, numbers):
    for number in numbers:
        buffer.put(number)


def consume(buffer, sums, index):
    while (number := buffer.get()) is not END:
        sums[index] += number


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=8, help="of the buffer (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=3, help="of threads (default: %(default)s)")
    options = parser.parse_args()
    buffer = Buffer(options.size)
    sums = [0] * options.pairs
    producers = [
        threading.Thread(target=produce, args=(buffer, range(first, options.items, options.pairs)))
        for first in range(options.pairs)
    ]
    consumers = [threading.Thread(target=consume, args=(buffer, sums, index)) for index in range(options.pairs)]
    for thread in producers + consumers:
        thread.start()
    for thread in producers:
        thread.join()
    for _ in consumers:
        buffer.put(END)
    for thread in consumers:
        thread.join()
    print(f"consumed {options.items:,} numbers, their sum is {sum(sums):,}")


if __name__ == "__main__":
    main()
