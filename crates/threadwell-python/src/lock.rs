//! `threading.Lock`.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use threadwell::Lock;

use crate::slots::{self, Arguments, Method, fastcall, noargs};
use crate::timeout::{self, Until, of_acquire, of_synonym};
use crate::{blocking, error, interpreter, make};

const ACQUIRE_DOC: &CStr = c"acquire($self, /, blocking=True, timeout=-1)
--

Acquire the lock and return whether that succeeded.

Args:
    blocking: Whether to wait while the lock is held. If false, return at once.
    timeout: Seconds to wait at most; -1 waits without limit.

Returns:
    True if the lock was acquired, False if not (in time).

Raises:
    ValueError: A timeout together with ``blocking=False``, or a negative one other than -1.
    OverflowError: ``timeout`` exceeds ``TIMEOUT_MAX``.

A free lock goes to whoever asks first, but a thread that has waited for a millisecond gets it at
the next release. In the main thread, signal handlers run while it waits.";

const RELEASE_DOC: &CStr = c"release($self, /)
--

Release the lock. Any thread may do so, not only the one that acquired it.

Raises:
    RuntimeError: The lock is not held.";

/// A lock that any thread may release, also one that did not acquire it.
#[pyclass(name = "lock", module = "_thread", frozen, weakref)]
#[derive(Default)]
pub(crate) struct PyLock {
    pub(crate) lock: Lock,
}

#[pymethods]
impl PyLock {
    #[new]
    #[pyo3(signature = (*args, **kwargs), text_signature = "()")]
    fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        if !(args.is_empty() && kwargs.is_none_or(PyDictMethods::is_empty)) {
            // It says what is wrong with them.
            interpreter::call_with_names(timeout::interpreters_lock(args.py()), args, kwargs)?;
        }
        Ok(Self::default())
    }

    /// Free the lock in the child of a fork, whoever held it in the parent.
    fn _at_fork_reinit(&self) {
        self.lock.reinit();
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let state = if slf.get().lock.is_locked() { "locked" } else { "unlocked" };
        make::str(slf.py(), &format!("<{state} _thread.lock object at {:p}>", slf.as_ptr()))
    }
}

impl PyLock {
    #[inline]
    pub(crate) fn acquire(slf: &Bound<'_, Self>, until: Until) -> PyResult<bool> {
        let this = slf.get();
        if this.lock.try_acquire() {
            return Ok(true);
        }
        blocking::acquire(slf.py(), &this.lock, until)
    }

    #[inline]
    pub(crate) fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().lock.release_deferred() {
            Ok(wakes) => {
                blocking::wake_attached(wakes);
                Ok(())
            }
            Err(_) => Err(error::release_unlocked_lock()),
        }
    }
}

fn acquire<'py>(slf: &Bound<'py, PyLock>, args: &Arguments<'py>) -> PyResult<bool> {
    PyLock::acquire(slf, of_acquire(args)?)
}

fn acquire_lock<'py>(slf: &Bound<'py, PyLock>, args: &Arguments<'py>) -> PyResult<bool> {
    PyLock::acquire(slf, of_synonym(args, "acquire_lock")?)
}

fn exit<'py>(slf: &Bound<'py, PyLock>, args: &Arguments<'py>) -> PyResult<()> {
    args.of_exit("lock.__exit__")?;
    PyLock::release(slf)
}

fn enter() -> Method {
    #[cfg(not(Py_3_15))]
    return fastcall(c"__enter__", ACQUIRE_DOC, acquire);
    #[cfg(Py_3_15)]
    noargs(c"__enter__", c"__enter__($self, /)\n--\n\nAcquire the lock.", |slf| {
        PyLock::acquire(slf, Until::Forever)
    })
}

fn locked(slf: &Bound<'_, PyLock>) -> bool {
    slf.get().lock.is_locked()
}

/// Puts the hot methods into the class.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PyLock>(py);
    slots::install_constructor(py, |_| Ok(PyLock::default()));
    slots::install::<PyLock>(
        py,
        [
            fastcall(c"acquire", ACQUIRE_DOC, acquire),
            fastcall(c"acquire_lock", c"An obsolete synonym of acquire().", acquire_lock),
            noargs(c"release", RELEASE_DOC, PyLock::release),
            noargs(c"release_lock", c"An obsolete synonym of release().", PyLock::release),
            noargs(
                c"locked",
                c"locked($self, /)\n--\n\nWhether any thread holds the lock.",
                locked,
            ),
            noargs(c"locked_lock", c"An obsolete synonym of locked().", locked),
            enter(),
            fastcall(c"__exit__", c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.", exit),
        ],
    )
}
