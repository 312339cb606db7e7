"""The thread that waits for all timers, where the interpreter has started it and it cannot begin."""

from __future__ import annotations


def test_a_driver_that_cannot_begin_is_not_counted_on(program):
    """Without memory, the interpreter frees what a new thread was to call, and ends the thread."""
    program("""
    import threadwell
    name = "_start_joinable_thread" if hasattr(threadwell, "_start_joinable_thread") else "_start_new_thread"
    start = getattr(threadwell, name)
    def begin_nothing(function, *args, **kwargs):
        return start(int, *args, **kwargs)
    setattr(threadwell, name, begin_nothing)
    lost = threadwell.Timer(100, int)
    try:
        lost.start()
    except RuntimeError as error:
        assert str(error) == "can't start new thread"
    else:
        raise AssertionError("it waits for nobody")
    assert not lost.is_alive() and threadwell.enumerate() == [threadwell.main_thread()]
    setattr(threadwell, name, start)
    for timer in threadwell.Timer(0.001, int), lost:
        timer.interval = 0.001
        timer.start()
        timer.join(30)
        assert not timer.is_alive()
    """)
