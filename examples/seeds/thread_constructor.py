"""Every argument of ``Thread`` (seed 3, 17.1.2 and seed 4, "threading.Thread")."""

import threading


def target(*args, **kwargs):
    thread = threading.current_thread()
    print(thread.name, args, kwargs, "daemon:", thread.daemon, "alive:", thread.is_alive())


thread = threading.Thread(group=None, target=target, name="named", args=(1, 2), kwargs={"three": 3}, daemon=True)
print("ident before start:", thread.ident)
thread.start()
thread.join()
print("ident after the end is an int:", isinstance(thread.ident, int))

for misuse in (thread.start, threading.Thread(target=target).join, threading.current_thread().join):
    try:
        misuse()
    except RuntimeError as error:
        print("RuntimeError:", error)
