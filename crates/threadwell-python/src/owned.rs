//! References that calls into the interpreter give back.

use std::mem::ManuallyDrop;
use std::ops::Deref;

use pyo3::prelude::*;

use crate::interpreter;

/// A reference that may be the last one to an object of anyone's: when it goes, Python code may run.
pub(crate) struct Owned<'py>(ManuallyDrop<Bound<'py, PyAny>>);

impl<'py> Owned<'py> {
    pub(crate) fn new(object: Bound<'py, PyAny>) -> Self {
        Self(ManuallyDrop::new(object))
    }

    /// For someone else to keep, or to give up.
    pub(crate) fn into_bound(self) -> Bound<'py, PyAny> {
        Bound::clone(&self)
    }
}

impl<'py> Deref for Owned<'py> {
    type Target = Bound<'py, PyAny>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        interpreter::decref(self.as_ptr());
    }
}
