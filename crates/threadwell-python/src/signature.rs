//! Arguments by position and by name, with the errors of a function written in Python.
//!
//! The classes here are written in Python in the standard library, so that is how they complain. What
//! does not fit is shown to a Python function with the same parameters, whose error then is the right
//! one on every version.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::interpreter;
use crate::make;
use crate::owned::Owned;

/// The arguments of `function(self, …)` with these parameters, the first `required` of which have no
/// default; None if they do not fit.
pub(crate) fn bind<'py, const N: usize>(
    parameters: [&str; N],
    required: usize,
    positional: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    named: impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
) -> Option<[Option<Bound<'py, PyAny>>; N]> {
    if positional.len() > N {
        return None;
    }
    let mut bound = [const { None }; N];
    for (place, value) in bound.iter_mut().zip(positional) {
        *place = Some(value);
    }
    for (name, value) in named {
        // The interpreter lets no other names through.
        let name = name.cast::<PyString>().ok()?;
        let position = parameters.iter().position(|parameter| name == parameter)?;
        if bound[position].replace(value).is_some() {
            return None;
        }
    }
    bound[..required].iter().all(Option::is_some).then_some(bound)
}

/// The error for arguments that do not fit the `parameters`, as Python writes them. If the first is
/// `self`, it is not among the arguments.
#[cold]
pub(crate) fn refusal(
    function: &str,
    parameters: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyErr {
    let py = args.py();
    let none = py.None();
    let itself = parameters.starts_with("self").then(|| none.bind_borrowed(py));
    let args: Vec<_> = itself.into_iter().chain(args.iter_borrowed()).collect();
    let refused = make::tuple_of(py, &args).and_then(|args| {
        interpreter::call_with_names(&*like(py, function, parameters)?, &args, kwargs)
    });
    match refused {
        Err(error) => error,
        Ok(_) => make::error::<PyTypeError>(&format!("{function}() does not take these arguments")),
    }
}

/// The interpreter's `eval`.
static EVAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Remembers what the interpreter has.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    let _ = EVAL.set(py, py.import("builtins")?.getattr("eval")?.unbind());
    Ok(())
}

/// What `like` has made where the interpreter never frees a function: 3.13 without an interpreter lock.
#[cfg(all(Py_GIL_DISABLED, not(Py_3_14)))]
static MADE: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

#[cfg(all(Py_GIL_DISABLED, not(Py_3_14)))]
fn like<'py>(py: Python<'py>, function: &str, parameters: &str) -> PyResult<Owned<'py>> {
    let made = MADE.get_or_try_init(py, || make::dict(py).map(Bound::unbind))?.bind(py);
    let key = make::str(py, &format!("{function} {parameters}"))?;
    if let Some(like) = made.get_item(&key)? {
        return Ok(Owned::new(like));
    }
    let like = make_like(py, function, parameters)?;
    interpreter::set_item(made, key.as_any(), &like)?;
    Ok(like)
}

#[cfg(not(all(Py_GIL_DISABLED, not(Py_3_14))))]
use make_like as like;

/// A Python function of that name with these parameters.
fn make_like<'py>(py: Python<'py>, function: &str, parameters: &str) -> PyResult<Owned<'py>> {
    let source = format!("lambda {parameters}: None");
    let eval = EVAL.get(py).expect("it is there since the module is");
    let (source, globals) = (make::str(py, &source)?, make::dict(py)?);
    let args = make::tuple(py, [source.as_any(), globals.as_any()])?;
    let like = interpreter::call(eval.bind(py), &args)?;
    like.setattr(make::name(py, "__qualname__")?, make::str(py, function)?)?;
    Ok(like)
}

/// The parameters of a method as Python writes them; the first `required` have no default.
#[cold]
pub(crate) fn written(parameters: &[&str], required: usize) -> String {
    let (without, with) = parameters.split_at(required);
    let without = without.iter().map(|name| format!(", {name}"));
    let with = with.iter().map(|name| format!(", {name}=None"));
    std::iter::once("self".to_owned()).chain(without).chain(with).collect()
}

/// [`bind`] for `*args, **kwargs`.
pub(crate) fn bind_init<'py, const N: usize>(
    function: &str,
    parameters: [&str; N],
    required: usize,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
    bind(parameters, required, args.iter(), kwargs.into_iter().flatten())
        .ok_or_else(|| refusal(function, &written(&parameters, required), args, kwargs))
}
