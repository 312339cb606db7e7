//! What threads do natively: the registry, the operating system's name.
//!
//! The registry is two dictionaries of the package that programs may read and change: `_active`
//! (identifier to thread) and `_limbo` (threads on their way there, pending timers included). No lock
//! protects them. Under the interpreter's lock, each function here that looks at both does so in one
//! step: nothing in it allocates for Python or runs Python code, unless a program has put a thread with
//! a `__hash__` or `__eq__` of its own into them.
//!
//! Without that lock there are no such steps: the interpreter gives up a critical section of both
//! dictionaries as soon as an operation on one of them in it locks it again. There a thread on its way
//! may be seen in both, and is counted once ([`snapshot`]).

use std::collections::HashSet;
use std::ffi::CStr;
use std::sync::OnceLock;

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::collector;
use crate::interpreter::{self, ForeignRef};
use crate::make;
use crate::owned::Owned;
use crate::slots::{self, RememberedValues};

const CURRENT_THREAD_DOC: &CStr = c"current_thread()
--

Return the Thread object of the calling thread.

A thread that was not started through this module gets a dummy object with limited functionality.";

const ENUMERATE_DOC: &CStr = c"enumerate()
--

Return a list of all Thread objects currently alive.

It includes daemon threads, pending timers, the dummy objects made by current_thread() and the main
thread. It excludes threads that have ended or have not been started.";

const ACTIVE_COUNT_DOC: &CStr = c"active_count()
--

Return the number of Thread objects currently alive, the length of what enumerate() returns.";

/// The dictionaries of the registry, and the module that users see as `threading`.
struct Registry {
    active: Py<PyDict>,
    limbo: Py<PyDict>,
    module: Py<PyModule>,
    /// The values of `active`.
    threads: RememberedValues,
}

/// Set once, when the package is imported.
static REGISTRY: OnceLock<Registry> = OnceLock::new();

fn registry() -> PyResult<&'static Registry> {
    REGISTRY.get().ok_or_else(|| PyRuntimeError::new_err("threadwell is not imported yet"))
}

/// Tell the functions of this module where the registry is.
#[pyfunction]
pub(crate) fn _set_registry(
    active: Py<PyDict>,
    limbo: Py<PyDict>,
    module: Py<PyModule>,
) -> PyResult<()> {
    REGISTRY
        .set(Registry { active, limbo, module, threads: RememberedValues::default() })
        .map_err(|_| PyRuntimeError::new_err("threadwell cannot be imported a second time"))
}

/// Move `thread`, which runs under `ident` now, from limbo to the active threads.
#[pyfunction]
pub(crate) fn _enter(ident: &Bound<'_, PyAny>, thread: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = thread.py();
    let registry = registry()?;
    let (active, limbo) = (registry.active.bind(py), registry.limbo.bind(py));
    // Identifiers are used again. If a dummy thread has left an entry, it is freed last.
    let left_behind = active.get_item(ident)?.map(|thread| ForeignRef::new(thread.unbind()));
    // In this order: whoever looks into limbo first, and then at the active ones, does not miss it.
    let moved = interpreter::set_item(active, ident, thread)
        .and_then(|()| interpreter::del_item(limbo, thread));
    drop(left_behind);
    moved
}

fn current_thread(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let registry = registry()?;
    match registry.active.bind(py).get_item(make::int(py, threadwell::get_ident())?)? {
        Some(thread) => Ok(thread.unbind()),
        None => make_dummy(py, registry),
    }
}

#[cold]
fn make_dummy(py: Python<'_>, registry: &Registry) -> PyResult<Py<PyAny>> {
    let class = interpreter::getattr(registry.module.bind(py), "_DummyThread")?;
    Ok(interpreter::call0(&class)?.into_bound().unbind())
}

fn active_count(py: Python<'_>) -> PyResult<usize> {
    let registry = registry()?;
    let (active, limbo) = (registry.active.bind(py), registry.limbo.bind(py));
    if cfg!(Py_GIL_DISABLED) && !limbo.is_empty() {
        return Ok(snapshot(py, active, limbo)?.len());
    }
    Ok(active.len() + limbo.len())
}

fn enumerate(py: Python<'_>) -> PyResult<Py<PyList>> {
    let registry = registry()?;
    let (active, limbo) = (registry.active.bind(py), registry.limbo.bind(py));
    if limbo.is_empty() {
        // One step by itself. Whoever leaves limbo meanwhile is seen among the active.
        return Ok(collector::held_off(py, || registry.threads.list(active))?.unbind());
    }
    if cfg!(Py_GIL_DISABLED) {
        return Ok(snapshot(py, active, limbo)?.unbind());
    }
    loop {
        let count = active.len() + limbo.len();
        // May collect garbage, and so run any code.
        let threads = make::list(py, count)?;
        if active.len() + limbo.len() != count {
            continue;
        }
        let values = active.iter().chain(limbo.iter()).map(|(_, thread)| thread);
        for (index, thread) in values.enumerate() {
            threads.set_item(index, thread)?;
        }
        return Ok(threads.unbind());
    }
}

/// The threads of both dictionaries, each of which other threads may change meanwhile. Limbo first: who
/// leaves it then is among the active, and may be in both.
fn snapshot<'py>(
    py: Python<'py>,
    active: &Bound<'py, PyDict>,
    limbo: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyList>> {
    let (starting, running) = (make::values(limbo)?, make::values(active)?);
    let known: HashSet<_> = running.iter().map(|thread| thread.as_ptr()).collect();
    let starting = starting.iter().filter(|thread| !known.contains(&thread.as_ptr()));
    let threads: Vec<_> = running.iter().chain(starting).collect();
    let list = make::list(py, threads.len())?;
    for (index, thread) in threads.into_iter().enumerate() {
        list.set_item(index, thread)?;
    }
    Ok(list)
}

/// Give the calling thread a name that debuggers and `top -H` show, as far as the system allows.
#[pyfunction]
pub(crate) fn _set_os_name(name: &Bound<'_, PyString>) {
    match interpreter::lossy(name) {
        Ok(name) => threadwell::set_os_name(&name),
        // No memory.
        Err(error) => interpreter::discard(name.py(), error),
    }
}

/// Call `start`, the interpreter's `start_new_thread`, with `bootstrap`.
///
/// It may have started the thread, and raise for want of memory for its identifier. What is returned is
/// None then. This runs no Python code, unless a program has put a function of its own in its place.
#[pyfunction]
pub(crate) fn _start_new_thread<'py>(
    start: &Bound<'py, PyAny>,
    bootstrap: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = start.py();
    let none = PyTuple::empty(py);
    let args = make::tuple(py, [bootstrap, none.as_any()])?;
    let references = interpreter::references(bootstrap);
    match interpreter::call(start, &args) {
        Ok(thread) => Ok(Some(thread.into_bound())),
        // If it was started, it refers to what it is to call: it cannot have come to that yet. So does
        // what a Python function has left behind, of which the error has a trace.
        Err(error)
            if error.is_instance_of::<PyMemoryError>(py)
                && error.traceback(py).is_none()
                && interpreter::references(bootstrap) > references =>
        {
            interpreter::discard(py, error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Acquire a lock of the interpreter's, which the end of a thread releases, and release it again.
///
/// Returns whether it could be acquired. A signal handler may run, and raise, while this waits, but
/// not once it is acquired.
#[pyfunction]
pub(crate) fn _acquire_and_release(
    lock: &Bound<'_, PyAny>,
    block: &Bound<'_, PyAny>,
    timeout: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let args = make::tuple(lock.py(), [block, timeout])?;
    // Both first: there may be no memory for a method, and once it is acquired it has to be released.
    let acquire = interpreter::getattr(lock, "acquire")?;
    let release = interpreter::getattr(lock, "release")?;
    let acquired = interpreter::is_true(&*interpreter::call(&acquire, &args)?)?;
    if acquired {
        interpreter::call0(&release)?;
    }
    Ok(acquired)
}

/// Have the waits of the calling thread, which runs the signal handlers, look for signals that came just
/// before they slept.
#[pyfunction]
pub(crate) fn _look_for_signals() {
    threadwell::look_for_signals();
}

/// Call `function(*args)`, which runs no Python code, with `lock` held.
///
/// In a `with` block, a signal handler or a destructor could come in between; if that started a thread,
/// it would wait for one that waits for the lock.
#[pyfunction]
#[pyo3(signature = (lock, function, *args))]
pub(crate) fn _call_holding<'py>(
    lock: &Bound<'py, PyAny>,
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    // Looked up before: what is made on the way may call the collector.
    let acquire = interpreter::getattr(lock, "acquire")?;
    let release = interpreter::getattr(lock, "release")?;
    interpreter::call0(&acquire)?;
    let result = interpreter::call(function, args);
    interpreter::call0(&release)?;
    result.map(Owned::into_bound)
}

/// Puts the functions that programs call often into the module.
pub(crate) fn finish(module: &Bound<'_, PyModule>) -> PyResult<()> {
    slots::add_function(module, c"current_thread", CURRENT_THREAD_DOC, |args| {
        args.none("current_thread")?;
        Ok(current_thread(args.py()))
    })?;
    slots::add_function(module, c"active_count", ACTIVE_COUNT_DOC, |args| {
        args.none("active_count")?;
        Ok(active_count(args.py()))
    })?;
    slots::add_function(module, c"enumerate", ENUMERATE_DOC, |args| {
        args.none("enumerate")?;
        Ok(enumerate(args.py()))
    })
}
