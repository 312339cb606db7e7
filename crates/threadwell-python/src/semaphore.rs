//! `threading.Semaphore` and `threading.BoundedSemaphore`.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use threadwell::Semaphore;

use crate::slots::{self, Arguments, fastcall};
use crate::timeout::Until;
use crate::whole::whole;
use crate::{blocking, error, interpreter, make, signature};

const ACQUIRE_DOC: &CStr = c"acquire($self, /, blocking=True, timeout=None)
--

Take a permit and return whether that succeeded.

Args:
    blocking: Whether to wait while there is no permit. If false, return at once.
    timeout: Seconds to wait at most. None waits without limit.

Returns:
    True if a permit was taken, False if not (in time).

Raises:
    ValueError: A timeout together with ``blocking=False``.
    OverflowError: ``timeout`` exceeds ``TIMEOUT_MAX``.

A permit goes to whoever asks first, but a thread that has waited for a millisecond is given one by
the next release.";

const RELEASE_DOC: &CStr = c"release($self, /, n=1)
--

Add ``n`` permits and wake as many threads that wait for one.

Raises:
    ValueError: ``n`` is less than one, or a bounded semaphore would have more permits than it began
        with; nothing has changed then.

Safe to call from ``__del__``, weak reference callbacks and signal handlers.";

/// A counter of permits: `acquire` takes one and waits while there is none, `release` adds some.
///
/// Args:
///     value: How many permits there are at first.
///
/// Raises:
///     ValueError: `value` is negative.
#[pyclass(name = "Semaphore", module = "threading", frozen, subclass, dict, weakref)]
pub(crate) struct PySemaphore {
    semaphore: Semaphore,
    /// How many permits there may be; `usize::MAX` if that is not bounded.
    limit: AtomicUsize,
}

impl Default for PySemaphore {
    fn default() -> Self {
        Self { semaphore: Semaphore::new(1), limit: AtomicUsize::new(usize::MAX) }
    }
}

#[pymethods]
impl PySemaphore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(value=1)")]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        self.semaphore.reinit(initial_permits("Semaphore.__init__", args, kwargs)?);
        Ok(())
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let class = interpreter::class_name(slf)?;
        let value = slf.get().semaphore.permits();
        let limit = match slf.get().limit.load(Relaxed) {
            usize::MAX => String::new(),
            limit => format!("/{limit}"),
        };
        make::str(slf.py(), &format!("<{class} at {:p}: value={value}{limit}>", slf.as_ptr()))
    }
}

/// What `__init__` was given, or one.
fn initial_permits(
    init: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<usize> {
    let [value] = signature::bind_init(init, ["value"], 0, args, kwargs)?;
    value.as_ref().map_or(Ok(1), permits)
}

/// A number of permits, with the interpreter's errors for what is none.
fn permits(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    if interpreter::less(value, 0_i32.into_pyobject(value.py())?.as_any())? {
        return Err(error::negative_semaphore());
    }
    let permits = whole(value)?.filter(|permits| *permits <= Semaphore::MAX_PERMITS);
    permits.ok_or_else(error::too_many_permits)
}

/// A semaphore that refuses to hold more permits than it began with.
///
/// Args:
///     value: How many permits there are, at first and at most.
///
/// Raises:
///     ValueError: `value` is negative.
#[pyclass(name = "BoundedSemaphore", module = "threading", extends = PySemaphore, frozen, subclass)]
#[derive(Default)]
pub(crate) struct PyBoundedSemaphore {}

#[pymethods]
impl PyBoundedSemaphore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(value=1)")]
    fn new(
        _args: &Bound<'_, PyAny>,
        _kwargs: Option<&Bound<'_, PyAny>>,
    ) -> PyClassInitializer<Self> {
        bounded()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let limit = initial_permits("BoundedSemaphore.__init__", args, kwargs)?;
        let this = slf.as_super().get();
        // Without a bound while it changes: the old one says nothing about the new count.
        this.limit.store(usize::MAX, Relaxed);
        this.semaphore.reinit(limit);
        this.limit.store(limit, Relaxed);
        Ok(())
    }

    #[getter]
    fn _initial_value(slf: &Bound<'_, Self>) -> usize {
        slf.as_super().get().limit.load(Relaxed)
    }
}

fn bounded() -> PyClassInitializer<PyBoundedSemaphore> {
    let base = PySemaphore { semaphore: Semaphore::new(1), limit: AtomicUsize::new(1) };
    PyClassInitializer::from(base).add_subclass(PyBoundedSemaphore {})
}

fn acquire<'py>(slf: &Bound<'py, PySemaphore>, args: &Arguments<'py>) -> PyResult<bool> {
    let semaphore = &slf.get().semaphore;
    let [blocking, timeout] = args.bind("Semaphore.acquire", ["blocking", "timeout"], 0)?;
    let timeout = timeout.filter(|timeout| !timeout.is_none());
    let blocking = blocking.as_ref().map_or(Ok(true), interpreter::is_true)?;
    if !blocking && timeout.is_some() {
        return Err(error::timeout_for_nonblocking_acquire());
    }
    if semaphore.try_acquire() {
        return Ok(true);
    }
    if !blocking {
        return Ok(false);
    }
    acquire_contended(slf, timeout.as_ref())
}

#[cold]
fn acquire_contended<'py>(
    slf: &Bound<'py, PySemaphore>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<bool> {
    blocking::acquire(slf.py(), &slf.get().semaphore, Until::from_now(timeout)?)
}

fn release<'py>(slf: &Bound<'py, PySemaphore>, args: &Arguments<'py>) -> PyResult<()> {
    let [n] = args.bind("Semaphore.release", ["n"], 0)?;
    release_permits(slf, n)
}

fn release_bounded<'py>(
    slf: &Bound<'py, PyBoundedSemaphore>,
    args: &Arguments<'py>,
) -> PyResult<()> {
    let [n] = args.bind("BoundedSemaphore.release", ["n"], 0)?;
    release_permits(slf.as_super(), n)
}

#[inline]
fn release_permits(slf: &Bound<'_, PySemaphore>, n: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    match n {
        None => release_many(slf, 1),
        Some(n) => {
            if interpreter::less(&n, 1_i32.into_pyobject(slf.py())?.as_any())? {
                return Err(error::nothing_to_release());
            }
            // What no semaphore can hold is too many in any case.
            release_many(slf, whole(&n)?.unwrap_or(usize::MAX))
        }
    }
}

#[inline]
fn release_many(slf: &Bound<'_, PySemaphore>, n: usize) -> PyResult<()> {
    let this = slf.get();
    match this.semaphore.release_within(n, this.limit.load(Relaxed)) {
        Ok(wakes) => {
            blocking::wake(slf.py(), wakes);
            Ok(())
        }
        Err(_) if this.limit.load(Relaxed) == usize::MAX => Err(error::too_many_permits()),
        Err(_) => Err(error::released_too_many_times()),
    }
}

fn exit<'py>(slf: &Bound<'py, PySemaphore>, args: &Arguments<'py>) -> PyResult<()> {
    if args.positional().len() != 3 || args.names().is_some() {
        let [_, _, _] = args.bind("Semaphore.__exit__", ["t", "v", "tb"], 3)?;
    }
    if slots::is_plain(slf) || slf.cast::<PyBoundedSemaphore>().is_ok_and(slots::is_plain) {
        return release_many(slf, 1);
    }
    // There may be another release.
    interpreter::call0(&*interpreter::getattr(slf, "release")?).map(drop)
}

fn value(slf: &Bound<'_, PySemaphore>) -> usize {
    slf.get().semaphore.permits()
}

/// Puts the hot methods into the classes.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PySemaphore>(py);
    slots::install_dealloc::<PyBoundedSemaphore>(py);
    slots::install_constructor(py, |_| Ok(PySemaphore::default()));
    slots::install_constructor(py, |_| Ok(bounded()));
    slots::install_getter(py, c"_value", c"How many permits there are.", value)?;
    slots::install::<PySemaphore>(
        py,
        [
            fastcall(c"acquire", ACQUIRE_DOC, acquire),
            fastcall(c"release", RELEASE_DOC, release),
            fastcall(c"__enter__", ACQUIRE_DOC, acquire),
            fastcall(
                c"__exit__",
                c"__exit__($self, /, t, v, tb)\n--\n\nGive the permit back.",
                exit,
            ),
        ],
    )?;
    // All other methods are inherited: programs may put some of their own in between.
    slots::install::<PyBoundedSemaphore>(py, [fastcall(c"release", RELEASE_DOC, release_bounded)])
}
