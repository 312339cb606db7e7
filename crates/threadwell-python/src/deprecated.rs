//! The camelCase names of old.

use std::ffi::CString;

use pyo3::exceptions::PyDeprecationWarning;
use pyo3::prelude::*;

/// Says that `old()` is deprecated, in the interpreter's words, at its caller's line.
pub(crate) fn warn(py: Python<'_>, old: &str, new: &str) -> PyResult<()> {
    let message = CString::new(format!("{old}() is deprecated, use {new}() instead"))?;
    PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), &message, 1)
}
