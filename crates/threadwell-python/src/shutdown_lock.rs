//! The lock of the set of sentinels, by which a process waits for its threads up to 3.12.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use threadwell::RLock;

use crate::timeout::Until;
use crate::{blocking, error};

/// A re-entrant lock that is free in the child of a fork, whichever other thread held it.
///
/// The standard library's module gets this one, too. Its own would be found held there by its own
/// hook, which takes it before it makes a new one, to register a forking thread that it does not know;
/// and it knows none of ours.
///
/// Native, so that no signal handler can raise between its being acquired and `with` knowing of it.
#[pyclass(frozen)]
pub(crate) struct _ShutdownLock {
    lock: RLock,
    /// The process that uses it. Relaxed: it changes while a child has one thread.
    process: AtomicU32,
}

#[pymethods]
impl _ShutdownLock {
    #[new]
    fn new() -> Self {
        Self { lock: RLock::new(), process: AtomicU32::new(std::process::id()) }
    }

    fn acquire(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let Self { lock, process } = slf.get();
        let is_child = process.swap(std::process::id(), Relaxed) != std::process::id();
        // A thread that forks in a signal handler while it holds the lock still holds it.
        if is_child && !lock.is_owned() {
            lock.reinit();
        }
        Ok(lock.try_acquire() || blocking::acquire(slf.py(), lock, Until::Forever)?)
    }

    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().lock.release_deferred() {
            Ok(wakes) => {
                blocking::wake(slf.py(), wakes);
                Ok(())
            }
            Err(_) => Err(error::release_unacquired_lock()),
        }
    }

    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::acquire(slf)
    }

    #[pyo3(signature = (*_exc_info))]
    fn __exit__(slf: &Bound<'_, Self>, _exc_info: &Bound<'_, PyTuple>) -> PyResult<()> {
        Self::release(slf)
    }
}
