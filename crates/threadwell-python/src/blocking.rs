//! How a call that may have to wait does so: try first while attached, detach only to sleep,
//! attach to run signal handlers, go on waiting for the same deadline.

use std::ops::ControlFlow;

use pyo3::prelude::*;
use threadwell::{Deadline, OnSignal, WaitOutcome, Wakes};

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
    // A signal that arrived before this call would otherwise not end the sleep.
    interpreter::check_signals(py)?;
    let mut raised = None;
    let result = py.detach(|| {
        wait(deadline, &mut || match Python::attach(interpreter::check_signals) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                raised = Some(error);
                ControlFlow::Break(())
            }
        })
    });
    match raised {
        Some(error) => Err(error),
        None => Ok(result),
    }
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

/// Wakes the threads that an operation has picked.
///
/// A woken thread's first need is the interpreter's lock. On builds that have one, it is let go of
/// meanwhile: measured, an event's round trip takes a third of the time.
#[inline]
pub(crate) fn wake(py: Python<'_>, wakes: Wakes) {
    if !wakes.is_empty() {
        wake_picked(py, wakes);
    }
}

#[cold]
fn wake_picked(py: Python<'_>, wakes: Wakes) {
    if cfg!(Py_GIL_DISABLED) {
        drop(wakes);
    } else {
        py.detach(|| drop(wakes));
    }
}
