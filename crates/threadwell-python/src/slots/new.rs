//! How objects of our classes are allocated without the collector in PyO3's frames: see `collector.rs`.

use std::sync::OnceLock;

use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;

use crate::{collector, interpreter};

/// What PyO3 has put into the slot of a class.
struct Original {
    class: *mut PyTypeObject,
    new: ffi::newfunc,
}

// SAFETY: a class of an extension module lives as long as the process.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

/// As many as there are classes. They are entered one after the other, when the module is imported.
static ORIGINALS: [OnceLock<Original>; 8] = [const { OnceLock::new() }; 8];

/// Puts [`new`] into a class of ours, in front of PyO3's, and [`allocate`] if that is all that PyO3
/// allocates: other objects have a `__dict__` from the beginning.
pub(super) fn install(class: *mut PyTypeObject) {
    // SAFETY: the type is alive and, the module being imported, nobody else's yet.
    let slots = unsafe { &mut *class };
    let Some(new_of_pyo3) = slots.tp_new.replace(new) else { return };
    if slots.tp_dictoffset == 0 {
        slots.tp_alloc = Some(allocate);
    }
    let mut original = Some(Original { class, new: new_of_pyo3 });
    for place in &ORIGINALS {
        if let Some(new) = original.take() {
            original = place.set(new).err();
        }
    }
    assert!(original.is_none(), "there are more classes than places");
}

/// Runs `make`, which makes an object of a class of ours, and not of one that inherits from it.
#[inline]
pub(super) fn making<R>(py: Python<'_>, class: *mut PyTypeObject, make: impl FnOnce() -> R) -> R {
    // SAFETY: the type is alive.
    if unsafe { (*class).tp_dictoffset } == 0 { make() } else { collector::held_off(py, make) }
}

unsafe extern "C" fn allocate(class: *mut PyTypeObject, _: ffi::Py_ssize_t) -> *mut PyObject {
    interpreter::allocate(class)
}

unsafe extern "C" fn new(
    class: *mut PyTypeObject,
    args: *mut PyObject,
    named: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls with the thread attached.
    let py = unsafe { Python::assume_attached() };
    let mut ours = class;
    loop {
        if let Some(original) =
            ORIGINALS.iter().map_while(OnceLock::get).find(|it| it.class == ours)
        {
            // SAFETY: called with what it is called with by the interpreter.
            return collector::held_off(py, || unsafe { (original.new)(class, args, named) });
        }
        // SAFETY: the slot is called for our classes and those that inherit from them.
        ours = unsafe { (*ours).tp_base };
    }
}
