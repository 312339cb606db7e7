//! The exceptions of the interpreter's `threading`, with their messages.

use pyo3::exceptions::{PyAttributeError, PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::make;

pyo3::create_exception!(
    threading,
    BrokenBarrierError,
    PyRuntimeError,
    "A barrier is broken: a wait timed out, it was aborted, or it was reset while threads waited."
);

#[cold]
pub(crate) fn release_unlocked_lock() -> PyErr {
    make::error::<PyRuntimeError>("release unlocked lock")
}

#[cold]
pub(crate) fn release_unacquired_lock() -> PyErr {
    make::error::<PyRuntimeError>("cannot release un-acquired lock")
}

#[cold]
pub(crate) fn lock_count_overflowed() -> PyErr {
    make::error::<PyOverflowError>("Internal lock count overflowed")
}

#[cold]
pub(crate) fn wait_on_unacquired_lock() -> PyErr {
    make::error::<PyRuntimeError>("cannot wait on un-acquired lock")
}

#[cold]
pub(crate) fn notify_on_unacquired_lock() -> PyErr {
    make::error::<PyRuntimeError>("cannot notify on un-acquired lock")
}

#[cold]
pub(crate) fn negative_semaphore() -> PyErr {
    make::error::<PyValueError>("semaphore initial value must be >= 0")
}

#[cold]
pub(crate) fn timeout_for_nonblocking_acquire() -> PyErr {
    make::error::<PyValueError>("can't specify timeout for non-blocking acquire")
}

#[cold]
pub(crate) fn too_many_permits() -> PyErr {
    make::error::<PyOverflowError>("too many permits for a semaphore")
}

#[cold]
pub(crate) fn nothing_to_release() -> PyErr {
    make::error::<PyValueError>("n must be one or more")
}

#[cold]
pub(crate) fn released_too_many_times() -> PyErr {
    make::error::<PyValueError>("Semaphore released too many times")
}

#[cold]
pub(crate) fn too_few_parties(py: Python<'_>) -> PyErr {
    let version = py.version_info();
    let reworded = version >= (3, 13, 2) || (version >= (3, 12, 9) && version < (3, 13));
    make::error::<PyValueError>(if reworded {
        "parties must be >= 1"
    } else {
        "parties must be > 0"
    })
}

#[cold]
pub(crate) fn broken_barrier() -> PyErr {
    BrokenBarrierError::new_err(())
}

/// For an object whose `__init__` has not run.
#[cold]
pub(crate) fn missing_attribute(class: &str, name: &str) -> PyErr {
    make::error::<PyAttributeError>(&format!("'{class}' object has no attribute '{name}'"))
}
