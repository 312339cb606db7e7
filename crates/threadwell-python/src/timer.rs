//! The queue of pending timers.
//!
//! A timer leaves the queue once, to whoever takes it: `_unschedule`, `_start_timer`, `_drive` or
//! `_drain_timers`. That decides between a timer that fires, one that is cancelled and one that gets a
//! thread of its own.
//!
//! The queue holds a reference to each timer and its key. None of them is dropped here: they go back to Python.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyString, PyTuple};
use threadwell::{Deadline, Due, TimerKey, TimerQueue, resume};

use crate::collector;
use crate::event::PyEvent;
use crate::interpreter;
use crate::make;
use crate::owned::Owned;
use crate::signal_mask;
use crate::timeout::{SURELY_VALID, exact_seconds};

static TIMERS: TimerQueue<Pending> = TimerQueue::new();

/// How long a driver waits for work before it ends. Programs that start and cancel one timer after
/// the other need not start a driver for each.
const IDLE: Duration = Duration::from_millis(50);

/// No thread is to settle the timer; or the driver is, which has taken it.
const NOBODY: u64 = 0;

/// It was cancelled: whoever gets to it first settles it.
const ANYBODY: u64 = u64::MAX;

thread_local! {
    static IS_DRIVER: Cell<bool> = const { Cell::new(false) };
}

/// What is in the queue.
struct Pending {
    timer: Py<PyAny>,
    key: Py<_TimerKey>,
}

impl Pending {
    fn new(timer: &Bound<'_, PyAny>, key: &Bound<'_, _TimerKey>) -> Self {
        Self { timer: timer.clone().unbind(), key: key.clone().unbind() }
    }

    /// Gives the references up, which are not the last ones.
    fn forget(self, py: Python<'_>) {
        self.timer.drop_ref(py);
        self.key.drop_ref(py);
    }
}

/// What a pending timer is known by.
#[pyclass(frozen)]
pub(crate) struct _TimerKey {
    /// Set once the timer is in the queue.
    key: OnceLock<TimerKey>,
    /// The `get_ident()` of the thread that is to settle a timer that has left the queue.
    settler: AtomicU64,
}

impl _TimerKey {
    /// Takes the timer out of the queue.
    fn take(&self) -> Option<Pending> {
        TIMERS.cancel(*self.key.get()?)
    }
}

#[pymethods]
impl _TimerKey {
    /// How many seconds are left.
    fn remaining<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFloat>> {
        let seconds = |key: &TimerKey| key.deadline().remaining().as_secs_f64();
        make::float(py, self.key.get().map_or(0.0, seconds))
    }

    /// Whether the timer was taken out of the queue to be cancelled.
    fn is_cancelled(&self) -> bool {
        self.settler.load(Relaxed) == ANYBODY
    }

    /// Whether the calling thread is the one that the timer, which has left the queue, waits for. Code
    /// that has interrupted it, such as a destructor, must not do so, too.
    fn is_up_to_caller(&self) -> bool {
        match self.settler.load(Relaxed) {
            NOBODY => _is_driver(),
            settler => settler == threadwell::get_ident(),
        }
    }
}

/// Put `timer` into the queue, to become due in `interval` seconds.
///
/// If there is no driver, calls `prepare_driver` first, and afterwards the two functions that it returns.
/// The first starts the driver, and runs no Python code: nobody counts on a driver that is not there. The
/// second waits for it to begin, and returns whether it has: there may be no memory for that. If one of
/// them raises, the timer is not in the queue.
///
/// Returns its key, or None if the timer needs a thread now: `interval` is not a positive number, or
/// is too long; its `run` is not `plain_run`; or the calling thread has something to hand on to the
/// threads that it starts, a stack size or blocked signals.
#[pyfunction]
pub(crate) fn _schedule<'py>(
    timer: &Bound<'py, PyAny>,
    interval: &Bound<'py, PyAny>,
    prepare_driver: &Bound<'py, PyAny>,
    plain_run: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, _TimerKey>>> {
    let Some(seconds) = exact_seconds(interval).filter(|it| *it > 0.0 && *it <= SURELY_VALID)
    else {
        return Ok(None);
    };
    let now = Deadline::now();
    if !interpreter::is_bound(&*run_of(timer)?, plain_run)
        || interpreter::stack_size(timer.py()) != 0
        || signal_mask::blocks_any(now)
    {
        return Ok(None);
    }
    // Rounded up: a timer never fires early.
    let deadline = now.plus(Duration::from_nanos((seconds * 1e9).ceil() as u64));
    let py = timer.py();
    let key = _TimerKey { key: OnceLock::new(), settler: AtomicU64::new(NOBODY) };
    let key = collector::held_off(py, || Bound::new(py, key))?;
    let place = match TIMERS.schedule_with_driver(deadline, Pending::new(timer, &key)) {
        Ok(place) => place,
        Err(refused) => {
            refused.forget(py);
            schedule_and_drive(timer, &key, deadline, prepare_driver)?
        }
    };
    let _ = key.get().key.set(place);
    Ok(Some(key))
}

#[cold]
fn schedule_and_drive(
    timer: &Bound<'_, PyAny>,
    key: &Bound<'_, _TimerKey>,
    deadline: Deadline,
    prepare_driver: &Bound<'_, PyAny>,
) -> PyResult<TimerKey> {
    let driver = interpreter::call0(prepare_driver)?;
    let scheduled = TIMERS.schedule(deadline, Pending::new(timer, key));
    if scheduled.needs_driver
        && let Err(error) = start_driver(driver)
    {
        if let Some(pending) = TIMERS.cancel(scheduled.key) {
            pending.forget(timer.py());
        }
        return Err(error);
    }
    Ok(scheduled.key)
}

/// Starts the driver that `prepare_driver` has returned, and waits until it has begun. If that cannot be,
/// there is none.
fn start_driver(driver: Owned<'_>) -> PyResult<()> {
    let functions = driver.cast::<PyTuple>()?;
    let [start, has_begun] = [functions.get_item(0)?, functions.get_item(1)?].map(Owned::new);
    let started = undisturbed(&start).map(drop);
    // What the thread was to call is freed if it could not begin, unless we have it.
    drop((start, driver));
    let begun = match started {
        Ok(()) => interpreter::is_true(&*interpreter::call0(&has_begun)?)?,
        Err(error) => {
            TIMERS.retire();
            return Err(error);
        }
    };
    if begun {
        return Ok(());
    }
    TIMERS.retire();
    Err(make::error::<PyRuntimeError>("can't start new thread"))
}

/// `start()`, which has the interpreter start a thread, and runs no Python code in this one.
fn undisturbed<'py>(start: &Bound<'py, PyAny>) -> PyResult<Owned<'py>> {
    collector::held_off(start.py(), || interpreter::call0(start))
}

fn run_of<'py>(timer: &Bound<'py, PyAny>) -> PyResult<Owned<'py>> {
    interpreter::getattr_interned(timer, name_of_run(timer.py()))
}

fn name_of_run(py: Python<'_>) -> &Bound<'_, PyString> {
    intern!(py, "run")
}

/// Makes the name now: later there may be no memory for it.
pub(crate) fn finish(py: Python<'_>) {
    name_of_run(py);
}

/// Take the timer with that key out of the queue, to cancel it. Returns whether it was still there.
#[pyfunction]
pub(crate) fn _unschedule(py: Python<'_>, key: &_TimerKey) -> bool {
    let Some(pending) = key.take() else { return false };
    key.settler.store(ANYBODY, Relaxed);
    pending.forget(py);
    true
}

/// Take the timer with that key out of the queue, unless the driver has done so (`is_taken`), and call
/// `start`, which starts a thread for it: in one step, in which no Python code runs that could find it
/// half done, or cut it off. If `start` raises, the timer is where it was.
///
/// Returns whether it was still in the queue.
#[pyfunction]
pub(crate) fn _start_timer(
    key: &_TimerKey,
    start: &Bound<'_, PyAny>,
    is_taken: bool,
) -> PyResult<bool> {
    let pending = if is_taken { None } else { key.take() };
    if pending.is_none() && !is_taken {
        return Ok(false);
    }
    let started = undisturbed(start).and_then(|thread| ident_of(&thread));
    match (started, pending, key.key.get()) {
        (Ok(ident), pending, _) => {
            key.settler.store(ident, Relaxed);
            if let Some(pending) = pending {
                pending.forget(start.py());
            }
            Ok(true)
        }
        (Err(error), Some(pending), Some(&place)) => {
            if TIMERS.restore(place, pending).needs_driver {
                // Nor could that be started now. The next timer will have to.
                TIMERS.retire();
            }
            Err(error)
        }
        (Err(error), ..) => Err(error),
    }
}

/// Put `timer` back, which `_start_timer` has taken out of the queue: its thread could not begin.
///
/// A driver is started if there is none. If that fails, the timer waits for the one that the next timer
/// needs.
#[pyfunction]
pub(crate) fn _restore_timer(
    timer: &Bound<'_, PyAny>,
    key: &Bound<'_, _TimerKey>,
    prepare_driver: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let Some(&place) = key.get().key.get() else { return Ok(()) };
    key.get().settler.store(NOBODY, Relaxed);
    if !TIMERS.restore(place, Pending::new(timer, key)).needs_driver {
        return Ok(());
    }
    // Nobody is to count on it as long as it is not there.
    TIMERS.retire();
    let driver = interpreter::call0(prepare_driver)?;
    if let Some(pending) = key.get().take()
        && TIMERS.restore(place, pending).needs_driver
    {
        start_driver(driver)?;
    }
    Ok(())
}

/// The identifier of a thread, by what the interpreter returns when it starts one: the identifier, or a
/// handle that has it. `_start_new_thread` may have neither.
fn ident_of(thread: &Bound<'_, PyAny>) -> PyResult<u64> {
    if thread.is_none() {
        return Ok(NOBODY);
    }
    if let Ok(ident) = thread.cast_exact::<PyInt>() {
        return ident.extract();
    }
    // A program may have put a function of its own in the interpreter's place.
    let ident = interpreter::getattr(thread, "ident")
        .map_err(|error| interpreter::discard(thread.py(), error));
    Ok(ident.ok().and_then(|ident| interpreter::extract(&ident)).unwrap_or(NOBODY))
}

/// Whether the calling thread is the driver.
#[pyfunction]
pub(crate) fn _is_driver() -> bool {
    IS_DRIVER.get()
}

/// Be the driver: take the timers out of the queue that are due, and call `_tw_fire(key)` of each, the
/// earliest first, until there has been nothing to wait for. Before and after all that, call `enter`
/// and `leave`; set `drives` before `enter`, and `begun` after it.
///
/// What one of these raises goes to `sys.unraisablehook`, and does not keep others from firing.
#[pyfunction]
pub(crate) fn _drive(
    drives: &Bound<'_, PyEvent>,
    begun: &Bound<'_, PyEvent>,
    enter: &Bound<'_, PyAny>,
    leave: &Bound<'_, PyAny>,
) {
    let py = enter.py();
    IS_DRIVER.set(true);
    drives.get().event.set();
    succeeds(interpreter::call0(enter), enter);
    begun.get().event.set();
    drive(py);
    succeeds(interpreter::call0(leave), leave);
}

fn drive(py: Python<'_>) {
    loop {
        match py.detach(|| TIMERS.wait_due(IDLE, &mut resume)) {
            Due::Batch(timers) => {
                for Pending { timer, key } in timers {
                    fire(&Owned::new(timer.into_bound(py)), key.into_bound(py));
                }
            }
            Due::Idle => return,
            Due::Interrupted => {}
        }
    }
}

fn fire<'py>(timer: &Bound<'py, PyAny>, key: Bound<'py, _TimerKey>) {
    let fired = make::tuple(timer.py(), [key.as_any()]).and_then(|key| {
        let fire = interpreter::getattr(timer, "_tw_fire")?;
        interpreter::call(&fire, &key)
    });
    let abandon = || interpreter::call0(&*interpreter::getattr(timer, "_tw_abandon")?);
    // Before the failure is reported: whoever is told may look at the timer, and would wait for it.
    let abandoned = fired.is_err().then(abandon);
    for result in abandoned.into_iter().chain([fired]) {
        succeeds(result, timer);
    }
}

/// If that is not so, the error is reported.
fn succeeds(result: PyResult<Owned<'_>>, of: &Bound<'_, PyAny>) {
    if let Err(error) = result {
        interpreter::report(error, of);
    }
}

/// Send the driver home if nothing is pending. Returns whether it is about to end.
#[pyfunction]
pub(crate) fn _send_driver_home() -> bool {
    TIMERS.send_home()
}

/// Take all timers out of the queue, and return them.
#[pyfunction]
pub(crate) fn _drain_timers(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let timers = TIMERS.drain().into_iter().map(|Pending { timer, key }| {
        key.drop_ref(py);
        timer
    });
    let timers: Vec<_> = timers.collect();
    collector::held_off(py, || PyList::new(py, timers))
}
