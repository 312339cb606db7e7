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

static TIMERS: TimerQueue<Py<PyAny>> = TimerQueue::new();

/// How long a driver waits for work before it ends. Programs that start and cancel one timer after
/// the other need not start a driver for each.
const IDLE: Duration = Duration::from_millis(50);

/// What a pending timer is known by in the queue.
#[pyclass(frozen)]
pub(crate) struct _TimerKey(TimerKey);

/// Put `timer` into the queue, to become due in `interval` seconds.
///
/// Returns its key, and whether a driver has to be started.
#[pyfunction]
pub(crate) fn _schedule(timer: Py<PyAny>, interval: f64) -> (_TimerKey, bool) {
    // Rounded up: a timer never fires early.
    let interval = Duration::from_nanos((interval * 1e9).ceil() as u64);
    let scheduled = TIMERS.schedule(Deadline::after(interval), timer);
    (_TimerKey(scheduled.key), scheduled.needs_driver)
}

/// Take the timer with that key out of the queue.
///
/// Returns how many seconds it had left, or None if it is not there any more.
#[pyfunction]
pub(crate) fn _unschedule(py: Python<'_>, key: &_TimerKey) -> Option<f64> {
    // Not the last reference: who has the key has it from the timer.
    TIMERS.cancel(key.0)?.drop_ref(py);
    Some(key.0.deadline().remaining().as_secs_f64())
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
