"""Consume and produce one item (seed 3, 17.1.5, first example)."""

import threading

cv = threading.Condition()
items = []


def an_item_is_available():
    return bool(items)


def get_an_available_item():
    print("consumed", items.pop(0))


def make_an_item_available():
    items.append("an item")


def consumer():
    # Consume one item
    with cv:
        while not an_item_is_available():
            cv.wait()
        get_an_available_item()


def producer():
    # Produce one item
    with cv:
        make_an_item_available()
        cv.notify()


threads = [threading.Thread(target=target) for target in (consumer, consumer, producer, producer)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
