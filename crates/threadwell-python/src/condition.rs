//! `threading.Condition`.

use std::ffi::CStr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};
use threadwell::{Condition, ConditionLock, WaitOutcome, resume};

use crate::init_once::InitOnce;
use crate::interpreter;
use crate::owned::Owned;
use crate::slots::{self, Arguments, fastcall, nullary};
use crate::timeout::Until;
use crate::underlying::Underlying;
use crate::{blocking, deprecated, error, make, signature};

const WAIT_DOC: &CStr = c"wait($self, /, timeout=None)
--

Release the lock, wait to be notified, and acquire the lock again.

The lock is released entirely, also one that was acquired several times, and is held again as before
when this returns or raises.

Args:
    timeout: Seconds to wait to be notified. None waits without limit.

Returns:
    True if notified, False on timeout.

Raises:
    RuntimeError: The calling thread does not hold the lock.
    OverflowError: ``timeout`` exceeds ``TIMEOUT_MAX``.";

const WAIT_FOR_DOC: &CStr = c"wait_for($self, /, predicate, timeout=None)
--

Wait until `predicate` is true; return its last value.

Args:
    predicate: Called with the lock held, at first and after every notification.
    timeout: Seconds to wait in all. None waits without limit.

Returns:
    The last value of `predicate`, which is false only on timeout.

Raises:
    RuntimeError: The calling thread does not hold the lock, and would have to wait.";

const RELEASE_SAVE_DOC: &CStr = c"_release_save($self, /)
--

Release the lock entirely; return what _acquire_restore needs.";

const ACQUIRE_RESTORE_DOC: &CStr = c"_acquire_restore($self, /, x)
--

Acquire the lock as it was held before _release_save.";

const NOTIFY_DOC: &CStr = c"notify($self, /, n=1)
--

Notify the ``n`` threads that have waited longest, or as many as there are.

They go on when they have the lock, so not before the caller releases it.

Raises:
    RuntimeError: The calling thread does not hold the lock.";

const NOTIFY_ALL_DOC: &CStr = c"notify_all($self, /)
--

Notify every thread that waits.

Raises:
    RuntimeError: The calling thread does not hold the lock.";

/// Threads that wait, with a lock let go of, to be notified.
///
/// Args:
///     lock: A `Lock`, an `RLock`, or any object with their methods. None makes a new `RLock`.
#[pyclass(name = "Condition", module = "threading", frozen, subclass, dict, weakref)]
#[derive(Default)]
pub(crate) struct PyCondition {
    condition: Condition,
    lock: InitOnce<Underlying>,
}

#[pymethods]
impl PyCondition {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(lock=None)")]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __init__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let [lock] = signature::bind_init("Condition.__init__", ["lock"], 0, args, kwargs)?;
        let lock = match lock.filter(|lock| !lock.is_none()) {
            Some(lock) => Underlying::new(&lock)?,
            None => Underlying::rlock(slf.py())?,
        };
        slf.get().lock.set(lock).map_err(|_| {
            make::error::<PyRuntimeError>("a condition keeps the lock it was initialised with")
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.lock.visit().map_or(Ok(()), |lock| lock.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        if let Some(lock) = self.lock.visit() {
            lock.clear(py);
        }
    }

    #[getter]
    fn _lock<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Ok(underlying(slf)?.object(slf.py()))
    }

    /// One entry for each thread that waits.
    #[getter]
    fn _waiters<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        make::list(slf.py(), slf.get().condition.waiting())
    }

    /// Free the lock in the child of a fork, whoever held it in the parent, and forget who waited there.
    fn _at_fork_reinit(slf: &Bound<'_, Self>) -> PyResult<()> {
        let lock = underlying(slf)?.object(slf.py());
        interpreter::call0(&*interpreter::getattr(&lock, "_at_fork_reinit")?)?;
        // Nobody is notified; the count is that of this process afterwards.
        drop(slf.get().condition.notify_released(0));
        Ok(())
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let lock = underlying(slf)?.object(slf.py());
        let (lock, waiting) = (interpreter::str(&lock)?, slf.get().condition.waiting());
        make::str(slf.py(), &format!("<Condition({lock}, {waiting})>"))
    }
}

fn underlying<'a>(slf: &'a Bound<'_, PyCondition>) -> PyResult<&'a Underlying> {
    slf.get().lock.get().ok_or_else(|| error::missing_attribute("Condition", "_lock"))
}

fn acquire<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<Py<PyAny>> {
    Ok(underlying(slf)?.acquire(args)?.unbind())
}

fn release<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<()> {
    let lock = underlying(slf)?;
    match args.len() {
        0 => lock.release(slf.py()),
        // The lock says what is wrong with them, if anything is.
        _ => args.show_to(&*interpreter::getattr(&lock.object(slf.py()), "release")?).map(drop),
    }
}

fn locked<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<Py<PyAny>> {
    let lock = underlying(slf)?;
    let locked = match args.len() {
        0 => lock.locked(slf.py())?,
        // The lock says what is wrong with them, if anything is.
        _ => {
            let method = interpreter::getattr(&lock.object(slf.py()), "locked")?;
            args.show_to(&method)?.into_bound()
        }
    };
    Ok(locked.unbind())
}

fn enter<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<Py<PyAny>> {
    let [] = args.bind("Condition.__enter__", [], 0)?;
    Ok(underlying(slf)?.enter(slf.py())?.unbind())
}

fn exit<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<Py<PyAny>> {
    if args.names().is_some() {
        return Err(args.refusal("Condition.__exit__", "self, *args"));
    }
    Ok(underlying(slf)?.exit(args)?.unbind())
}

fn wait<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<bool> {
    let [timeout] = args.bind("Condition.wait", ["timeout"], 0)?;
    check_owned(slf, error::wait_on_unacquired_lock)?;
    wait_until(slf, Until::optional(timeout.as_ref())?)
}

/// `wait` until `predicate` is true.
fn wait_for<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<Py<PyAny>> {
    let [predicate, timeout] = args.bind("Condition.wait_for", ["predicate", "timeout"], 1)?;
    // Bound: it is required.
    let Some(predicate) = predicate else { return Ok(slf.py().None()) };
    let (py, timeout) = (slf.py(), timeout.filter(|timeout| !timeout.is_none()));
    let mut until = None;
    loop {
        let result = interpreter::call0(&predicate)?;
        if interpreter::is_true(&result)? {
            return Ok(result.into_bound().unbind());
        }
        match until {
            // The first wait happens whatever the timeout is, as in the standard library.
            None => {
                Until::check_sum(timeout.as_ref())?;
                if slots::is_plain(slf) {
                    check_owned(slf, error::wait_on_unacquired_lock)?;
                }
                let first = Until::optional(timeout.as_ref())?.fixed();
                until = Some(first);
                wait_again(slf, first, || Ok(timeout.clone()))?;
            }
            Some(Until::At(deadline)) if deadline.has_passed() => {
                return Ok(result.into_bound().unbind());
            }
            Some(later) => wait_again(slf, later, || remaining(py, later))?,
        }
    }
}

fn is_owned(slf: &Bound<'_, PyCondition>) -> PyResult<bool> {
    underlying(slf)?.is_owned(slf.py())
}

fn release_save(slf: &Bound<'_, PyCondition>) -> PyResult<Py<PyAny>> {
    Ok(underlying(slf)?.release_save(slf.py())?.get(slf.py()).unbind())
}

fn acquire_restore<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<()> {
    match args.bind("Condition._acquire_restore", ["x"], 1)? {
        [Some(state)] => underlying(slf)?.acquire_restore(slf.py(), &state),
        [None] => Ok(()),
    }
}

fn check_owned(slf: &Bound<'_, PyCondition>, error: fn() -> PyErr) -> PyResult<()> {
    if underlying(slf)?.is_owned(slf.py())? { Ok(()) } else { Err(error()) }
}

/// Waits with the lock held, which has been checked.
fn wait_until(slf: &Bound<'_, PyCondition>, until: Until) -> PyResult<bool> {
    let (py, condition) = (slf.py(), &slf.get().condition);
    let waited = match underlying(slf)? {
        Underlying::Lock(lock) => wait_with(py, condition, &lock.get().lock, until),
        Underlying::RLock(lock) => wait_with(py, condition, &lock.get().lock, until),
        lock @ Underlying::Foreign(_) => wait_with_foreign(py, condition, lock, until),
    };
    // Signals that came while the lock was awaited: their handlers run now that it is held.
    waited.map_err(|error| interpreter::check_signals_after(py, error))
}

/// Waits with a lock of ours.
///
/// Once woken, the thread attaches to the interpreter first and takes the lock afterwards. The other
/// way round it would hold the lock while it waits for the interpreter, and whoever runs meets a held
/// lock at its next operation: every hand-over would cost a switch.
fn wait_with<L: ConditionLock + Sync>(
    py: Python<'_>,
    condition: &Condition,
    lock: &L,
    until: Until,
) -> PyResult<bool> {
    let deadline = until.deadline();
    interpreter::before_wait(py)?;
    let (waited, mut handled) =
        blocking::detached(py, |on_signal| condition.wait_unlocked(lock, deadline, on_signal));
    let mut waited = waited.map_err(|_| error::wait_on_unacquired_lock())?;
    let outcome = loop {
        waited = match waited.try_reacquire() {
            Ok(outcome) => break outcome,
            Err(waited) => waited,
        };
        // A signal that arrived while the thread waited for the interpreter ends no sleep.
        if handled.is_ok() {
            handled = interpreter::check_signals(py);
        }
        // Whatever a handler raises, the caller is owed the lock: a `with` block is going to release
        // it. No other handler runs before that: there is room for one exception.
        let waited = &mut waited;
        match handled {
            Ok(()) => handled = blocking::detached(py, |s| waited.await_turn(s)).1,
            Err(_) => py.detach(|| waited.await_turn(&mut resume)),
        }
    };
    if handled.is_err() && outcome == WaitOutcome::Ready {
        // Notified, but about to do something else: the next waiter is to see to it.
        let _ = condition.notify(lock, 1);
    }
    handled.map(|()| outcome == WaitOutcome::Ready)
}

/// Waits with a lock of another make, which has its own way to be released and acquired.
fn wait_with_foreign(
    py: Python<'_>,
    condition: &Condition,
    lock: &Underlying,
    until: Until,
) -> PyResult<bool> {
    let mut released = None;
    let outcome = {
        let released = &mut released;
        blocking::sleep(py, until, move |deadline, on_signal| {
            let release = || interpreter::attached(|py| lock.release_save(py));
            condition.wait_released(|| released.insert(release()).is_ok(), deadline, on_signal)
        })
    };
    // None if a signal handler raised before the wait began.
    if let Some(state) = released {
        let state = state?;
        let acquire = || lock.acquire_restore(py, &state.get(py));
        match &outcome {
            Ok(_) => acquire()?,
            Err(error) => interpreter::while_handling(py, error, acquire)?,
        }
    }
    outcome.map(|outcome| outcome == WaitOutcome::Ready)
}

/// `self.wait(timeout)`, which a subclass or the object may have written anew; `until` is the same.
fn wait_again<'py>(
    slf: &Bound<'py, PyCondition>,
    until: Until,
    timeout: impl FnOnce() -> PyResult<Option<Bound<'py, PyAny>>>,
) -> PyResult<()> {
    if slots::is_plain(slf) {
        check_owned(slf, error::wait_on_unacquired_lock)?;
        return wait_until(slf, until).map(drop);
    }
    let timeout = timeout()?;
    let none = slf.py().None();
    let timeout = timeout.as_ref().unwrap_or_else(|| none.bind(slf.py()));
    let args = make::tuple(slf.py(), [timeout])?;
    interpreter::call(&*interpreter::getattr(slf, "wait")?, &args).map(drop)
}

/// The seconds that are left; None without limit.
fn remaining(py: Python<'_>, until: Until) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Until::At(deadline) = until else { return Ok(None) };
    Ok(Some(make::float(py, deadline.remaining().as_secs_f64())?.into_any()))
}

fn notify<'py>(slf: &Bound<'py, PyCondition>, args: &Arguments<'py>) -> PyResult<()> {
    if args.len() == 0 {
        return notify_waiters(slf, 1);
    }
    let [n] = args.bind("Condition.notify", ["n"], 0)?;
    let n = match n {
        None => 1,
        Some(n) => {
            check_owned(slf, error::notify_on_unacquired_lock)?;
            match n.cast_exact::<PyInt>() {
                // A number that is too large for the core is more than there can be waiters.
                Ok(n) if n.gt(0)? => interpreter::extract(n).unwrap_or(usize::MAX),
                Ok(_) => 0,
                Err(_) => return notify_counting_down(slf, n),
            }
        }
    };
    notify_waiters(slf, n)
}

/// What the standard library does with any `n`: it need not be a whole number, nor one at all if nobody
/// waits.
#[cold]
fn notify_counting_down<'py>(slf: &Bound<'py, PyCondition>, n: Bound<'py, PyAny>) -> PyResult<()> {
    let (zero, one) = (0_i32.into_pyobject(slf.py())?, 1_i32.into_pyobject(slf.py())?);
    let mut n = Owned::new(n);
    while slf.get().condition.waiting() > 0 && interpreter::greater(&n, zero.as_any())? {
        notify_waiters(slf, 1)?;
        n = interpreter::subtract_in_place(&n, one.as_any())?;
    }
    Ok(())
}

#[inline]
fn notify_waiters(slf: &Bound<'_, PyCondition>, n: usize) -> PyResult<()> {
    let condition = &slf.get().condition;
    let notified = match underlying(slf)? {
        Underlying::Lock(lock) => condition.notify(&lock.get().lock, n),
        Underlying::RLock(lock) => condition.notify(&lock.get().lock, n),
        Underlying::Foreign(_) => {
            check_owned(slf, error::notify_on_unacquired_lock)?;
            // Attached: a woken thread needs the interpreter, and the lock, which this one still has.
            drop(condition.notify_released(n));
            Ok(())
        }
    };
    notified.map_err(|_| error::notify_on_unacquired_lock())
}

fn notify_all_camel_case(slf: &Bound<'_, PyCondition>) -> PyResult<()> {
    deprecated::warn(slf.py(), "notifyAll", "notify_all")?;
    notify_all(slf)
}

fn notify_all(slf: &Bound<'_, PyCondition>) -> PyResult<()> {
    if slots::is_plain(slf) {
        return notify_waiters(slf, usize::MAX);
    }
    // There may be another notify.
    let waiting = make::int(slf.py(), slf.get().condition.waiting() as u64)?;
    let args = make::tuple(slf.py(), [waiting.as_any()])?;
    interpreter::call(&*interpreter::getattr(slf, "notify")?, &args).map(drop)
}

/// Puts the hot methods into the class.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PyCondition>(py);
    slots::install_constructor(py, |py| {
        let lock = Underlying::rlock(py)?;
        Ok(PyCondition { condition: Condition::new(), lock: InitOnce::from(lock) })
    });
    slots::install::<PyCondition>(
        py,
        [
            fastcall(
                c"acquire",
                c"acquire($self, /, *args, **kwargs)\n--\n\nAcquire the lock.",
                acquire,
            ),
            fastcall(c"release", c"release($self, /)\n--\n\nRelease the lock.", release),
            fastcall(c"__enter__", c"__enter__($self, /)\n--\n\nAcquire the lock.", enter),
            fastcall(c"__exit__", c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.", exit),
            fastcall(c"wait", WAIT_DOC, wait),
            fastcall(c"notify", NOTIFY_DOC, notify),
            fastcall(c"wait_for", WAIT_FOR_DOC, wait_for),
            nullary!(c"notify_all", NOTIFY_ALL_DOC, "Condition.notify_all", notify_all),
            nullary!(
                c"notifyAll",
                c"notifyAll($self, /)\n--\n\nUse `notify_all()`.",
                "Condition.notifyAll",
                notify_all_camel_case
            ),
            nullary!(
                c"_is_owned",
                c"_is_owned($self, /)\n--\n\nWhether the lock is held.",
                "Condition._is_owned",
                is_owned
            ),
            nullary!(c"_release_save", RELEASE_SAVE_DOC, "Condition._release_save", release_save),
            fastcall(c"_acquire_restore", ACQUIRE_RESTORE_DOC, acquire_restore),
        ],
    )?;
    if !cfg!(Py_3_14) {
        // Programs ask whether there is such a method.
        return Ok(());
    }
    let doc = c"locked($self, /)\n--\n\nWhether any thread holds the lock.";
    slots::install::<PyCondition>(py, [fastcall(c"locked", doc, locked)])
}
