//! The end of an object: what may run Python code on the way goes first, where it may be cut off.
//!
//! An object that is freed frees its `__dict__` and tells its weak references, and either may run a
//! `__del__` or a callback. PyO3 does that in frames that must not be unwound through, as a thread that
//! the interpreter ends at exit does (see `interpreter.rs`). So the slots of our classes do it first,
//! through that module; what is left for PyO3 runs no code.

use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed},
};

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;

use crate::interpreter;

/// What PyO3 has put into the slots of a class.
struct Original {
    class: *mut ffi::PyTypeObject,
    dealloc: ffi::destructor,
    /// Whether there is nothing to be dropped in an object, so that it can be freed as it is.
    plain: bool,
    clear: Option<ffi::inquiry>,
    new: Option<ffi::newfunc>,
    init: Option<ffi::initproc>,
}

// SAFETY: a class of an extension module lives as long as the process; its slots are read only.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

/// As many as there are classes. They are entered one after the other, when the module is imported.
static ORIGINALS: [OnceLock<Original>; 8] = [const { OnceLock::new() }; 8];

fn entry(class: *mut ffi::PyTypeObject) -> Option<&'static Original> {
    ORIGINALS.iter().map_while(OnceLock::get).find(|it| it.class == class)
}

/// Puts [`dealloc`] and [`clear`] into the type of `T`, in front of PyO3's.
pub(crate) fn install_dealloc<T: PyTypeInfo>(py: Python<'_>) {
    let class = T::type_object_raw(py);
    if entry(class).is_some() {
        // The module is initialised a second time, which fails for other reasons.
        return;
    }
    #[cfg(not(Py_3_12))]
    super::new::install(class);
    // SAFETY: the type is alive and, the module being imported, nobody else's yet.
    let slots = unsafe { &mut *class };
    let Some(dealloc_of_pyo3) = slots.tp_dealloc else { return };
    let mut original = Some(Original {
        class,
        dealloc: dealloc_of_pyo3,
        plain: slots.tp_dictoffset == 0 && !std::mem::needs_drop::<T>(),
        clear: slots.tp_clear,
        new: slots.tp_new,
        init: slots.tp_init,
    });
    for place in &ORIGINALS {
        if let Some(new) = original.take() {
            original = place.set(new).err();
        }
    }
    assert!(original.is_none(), "there are more classes than places");
    slots.tp_dealloc = Some(dealloc);
    slots.tp_clear = slots.tp_clear.map(|_| clear as ffi::inquiry);
}

/// Whether a class of ours makes objects as it always has: programs may put another `__new__` or
/// `__init__` into it.
pub(super) fn makes_objects_itself(class: *mut ffi::PyTypeObject) -> bool {
    entry(class).is_some_and(|it| {
        // SAFETY: the class is alive.
        let slots = unsafe { &*class };
        slots.tp_new.map(|f| f as usize) == it.new.map(|f| f as usize)
            && slots.tp_init.map(|f| f as usize) == it.init.map(|f| f as usize)
    })
}

/// Whether `object` is of that very class, with no attributes of its own: so that its methods are those
/// of the class.
pub(crate) fn is_plain<T: PyTypeInfo>(object: &Bound<'_, T>) -> bool {
    let class = T::type_object_raw(object.py());
    // SAFETY: the object is alive.
    if unsafe { ffi::Py_TYPE(object.as_ptr()) } != class {
        return false;
    }
    // SAFETY: the class is alive.
    let offset = unsafe { (*class).tp_dictoffset };
    // Without an interpreter lock, another thread may put another dictionary into its place meanwhile.
    with_critical_section(object.as_any(), || {
        // SAFETY: the object's dictionary, or null.
        field(object.as_ptr(), offset)
            .is_none_or(|dict| unsafe { ffi::PyDict_Size(dict.load(Relaxed)) == 0 })
    })
}

/// What the class of ours that `object` is of, directly or by inheritance, had in its slots.
fn original(object: *mut ffi::PyObject) -> &'static Original {
    // SAFETY: the object is alive, if only just.
    let mut class = unsafe { ffi::Py_TYPE(object) };
    loop {
        if let Some(original) = entry(class) {
            return original;
        }
        // SAFETY: these slots are called for objects of our classes, which are among the bases.
        class = unsafe { (*class).tp_base };
    }
}

/// The object's field at `offset`: its `__dict__`, or its weak references. None if there is none.
///
/// Without an interpreter lock, another thread may just be freeing a weak reference.
fn field<'a>(
    object: *mut ffi::PyObject,
    offset: ffi::Py_ssize_t,
) -> Option<&'a AtomicPtr<ffi::PyObject>> {
    if offset <= 0 {
        return None;
    }
    // SAFETY: objects of the class that has the offset, and of those that inherit from it, have the
    // field there.
    let field = unsafe { object.byte_offset(offset) }.cast::<*mut ffi::PyObject>();
    // SAFETY: it is initialised, aligned, and there as long as the object, which the callers have.
    let field = unsafe { AtomicPtr::from_ptr(field) };
    (!field.load(Acquire).is_null()).then_some(field)
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    let original = original(object);
    // The collector must not come by any more: a callback below could get hold of the object by it.
    // SAFETY: PyO3 makes every class one that the collector knows; an object that is not tracked, or
    // not any more, stays as it is.
    unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    // SAFETY: the class is alive.
    let class = unsafe { &*original.class };
    if field(object, class.tp_weaklistoffset).is_some() {
        interpreter::clear_weak_references(object);
    }
    if original.plain {
        free(object);
        return;
    }
    if let Some(dict) = field(object, class.tp_dictoffset) {
        // Nobody else can reach the object any more.
        interpreter::decref(dict.swap(std::ptr::null_mut(), Relaxed));
    }
    // SAFETY: called with what it is called with by the interpreter.
    unsafe { (original.dealloc)(object) }
}

/// What is left to do for an object that has nothing to be dropped: what PyO3 does, without the detour
/// that takes as long as all the rest of a lock's life.
fn free(object: *mut ffi::PyObject) {
    // SAFETY: the object is alive, if only just.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: the class is alive; each has the slot, by inheritance.
    if let Some(free) = unsafe { (*class).tp_free } {
        // SAFETY: the object is not tracked, and nobody refers to it.
        unsafe { free(object.cast()) };
    }
    // SAFETY: the reference of the object to its class, which was made on the heap.
    unsafe { ffi::Py_DECREF(class.cast()) };
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> std::ffi::c_int {
    let original = original(object);
    // SAFETY: the class is alive.
    if let Some(dict) = field(object, unsafe { (*original.class).tp_dictoffset }) {
        // The object keeps it alive.
        interpreter::clear_dict(dict.load(Relaxed));
    }
    match original.clear {
        // SAFETY: called with what it is called with by the interpreter.
        Some(clear) => unsafe { clear(object) },
        None => 0,
    }
}
