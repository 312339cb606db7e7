//! From Python's `blocking` and `timeout` arguments to deadlines.
//!
//! The arguments that programs pass are understood here. All others are first shown to the
//! interpreter's own lock, whose exceptions then are the right ones in type and wording on every
//! version. Objects that convert themselves are asked once, and what they say is shown and used; those
//! that refuse may be asked again, by the lock.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt};
use threadwell::Deadline;

use crate::interpreter;
use crate::make;
use crate::owned::Owned;
use crate::slots::Arguments;

/// How long an operation may wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Until {
    /// Not at all.
    Now,
    /// That many seconds, more than none.
    Seconds(f64),
    /// Until that moment.
    At(Deadline),
    /// As long as it takes.
    Forever,
}

/// A timeout in seconds that the interpreter's lock is sure to accept; `TIMEOUT_MAX` is above it.
pub(crate) const SURELY_VALID: f64 = 9.0e9;

impl Until {
    pub(crate) fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Now => Some(Deadline::PAST),
            // Rounded up, as CPython does: a wait is never shorter than asked for.
            Self::Seconds(seconds) => {
                Some(Deadline::after(Duration::from_nanos((seconds * 1e9).ceil() as u64)))
            }
            Self::At(deadline) => Some(deadline),
            Self::Forever => None,
        }
    }

    /// The same as a point in time, for several waits in a row.
    pub(crate) fn fixed(self) -> Self {
        self.deadline().map_or(Self::Forever, Self::At)
    }

    fn after(seconds: f64) -> Self {
        if seconds > 0.0 { Self::Seconds(seconds) } else { Self::Now }
    }

    /// The `timeout=None` of `Condition.wait` and `Event.wait`: negative means not at all.
    pub(crate) fn optional(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(timeout) = timeout.filter(|timeout| !timeout.is_none()) else {
            return Ok(Self::Forever);
        };
        if let Some(seconds) = exact_seconds(timeout)
            && seconds <= SURELY_VALID
        {
            return Ok(Self::after(seconds));
        }
        Self::unusual(timeout)
    }

    /// The `timeout=None` of operations that the standard library adds to the present time first:
    /// `Semaphore.acquire`, `Barrier.wait` and `Condition.wait_for`.
    pub(crate) fn from_now(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        Self::check_sum(timeout)?;
        Self::optional(timeout)
    }

    /// What goes wrong already when the timeout is added to the present time.
    pub(crate) fn check_sum(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(timeout) = timeout
            && exact_seconds(timeout).is_none()
        {
            let now = make::float(timeout.py(), 0.0)?;
            interpreter::add(now.as_any(), timeout)?;
        }
        Ok(())
    }

    #[cold]
    fn unusual(timeout: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = timeout.py();
        let zero = 0_i32.into_pyobject(py)?;
        // What is neither, as no number, is left to the lock to refuse from 3.14 on.
        let has_passed = if cfg!(Py_3_14) {
            interpreter::less_or_equal(timeout, zero.as_any())?
        } else {
            !interpreter::greater(timeout, zero.as_any())?
        };
        if has_passed {
            return Ok(Self::Now);
        }
        let timeout = plain(timeout)?;
        let args = make::tuple(py, [PyBool::new(py, true).as_any(), &timeout])?;
        interpreter::call(&*reference_acquire(py)?, &args)?;
        Ok(Self::after(timeout.extract()?))
    }
}

/// A timeout as the interpreter's lock reads it, as a `float` or `int` that nobody has changed; what is
/// none as it is, for the lock to refuse.
fn plain<'py>(timeout: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = timeout.py();
    if let Ok(float) = timeout.cast::<PyFloat>() {
        Ok(make::float(py, float.value())?.into_any())
    } else if interpreter::is_index(timeout) {
        match interpreter::index(timeout) {
            // In the words of 3.14's lock, which asks again, the reason is left out.
            Err(error) if cfg!(Py_3_14) && error.is_instance_of::<PyTypeError>(py) => {
                Ok(timeout.clone())
            }
            index => index,
        }
    } else if cfg!(Py_3_15) {
        // Any real number.
        Ok(make::float(py, interpreter::as_f64(timeout)?)?.into_any())
    } else {
        Ok(timeout.clone())
    }
}

/// The value of a plain `float` or `int` that is a finite number.
#[inline]
pub(crate) fn exact_seconds(timeout: &Bound<'_, PyAny>) -> Option<f64> {
    let seconds = if let Ok(float) = timeout.cast_exact::<PyFloat>() {
        float.value()
    } else {
        interpreter::extract(timeout.cast_exact::<PyInt>().ok()?)?
    };
    (!seconds.is_nan()).then_some(seconds)
}

/// The `blocking=True, timeout=-1` of `Lock.acquire` and `RLock.acquire`.
///
/// `names` are the names of the last values of `args`, as in a vectorcall.
#[inline]
pub(crate) fn of_acquire<'py>(args: &Arguments<'py>) -> PyResult<Until> {
    of_synonym(args, "acquire")
}

/// The same for a method of that name.
#[inline]
pub(crate) fn of_synonym<'py>(args: &Arguments<'py>, method: &str) -> PyResult<Until> {
    match (args.positional(), args.names()) {
        ([], None) => return Ok(Until::Forever),
        ([blocking], None) => {
            if let Ok(blocking) = blocking.cast_exact::<PyBool>() {
                return Ok(if blocking.is_true() { Until::Forever } else { Until::Now });
            }
        }
        _ => {}
    }
    of_acquire_unusual(args, method)
}

fn of_acquire_unusual(args: &Arguments<'_>, method: &str) -> PyResult<Until> {
    let (blocking, timeout) = (args.get(0, "blocking"), args.get(1, "timeout"));
    let known = usize::from(blocking.is_some()) + usize::from(timeout.is_some());
    let blocking_flag = match &blocking {
        None => Some(true),
        Some(value) => value.cast_exact::<PyBool>().ok().map(PyBoolMethods::is_true),
    };
    let seconds = match &timeout {
        None => Some(-1.0),
        Some(value) => exact_seconds(value),
    };
    if known == args.len()
        && let (Some(blocking), Some(seconds)) = (blocking_flag, seconds)
    {
        if blocking && seconds == -1.0 {
            return Ok(Until::Forever);
        }
        if !blocking && seconds == -1.0 {
            return Ok(Until::Now);
        }
        if blocking && (0.0..=SURELY_VALID).contains(&seconds) {
            return Ok(Until::after(seconds));
        }
    }
    let (py, reference) = (args.py(), reference_acquire(args.py())?);
    if known != args.len() {
        // It says what is wrong with them.
        args.show_to(&*reference_method(args.py(), method)?)?;
    }
    let blocking = match blocking {
        None => true.into_pyobject(py)?.to_owned().into_any(),
        // Up to 3.11 it is a number, not a truth.
        Some(blocking) if cfg!(not(Py_3_12)) => {
            let blocking = interpreter::index(&blocking)?;
            // It is looked at before the timeout is.
            let args = make::tuple(py, [&blocking])?;
            interpreter::call(&*reference_acquire(py)?, &args)?;
            blocking
        }
        Some(blocking) => interpreter::is_true(&blocking)?.into_pyobject(py)?.to_owned().into_any(),
    };
    let timeout = match timeout {
        None => (-1_i32).into_pyobject(py)?.into_any(),
        Some(timeout) => plain(&timeout)?,
    };
    let args = make::tuple(py, [&blocking, &timeout])?;
    interpreter::call(&reference, &args)?;
    Ok(match (blocking.is_truthy()?, timeout.extract()?) {
        (false, _) => Until::Now,
        (true, -1.0) => Until::Forever,
        (true, seconds) => Until::after(seconds),
    })
}

/// What makes the interpreter's own locks. Programs may put threadwell's into its place.
static LOCK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The interpreter's `Lock`: a class, or a function up to 3.12.
pub(crate) fn interpreters_lock(py: Python<'_>) -> &Bound<'_, PyAny> {
    LOCK.get(py).expect("it is there since the module is").bind(py)
}

/// `acquire` of a free lock of the interpreter's own.
fn reference_acquire(py: Python<'_>) -> PyResult<Owned<'_>> {
    reference_method(py, "acquire")
}

/// A method of a free lock of the interpreter's own.
fn reference_method<'py>(py: Python<'py>, method: &str) -> PyResult<Owned<'py>> {
    interpreter::getattr(&*interpreter::call0(interpreters_lock(py))?, method)
}

/// Remembers what the interpreter has.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    let name = if cfg!(Py_3_13) { "lock" } else { "allocate_lock" };
    let _ = LOCK.set(py, py.import("_thread")?.getattr(name)?.unbind());
    Ok(())
}
