"""Analyse web server logs with a pipeline of threads.

    readers ──lines──▶ parsers ──records──▶ counters ──all meet──▶ report
                          │
                       regions: who asks first looks an address up, the others wait for the answer

Readers share the log files, at most a few open at a time. Parsers turn lines into records and ask
where each address is from. Each counter owns one part of the addresses, so that it counts without a
lock; at the end the counters meet, one of them adds up, and all work out their shares of the sum.

The result depends on nothing but the arguments, however the threads take turns.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import threading
import zlib
from collections import Counter, deque

PATHS = ["/", "/about", "/cart", "/login", "/search", "/static/app.js", "/static/logo.png"]
STATUSES = [200] * 12 + [304] * 3 + [404] * 2 + [500]
REGIONS = ["Africa", "America", "Asia", "Australia", "Europe"]
PATIENCE = 30.0  # seconds that a file or a lookup may take before the run is given up


class Channel:
    """A bounded queue that ends when its last writer has closed it."""

    def __init__(self, capacity, writers):
        self._items = deque()
        self._capacity = capacity
        self._writers = writers
        lock = threading.Lock()
        self._not_full = threading.Condition(lock)
        self._not_empty = threading.Condition(lock)

    def put(self, item):
        with self._not_full:
            while len(self._items) >= self._capacity:
                self._not_full.wait()
            self._items.append(item)
            self._not_empty.notify()

    def close(self):
        with self._not_empty:
            self._writers -= 1
            if self._writers == 0:
                self._not_empty.notify_all()

    def __iter__(self):
        while True:
            with self._not_empty:
                self._not_empty.wait_for(lambda: self._items or not self._writers)
                if not self._items:
                    return
                item = self._items.popleft()
                self._not_full.notify()
            yield item


class Watchdog:
    """Gives the run up when what it guards takes too long."""

    def __init__(self, what):
        self._timer = threading.Timer(PATIENCE, self._give_up, [what])

    def __enter__(self):
        self._timer.start()

    def __exit__(self, *error):
        self._timer.cancel()

    @staticmethod
    def _give_up(what):
        print(f"pipeline: {what} took more than {PATIENCE} seconds", file=sys.stderr)
        os._exit(1)


class Regions:
    """Where addresses are from; each is looked up once, at most ``lookups`` at a time."""

    def __init__(self, lookups):
        self._known = {}
        self._answered = {}
        self._lock = threading.RLock()
        self._lookups = threading.BoundedSemaphore(lookups)

    def find(self, address):
        with self._lock:
            region = self._recall(address)
            if region is not None:
                return region
            answered = self._answered.get(address)
            first = answered is None
            if first:
                answered = self._answered[address] = threading.Event()
        if first:
            with self._lookups, Watchdog(f"the lookup of {address}"):
                region = REGIONS[zlib.crc32(address.encode()) % len(REGIONS)]
            with self._lock:
                self._known[address] = region
            answered.set()
        else:
            answered.wait()
        return self._recall(address)

    def _recall(self, address):
        with self._lock:
            return self._known.get(address)


class Reader(threading.Thread):
    """Puts the lines of one file after another into a channel, until no file is left."""

    def __init__(self, number, files, lock, open_files, lines):
        super().__init__(name=f"reader-{number}")
        self.files = files
        self.lock = lock
        self.open_files = open_files
        self.lines = lines

    def run(self):
        try:
            while (path := self.next_file()) is not None:
                with self.open_files, Watchdog(path), open(path, encoding="ascii") as file:
                    for line in file:
                        self.lines.put(line)
        finally:
            self.lines.close()

    def next_file(self):
        with self.lock:
            return next(self.files, None)


class Tally:
    """What the counters found out together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.parts = []
        self.total = Counter()
        self.percent = {}
        self.lines = Counter()

    def add_up(self):
        for part in self.parts:
            self.total.update(part)


def parse(lines, counters, regions, own, tally):
    """Turn lines into records for the counter that owns the address."""
    own.good = own.malformed = 0
    try:
        for line in lines:
            fields = line.split()
            if len(fields) != 4:
                own.malformed += 1
                continue
            own.good += 1
            address, path, status, size = fields
            record = (regions.find(address), path, status, int(size))
            counters[zlib.crc32(address.encode()) % len(counters)].put(record)
    finally:
        for counter in counters:
            counter.close()
    with tally.lock:
        tally.lines.update(good=own.good, malformed=own.malformed)


def count(number, records, meeting, tally):
    """Count one part of the records, then its share of the sum that all counters come to."""
    part = Counter()
    for region, path, status, size in records:
        part["bytes"] += size
        part["region", region] += 1
        part["path", path] += 1
        part["status", status] += 1
    with tally.lock:
        tally.parts.append(part)
    meeting.wait()
    share = round(100 * part["bytes"] / max(1, tally.total["bytes"]), 2)
    with tally.lock:
        tally.percent[number] = share


def watch(finished, seconds):
    """Say every so many seconds that work goes on; a daemon, so it never keeps the process alive."""
    while not finished.wait(seconds):
        print(f"pipeline: {threading.active_count()} threads at work", file=sys.stderr)


def write_logs(directory, files, lines, seed=20):
    """Write the same logs for the same arguments, a few lines of them malformed."""
    chance = random.Random(seed)
    addresses = [f"10.0.{chance.randrange(256)}.{chance.randrange(256)}" for _ in range(files * 20)]
    for number in range(files):
        path = os.path.join(directory, f"access-{number:03}.log")
        with open(path, "w", encoding="ascii") as file:
            for _ in range(lines):
                if chance.random() < 0.002:
                    file.write("(log rotated)\n")
                    continue
                fields = map(chance.choice, (addresses, PATHS, STATUSES))
                file.write("{} {} {} {}\n".format(*fields, chance.randrange(20_000)))
        yield path


def analyse(paths, readers, parsers, counters, progress=None):
    """Run the pipeline over the log files, saying every ``progress`` seconds that it does; return the tally."""
    tally = Tally()
    regions = Regions(lookups=2)
    own = threading.local()
    files, files_lock = iter(paths), threading.Lock()
    open_files = threading.Semaphore(3)
    meeting = threading.Barrier(counters, action=tally.add_up, timeout=PATIENCE)
    lines = Channel(64, writers=readers)
    records = [Channel(64, writers=parsers) for _ in range(counters)]

    workers = [Reader(number, files, files_lock, open_files, lines) for number in range(readers)]
    for number in range(parsers):
        work = (lines, records, regions, own, tally)
        workers.append(threading.Thread(target=parse, name=f"parser-{number}", args=work))
    for number in range(counters):
        work = (number, records[number], meeting, tally)
        workers.append(threading.Thread(target=count, name=f"counter-{number}", args=work))

    finished = threading.Event()
    if progress is not None:
        threading.Thread(target=watch, args=(finished, progress), daemon=True).start()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    finished.set()
    return tally


def report(tally):
    """Return the result as lines of text, the last a digest of all that was counted."""
    total = tally.total

    def listing(kind):
        found = sorted((-n, str(key[1])) for key, n in total.items() if key[0] == kind)
        return ", ".join(f"{name} {-n:,}" for n, name in found)

    shares = ", ".join(f"{tally.percent[number]:.2f} %" for number in sorted(tally.percent))
    lines = [
        f"records   {tally.lines['good']:,}, malformed lines {tally.lines['malformed']:,}",
        f"bytes     {total['bytes']:,}; by counter {shares}",
        f"status    {listing('status')}",
        f"regions   {listing('region')}",
        f"paths     {listing('path')}",
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return [*lines, f"digest    {digest[:32]}"]


def main():
    parser = argparse.ArgumentParser(description="Analyse web server logs with threads.")
    parser.add_argument("--files", type=int, default=20, help="log files (default: %(default)s)")
    parser.add_argument("--lines", type=int, default=3000, help="per file (default: %(default)s)")
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--parsers", type=int, default=3)
    parser.add_argument("--counters", type=int, default=3)
    parser.add_argument("--progress", type=float, metavar="SECONDS", help="say this often that work goes on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        paths = list(write_logs(directory, options.files, options.lines))
        tally = analyse(paths, options.readers, options.parsers, options.counters, options.progress)
    print("\n".join(report(tally)))


if __name__ == "__main__":
    main()
