"""Whole programs: how one ends, with daemon threads and others, and what runs on `threading`.

Each test is a program of its own. `main_thread().join()` returns, in another thread, when the main
thread has come to its end, so that what happens after that needs no sleep.
"""


def test_process_waits_for_threads_that_nobody_joins(child):
    code = """
        def worker():
            threading.main_thread().join()
            print("worker ends")

        threading.Thread(target=worker).start()
        print("main ends")
    """
    assert child(code).stdout == "main ends\nworker ends\n"


def test_process_does_not_wait_for_daemons(child):
    code = """
        started = threading.Event()

        def service():
            started.set()
            threading.Event().wait()
            print("not reached")

        threading.Thread(target=service, daemon=True).start()
        started.wait()
        print("main ends")
    """
    assert child(code).stdout == "main ends\n"


def test_daemons_serve_until_the_last_other_thread_has_ended(child):
    code = """
        request, answer = threading.Event(), threading.Event()

        def service():
            while True:
                request.wait()
                request.clear()
                print("daemon serves")
                answer.set()

        def worker():
            threading.main_thread().join()
            request.set()
            answer.wait()
            print("worker ends")

        threading.Thread(target=service, daemon=True).start()
        threading.Thread(target=worker).start()
        print("main ends")
    """
    assert child(code).stdout == "main ends\ndaemon serves\nworker ends\n"


def test_threads_have_no_hierarchy(child):
    # A thread that is no daemon is waited for, whoever started it.
    code = """
        started = threading.Event()

        def bar():
            started.set()
            threading.main_thread().join()
            print("bar")

        def foo():
            threading.Thread(target=bar, daemon=False).start()
            threading.Event().wait()

        threading.Thread(target=foo, daemon=True).start()
        started.wait()
        print("Main Thread Exiting")
    """
    assert child(code).stdout == "Main Thread Exiting\nbar\n"


def test_daemon_is_ended_abruptly_without_its_finally(child):
    code = """
        started = threading.Event()

        def service():
            try:
                started.set()
                threading.Event().wait()
            finally:
                print("released")

        threading.Thread(target=service, daemon=True).start()
        started.wait()
        print("main ends")
    """
    assert child(code).stdout == "main ends\n"


def test_thread_that_is_told_by_an_event_ends_gracefully(child):
    code = """
        stop = threading.Event()

        def service():
            try:
                stop.wait()
            finally:
                print("released")

        threading.Thread(target=service).start()
        print("main ends")
        stop.set()
    """
    assert child(code).stdout == "main ends\nreleased\n"


def test_joining_a_daemon_keeps_the_process_until_it_is_done(child):
    code = """
        def foo(n):
            for i in range(n):
                print(i)

        t1 = threading.Thread(target=foo, args=(3,), daemon=True)
        t1.start()
        t1.join()
        print("Main Thread Exiting")
    """
    assert child(code).stdout == "0\n1\n2\nMain Thread Exiting\n"


def test_process_waits_for_a_pending_timer(child):
    code = """
        printed = threading.Event()

        def hello():
            printed.wait()
            print("hello, world")

        threading.Timer(0.05, hello).start()
        print("main ends")
        printed.set()
    """
    assert child(code).stdout == "main ends\nhello, world\n"


def test_process_does_not_wait_for_a_daemon_timer(child):
    code = """
        timer = threading.Timer(3600, print, ("not reached",))
        timer.daemon = True
        timer.start()
        print("main ends")
    """
    assert child(code).stdout == "main ends\n"


def test_failing_thread_does_not_change_the_exit_code(child):
    code = """
        def fail():
            raise KeyError("mine")

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        print("main ends")
    """
    done = child(code)
    assert done.stdout == "main ends\n"
    assert done.stderr.startswith("Exception in thread Thread-1 (fail):\nTraceback")
    assert done.stderr.endswith("KeyError: 'mine'\n")


def test_sys_exit_in_a_thread_ends_that_thread_only(child):
    code = """
        import sys
        thread = threading.Thread(target=sys.exit, args=(3,))
        thread.start()
        thread.join()
        print("main goes on")
    """
    done = child(code)
    assert (done.stdout, done.stderr) == ("main goes on\n", "")


def test_sys_exit_in_the_main_thread_waits_for_the_others(child):
    code = """
        import sys

        def worker():
            threading.main_thread().join()
            print("worker ends")

        threading.Thread(target=worker).start()
        sys.exit(3)
    """
    assert child(code, returncode=3).stdout == "worker ends\n"


def test_thread_pool_executor_runs_on_it(child):
    code = """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as pool:
            squares = list(pool.map(lambda n: n * n, range(5)))
            workers = [t for t in threading.enumerate() if t is not threading.main_thread()]
            print(all(isinstance(t, threading.Thread) for t in workers), 1 <= len(workers) <= 2)
        print(squares)
    """
    assert child(code, installed=True).stdout == "True True\n[0, 1, 4, 9, 16]\n"


def test_multiprocessing_thread_pool_runs_on_it(child):
    code = """
        from multiprocessing.pool import ThreadPool

        with ThreadPool(2) as pool:
            print(pool.map(abs, [-1, 2, -3]))
            print(all(isinstance(worker, threading.Thread) for worker in pool._pool))
    """
    assert child(code, installed=True).stdout == "[1, 2, 3]\nTrue\n"


def test_log_lines_of_several_threads_are_whole(child):
    # What the seed recommends in place of print.
    code = """
        import logging, sys
        logging.basicConfig(stream=sys.stdout, format="%(threadName)s %(message)s", level="INFO")

        def work():
            for number in range(100):
                logging.info("message %d of a hundred", number)

        threads = [threading.Thread(target=work, name=f"t{n}") for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
    lines = child(code, installed=True).stdout.splitlines()
    expected = [f"t{n} message {number} of a hundred" for n in range(4) for number in range(100)]
    assert sorted(lines) == sorted(expected)


def test_handler_of_sigterm_may_exit(child):
    code = """
        import os, signal, sys

        def terminate(number, frame):
            print("Caught signal:", number)
            sys.exit(0)

        signal.signal(signal.SIGTERM, terminate)
        forever = threading.Thread(target=threading.Event().wait, daemon=True)
        forever.start()
        killer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        killer.start()
        while forever.is_alive():
            forever.join(0.1)
    """
    assert child(code).stdout == "Caught signal: 15\n"
