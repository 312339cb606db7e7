//! Keeps the interpreter's garbage collector out of frames that must not be unwound through.
//!
//! Up to Python 3.11 the collector runs in the middle of the allocation of an object that it is to
//! know, and with it any `__del__` (why that matters: see `interpreter.rs`). What PyO3 allocates is
//! therefore allocated with the collector switched off. From 3.12 on it waits until the interpreter
//! runs Python code, and nothing has to be done.

#[cfg(not(Py_3_12))]
mod chosen {
    #![expect(unsafe_code, reason = "switches the collector off and on")]

    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use pyo3::ffi;
    use pyo3::prelude::*;

    use crate::interpreter;

    /// The collector is let in after so many allocations: a program that makes nothing but objects of
    /// ours, in cycles, would otherwise never be rid of them.
    const TURNS: usize = 64;

    static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

    /// Allocates an object that the collector is to know, for which it runs first if it is due.
    #[cold]
    fn run_if_due() {
        // A list of zeroes is an empty one.
        let list = interpreter::allocate(&raw mut ffi::PyList_Type);
        if list.is_null() {
            // SAFETY: the caller is attached.
            unsafe { ffi::PyErr_Clear() };
        } else {
            interpreter::decref(list);
        }
    }

    /// Runs `allocate`, which runs no Python code, without the collector.
    #[inline]
    pub(crate) fn held_off<R>(_: Python<'_>, allocate: impl FnOnce() -> R) -> R {
        // SAFETY: the thread is attached, as the token says.
        let was_on = unsafe { ffi::PyGC_Disable() } == 1;
        let result = allocate();
        if was_on {
            // SAFETY: as above.
            unsafe { ffi::PyGC_Enable() };
            let count = ALLOCATIONS.load(Relaxed).wrapping_add(1);
            ALLOCATIONS.store(count, Relaxed);
            if count.is_multiple_of(TURNS) {
                run_if_due();
            }
        }
        result
    }
}

#[cfg(Py_3_12)]
mod chosen {
    use pyo3::prelude::*;

    /// Runs `allocate`.
    #[inline]
    pub(crate) fn held_off<R>(_: Python<'_>, allocate: impl FnOnce() -> R) -> R {
        allocate()
    }
}

pub(crate) use chosen::held_off;
