//! How a call that may have to wait does so: try first while attached, detach only to sleep,
//! attach to run signal handlers, go on waiting for the same deadline.

use std::ops::ControlFlow;

use pyo3::prelude::*;
use threadwell::{Deadline, OnSignal, TakenInTurns, Turn, WaitOutcome, Wakes};

use crate::interpreter;
use crate::timeout::Until;

/// Sleeps in `wait`, detached from the interpreter.
///
/// Signal handlers run in between, attached; if one raises, the wait ends and its exception is the
/// result, whatever `wait` made of it.
pub(crate) fn sleep<R: Send>(
    py: Python<'_>,
    until: Until,
    wait: impl FnOnce(Option<Deadline>, OnSignal<'_>) -> R + Send,
) -> PyResult<R> {
    let deadline = until.deadline();
    interpreter::before_wait(py)?;
    let (result, handled) = detached(py, |on_signal| wait(deadline, on_signal));
    handled.map(|()| result)
}

/// Sleeps in `wait`; what it returned, and what a signal handler raised that ended it.
pub(crate) fn detached<R: Send>(
    py: Python<'_>,
    wait: impl FnOnce(OnSignal<'_>) -> R + Send,
) -> (R, PyResult<()>) {
    let mut handled = Ok(());
    let result = py.detach(|| {
        wait(&mut || {
            handled = interpreter::attached(interpreter::check_signals);
            if handled.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    });
    (result, handled)
}

/// [`sleep`] for something that has just been found not to be ready: whether it was in time.
pub(crate) fn wait(
    py: Python<'_>,
    until: Until,
    wait: impl FnOnce(Option<Deadline>, OnSignal<'_>) -> WaitOutcome + Send,
) -> PyResult<bool> {
    if until == Until::Now {
        return Ok(false);
    }
    Ok(sleep(py, until, wait)? == WaitOutcome::Ready)
}

/// Waits for `contended`, which has just been found taken: whether it was acquired in time.
///
/// Once it is its turn, the thread attaches to the interpreter first and takes the lock afterwards.
/// The other way round it would wait for the interpreter with a lock in its hands, and whoever runs
/// meets a held lock at its next operation: every hand-over would cost a switch.
pub(crate) fn acquire(
    py: Python<'_>,
    contended: &(impl TakenInTurns + Sync),
    until: Until,
) -> PyResult<bool> {
    if until == Until::Now {
        return Ok(false);
    }
    let deadline = until.deadline();
    let mut turn = Turn::new(contended);
    loop {
        interpreter::before_wait(py)?;
        let waiting = &mut turn;
        let (outcome, handled) = detached(py, |on_signal| waiting.wait(deadline, on_signal));
        match outcome {
            WaitOutcome::Ready if turn.try_take() => return Ok(true),
            WaitOutcome::Ready => {}
            WaitOutcome::TimedOut => return Ok(false),
            WaitOutcome::Interrupted => handled?,
        }
    }
}

/// Wakes the threads that an operation has picked.
///
/// A woken thread's first need is the interpreter's lock. On builds that have one, it is let go of
/// meanwhile; otherwise the woken thread waits for it at once
/// (`bench/run.py --only 'ping-pong, 1 processor'`).
#[inline]
pub(crate) fn wake(py: Python<'_>, wakes: Wakes) {
    if !wakes.is_empty() {
        wake_picked(py, wakes);
    }
}

/// Wakes the thread that the release of a lock has picked, and stays attached.
///
/// Programs do things right after they have let go of a lock that they take to be done when the
/// woken thread looks: with the interpreter's locks, which do not let go of the interpreter, they
/// nearly always are.
#[inline]
pub(crate) fn wake_attached(wakes: Wakes) {
    drop(wakes);
}

#[cold]
fn wake_picked(py: Python<'_>, wakes: Wakes) {
    if cfg!(Py_GIL_DISABLED) {
        drop(wakes);
    } else {
        py.detach(|| drop(wakes));
    }
}
