//! Counts, in numbers of whatever type.

use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::interpreter;

/// The count that `number` is, which is not negative; None if it is larger than any count.
///
/// # Errors
///
/// `TypeError` if it is no whole number. One in a float is as good as an int; half a permit is nothing.
pub(crate) fn whole(number: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if let Ok(int) = number.cast_exact::<PyInt>() {
        return Ok(interpreter::extract(int));
    }
    if !interpreter::is_index(number) {
        let float = interpreter::as_f64(number)?;
        if float.is_infinite() {
            return Ok(None);
        }
        if float.fract() == 0.0 {
            return Ok(Some(float as usize));
        }
    }
    Ok(interpreter::extract(&interpreter::index(number)?))
}
