"""Five philosophers, five forks, and no deadlock: everybody takes the lower fork first."""

import argparse
import threading


class Philosopher(threading.Thread):
    def __init__(self, seat, forks, meals, everybody_sits):
        super().__init__(name=f"philosopher-{seat}")
        # With one order for all forks, no circle of philosophers can wait for each other.
        self.first, self.second = sorted((seat, (seat + 1) % len(forks)))
        self.forks = forks
        self.meals = meals
        self.eaten = 0
        self.everybody_sits = everybody_sits

    def run(self):
        self.everybody_sits.wait()
        while self.eaten < self.meals:
            with self.forks[self.first], self.forks[self.second]:
                self.eaten += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seats", type=int, default=5)
    parser.add_argument("--meals", type=int, default=2000, help="for each (default: %(default)s)")
    options = parser.parse_args()
    if options.seats < 2:
        parser.error("one philosopher would need one fork twice")
    forks = [threading.Lock() for _ in range(options.seats)]
    everybody_sits = threading.Barrier(options.seats)
    table = [Philosopher(seat, forks, options.meals, everybody_sits) for seat in range(options.seats)]
    for philosopher in table:
        philosopher.start()
    for philosopher in table:
        philosopher.join()
        print(philosopher.name, "ate", philosopher.eaten, "times")


if __name__ == "__main__":
    main()
