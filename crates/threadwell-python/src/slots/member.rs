//! Attributes that the interpreter reads from the object itself, without a call.
//!
//! From 3.11 on an instruction that reads such a *member* remembers where in the object it is, as for
//! the attributes of instances of Python classes. A getter is looked up and called every time.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Relaxed, Release},
};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyInt;
use pyo3::{PyClass, PyTypeInfo};

/// A number that `__init__` sets. Before, there is no such attribute.
///
/// All zeroes mean that it is not set, and a number refers to nothing: the collector need not visit it.
#[derive(Default)]
pub(crate) struct NumberMember(AtomicPtr<ffi::PyObject>);

impl NumberMember {
    /// Sets it, unless it has been set.
    pub(crate) fn set(&self, number: Bound<'_, PyInt>) {
        // The release is for interpreters that read members without a lock: who finds the number finds
        // it complete.
        let (unset, new) = (ptr::null_mut(), number.as_ptr());
        if self.0.compare_exchange(unset, new, Release, Relaxed).is_ok() {
            // Now the member's reference.
            std::mem::forget(number);
        }
    }
}

impl Drop for NumberMember {
    fn drop(&mut self) {
        // SAFETY: the member's own reference, or null. The object that it is part of is freed, which
        // is done by an attached thread.
        unsafe { ffi::Py_XDECREF(*self.0.get_mut()) };
    }
}

/// Lets programs read the member at `field` of each object of `T`, of which `example` is one, under
/// each of the names.
pub(crate) fn install_member<T: PyClass + PyTypeInfo>(
    example: &Bound<'_, T>,
    field: &NumberMember,
    names: &[&'static CStr],
    doc: &'static CStr,
) -> PyResult<()> {
    let class = example.py().get_type::<T>();
    let offset = ptr::from_ref(field).addr() - example.as_ptr().addr();
    for name in names {
        // As for a method: the descriptor refers to its definition as long as the type lives.
        let definition = Box::leak(Box::new(ffi::PyMemberDef {
            name: name.as_ptr(),
            type_code: ffi::Py_T_OBJECT_EX,
            offset: offset.cast_signed(),
            flags: ffi::Py_READONLY,
            doc: doc.as_ptr(),
        }));
        // SAFETY: the type is alive, the definition is filled in and never freed, and each object of
        // the type is laid out like the example, with a pointer to an object, or null, at the offset.
        let descriptor = unsafe { ffi::PyDescr_NewMember(class.as_type_ptr(), definition) };
        // SAFETY: a new reference, or null with an exception set.
        let descriptor = unsafe { Bound::from_owned_ptr_or_err(example.py(), descriptor) }?;
        class.setattr(name.to_str().expect("attribute names are ASCII"), descriptor)?;
    }
    Ok(())
}
