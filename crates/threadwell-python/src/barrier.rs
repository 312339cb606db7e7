//! `threading.Barrier`.

use std::ffi::CStr;

use pyo3::exceptions::{PyOverflowError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use threadwell::{Arrival, Barrier, LastArrival};

use crate::init_once::InitOnce;
use crate::interpreter::{self, ForeignRef};
use crate::slots::{self, Arguments, NumberMember, fastcall, nullary};
use crate::timeout::Until;
use crate::whole::whole;
use crate::{blocking, error, make, signature};

const WAIT_DOC: &CStr = c"wait($self, /, timeout=None)
--

Wait until all parties are here.

Args:
    timeout: Seconds to wait. None takes the barrier's own timeout.

Returns:
    A number that is different for each party, from 0 to ``parties - 1``.

Raises:
    BrokenBarrierError: The barrier is broken, or was broken or reset meanwhile. A timeout that
        passes breaks it for everyone.";

const RESET_DOC: &CStr = c"reset($self, /)
--

Return to the first, empty state; threads that wait get `BrokenBarrierError`.";

const ABORT_DOC: &CStr = c"abort($self, /)
--

Break the barrier: every wait, present and future, gets `BrokenBarrierError`.";

/// A meeting point for a fixed number of threads, used again and again.
///
/// Args:
///     parties: How many threads have to arrive.
///     action: Called by the last of them to arrive, before any goes on.
///     timeout: Seconds that `wait` waits if it is not told otherwise. None waits without limit.
///
/// Raises:
///     ValueError: `parties` is less than one.
#[pyclass(name = "Barrier", module = "threading", frozen, subclass, dict, weakref)]
#[derive(Default)]
pub(crate) struct PyBarrier {
    parts: InitOnce<Parts>,
    parties: NumberMember,
}

/// What `__init__` makes.
struct Parts {
    barrier: Barrier,
    action: Option<ForeignRef>,
    timeout: Option<ForeignRef>,
}

impl Parts {
    fn objects(&self) -> impl Iterator<Item = &ForeignRef> {
        self.action.iter().chain(&self.timeout)
    }
}

#[pymethods]
impl PyBarrier {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(parties, action=None, timeout=None)")]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let names = ["parties", "action", "timeout"];
        let [parties, action, timeout] =
            signature::bind_init("Barrier.__init__", names, 1, args, kwargs)?;
        let given = |value: Option<Bound<'_, PyAny>>| {
            value.filter(|value| !value.is_none()).map(|value| ForeignRef::new(value.unbind()))
        };
        // Bound: it is required.
        let Some(parties) = parties else { return Ok(()) };
        if interpreter::less(&parties, 1_i32.into_pyobject(slf.py())?.as_any())? {
            return Err(error::too_few_parties(slf.py()));
        }
        let parties = whole(&parties)?
            .ok_or_else(|| make::error::<PyOverflowError>("too many parties for a barrier"))?;
        let parts = Parts {
            barrier: Barrier::new(parties),
            action: given(action),
            timeout: given(timeout),
        };
        let parties = make::int(slf.py(), parts.barrier.parties() as u64)?;
        slf.get().parts.set(parts).map_err(|_| {
            make::error::<PyRuntimeError>("a barrier keeps the parties it was initialised with")
        })?;
        slf.get().parties.set(parties);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let parts = self.parts.visit();
        parts.into_iter().flat_map(Parts::objects).try_for_each(|object| object.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.parts.visit().into_iter().flat_map(Parts::objects).for_each(|object| object.clear(py));
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let (class, barrier) = (interpreter::class_name(slf)?, &parts(slf)?.barrier);
        let state = match barrier.is_broken() {
            true => "broken".to_owned(),
            false => format!("waiters={}/{}", barrier.waiting(), barrier.parties()),
        };
        make::str(slf.py(), &format!("<{class} at {:p}: {state}>", slf.as_ptr()))
    }
}

fn parts<'a>(slf: &'a Bound<'_, PyBarrier>) -> PyResult<&'a Parts> {
    slf.get().parts.get().ok_or_else(|| error::missing_attribute("Barrier", "_parties"))
}

fn reset(slf: &Bound<'_, PyBarrier>) -> PyResult<()> {
    blocking::wake(slf.py(), parts(slf)?.barrier.reset_deferred());
    Ok(())
}

fn abort(slf: &Bound<'_, PyBarrier>) -> PyResult<()> {
    blocking::wake(slf.py(), parts(slf)?.barrier.abort_deferred());
    Ok(())
}

fn n_waiting(slf: &Bound<'_, PyBarrier>) -> PyResult<usize> {
    Ok(parts(slf)?.barrier.waiting())
}

fn broken(slf: &Bound<'_, PyBarrier>) -> PyResult<bool> {
    Ok(parts(slf)?.barrier.is_broken())
}

fn wait<'py>(slf: &Bound<'py, PyBarrier>, args: &Arguments<'py>) -> PyResult<usize> {
    let [timeout] = args.bind("Barrier.wait", ["timeout"], 0)?;
    let (py, parts) = (slf.py(), parts(slf)?);
    match parts.barrier.try_arrive() {
        Some(Ok(last)) => return finish_round(py, parts, last),
        Some(Err(_)) => return Err(error::broken_barrier()),
        None => {}
    }
    let own = || parts.timeout.as_ref().map(|timeout| timeout.get(py));
    let timeout = timeout.filter(|timeout| !timeout.is_none()).or_else(own);
    let until = Until::from_now(timeout.as_ref())?;
    let arrived = blocking::sleep(py, until, |deadline, on_signal| {
        parts.barrier.arrive(deadline, on_signal)
    })?;
    match arrived {
        Ok(Arrival::Passed(index)) => Ok(index),
        Ok(Arrival::Last(last)) => finish_round(py, parts, last),
        Err(_) => Err(error::broken_barrier()),
    }
}

/// Runs the action, and lets the others go. If the action raises, the barrier is broken.
fn finish_round(py: Python<'_>, parts: &Parts, last: LastArrival<'_>) -> PyResult<usize> {
    if let Some(action) = &parts.action {
        let action = action.get(py);
        if interpreter::is_true(&action)? {
            interpreter::call0(&action)?;
        }
    }
    match last.pass() {
        Ok((index, wakes)) => {
            blocking::wake(py, wakes);
            Ok(index)
        }
        Err(_) => Err(error::broken_barrier()),
    }
}

/// Puts the hot methods into the class.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PyBarrier>(py);
    let waiting = c"How many threads wait at this moment for others to arrive.";
    let example = Bound::new(py, PyBarrier::default())?;
    let (names, doc) = ([c"parties", c"_parties"], c"How many threads have to arrive.");
    slots::install_member(&example, &example.get().parties, &names, doc)?;
    slots::install_getter(py, c"n_waiting", waiting, n_waiting)?;
    slots::install_getter(py, c"broken", c"Whether the barrier is broken.", broken)?;
    slots::install::<PyBarrier>(
        py,
        [
            fastcall(c"wait", WAIT_DOC, wait),
            nullary!(c"reset", RESET_DOC, "Barrier.reset", reset),
            nullary!(c"abort", ABORT_DOC, "Barrier.abort", abort),
        ],
    )
}
