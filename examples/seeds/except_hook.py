"""Catching what ``run`` did not catch (seed 1, ``except_hook.py``)."""

import threading


def hook(args):
    # Storing args.thread could resurrect a thread that is being finalised; its name is enough.
    print(f"hook: {args.exc_type.__name__}: {args.exc_value} in {args.thread.name}")


def fail():
    raise ValueError("no luck")


def leave():
    raise SystemExit("the default hook ignores this")


threading.excepthook = hook
for target in (fail, leave):
    thread = threading.Thread(target=target, name=f"{target.__name__}-thread")
    thread.start()
    thread.join()

threading.excepthook = threading.__excepthook__
thread = threading.Thread(target=fail, name="default-hook")
thread.start()
thread.join()
print("main: not affected")
