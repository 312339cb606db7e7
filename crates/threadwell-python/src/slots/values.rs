//! The values of a dictionary, again and again.
//!
//! `threading.enumerate()` copies the values of the registry. Walking a dictionary costs more per
//! entry than copying a pointer, so the pointers are remembered together with the dictionary's
//! version, which up to Python 3.13 changes with every change of the dictionary, whoever makes it,
//! and is never used again. While the version is the same the dictionary still holds its values, so
//! the pointers are good without references of their own. From 3.14 on dictionaries have no version,
//! and without an interpreter lock it could change at any moment: there the dictionary is walked.

#![cfg_attr(
    not(any(Py_3_14, Py_GIL_DISABLED)),
    expect(
        unsafe_code,
        reason = "borrows values for as long as the dictionary's version is the same"
    )
)]

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

#[cfg(any(Py_3_14, Py_GIL_DISABLED))]
mod chosen {
    use super::{Bound, PyDict, PyList, PyResult};

    /// Nothing is remembered on this interpreter.
    #[derive(Default)]
    pub(crate) struct RememberedValues {}

    impl RememberedValues {
        /// `list(dict.values())`.
        pub(crate) fn list<'py>(&self, dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyList>> {
            crate::make::values(dict)
        }
    }
}

#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
mod chosen {
    use std::sync::{Mutex, PoisonError};

    use pyo3::ffi;

    use super::{Bound, PyDict, PyDictMethods, PyList, PyListMethods, PyResult};

    /// The values of one dictionary, as they were at one version.
    #[derive(Default)]
    pub(crate) struct RememberedValues {
        /// Held for a copy only, attached, with no call in between: never while waiting, and by no
        /// other thread when the process forks.
        remembered: Mutex<Remembered>,
    }

    #[derive(Default)]
    struct Remembered {
        /// Zero is no dictionary's version.
        version: u64,
        values: Vec<*mut ffi::PyObject>,
    }

    // SAFETY: the pointers are used only by attached threads, after a look at the version.
    unsafe impl Send for Remembered {}

    impl RememberedValues {
        /// `list(dict.values())`.
        pub(crate) fn list<'py>(&self, dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyList>> {
            let py = dict.py();
            // May collect garbage, run any code, and change the dictionary: so it comes first.
            let count = dict.len();
            // SAFETY: any length is allowed; the thread is attached.
            let list = unsafe { ffi::PyList_New(count as ffi::Py_ssize_t) };
            // SAFETY: a new reference, or null with an exception set.
            let list = unsafe { Bound::from_owned_ptr_or_err(py, list) }?;
            // From here on nothing runs but this.
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if remembered.version != version(dict) || remembered.values.len() != count {
                drop(remembered);
                return self.walk(dict);
            }
            for (index, &value) in remembered.values.iter().enumerate() {
                // SAFETY: the dictionary holds the value, because its version is the same.
                let value = unsafe { ffi::Py_NewRef(value) };
                // SAFETY: a new list of that length, whose places are empty.
                unsafe { ffi::PyList_SET_ITEM(list.as_ptr(), index as ffi::Py_ssize_t, value) };
            }
            drop(remembered);
            // SAFETY: made by `PyList_New`, and now full.
            Ok(unsafe { list.cast_into_unchecked() })
        }

        #[cold]
        fn walk<'py>(&self, dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyList>> {
            let list = crate::make::values(dict)?;
            let mut values = Vec::with_capacity(list.len());
            // The version first, and no code but this until the values are taken.
            let version = version(dict);
            values.extend(dict.iter().map(|(_, value)| value.as_ptr()));
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            *remembered = Remembered { version, values };
            Ok(list)
        }
    }

    #[cfg_attr(
        Py_3_12,
        expect(deprecated, reason = "there until 3.13, which is as far as this goes")
    )]
    fn version(dict: &Bound<'_, PyDict>) -> u64 {
        let dict = dict.as_ptr().cast::<ffi::PyDictObject>();
        // SAFETY: a dictionary, alive, and changed by attached threads alone.
        unsafe { (*dict).ma_version_tag }
    }
}

pub(crate) use chosen::RememberedValues;
