//! The queue of pending timers.
//!
//! A timer leaves the queue once, to whoever takes it: `_unschedule`, `_drive` or `_drain_timers`. That decides between a timer that fires, one that is cancelled and one that gets
//! a thread of its own.
//!
//! The queue holds a reference to each timer. None of them is dropped here: they go back to Python.

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;
use threadwell::{Deadline, Due, TimerKey, TimerQueue, resume};

use crate::collector;
use crate::interpreter;
use crate::owned::Owned;
use crate::signal_mask;
use crate::timeout::{SURELY_VALID, exact_seconds};

static TIMERS: TimerQueue<Py<PyAny>> = TimerQueue::new();

/// How long a driver waits for work before it ends. Programs that start and cancel one timer after
/// the other need not start a driver for each.
const IDLE: Duration = Duration::from_millis(50);

/// What a pending timer is known by in the queue.
#[pyclass(frozen)]
pub(crate) struct _TimerKey(TimerKey);

#[pymethods]
impl _TimerKey {
    /// How many seconds are left.
    fn remaining(&self) -> f64 {
        self.0.deadline().remaining().as_secs_f64()
    }
}

/// Put `timer` into the queue, to become due in `interval` seconds.
///
/// Calls `start_driver` if there is no driver; if that raises, the timer is not in the queue.
///
/// Returns its key, or None if the timer needs a thread now: `interval` is not a positive number, or
/// is too long; or unless `plain_run` is None, since the timer has been in the queue before, its `run`
/// is another, or the calling thread has something to hand on to the threads that it starts, a stack
/// size or blocked signals.
#[pyfunction]
pub(crate) fn _schedule(
    timer: &Bound<'_, PyAny>,
    interval: &Bound<'_, PyAny>,
    start_driver: &Bound<'_, PyAny>,
    plain_run: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<_TimerKey>> {
    let Some(seconds) = exact_seconds(interval).filter(|it| *it > 0.0 && *it <= SURELY_VALID)
    else {
        return Ok(None);
    };
    let now = Deadline::now();
    if let Some(plain_run) = plain_run
        && (!interpreter::is_bound(&*run_of(timer)?, plain_run)
            || interpreter::stack_size(timer.py()) != 0
            || signal_mask::blocks_any(now))
    {
        return Ok(None);
    }
    // Rounded up: a timer never fires early.
    let interval = Duration::from_nanos((seconds * 1e9).ceil() as u64);
    let scheduled = TIMERS.schedule(now.plus(interval), timer.clone().unbind());
    let key = _TimerKey(scheduled.key);
    if scheduled.needs_driver
        && let Err(error) = interpreter::call0(start_driver)
    {
        _unschedule(timer.py(), &key);
        return Err(error);
    }
    Ok(Some(key))
}

fn run_of<'py>(timer: &Bound<'py, PyAny>) -> PyResult<Owned<'py>> {
    interpreter::getattr_interned(timer, intern!(timer.py(), "run"))
}

/// Take the timer with that key out of the queue. Returns whether it was still there.
#[pyfunction]
pub(crate) fn _unschedule(py: Python<'_>, key: &_TimerKey) -> bool {
    match TIMERS.cancel(key.0) {
        Some(timer) => {
            // Not the last reference: who has the key has it from the timer.
            timer.drop_ref(py);
            true
        }
        None => false,
    }
}

/// Be the driver: take the timers out of the queue that are due, and call `_tw_fire()` of each, the
/// earliest first, until there has been nothing to wait for. Before and after all that, call `enter`
/// and `leave`.
///
/// What one of these raises goes to `sys.unraisablehook`, and does not keep others from firing.
#[pyfunction]
pub(crate) fn _drive(enter: &Bound<'_, PyAny>, leave: &Bound<'_, PyAny>) {
    let py = enter.py();
    succeeds(interpreter::call0(enter), enter);
    drive(py);
    succeeds(interpreter::call0(leave), leave);
}

fn drive(py: Python<'_>) {
    loop {
        match py.detach(|| TIMERS.wait_due(IDLE, &mut resume)) {
            Due::Batch(timers) => {
                for timer in timers {
                    fire(&Owned::new(timer.into_bound(py)));
                }
            }
            Due::Idle => return,
            Due::Interrupted => {}
        }
    }
}

fn fire(timer: &Bound<'_, PyAny>) {
    let call = |name| {
        let called = interpreter::getattr(timer, name).and_then(|it| interpreter::call0(&it));
        succeeds(called, timer)
    };
    let _ = call("_tw_fire") || call("_tw_abandon");
}

/// Whether that was so; if not, the error is reported.
fn succeeds(result: PyResult<Owned<'_>>, of: &Bound<'_, PyAny>) -> bool {
    result.map_err(|error| interpreter::report(error, of)).is_ok()
}

/// Say that the driver that `_schedule` asked for could not be started.
#[pyfunction]
pub(crate) fn _retire_driver() {
    TIMERS.retire();
}

/// Send the driver home if nothing is pending. Returns whether it is about to end.
#[pyfunction]
pub(crate) fn _send_driver_home() -> bool {
    TIMERS.send_home()
}

/// Take all timers out of the queue, and return them.
#[pyfunction]
pub(crate) fn _drain_timers(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let timers = TIMERS.drain();
    collector::held_off(py, || PyList::new(py, timers))
}
