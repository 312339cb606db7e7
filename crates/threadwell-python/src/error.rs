//! The exceptions of the interpreter's `threading`, with their messages.

use pyo3::exceptions::{PyAttributeError, PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::interpreter;

pyo3::create_exception!(
    threading,
    BrokenBarrierError,
    PyRuntimeError,
    "A barrier is broken: a wait timed out, it was aborted, or it was reset while threads waited."
);

#[cold]
pub(crate) fn release_unlocked_lock() -> PyErr {
    PyRuntimeError::new_err("release unlocked lock")
}

#[cold]
pub(crate) fn release_unacquired_lock() -> PyErr {
    PyRuntimeError::new_err("cannot release un-acquired lock")
}

#[cold]
pub(crate) fn lock_count_overflowed() -> PyErr {
    PyOverflowError::new_err("Internal lock count overflowed")
}

#[cold]
pub(crate) fn wait_on_unacquired_lock() -> PyErr {
    PyRuntimeError::new_err("cannot wait on un-acquired lock")
}

#[cold]
pub(crate) fn notify_on_unacquired_lock() -> PyErr {
    PyRuntimeError::new_err("cannot notify on un-acquired lock")
}

#[cold]
pub(crate) fn negative_semaphore() -> PyErr {
    PyValueError::new_err("semaphore initial value must be >= 0")
}

#[cold]
pub(crate) fn timeout_for_nonblocking_acquire() -> PyErr {
    PyValueError::new_err("can't specify timeout for non-blocking acquire")
}

#[cold]
pub(crate) fn too_many_permits() -> PyErr {
    PyOverflowError::new_err("too many permits for a semaphore")
}

#[cold]
pub(crate) fn nothing_to_release() -> PyErr {
    PyValueError::new_err("n must be one or more")
}

#[cold]
pub(crate) fn released_too_many_times() -> PyErr {
    PyValueError::new_err("Semaphore released too many times")
}

#[cold]
pub(crate) fn too_few_parties(py: Python<'_>) -> PyErr {
    let version = py.version_info();
    let reworded = version >= (3, 13, 2) || (version >= (3, 12, 9) && version < (3, 13));
    PyValueError::new_err(if reworded { "parties must be >= 1" } else { "parties must be > 0" })
}

#[cold]
pub(crate) fn broken_barrier() -> PyErr {
    BrokenBarrierError::new_err(())
}

/// For an object whose `__init__` has not run.
#[cold]
pub(crate) fn missing_attribute(py: Python<'_>, class: &str, name: &str) -> PyErr {
    let message = format!("'{class}' object has no attribute '{name}'");
    interpreter::made(py, PyAttributeError::new_err(message))
}
