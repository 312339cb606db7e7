"""``wait_for``, and the loop it stands for (seed 3, 17.1.5, second example; seed 4)."""

import threading

cv = threading.Condition()
items = []


def an_item_is_available():
    return bool(items)


def consume_with_wait_for():
    # Consume an item
    with cv:
        cv.wait_for(an_item_is_available)
        print("wait_for got", items.pop())


def consume_with_loop():
    with cv:
        while not an_item_is_available():
            cv.wait()
        print("the loop got", items.pop())


for consume in (consume_with_wait_for, consume_with_loop):
    consumer = threading.Thread(target=consume)
    consumer.start()
    with cv:
        items.append("an item")
        cv.notify()
    consumer.join()

with cv:
    print("nothing within 10 ms:", cv.wait_for(an_item_is_available, timeout=0.01))
