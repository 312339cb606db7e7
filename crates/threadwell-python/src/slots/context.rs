//! `__enter__` and `__exit__` without a bound method made for each.
//!
//! Up to Python 3.13 a `with` statement looks up both on the type and binds them, which for a method
//! descriptor makes two objects that the garbage collector knows: more than half of what
//! `with lock: pass` takes. A [`ContextMethod`] stands for the descriptor in the type's dictionary
//! and binds to an object of a simpler type, from a free list. Asked without an instance it gives
//! the method descriptor itself. From 3.14 on the interpreter binds nothing here, and without an
//! interpreter lock the list would need one: there the method descriptor is used as it is.
//!
//! A bound object is not known to the garbage collector: a lock that is made to keep its own bound
//! `__enter__` is not collected.

#![expect(unsafe_code, reason = "two types that PyO3 cannot express")]

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::interpreter;

type Function = ffi::PyCFunctionFastWithKeywords;

/// The descriptor.
#[repr(C)]
struct ContextMethod {
    base: PyObject,
    /// The method descriptor that it stands for; a strong reference.
    method: *mut PyObject,
    /// That descriptor's C function.
    function: Function,
    /// What it binds to; a strong reference, for ever.
    bound_type: *mut ffi::PyTypeObject,
}

/// What it binds to.
#[repr(C)]
struct BoundContext {
    base: PyObject,
    vectorcall: ffi::vectorcallfunc,
    /// A strong reference.
    receiver: *mut PyObject,
    function: Function,
}

/// Makes the descriptor that stands for `method`, whose C function is `function`.
pub(super) fn wrap<'py>(
    method: &Bound<'py, PyAny>,
    function: Function,
) -> PyResult<Bound<'py, PyAny>> {
    let py = method.py();
    let descriptor_type = new_type::<ContextMethod>(
        py,
        c"threadwell._native.context_method",
        &mut [
            slot(ffi::Py_tp_descr_get, bind as *mut c_void),
            slot(ffi::Py_tp_dealloc, drop_method as *mut c_void),
        ],
    )?;
    let mut members = [
        member(c"__vectorcalloffset__", ffi::Py_T_PYSSIZET, offset_of!(BoundContext, vectorcall)),
        member(c"__self__", ffi::Py_T_OBJECT_EX, offset_of!(BoundContext, receiver)),
        ffi::PyMemberDef::default(),
    ];
    let bound_type = new_type::<BoundContext>(
        py,
        c"threadwell._native.bound_context_method",
        &mut [
            slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            slot(ffi::Py_tp_dealloc, drop_bound as *mut c_void),
            slot(ffi::Py_tp_members, (&raw mut members).cast()),
        ],
    )?;
    let descriptor = allocate::<ContextMethod>(descriptor_type)?;
    // SAFETY: just allocated with room for one; the rest of it is written here, the references it
    // keeps are given to it.
    unsafe {
        (&raw mut (*descriptor).method).write(method.clone().into_ptr());
        (&raw mut (*descriptor).function).write(function);
        (&raw mut (*descriptor).bound_type).write(bound_type);
    }
    // SAFETY: a new reference.
    Ok(unsafe { Bound::from_owned_ptr(py, descriptor.cast()) })
}

fn slot(slot: c_int, function: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot, pfunc: function }
}

fn member(name: &'static CStr, type_code: c_int, offset: usize) -> ffi::PyMemberDef {
    let offset = offset as ffi::Py_ssize_t;
    let flags = ffi::Py_READONLY;
    ffi::PyMemberDef { name: name.as_ptr(), type_code, offset, flags, doc: ptr::null() }
}

/// A type whose instances are laid out as `T`. It is never freed.
fn new_type<T>(
    py: Python<'_>,
    name: &'static CStr,
    slots: &mut [ffi::PyType_Slot],
) -> PyResult<*mut ffi::PyTypeObject> {
    let mut slots: Vec<_> = slots.iter().copied().chain([slot(0, ptr::null_mut())]).collect();
    let vectorcall = if slots.iter().any(|slot| slot.slot == ffi::Py_tp_call) {
        ffi::Py_TPFLAGS_HAVE_VECTORCALL
    } else {
        0
    };
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | vectorcall;
    let mut spec = ffi::PyType_Spec {
        name: name.as_ptr(),
        basicsize: size_of::<T>() as c_int,
        itemsize: 0,
        flags: flags as std::ffi::c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec is complete, and the interpreter copies what it needs of it.
    let class = unsafe { ffi::PyType_FromSpec(&raw mut spec) };
    // SAFETY: a new reference, or null with an exception set.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, class) }?;
    Ok(class.into_ptr().cast())
}

/// An object of `class`, which was made for `T`, with its header filled in.
fn allocate<T>(class: *mut ffi::PyTypeObject) -> PyResult<*mut T> {
    // SAFETY: any size is allowed.
    let memory = unsafe { ffi::PyObject_Malloc(size_of::<T>()) };
    if memory.is_null() {
        return Err(pyo3::exceptions::PyMemoryError::new_err(()));
    }
    // SAFETY: the memory is as large as an instance of the type, which is alive.
    Ok(unsafe { ffi::PyObject_Init(memory.cast(), class) }.cast())
}

/// `tp_descr_get` of [`ContextMethod`].
unsafe extern "C" fn bind(
    descriptor: *mut PyObject,
    receiver: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls it with an instance of the type.
    let descriptor = unsafe { &*descriptor.cast::<ContextMethod>() };
    if receiver.is_null() {
        // SAFETY: alive as long as the descriptor.
        return unsafe { ffi::Py_NewRef(descriptor.method) };
    }
    let bound = match free_list::pop() {
        // SAFETY: memory of the same type, given back by `drop_bound`.
        Some(memory) => unsafe { ffi::PyObject_Init(memory.cast(), descriptor.bound_type) }.cast(),
        None => match allocate::<BoundContext>(descriptor.bound_type) {
            Ok(bound) => bound,
            // SAFETY: the interpreter calls with the thread attached.
            Err(error) => return super::raise(unsafe { Python::assume_attached() }, error),
        },
    };
    // SAFETY: fresh memory for one, of which `PyObject_Init` wrote the header; the receiver is alive
    // during the call.
    unsafe {
        (&raw mut (*bound).vectorcall).write(call_bound);
        (&raw mut (*bound).receiver).write(ffi::Py_NewRef(receiver));
        (&raw mut (*bound).function).write(descriptor.function);
    }
    bound.cast()
}

/// Calls a [`BoundContext`].
unsafe extern "C" fn call_bound(
    bound: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls it with an instance of the type, alive during the call.
    let bound = unsafe { &*bound.cast::<BoundContext>() };
    // SAFETY: reads the flag bits of its argument.
    let nargs = unsafe { ffi::PyVectorcall_NARGS(nargsf) };
    // SAFETY: the C function of a method descriptor of the receiver's type, with the arguments of
    // this call; the type was checked when the descriptor was found on it.
    unsafe { (bound.function)(bound.receiver, args, nargs, names) }
}

/// `tp_dealloc` of [`BoundContext`].
unsafe extern "C" fn drop_bound(bound: *mut PyObject) {
    // SAFETY: the last reference is gone; nobody else looks at it.
    let (class, receiver) =
        unsafe { (ffi::Py_TYPE(bound), (*bound.cast::<BoundContext>()).receiver) };
    free_list::push(bound.cast());
    // SAFETY: an instance holds a reference to its type, which ends with it.
    unsafe { ffi::Py_DECREF(class.cast()) };
    // Last, because it may run anything, such as the `__exit__` of another object.
    interpreter::decref(receiver);
}

/// `tp_dealloc` of [`ContextMethod`].
unsafe extern "C" fn drop_method(descriptor: *mut PyObject) {
    // SAFETY: the last reference is gone; nobody else looks at it.
    let (class, method) =
        unsafe { (ffi::Py_TYPE(descriptor), (*descriptor.cast::<ContextMethod>()).method) };
    // SAFETY: allocated by `PyObject_Malloc`.
    unsafe { ffi::PyObject_Free(descriptor.cast()) };
    // SAFETY: an instance holds a reference to its type, which ends with it.
    unsafe { ffi::Py_DECREF(class.cast()) };
    interpreter::decref(method);
}

/// Memory of [`BoundContext`]s that are gone, for the next ones.
mod free_list {
    use super::{BoundContext, UnsafeCell, ffi};

    /// As many `with` blocks as are usually open at once.
    const CAPACITY: usize = 32;

    struct FreeList {
        memory: UnsafeCell<([*mut BoundContext; CAPACITY], usize)>,
    }

    // SAFETY: used by `push` and `pop` alone, which the interpreter calls in attached threads of a
    // build with an interpreter lock; neither calls anything in between.
    unsafe impl Sync for FreeList {}

    static LIST: FreeList =
        FreeList { memory: UnsafeCell::new(([std::ptr::null_mut(); CAPACITY], 0)) };

    pub(super) fn pop() -> Option<*mut BoundContext> {
        // SAFETY: see `FreeList`.
        let (memory, length) = unsafe { &mut *LIST.memory.get() };
        *length = length.checked_sub(1)?;
        memory.get(*length).copied()
    }

    pub(super) fn push(bound: *mut BoundContext) {
        // SAFETY: see `FreeList`.
        let (memory, length) = unsafe { &mut *LIST.memory.get() };
        match memory.get_mut(*length) {
            Some(place) => {
                *place = bound;
                *length += 1;
            }
            // SAFETY: allocated by `PyObject_Malloc`, and not used again.
            None => unsafe { ffi::PyObject_Free(bound.cast()) },
        }
    }
}
