//! What is deprecated in the standard library, and said to be in the same words.

use std::ffi::CString;

use pyo3::exceptions::PyDeprecationWarning;
use pyo3::prelude::*;

use crate::interpreter;

/// Says that `old()` is deprecated, at its caller's line.
pub(crate) fn warn(py: Python<'_>, old: &str, new: &str) -> PyResult<()> {
    let message = CString::new(format!("{old}() is deprecated, use {new}() instead"))?;
    interpreter::warn(&py.get_type::<PyDeprecationWarning>(), &message)
}
