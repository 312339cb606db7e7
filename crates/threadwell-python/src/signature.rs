//! Arguments by position and by name, with the errors of a function written in Python.
//!
//! The classes here are written in Python in the standard library, so that is how they complain.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

/// The arguments of `function(self, …)` with these parameters, the first `required` of which have no
/// default.
pub(crate) fn bind<'py, const N: usize>(
    function: &str,
    parameters: [&str; N],
    required: usize,
    positional: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    named: impl Iterator<Item = (String, Bound<'py, PyAny>)>,
) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
    let error = |what: String| Err(PyTypeError::new_err(format!("{function}() {what}")));
    if positional.len() > N {
        // `self` counts.
        let (least, most, given) = (required + 1, N + 1, positional.len() + 1);
        let takes = match least == most {
            true => format!("{most}"),
            false => format!("from {least} to {most}"),
        };
        let plural = if most == 1 { "" } else { "s" };
        return error(format!("takes {takes} positional argument{plural} but {given} were given"));
    }
    let mut bound = [const { None }; N];
    for (place, value) in bound.iter_mut().zip(positional) {
        *place = Some(value);
    }
    for (name, value) in named {
        let Some(position) = parameters.iter().position(|parameter| *parameter == name) else {
            return error(format!("got an unexpected keyword argument '{name}'"));
        };
        if bound[position].replace(value).is_some() {
            return error(format!("got multiple values for argument '{name}'"));
        }
    }
    let missing = parameters.iter().zip(&bound).take(required).filter(|(_, value)| value.is_none());
    let missing: Vec<String> = missing.map(|(name, _)| format!("'{name}'")).collect();
    if let Some((last, others)) = missing.split_last() {
        let names = match others {
            [] => last.clone(),
            [other] => format!("{other} and {last}"),
            others => format!("{}, and {last}", others.join(", ")),
        };
        let (count, plural) = (missing.len(), if others.is_empty() { "" } else { "s" });
        return error(format!("missing {count} required positional argument{plural}: {names}"));
    }
    Ok(bound)
}

/// The text of an argument's name, which its `__str__` need not tell.
pub(crate) fn text(name: &Bound<'_, PyAny>) -> String {
    // The interpreter lets no other names through.
    name.cast::<PyString>()
        .map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
}

/// [`bind`] for `*args, **kwargs`.
pub(crate) fn bind_init<'py, const N: usize>(
    function: &str,
    parameters: [&str; N],
    required: usize,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
    let named = kwargs.into_iter().flatten().map(|(name, value)| (text(&name), value));
    bind(function, parameters, required, args.iter(), named)
}
