"""The pools that ``threading`` itself does not have (seed 1, "Thread Pool")."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def square(number):
    return number * number


with ThreadPoolExecutor(max_workers=3) as executor:
    print("ThreadPoolExecutor:", list(executor.map(square, range(6))))

with ThreadPool(3) as pool:
    print("ThreadPool:", pool.map(square, range(6)))
