"""threadwell may be imported for the first time by a thread that is not the main one."""

import subprocess
import sys

PROGRAM = """
import _thread

imported = _thread.allocate_lock()
imported.acquire()

def import_it():
    import threadwell
    imported.release()

_thread.start_new_thread(import_it, ())
imported.acquire()

import threadwell

worker = threadwell.Thread(target=print, args=["ended in order"])
worker.start()
"""


def test_the_first_import_may_be_in_another_thread():
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended in order\n", "")
