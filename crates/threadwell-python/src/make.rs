//! Objects that calls need, with a `MemoryError` where there is no memory for them.
//!
//! PyO3 panics then, which ends the process in a method of ours that PyO3 does not call (see `slots`).

#![expect(
    unsafe_code,
    reason = "the interpreter's own functions, which PyO3 takes to be infallible"
)]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use pyo3::{PyErr, PyTypeInfo};

use crate::collector;
use crate::interpreter;

/// What `allocate` has made, without the collector: a new reference of that type, or null with an
/// exception set.
fn made<T>(
    py: Python<'_>,
    allocate: impl FnOnce() -> *mut ffi::PyObject,
) -> PyResult<Bound<'_, T>> {
    let object = collector::held_off(py, allocate);
    // SAFETY: by the contract of this function.
    let object = unsafe { Bound::from_owned_ptr_or_opt(py, object) };
    let object = object.ok_or_else(|| interpreter::raised(py))?;
    // SAFETY: as above.
    Ok(unsafe { object.cast_into_unchecked() })
}

pub(crate) fn int(py: Python<'_>, value: u64) -> PyResult<Bound<'_, PyInt>> {
    // SAFETY: any value is allowed; the thread is attached (`py`), as in all that follows.
    made(py, || unsafe { ffi::PyLong_FromUnsignedLongLong(value) })
}

pub(crate) fn float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyFloat>> {
    // SAFETY: any value is allowed.
    made(py, || unsafe { ffi::PyFloat_FromDouble(value) })
}

pub(crate) fn str<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: that many bytes of UTF-8.
    made(py, || unsafe {
        ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len().cast_signed())
    })
}

/// A name, which the interpreter finds by its address.
pub(crate) fn name<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    let mut name = str(py, text)?.into_ptr();
    // SAFETY: a new reference to a string, which is exchanged for one to an equal string.
    made(py, || unsafe {
        ffi::PyUnicode_InternInPlace(&raw mut name);
        name
    })
}

pub(crate) fn tuple<'py, const N: usize>(
    py: Python<'py>,
    items: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyTuple>> {
    tuple_of(py, &items.map(Bound::as_borrowed))
}

pub(crate) fn tuple_of<'py>(
    py: Python<'py>,
    items: &[Borrowed<'_, 'py, PyAny>],
) -> PyResult<Bound<'py, PyTuple>> {
    // SAFETY: any length is allowed.
    let tuple = made(py, || unsafe { ffi::PyTuple_New(items.len().cast_signed()) })?;
    for (index, item) in items.iter().enumerate() {
        // SAFETY: alive.
        let item = unsafe { ffi::Py_NewRef(item.as_ptr()) };
        // SAFETY: a new tuple of that length, whose places are empty.
        unsafe { ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index.cast_signed(), item) };
    }
    Ok(tuple)
}

pub(crate) fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: there is nothing to be kept to.
    made(py, || unsafe { ffi::PyDict_New() })
}

/// `list(dict.values())`.
pub(crate) fn values<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyList>> {
    // SAFETY: a dictionary, alive.
    made(dict.py(), || unsafe { ffi::PyDict_Values(dict.as_ptr()) })
}

/// `[None] * length`.
pub(crate) fn list(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyList>> {
    // SAFETY: any length is allowed.
    let list = made(py, || unsafe { ffi::PyList_New(length.cast_signed()) })?;
    for index in 0..length.cast_signed() {
        // SAFETY: a new list of that length, whose places are empty.
        unsafe { ffi::PyList_SET_ITEM(list.as_ptr(), index, py.None().into_ptr()) };
    }
    Ok(list)
}

/// An error of type `T` with that message. For attached threads.
#[cold]
pub(crate) fn error<T: PyTypeInfo>(message: &str) -> PyErr {
    interpreter::attached(|py| match str(py, message) {
        Ok(message) => collector::held_off(py, || {
            let class = T::type_object_raw(py).cast();
            // SAFETY: both are alive, and the first is a class of exceptions.
            unsafe { ffi::PyErr_SetObject(class, message.as_ptr()) };
            interpreter::raised(py)
        }),
        Err(error) => error,
    })
}
