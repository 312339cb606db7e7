//! The queue of pending timers.
//!
//! A timer leaves the queue once, to whoever takes it: `_unschedule`, `_due_timers` or
//! `_drain_timers`. That decides between a timer that fires, one that is cancelled and one that gets
//! a thread of its own.
//!
//! The queue holds a reference to each timer. None of them is dropped here: they go back to Python.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyList;
use threadwell::{Deadline, Due, TimerKey, TimerQueue, resume};

use crate::interpreter;
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
/// Returns its key, or None if `interval` is not a positive number, or is too long.
#[pyfunction]
pub(crate) fn _schedule(
    timer: &Bound<'_, PyAny>,
    interval: &Bound<'_, PyAny>,
    start_driver: &Bound<'_, PyAny>,
) -> PyResult<Option<_TimerKey>> {
    let Some(seconds) = exact_seconds(interval).filter(|it| *it > 0.0 && *it <= SURELY_VALID)
    else {
        return Ok(None);
    };
    // Rounded up: a timer never fires early.
    let interval = Duration::from_nanos((seconds * 1e9).ceil() as u64);
    let scheduled = TIMERS.schedule(Deadline::after(interval), timer.clone().unbind());
    let key = _TimerKey(scheduled.key);
    if scheduled.needs_driver
        && let Err(error) = interpreter::call0(start_driver)
    {
        _unschedule(timer.py(), &key);
        return Err(error);
    }
    Ok(Some(key))
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

/// Wait until timers are due, and take them out of the queue.
///
/// Returns them, the earliest first, or None if there has been nothing to wait for: then the driver
/// is to end.
#[pyfunction]
pub(crate) fn _due_timers(py: Python<'_>) -> PyResult<Option<Bound<'_, PyList>>> {
    loop {
        match py.detach(|| TIMERS.wait_due(IDLE, &mut resume)) {
            Due::Batch(timers) => return PyList::new(py, timers).map(Some),
            Due::Idle => return Ok(None),
            Due::Interrupted => {}
        }
    }
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
    PyList::new(py, TIMERS.drain())
}
