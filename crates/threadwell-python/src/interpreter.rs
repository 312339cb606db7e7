//! Calls into the interpreter that may run Python code.
//!
//! Up to Python 3.13, a thread that needs the interpreter while it finalizes is ended by
//! `pthread_exit`, inside whatever call it made. `pthread_exit` unwinds the stack, and an unwind that
//! reaches an ordinary `extern "C"` frame aborts the process. So every call that may run Python code
//! (a callable, a signal handler, a `__del__` behind a decref) is made here: through a function
//! pointer of type `extern "C-unwind"`, with a guard on the stack whose `drop` never returns. On the
//! normal way out the guard is forgotten; on a forced unwind it parks the thread for ever, which is
//! what interpreters from 3.14 on do themselves.
//!
//! The guard needs a frame of its own. Inlined into an `extern "C"` function its landing pad would be
//! one with that function's, which aborts at a panic, and a forced unwind passes such a pad by.
//!
//! The symbols are not declared a second time: one C symbol declared both `extern "C"` and
//! `extern "C-unwind"` makes LLVM drop the landing pads of both. The pointers go through
//! [`std::hint::black_box`], so that LLVM does not find out which function it calls, and does not
//! conclude from PyO3's declaration that it cannot unwind.

#![expect(unsafe_code, reason = "the interpreter's calls, through pointers that may unwind")]

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int};
use std::hint::black_box;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::{mem, ptr};

use pyo3::exceptions::{PyImportError, PyMemoryError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::collector;
use crate::make;
use crate::owned::Owned;

/// Parks a thread that the interpreter tries to end. See the module's documentation.
struct ParkForever;

impl Drop for ParkForever {
    fn drop(&mut self) {
        park_forever();
    }
}

fn park_forever() -> ! {
    loop {
        std::thread::park();
    }
}

#[inline(never)]
fn guarded<R>(call: impl FnOnce() -> R) -> R {
    threadwell::assert_nothing_held();
    let guard = ParkForever;
    let result = call();
    mem::forget(guard);
    result
}

/// One of the interpreter's functions, as a pointer to a function that may unwind.
macro_rules! unwinding {
    ($function:path as fn($($argument:ty),*) -> $result:ty) => {
        // SAFETY: both types describe the same C function; "C-unwind" only allows more.
        black_box(unsafe {
            mem::transmute::<
                unsafe extern "C" fn($($argument),*) -> $result,
                unsafe extern "C-unwind" fn($($argument),*) -> $result,
            >($function)
        })
    };
}

type Object = *mut ffi::PyObject;

// Public and documented as the others, but PyO3 does not declare them.
unsafe extern "C" {
    fn PyThread_get_stacksize() -> usize;
    fn PyMethod_Function(method: Object) -> Object;
    static mut PyMethod_Type: ffi::PyTypeObject;
    #[cfg(Py_3_15)]
    static PyExc_PythonFinalizationError: Object;
}

/// The stack size for new threads, zero if it is the system's.
pub(crate) fn stack_size(_: Python<'_>) -> usize {
    // SAFETY: the thread is attached, to the interpreter that is asked for.
    unsafe { PyThread_get_stacksize() }
}

/// Whether `method` is `function` bound to something.
pub(crate) fn is_bound(method: &Bound<'_, PyAny>, function: &Bound<'_, PyAny>) -> bool {
    method.get_type_ptr() == &raw mut PyMethod_Type
        // SAFETY: a method, alive; what this returns is borrowed from it, and only compared.
        && unsafe { PyMethod_Function(method.as_ptr()) } == function.as_ptr()
}

/// Fails in a sub-interpreter. What is static here exists once for the process, and belongs to the
/// main one.
pub(crate) fn require_main(_: Python<'_>) -> PyResult<()> {
    // SAFETY: the thread is attached, to the interpreter that is asked for.
    let current = unsafe { ffi::PyInterpreterState_Get() };
    // SAFETY: the runtime is up.
    let main = unsafe { ffi::PyInterpreterState_Main() };
    if current == main {
        return Ok(());
    }
    Err(PyImportError::new_err("threadwell does not support sub-interpreters"))
}

/// What a call gave back.
fn owned(py: Python<'_>, result: Object) -> PyResult<Owned<'_>> {
    new_reference(py, result).map(Owned::new)
}

fn new_reference(py: Python<'_>, result: Object) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: what the callers have got from the interpreter: a new reference, or null with an
    // exception set.
    unsafe { Bound::from_owned_ptr_or_opt(py, result) }.ok_or_else(|| raised(py))
}

/// The exception that a call has raised. Up to 3.11 it may still have to be made.
#[cold]
pub(crate) fn raised(py: Python<'_>) -> PyErr {
    // Without memory the interpreter may fail to set one. PyO3 would look for memory then, to say so.
    collector::held_off(py, || PyErr::take(py)).unwrap_or_else(|| PyMemoryError::new_err(()))
}

/// Calls `callable(*args)`.
pub(crate) fn call<'py>(
    callable: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Owned<'py>> {
    call_with_names(callable, args, None)
}

/// Calls `callable(*args, **named)`.
pub(crate) fn call_with_names<'py>(
    callable: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Owned<'py>> {
    let function = unwinding!(ffi::PyObject_Call as fn(Object, Object, Object) -> Object);
    let named = named.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: the thread is attached (`Bound`), the objects are alive, keywords may be null.
    let result = guarded(|| unsafe { function(callable.as_ptr(), args.as_ptr(), named) });
    owned(callable.py(), result)
}

/// Calls `callable()`.
pub(crate) fn call0<'py>(callable: &Bound<'py, PyAny>) -> PyResult<Owned<'py>> {
    call(callable, &PyTuple::empty(callable.py()))
}

/// `type.__call__(class, *args, **named)`, past the type's own vectorcall.
pub(crate) fn construct<'py>(
    class: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    named: &Bound<'py, PyDict>,
) -> PyResult<Owned<'py>> {
    // SAFETY: `type` is a static type of the interpreter, filled in before any code runs.
    let tp_call = unsafe { ffi::PyType_Type.tp_call }.expect("type objects can be called");
    let function = unwinding!(tp_call as fn(Object, Object, Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), the objects are alive and of the right types.
    let result = guarded(|| unsafe { function(class.as_ptr(), args.as_ptr(), named.as_ptr()) });
    owned(class.py(), result)
}

/// Calls `callable` with the arguments of a vectorcall, as they are.
///
/// # Safety
///
/// `args`, `nargs` and `names` are those of a running vectorcall.
pub(crate) unsafe fn call_with_raw<'py>(
    callable: &Bound<'py, PyAny>,
    args: *const Object,
    nargs: usize,
    names: Object,
) -> PyResult<Owned<'py>> {
    let function =
        unwinding!(ffi::PyObject_Vectorcall as fn(Object, *const Object, usize, Object) -> Object);
    // SAFETY: the thread is attached (`Bound`); the rest is the caller's promise.
    let result = guarded(|| unsafe { function(callable.as_ptr(), args, nargs, names) });
    owned(callable.py(), result)
}

/// `object.name`.
pub(crate) fn getattr<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Owned<'py>> {
    getattr_interned(object, &make::name(object.py(), name)?)
}

/// `object.name`, with a name that is at hand.
pub(crate) fn getattr_interned<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Owned<'py>> {
    let function = unwinding!(ffi::PyObject_GetAttr as fn(Object, Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), both objects are alive.
    let result = guarded(|| unsafe { function(object.as_ptr(), name.as_ptr()) });
    owned(object.py(), result)
}

/// `descriptor.__get__(receiver, class)`: a new reference, or null with an exception set.
#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
#[cold]
pub(crate) fn bind(descriptor: Object, receiver: Object, class: Object) -> Object {
    // SAFETY: the caller has the descriptor, so it is alive.
    let class_of_descriptor = unsafe { ffi::Py_TYPE(descriptor) };
    // SAFETY: the type of a living object.
    let bind = unsafe { (*class_of_descriptor).tp_descr_get }.expect("it is a descriptor");
    let function = unwinding!(bind as fn(Object, Object, Object) -> Object);
    // SAFETY: the caller passes what the interpreter has passed to it.
    guarded(|| unsafe { function(descriptor, receiver, class) })
}

/// What a function that answers 0, or -1 with an exception set, has come to.
fn done(py: Python<'_>, answer: c_int) -> PyResult<()> {
    match answer {
        0 => Ok(()),
        _ => Err(raised(py)),
    }
}

/// `bool(object)`.
pub(crate) fn is_true(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let function = unwinding!(ffi::PyObject_IsTrue as fn(Object) -> c_int);
    // SAFETY: the thread is attached (`Bound`), the object is alive.
    match guarded(|| unsafe { function(object.as_ptr()) }) {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(raised(object.py())),
    }
}

/// `str(object)`.
pub(crate) fn str(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let function = unwinding!(ffi::PyObject_Str as fn(Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), the object is alive.
    let result = guarded(|| unsafe { function(object.as_ptr()) });
    let text = owned(object.py(), result)?;
    Ok(lossy(text.cast::<PyString>()?)?.into_owned())
}

/// `text`, with something else in the place of what is no character.
pub(crate) fn lossy<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    match text.to_str() {
        Ok(text) => Ok(Cow::Borrowed(text)),
        // PyO3 would look for memory again, and take it to be there.
        Err(error) if error.is_instance_of::<PyMemoryError>(text.py()) => Err(error),
        Err(error) => {
            discard(text.py(), error);
            Ok(text.to_string_lossy())
        }
    }
}

/// The name of the object's class with its module, as a `repr` says it.
pub(crate) fn class_name(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = object.get_type();
    let module = str(&*getattr(&class, "__module__")?)?;
    Ok(format!("{module}.{}", str(&*getattr(&class, "__qualname__")?)?))
}

/// `left < right`.
pub(crate) fn less(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> PyResult<bool> {
    compare(left, right, ffi::Py_LT)
}

/// `left <= right`.
pub(crate) fn less_or_equal(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> PyResult<bool> {
    compare(left, right, ffi::Py_LE)
}

/// `left > right`.
pub(crate) fn greater(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> PyResult<bool> {
    compare(left, right, ffi::Py_GT)
}

fn compare(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>, operator: c_int) -> PyResult<bool> {
    let function = unwinding!(ffi::PyObject_RichCompare as fn(Object, Object, c_int) -> Object);
    // SAFETY: the thread is attached (`Bound`), both objects are alive.
    let result = guarded(|| unsafe { function(left.as_ptr(), right.as_ptr(), operator) });
    let result = owned(left.py(), result)?;
    is_true(&result)
}

/// `left + right`.
pub(crate) fn add<'py>(
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
) -> PyResult<Owned<'py>> {
    let function = unwinding!(ffi::PyNumber_Add as fn(Object, Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), both objects are alive.
    let result = guarded(|| unsafe { function(left.as_ptr(), right.as_ptr()) });
    owned(left.py(), result)
}

/// `left -= right`: what is `left` afterwards.
pub(crate) fn subtract_in_place<'py>(
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
) -> PyResult<Owned<'py>> {
    let function = unwinding!(ffi::PyNumber_InPlaceSubtract as fn(Object, Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), both objects are alive.
    let result = guarded(|| unsafe { function(left.as_ptr(), right.as_ptr()) });
    owned(left.py(), result)
}

/// Whether `object` stands for a whole number.
pub(crate) fn is_index(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the thread is attached (`Bound`), the object is alive; looks at its type only.
    unsafe { ffi::PyIndex_Check(object.as_ptr()) != 0 }
}

/// `operator.index(object)`, which is exactly an `int`.
pub(crate) fn index<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let function = unwinding!(ffi::PyNumber_Index as fn(Object) -> Object);
    // SAFETY: the thread is attached (`Bound`), the object is alive.
    let result = guarded(|| unsafe { function(object.as_ptr()) });
    new_reference(object.py(), result)
}

/// `float(object)`.
pub(crate) fn as_f64(object: &Bound<'_, PyAny>) -> PyResult<f64> {
    let function = unwinding!(ffi::PyFloat_AsDouble as fn(Object) -> f64);
    // SAFETY: the thread is attached (`Bound`), the object is alive.
    let value = guarded(|| unsafe { function(object.as_ptr()) });
    match value == -1.0 {
        true => {
            collector::held_off(object.py(), || PyErr::take(object.py())).map_or(Ok(value), Err)
        }
        false => Ok(value),
    }
}

/// `dict[key] = value`, where the key's hash or a value that is replaced may be anyone's.
pub(crate) fn set_item(
    dict: &Bound<'_, PyDict>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let function = unwinding!(ffi::PyDict_SetItem as fn(Object, Object, Object) -> c_int);
    // SAFETY: the thread is attached (`Bound`), the objects are alive, the first is a dictionary.
    done(dict.py(), guarded(|| unsafe { function(dict.as_ptr(), key.as_ptr(), value.as_ptr()) }))
}

/// `del dict[key]`, where the key's hash or the value may be anyone's.
pub(crate) fn del_item(dict: &Bound<'_, PyDict>, key: &Bound<'_, PyAny>) -> PyResult<()> {
    let function = unwinding!(ffi::PyDict_DelItem as fn(Object, Object) -> c_int);
    // SAFETY: the thread is attached (`Bound`), both objects are alive, the first is a dictionary.
    done(dict.py(), guarded(|| unsafe { function(dict.as_ptr(), key.as_ptr()) }))
}

/// Gives a warning, at the line of the caller of our method.
pub(crate) fn warn(category: &Bound<'_, PyAny>, message: &CStr) -> PyResult<()> {
    let function =
        unwinding!(ffi::PyErr_WarnEx as fn(Object, *const c_char, ffi::Py_ssize_t) -> c_int);
    // SAFETY: the thread is attached (`Bound`), the class is alive.
    done(category.py(), guarded(|| unsafe { function(category.as_ptr(), message.as_ptr(), 1) }))
}

/// Attaches a thread for `work` that has detached itself, further up its stack, or is attached.
///
/// `Python::attach` refuses while the interpreter finalizes, when its main thread still runs
/// `__del__`s, and may wait in them. Any other thread ends here then, without a word.
pub(crate) fn attached<R>(work: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: may be called by any thread, attached or not.
    if unsafe { ffi::PyGILState_GetThisThreadState() }.is_null() {
        // The interpreter has forgotten its threads: the process is about to end.
        park_forever();
    }
    // SAFETY: the interpreter is there, and has a state for this thread.
    unsafe { Python::attach_unchecked(work) }
}

/// Runs the handlers of signals that have arrived, if this is the main thread.
pub(crate) fn check_signals(py: Python<'_>) -> PyResult<()> {
    let function = unwinding!(ffi::PyErr_CheckSignals as fn() -> c_int);
    // SAFETY: the thread is attached (`py`).
    done(py, guarded(|| unsafe { function() }))
}

/// To be called before a wait: signals that have arrived would not end it.
pub(crate) fn before_wait(py: Python<'_>) -> PyResult<()> {
    #[cfg(Py_3_15)]
    // SAFETY: may be called by any thread.
    if unsafe { ffi::Py_IsFinalizing() } != 0 {
        return Err(finalizing(py));
    }
    check_signals(py)
}

/// What a wait is from 3.15 on once no other thread can run any more, to end it.
#[cfg(Py_3_15)]
#[cold]
fn finalizing(py: Python<'_>) -> PyErr {
    match make::str(py, "cannot acquire lock at interpreter finalization") {
        Ok(message) => {
            // Not from a module: by now nothing can be imported.
            // SAFETY: both are alive, and the first is a class of exceptions.
            unsafe { ffi::PyErr_SetObject(PyExc_PythonFinalizationError, message.as_ptr()) };
            raised(py)
        }
        Err(error) => error,
    }
}

/// Tells `sys.unraisablehook` of an error in what was done for `object`.
pub(crate) fn report(error: PyErr, object: &Bound<'_, PyAny>) {
    error.restore(object.py());
    let function = unwinding!(ffi::PyErr_WriteUnraisable as fn(Object) -> ());
    // SAFETY: the thread is attached (`Bound`), an exception is set, the object is alive.
    guarded(|| unsafe { function(object.as_ptr()) });
}

/// Runs `call` as in an `except` block for `error`: what it raises has that for its context.
pub(crate) fn while_handling<R>(py: Python<'_>, error: &PyErr, call: impl FnOnce() -> R) -> R {
    // SAFETY: the thread is attached (`py`); a new reference, or null.
    let before = unsafe { ffi::PyErr_GetHandledException() };
    // SAFETY: an exception, alive; what it replaces stays alive by `before`.
    unsafe { ffi::PyErr_SetHandledException(error.value(py).as_ptr()) };
    let result = call();
    // SAFETY: alive, or null for none; what it replaces stays alive by `error`.
    unsafe { ffi::PyErr_SetHandledException(before) };
    if !before.is_null() {
        decref(before);
    }
    result
}

/// [`check_signals`] while `error` is about to be raised, or what a handler raises instead.
pub(crate) fn check_signals_after(py: Python<'_>, error: PyErr) -> PyErr {
    match while_handling(py, &error, || check_signals(py)) {
        Ok(()) => error,
        Err(later) => {
            discard(py, error);
            later
        }
    }
}

/// What a number of the interpreter's own is as one of Rust's; None if it is none.
pub(crate) fn extract<'py, T>(number: &Bound<'py, PyAny>) -> Option<T>
where
    for<'a> T: FromPyObject<'a, 'py, Error = PyErr>,
{
    let value = collector::held_off(number.py(), || number.extract());
    value.map_err(|error| discard(number.py(), error)).ok()
}

/// Gives up an error. PyO3 would put that off in methods that it has not called itself.
#[cold]
pub(crate) fn discard(py: Python<'_>, error: PyErr) {
    error.restore(py);
    let function = unwinding!(ffi::PyErr_Clear as fn() -> ());
    // SAFETY: the thread is attached (`py`).
    guarded(|| unsafe { function() });
}

/// How many references to `object` there are.
pub(crate) fn references(object: &Bound<'_, PyAny>) -> ffi::Py_ssize_t {
    // SAFETY: the object is alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// Gives up a reference, which the caller has, to an object that may run Python code when it goes.
#[inline]
pub(crate) fn decref(object: Object) {
    // SAFETY: the caller has a reference, so the object is alive.
    if unsafe { ffi::Py_REFCNT(object) } > 1 && cfg!(not(Py_GIL_DISABLED)) {
        // SAFETY: as above; and it is not the last one, so that nothing runs.
        unsafe { ffi::Py_DECREF(object) };
    } else {
        decref_last(object);
    }
}

#[cold]
fn decref_last(object: Object) {
    let function = unwinding!(ffi::Py_DecRef as fn(Object) -> ());
    // SAFETY: the caller has a reference and gives it up; the thread is attached.
    guarded(|| unsafe { function(object) });
}

/// A new object of `class`, all zeroes but for its header; null with an exception set if there is no
/// memory. The collector may run before.
#[cfg(not(Py_3_12))]
#[inline]
pub(crate) fn allocate(class: *mut ffi::PyTypeObject) -> Object {
    let function = unwinding!(
        ffi::PyType_GenericAlloc as fn(*mut ffi::PyTypeObject, ffi::Py_ssize_t) -> Object
    );
    // SAFETY: the callers are attached, and the type is alive.
    guarded(|| unsafe { function(class, 0) })
}

/// Tells the weak references to `object` that it goes, which may have callbacks.
pub(crate) fn clear_weak_references(object: Object) {
    let function = unwinding!(ffi::PyObject_ClearWeakRefs as fn(Object) -> ());
    // SAFETY: called in the deallocation of the object, so attached, with no reference left to it.
    guarded(|| unsafe { function(object) });
}

/// Empties `dict`, which may hold the last references to objects.
pub(crate) fn clear_dict(dict: Object) {
    let function = unwinding!(ffi::PyDict_Clear as fn(Object) -> ());
    // SAFETY: the caller keeps the dictionary alive; the thread is attached.
    guarded(|| unsafe { function(dict) });
}

/// A reference to an object that is not one of ours, in one that is.
pub(crate) struct ForeignRef(AtomicPtr<ffi::PyObject>);

impl ForeignRef {
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self(AtomicPtr::new(object.into_ptr()))
    }

    /// The object.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: alive by the reference, which only the collector clears, when nobody asks any more.
        unsafe { Bound::from_borrowed_ptr(py, self.0.load(Acquire)) }
    }

    /// Shows the object to the collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: the collector runs in an attached thread.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: alive by the reference, which stays the owner.
        let object = unsafe { Bound::from_owned_ptr(py, self.0.load(Acquire)) };
        visit.call(&*mem::ManuallyDrop::new(object.unbind()))
    }

    /// Gives the object up, for the collector, and refers to None.
    pub(crate) fn clear(&self, py: Python<'_>) {
        decref(self.0.swap(py.None().into_ptr(), AcqRel));
    }
}

/// How many objects that a thread frees may be freed by one another, one call inside of the other.
const DEEPEST: usize = 50;

thread_local! {
    /// How deep the thread is in them, and what it is to free when it is out again.
    static FREEING: (Cell<usize>, RefCell<Vec<Object>>) = const { (Cell::new(0), RefCell::new(Vec::new())) };
}

impl Drop for ForeignRef {
    /// Runs in the deallocation of the object that holds the reference, so attached.
    fn drop(&mut self) {
        let object = *self.0.get_mut();
        let freed = FREEING.try_with(|(depth, later)| {
            if depth.get() == DEEPEST {
                later.borrow_mut().push(object);
                return;
            }
            depth.set(depth.get() + 1);
            decref(object);
            while depth.get() == 1 {
                let Some(object) = later.borrow_mut().pop() else { break };
                decref(object);
            }
            depth.set(depth.get() - 1);
        });
        if freed.is_err() {
            // The thread is about to end.
            decref(object);
        }
    }
}
