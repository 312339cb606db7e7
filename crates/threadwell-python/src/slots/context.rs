//! `__enter__` and `__exit__` without a bound method made for each.
//!
//! Up to Python 3.13 a `with` statement looks up both on the type and binds them, which for a method
//! descriptor makes two objects that the garbage collector knows: more than half of what
//! `with lock: pass` takes. A [`ContextMethod`] stands for the descriptor in the type's dictionary
//! and binds to an object of a simpler type, from a free list. Asked without an instance it gives
//! the method descriptor itself. From 3.14 on the interpreter binds nothing here, and without an
//! interpreter lock the list would need one: there the method descriptor is used as it is.
//!
//! Programs get at the descriptor, and bind it to any object or put it into any class. So it looks at
//! the receiver's type, and leaves those that are not of its own to the method descriptor.
//!
//! A bound object is not known to the garbage collector: a lock that is made to keep its own bound
//! `__enter__` is not collected.

#![expect(unsafe_code, reason = "two types that PyO3 cannot express")]

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use crate::interpreter;

type Function = ffi::PyCFunctionFastWithKeywords;

/// An object with these parts.
#[repr(C)]
struct Object<P> {
    base: PyObject,
    parts: P,
}

/// The descriptor.
#[repr(C)]
struct ContextMethod {
    /// The method descriptor that it stands for; a strong reference.
    method: *mut PyObject,
    /// The type that has the method. The method descriptor has a reference to it.
    class: *mut ffi::PyTypeObject,
    /// That descriptor's C function.
    function: Function,
    /// What it binds to; a strong reference, for ever.
    bound_type: *mut ffi::PyTypeObject,
}

/// What it binds to.
#[repr(C)]
struct BoundContext {
    vectorcall: ffi::vectorcallfunc,
    /// A strong reference.
    receiver: *mut PyObject,
    function: Function,
}

/// Makes the descriptor that stands for `method`, which is one of `class` and whose C function is
/// `function`.
pub(super) fn wrap<'py>(
    class: *mut ffi::PyTypeObject,
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
        member(
            c"__vectorcalloffset__",
            ffi::Py_T_PYSSIZET,
            offset_of!(Object<BoundContext>, parts.vectorcall),
        ),
        member(c"__self__", ffi::Py_T_OBJECT_EX, offset_of!(Object<BoundContext>, parts.receiver)),
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
    let descriptor = allocate(descriptor_type)?;
    let method = method.clone().into_ptr();
    fill(descriptor, ContextMethod { method, class, function, bound_type });
    // SAFETY: a new reference, now complete.
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

/// A type whose instances are laid out as `Object<P>`. It is never freed.
fn new_type<P>(
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
        basicsize: size_of::<Object<P>>() as c_int,
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

/// An object of `class`, which was made for `P`, with its header filled in and its parts not.
fn allocate<P>(class: *mut ffi::PyTypeObject) -> PyResult<*mut Object<P>> {
    // SAFETY: any size is allowed.
    let memory = unsafe { ffi::PyObject_Malloc(size_of::<Object<P>>()) };
    if memory.is_null() {
        return Err(PyMemoryError::new_err(()));
    }
    // SAFETY: the memory is as large as an instance of the type, and types of this module are never
    // freed.
    Ok(unsafe { ffi::PyObject_Init(memory.cast(), class) }.cast())
}

/// Fills in the parts of an object whose header is there.
fn fill<P>(object: *mut Object<P>, parts: P) {
    let place = object.wrapping_byte_add(offset_of!(Object<P>, parts)).cast::<P>();
    // SAFETY: inside of the object, which nobody else knows yet; what was there is not a `P`.
    unsafe { place.write(parts) };
}

/// The parts of an object that is alive.
///
/// # Safety
///
/// The object was made by `allocate::<P>` and filled in, and its memory is not given back during
/// `'a`.
unsafe fn parts<'a, P>(object: *mut PyObject) -> &'a P {
    // SAFETY: by the caller's promise.
    &unsafe { &*object.cast::<Object<P>>() }.parts
}

/// `tp_descr_get` of [`ContextMethod`].
unsafe extern "C" fn bind(
    descriptor: *mut PyObject,
    receiver: *mut PyObject,
    class: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls it with an instance of the type, alive during the call.
    let descriptor = unsafe { parts::<ContextMethod>(descriptor) };
    if receiver.is_null() {
        // SAFETY: alive as long as the descriptor.
        return unsafe { ffi::Py_NewRef(descriptor.method) };
    }
    // SAFETY: alive during the call, and so is the type, because the method descriptor is.
    if unsafe { ffi::PyObject_TypeCheck(receiver, descriptor.class) } == 0 {
        return interpreter::bind(descriptor.method, receiver, class);
    }
    let bound = match free_list::pop() {
        Some(bound) => bound,
        None => match allocate(descriptor.bound_type) {
            Ok(bound) => bound,
            Err(error) => {
                // SAFETY: the interpreter calls with the thread attached.
                return super::raise(unsafe { Python::assume_attached() }, error);
            }
        },
    };
    // SAFETY: alive during the call.
    let receiver = unsafe { ffi::Py_NewRef(receiver) };
    fill(bound, BoundContext { vectorcall: call_bound, receiver, function: descriptor.function });
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
    let bound = unsafe { parts::<BoundContext>(bound) };
    // SAFETY: reads the flag bits of its argument.
    let nargs = unsafe { ffi::PyVectorcall_NARGS(nargsf) };
    // SAFETY: the C function of a method descriptor of the receiver's type, which `bind` has looked at,
    // with the arguments of this call.
    unsafe { (bound.function)(bound.receiver, args, nargs, names) }
}

/// `tp_dealloc` of [`BoundContext`].
unsafe extern "C" fn drop_bound(bound: *mut PyObject) {
    // SAFETY: the interpreter calls it with an instance of the type.
    let receiver = unsafe { parts::<BoundContext>(bound) }.receiver;
    if !free_list::push(bound.cast()) {
        drop_type(bound);
        // SAFETY: allocated by `PyObject_Malloc`; the last reference is gone.
        unsafe { ffi::PyObject_Free(bound.cast()) };
    }
    // Last, because it may run anything, such as the `__exit__` of another object.
    interpreter::decref(receiver);
}

/// `tp_dealloc` of [`ContextMethod`].
unsafe extern "C" fn drop_method(descriptor: *mut PyObject) {
    // SAFETY: the interpreter calls it with an instance of the type.
    let method = unsafe { parts::<ContextMethod>(descriptor) }.method;
    drop_type(descriptor);
    // SAFETY: allocated by `PyObject_Malloc`; the last reference is gone.
    unsafe { ffi::PyObject_Free(descriptor.cast()) };
    interpreter::decref(method);
}

/// Gives up the reference to its type that an instance holds.
fn drop_type(object: *mut PyObject) {
    // SAFETY: the caller is the deallocation of the object, whose header is still there.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: the instance's own reference, which ends with it.
    unsafe { ffi::Py_DECREF(class.cast()) };
}

/// [`BoundContext`]s that nobody refers to, for the next ones. They keep their header, and with it
/// the reference to their type: only the count of references to them has to begin anew.
mod free_list {
    use super::{BoundContext, Object, UnsafeCell, ffi};

    /// As many `with` blocks as are usually open at once.
    const CAPACITY: usize = 32;

    struct FreeList {
        objects: UnsafeCell<([*mut Object<BoundContext>; CAPACITY], usize)>,
    }

    // SAFETY: used by `push` and `pop` alone, which the interpreter calls in attached threads of a
    // build with an interpreter lock; neither calls anything in between.
    unsafe impl Sync for FreeList {}

    static LIST: FreeList =
        FreeList { objects: UnsafeCell::new(([std::ptr::null_mut(); CAPACITY], 0)) };

    /// An object with one reference, to be filled in.
    pub(super) fn pop() -> Option<*mut Object<BoundContext>> {
        // SAFETY: see `FreeList`.
        let (objects, length) = unsafe { &mut *LIST.objects.get() };
        *length = length.checked_sub(1)?;
        let object = *objects.get(*length)?;
        // SAFETY: its header is as it was when the last reference went: with a count of zero.
        unsafe { ffi::Py_INCREF(object.cast()) };
        Some(object)
    }

    /// Takes an object whose last reference is gone, if there is room for it.
    pub(super) fn push(object: *mut Object<BoundContext>) -> bool {
        // An interpreter that keeps a list of all objects has to see each begin.
        if cfg!(py_sys_config = "Py_TRACE_REFS") {
            return false;
        }
        // SAFETY: see `FreeList`.
        let (objects, length) = unsafe { &mut *LIST.objects.get() };
        let place = objects.get_mut(*length);
        let room = place.is_some();
        if let Some(place) = place {
            *place = object;
            *length += 1;
        }
        room
    }
}
