//! The hot methods as bare C functions, put into the types in place of PyO3's.
//!
//! PyO3's call trampoline costs 10 to 25 ns a call beyond a bare C method: as much as the operation
//! itself. The methods that programs call in loops are therefore plain functions of this crate, each
//! wrapped by [`noargs`] or [`fastcall`] into a C function and stored in the type's dictionary as a
//! method descriptor, exactly what a type written in C has. Everything else stays with PyO3.
//!
//! A panic in such a function aborts the process, as it does in every `extern "C"` function. None of
//! them panics: what PyO3 would make, and panics without memory for, comes from `make.rs`.

#![expect(unsafe_code, reason = "the interpreter's calling conventions")]

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::slice;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};
use pyo3::{PyClass, PyClassInitializer, PyTypeInfo};

use crate::owned::Owned;
use crate::{collector, interpreter, make, signature};

#[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
mod context;
mod dealloc;
mod member;
#[cfg(not(Py_3_12))]
mod new;
mod values;

pub(crate) use dealloc::{install_dealloc, is_plain};
pub(crate) use member::{NumberMember, install_member};
pub(crate) use values::RememberedValues;

/// A method to be put into a type.
pub(crate) struct Method {
    pub(crate) name: &'static CStr,
    /// First line `name($self, …)`, then `--`, an empty line, and the docstring.
    pub(crate) doc: &'static CStr,
    function: Function,
}

/// A C function, by the way it is called.
enum Function {
    NoArgs(ffi::PyCFunction),
    Fastcall(ffi::PyCFunctionFastWithKeywords),
}

/// Puts `methods` into the type of `T`, each under its name.
pub(crate) fn install<T: PyTypeInfo>(
    py: Python<'_>,
    methods: impl IntoIterator<Item = Method>,
) -> PyResult<()> {
    let class = py.get_type::<T>();
    for method in methods {
        let (ml_meth, ml_flags) = match method.function {
            Function::NoArgs(function) => {
                (ffi::PyMethodDefPointer { PyCFunction: function }, ffi::METH_NOARGS)
            }
            Function::Fastcall(function) => (
                ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function },
                ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ),
        };
        // A method descriptor refers to its definition for as long as the type lives, which for a
        // type of an extension module is until the process ends.
        let definition = Box::leak(Box::new(ffi::PyMethodDef {
            ml_name: method.name.as_ptr(),
            ml_meth,
            ml_flags,
            ml_doc: method.doc.as_ptr(),
        }));
        // SAFETY: the type is alive, and the definition is filled in and never freed.
        let descriptor = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
        // SAFETY: a new reference, or null with an exception set.
        let descriptor = unsafe { Bound::from_owned_ptr_or_err(py, descriptor) }?;
        let name = method.name.to_str().expect("method names are ASCII");
        // It remembers the name of the class as it is now, for messages: the package changes that name.
        descriptor.getattr("__qualname__")?;
        #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
        let descriptor = match (name, method.function) {
            ("__enter__" | "__exit__", Function::Fastcall(function)) => {
                context::wrap(class.as_type_ptr(), &descriptor, function)?
            }
            _ => descriptor,
        };
        class.setattr(name, descriptor)?;
    }
    Ok(())
}

/// What a hot method gives back.
pub(crate) trait Reply {
    /// A new reference.
    fn into_raw(self, py: Python<'_>) -> *mut ffi::PyObject;
}

impl Reply for bool {
    #[inline]
    fn into_raw(self, py: Python<'_>) -> *mut ffi::PyObject {
        PyBool::new(py, self).to_owned().into_ptr()
    }
}

impl Reply for () {
    #[inline]
    fn into_raw(self, py: Python<'_>) -> *mut ffi::PyObject {
        py.None().into_ptr()
    }
}

impl Reply for usize {
    #[inline]
    fn into_raw(self, _: Python<'_>) -> *mut ffi::PyObject {
        // SAFETY: the thread is attached; null with an exception set if there is no memory, which
        // is what a method returns then.
        unsafe { ffi::PyLong_FromSize_t(self) }
    }
}

impl<T> Reply for Py<T> {
    #[inline]
    fn into_raw(self, _: Python<'_>) -> *mut ffi::PyObject {
        self.into_ptr()
    }
}

impl<T> Reply for Bound<'_, T> {
    #[inline]
    fn into_raw(self, _: Python<'_>) -> *mut ffi::PyObject {
        self.into_ptr()
    }
}

impl Reply for Owned<'_> {
    #[inline]
    fn into_raw(self, _: Python<'_>) -> *mut ffi::PyObject {
        self.into_bound().into_ptr()
    }
}

impl<R: Reply> Reply for PyResult<R> {
    #[inline]
    fn into_raw(self, py: Python<'_>) -> *mut ffi::PyObject {
        match self {
            Ok(value) => value.into_raw(py),
            Err(error) => raise(py, error),
        }
    }
}

#[cold]
fn raise(_: Python<'_>, error: PyErr) -> *mut ffi::PyObject {
    // PyO3 gives up the parts at once only where it has attached the thread itself.
    interpreter::attached(|py| collector::held_off(py, || error.restore(py)));
    std::ptr::null_mut()
}

/// The receiver of a method call.
///
/// # Safety
///
/// The thread is attached, and `slf` is an instance of `T` or of a subclass, which a method
/// descriptor checks before it calls. It stays alive during the call.
#[inline]
unsafe fn receiver<'a, T>(slf: &'a *mut ffi::PyObject) -> &'a Bound<'a, T>
where
    T: PyClass<Frozen = True> + Sync,
{
    // SAFETY: attached, by the caller's promise.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: not null, alive, and borrowed for no longer than the call.
    let any = unsafe { Bound::ref_from_ptr(py, slf) };
    // SAFETY: of that type, by the caller's promise.
    unsafe { any.cast_unchecked() }
}

/// The arguments of a vectorcall: positional ones, then the values of the named ones.
pub(crate) struct Arguments<'py> {
    values: &'py [*mut ffi::PyObject],
    positional: usize,
    names: *mut ffi::PyObject,
    py: Python<'py>,
    _borrowed: PhantomData<&'py Bound<'py, PyAny>>,
}

impl<'py> Arguments<'py> {
    /// # Safety
    ///
    /// The three describe the arguments of a call that lasts for `'py`: `args` holds `nargs` values
    /// and one for each name in `names`, which is a tuple of strings or null.
    #[inline]
    pub(crate) unsafe fn new(
        py: Python<'py>,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        let positional = nargs as usize;
        let named = if names.is_null() {
            0
        } else {
            // SAFETY: not null, so a tuple.
            unsafe { ffi::PyTuple_GET_SIZE(names) as usize }
        };
        let values = if positional + named == 0 {
            &[]
        } else {
            // SAFETY: that many values, by the caller's promise.
            unsafe { slice::from_raw_parts(args, positional + named) }
        };
        Self { values, positional, names, py, _borrowed: PhantomData }
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.py
    }

    /// How many there are, named ones included.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub(crate) fn positional(&self) -> &[Borrowed<'py, 'py, PyAny>] {
        let values = &self.values[..self.positional];
        // SAFETY: `Borrowed` is a transparent wrapper of a non-null object pointer, and the caller of
        // the method keeps its arguments alive.
        unsafe { slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    }

    #[inline]
    pub(crate) fn names(&self) -> Option<&[*mut ffi::PyObject]> {
        (self.values.len() > self.positional).then(|| &self.values[self.positional..])
    }

    /// Refuses named arguments, in the words of a method written in C.
    #[inline]
    pub(crate) fn no_names(&self, function: &str) -> PyResult<()> {
        match self.names() {
            None => Ok(()),
            Some(_) => {
                let message = format!("{function}() takes no keyword arguments");
                Err(make::error::<PyTypeError>(&message))
            }
        }
    }

    /// Refuses what the `__exit__` of a lock does, in its words: names, and from 3.15 on all but three.
    #[inline]
    pub(crate) fn of_exit(&self, function: &str) -> PyResult<()> {
        self.no_names(function)?;
        if cfg!(Py_3_15) && self.len() != 3 {
            let message = format!("__exit__ expected 3 arguments, got {}", self.len());
            return Err(make::error::<PyTypeError>(&message));
        }
        Ok(())
    }

    /// The arguments of a function with these parameters, of which the first `required` have no
    /// default; errors as for a function written in Python.
    #[inline]
    pub(crate) fn bind<const N: usize>(
        &self,
        function: &str,
        parameters: [&str; N],
        required: usize,
    ) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
        if self.values.is_empty() && required == 0 {
            return Ok([const { None }; N]);
        }
        self.bind_some(function, parameters, required)
    }

    fn bind_some<const N: usize>(
        &self,
        function: &str,
        parameters: [&str; N],
        required: usize,
    ) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
        let positional = self.positional().iter().map(|value| (**value).clone());
        let named = (0..self.values.len() - self.positional).map(|index| {
            // SAFETY: a value of the running call: not null, alive.
            let value =
                unsafe { Bound::from_borrowed_ptr(self.py, self.values[self.positional + index]) };
            ((*self.name(index)).clone(), value)
        });
        match signature::bind(parameters, required, positional, named) {
            Some(bound) => Ok(bound),
            None => Err(self.refusal(function, &signature::written(&parameters, required))),
        }
    }

    /// Refuses any, for a function written in Python.
    #[inline]
    pub(crate) fn none(&self, function: &str) -> PyResult<()> {
        if self.values.is_empty() { Ok(()) } else { Err(self.refusal(function, "")) }
    }

    /// The error for arguments that do not fit; see [`signature::refusal`].
    #[cold]
    pub(crate) fn refusal(&self, function: &str, parameters: &str) -> PyErr {
        match self.collected() {
            Ok((args, kwargs)) => signature::refusal(function, parameters, &args, Some(&kwargs)),
            Err(error) => error,
        }
    }

    /// The name of the `index`th named argument.
    fn name(&self, index: usize) -> Borrowed<'_, 'py, PyAny> {
        // SAFETY: there are that many names; a borrowed reference.
        let name = unsafe { ffi::PyTuple_GET_ITEM(self.names, index as ffi::Py_ssize_t) };
        // SAFETY: not null, alive as long as the tuple.
        unsafe { Borrowed::from_ptr(self.py, name) }
    }

    /// The argument with that position or name.
    pub(crate) fn get(&self, position: usize, name: &str) -> Option<Bound<'py, PyAny>> {
        let index = if position < self.positional {
            position
        } else {
            self.positional + self.position_of(name)?
        };
        // SAFETY: a value of the running call: not null, alive.
        Some(unsafe { Bound::from_borrowed_ptr(self.py, self.values[index]) })
    }

    fn position_of(&self, name: &str) -> Option<usize> {
        (0..self.values.len() - self.positional)
            .find(|&index| self.name(index).cast::<PyString>().is_ok_and(|item| *item == name))
    }

    /// `type.__call__(class, …)`: `__new__` and `__init__` with these arguments.
    fn construct(&self, class: *mut ffi::PyObject) -> PyResult<Owned<'py>> {
        let (positional, named) = self.collected()?;
        // SAFETY: the type being called, alive.
        let class = unsafe { Borrowed::from_ptr(self.py, class) };
        interpreter::construct(&class, &positional, &named)
    }

    /// As `*args, **kwargs`.
    fn collected(&self) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let py = self.py;
        let positional = make::tuple_of(py, self.positional())?;
        let named = make::dict(py)?;
        for (index, &value) in self.values[self.positional..].iter().enumerate() {
            // SAFETY: a value of the running call: not null, alive.
            named.set_item(self.name(index), unsafe { Borrowed::from_ptr(self.py, value) })?;
        }
        Ok((positional, named))
    }

    /// Calls `callable` with these very arguments.
    pub(crate) fn show_to(&self, callable: &Bound<'py, PyAny>) -> PyResult<Owned<'py>> {
        // SAFETY: the arguments of a running call, by the promise made to `new`.
        unsafe {
            interpreter::call_with_raw(callable, self.values.as_ptr(), self.positional, self.names)
        }
    }
}

/// A [`Method`] without arguments.
pub(crate) fn noargs<T, R, F>(name: &'static CStr, doc: &'static CStr, _: F) -> Method
where
    T: PyClass<Frozen = True> + Sync,
    R: Reply,
    F: Fn(&Bound<'_, T>) -> R + Copy + 'static,
{
    unsafe extern "C" fn method<T, R, F>(
        slf: *mut ffi::PyObject,
        _: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: PyClass<Frozen = True> + Sync,
        R: Reply,
        F: Fn(&Bound<'_, T>) -> R + Copy + 'static,
    {
        // SAFETY: called by the interpreter, through a descriptor of the type.
        let this = unsafe { receiver::<T>(&slf) };
        // SAFETY: `noargs` was given a value of `F`.
        let function = unsafe { conjure::<F>() };
        function(this).into_raw(this.py())
    }
    Method { name, doc, function: Function::NoArgs(method::<T, R, F>) }
}

/// A [`Method`] with arguments.
pub(crate) fn fastcall<T, R, F>(name: &'static CStr, doc: &'static CStr, _: F) -> Method
where
    T: PyClass<Frozen = True> + Sync,
    R: Reply,
    F: for<'py> Fn(&Bound<'py, T>, &Arguments<'py>) -> R + Copy + 'static,
{
    unsafe extern "C" fn method<T, R, F>(
        slf: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: PyClass<Frozen = True> + Sync,
        R: Reply,
        F: for<'py> Fn(&Bound<'py, T>, &Arguments<'py>) -> R + Copy + 'static,
    {
        // SAFETY: called by the interpreter, through a descriptor of the type.
        let this = unsafe { receiver::<T>(&slf) };
        // SAFETY: the arguments of this call.
        let args = unsafe { Arguments::new(this.py(), args, nargs, names) };
        // SAFETY: `fastcall` was given a value of `F`.
        let function = unsafe { conjure::<F>() };
        function(this, &args).into_raw(this.py())
    }
    Method { name, doc, function: Function::Fastcall(method::<T, R, F>) }
}

/// A [`Method`] without arguments, for one that the standard library has written in Python: its name,
/// its docstring, its name with that of the class, and the function.
macro_rules! nullary {
    ($name:literal, $doc:expr, $qualified:literal, $function:path) => {
        $crate::slots::fastcall($name, $doc, |slf, args| {
            let [] = args.bind($qualified, [], 0)?;
            Ok($function(slf))
        })
    };
}

pub(crate) use nullary;

/// Puts a read-only attribute into the type of `T`.
pub(crate) fn install_getter<T, R, F>(
    py: Python<'_>,
    name: &'static CStr,
    doc: &'static CStr,
    _: F,
) -> PyResult<()>
where
    T: PyClass<Frozen = True> + Sync,
    R: Reply,
    F: Fn(&Bound<'_, T>) -> R + Copy + 'static,
{
    unsafe extern "C" fn get<T, R, F>(slf: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject
    where
        T: PyClass<Frozen = True> + Sync,
        R: Reply,
        F: Fn(&Bound<'_, T>) -> R + Copy + 'static,
    {
        // SAFETY: called by the interpreter, through a descriptor of the type.
        let this = unsafe { receiver::<T>(&slf) };
        // SAFETY: `install_getter` was given a value of `F`.
        let function = unsafe { conjure::<F>() };
        function(this).into_raw(this.py())
    }
    let class = py.get_type::<T>();
    // As for a method: the descriptor refers to its definition as long as the type lives.
    let definition = Box::leak(Box::new(ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T, R, F>),
        set: None,
        doc: doc.as_ptr(),
        closure: std::ptr::null_mut(),
    }));
    // SAFETY: the type is alive, and the definition is filled in and never freed.
    let descriptor = unsafe { ffi::PyDescr_NewGetSet(class.as_type_ptr(), definition) };
    // SAFETY: a new reference, or null with an exception set.
    let descriptor = unsafe { Bound::from_owned_ptr_or_err(py, descriptor) }?;
    class.setattr(name.to_str().expect("attribute names are ASCII"), descriptor)
}

/// The value of a function's own type, which has exactly one and no size.
///
/// # Safety
///
/// A value of `F` exists.
unsafe fn conjure<F: Copy + 'static>() -> F {
    const { assert!(size_of::<F>() == 0, "a function item or a closure without captures") };
    // SAFETY: reading no bytes is valid from any aligned address, and a value of the type exists.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

/// Puts a function into `module`. It says that it comes from `threading`.
pub(crate) fn add_function<R, F>(
    module: &Bound<'_, PyModule>,
    name: &'static CStr,
    doc: &'static CStr,
    _: F,
) -> PyResult<()>
where
    R: Reply,
    F: for<'py> Fn(&Arguments<'py>) -> R + Copy + 'static,
{
    unsafe extern "C" fn function<R, F>(
        _: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        R: Reply,
        F: for<'py> Fn(&Arguments<'py>) -> R + Copy + 'static,
    {
        // SAFETY: the interpreter calls with the thread attached.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the arguments of this call.
        let args = unsafe { Arguments::new(py, args, nargs, names) };
        // SAFETY: `add_function` was given a value of `F`.
        let function = unsafe { conjure::<F>() };
        function(&args).into_raw(py)
    }
    // The function object refers to its definition for as long as it lives.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function::<R, F> },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }));
    let origin = PyString::intern(module.py(), "threading");
    // SAFETY: the definition is filled in and never freed; the other objects are alive.
    let object = unsafe { ffi::PyCFunction_NewEx(definition, module.as_ptr(), origin.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    let object = unsafe { Bound::from_owned_ptr_or_err(module.py(), object) }?;
    module.add(name.to_str().expect("function names are ASCII"), object)
}

/// Makes a call of the type of `T` without arguments create an object in one step, without the
/// detour through `__new__` and `__init__`.
pub(crate) fn install_constructor<T, I, F>(py: Python<'_>, _: F)
where
    T: PyClass,
    I: Into<PyClassInitializer<T>>,
    F: Fn(Python<'_>) -> PyResult<I> + Copy + 'static,
{
    unsafe extern "C" fn construct<T, I, F>(
        class: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargsf: usize,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: PyClass,
        I: Into<PyClassInitializer<T>>,
        F: Fn(Python<'_>) -> PyResult<I> + Copy + 'static,
    {
        // SAFETY: the interpreter calls with the thread attached.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: reads the flag bits of its argument.
        let nargs = unsafe { ffi::PyVectorcall_NARGS(nargsf) };
        if nargs == 0 && names.is_null() && dealloc::makes_objects_itself(class.cast()) {
            // SAFETY: `install_constructor` was given a value of `F`.
            let function = unsafe { conjure::<F>() };
            let new = || function(py).and_then(|new| Bound::new(py, new));
            #[cfg(not(Py_3_12))]
            let new = || new::making(py, class.cast(), new);
            return new().into_raw(py);
        }
        // SAFETY: the arguments of this call.
        let args = unsafe { Arguments::new(py, args, nargs, names) };
        args.construct(class).into_raw(py)
    }
    let class = py.get_type::<T>().as_type_ptr();
    // SAFETY: the type is alive and belongs to this extension. `tp_vectorcall` serves calls of the
    // type itself and is not inherited.
    unsafe { (*class).tp_vectorcall = Some(construct::<T, I, F>) };
}
