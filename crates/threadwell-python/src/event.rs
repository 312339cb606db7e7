//! `threading.Event`.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use threadwell::Event;

use crate::slots::{self, Arguments, fastcall, nullary};
use crate::timeout::Until;
use crate::{blocking, deprecated, interpreter, make, signature};

const WAIT_DOC: &CStr = c"wait($self, /, timeout=None)
--

Block until the flag is up, or until ``timeout`` seconds have passed.

Args:
    timeout: Seconds to wait. None waits without limit.

Returns:
    True if the flag went up, even if it was lowered again since; False on timeout.

Raises:
    OverflowError: ``timeout`` exceeds ``TIMEOUT_MAX``.

Example:
    >>> ready = Event()
    >>> ready.wait(timeout=0.01)
    False";

const IS_SET_DOC: &CStr = c"is_set($self, /)\n--\n\nWhether the flag is up.";

const IS_SET_CAMEL_CASE_DOC: &CStr = c"isSet($self, /)\n--\n\nUse `is_set()`.";

const CLEAR_DOC: &CStr = c"clear($self, /)\n--\n\nLower the flag.";

const SET_DOC: &CStr = c"set($self, /)
--

Raise the flag and wake every thread that waits for it.

Safe to call from ``__del__``, weak reference callbacks and signal handlers.";

/// A flag that threads can wait for. It is down at first.
#[pyclass(name = "Event", module = "threading", frozen, subclass, dict, weakref)]
#[derive(Default)]
pub(crate) struct PyEvent {
    pub(crate) event: Event,
}

#[pymethods]
impl PyEvent {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let [] = signature::bind_init("Event.__init__", [], 0, args, kwargs)?;
        // It may be called again.
        self.event.clear();
        Ok(())
    }

    /// Nothing has to be done for an event in the child of a fork.
    fn _at_fork_reinit(&self) {}

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let class = interpreter::class_name(slf)?;
        let status = if slf.get().event.is_set() { "set" } else { "unset" };
        make::str(slf.py(), &format!("<{class} at {:p}: {status}>", slf.as_ptr()))
    }
}

fn is_set(slf: &Bound<'_, PyEvent>) -> bool {
    slf.get().event.is_set()
}

fn is_set_camel_case(slf: &Bound<'_, PyEvent>) -> PyResult<bool> {
    deprecated::warn(slf.py(), "isSet", "is_set")?;
    Ok(is_set(slf))
}

fn set(slf: &Bound<'_, PyEvent>) {
    let event = &slf.get().event;
    // With an interpreter lock, whoever sees the flag has what was written before it was raised.
    if cfg!(Py_GIL_DISABLED) || !event.is_set() {
        blocking::wake(slf.py(), event.set_deferred());
    }
}

/// What a new thread, or what is left of it, does to the flag that its starter waits for.
///
/// Unlike [`set`], this does not let go of the interpreter to wake the starter. That would hand the
/// interpreter over to it, only for it to wait again, for the thread's end or its result. As the
/// callback of a weak reference to what the thread was to call, it is given the reference, and needs no
/// memory: it wakes the starter of a thread that could not so much as begin.
fn announce<'py>(slf: &Bound<'py, PyEvent>, _: &Arguments<'py>) {
    slf.get().event.set();
}

fn clear(slf: &Bound<'_, PyEvent>) {
    slf.get().event.clear();
}

fn wait<'py>(slf: &Bound<'py, PyEvent>, args: &Arguments<'py>) -> PyResult<bool> {
    let event = &slf.get().event;
    let [timeout] = args.bind("Event.wait", ["timeout"], 0)?;
    if event.is_set() {
        return Ok(true);
    }
    let until = Until::optional(timeout.as_ref())?;
    blocking::wait(slf.py(), until, |deadline, on_signal| event.wait_with(deadline, on_signal))
}

/// Puts the hot methods into the class.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PyEvent>(py);
    slots::install_constructor(py, |_| Ok(PyEvent::default()));
    slots::install_getter(py, c"_flag", c"Whether the flag is up.", is_set)?;
    slots::install::<PyEvent>(
        py,
        [
            nullary!(c"is_set", IS_SET_DOC, "Event.is_set", is_set),
            nullary!(c"isSet", IS_SET_CAMEL_CASE_DOC, "Event.isSet", is_set_camel_case),
            nullary!(c"set", SET_DOC, "Event.set", set),
            nullary!(c"clear", CLEAR_DOC, "Event.clear", clear),
            fastcall(c"wait", WAIT_DOC, wait),
            fastcall(
                c"_tw_announce",
                c"_tw_announce($self, /, *args)\n--\n\nFor threads alone.",
                announce,
            ),
        ],
    )
}
