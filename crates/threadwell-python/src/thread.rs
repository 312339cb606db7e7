//! What threads do natively: the registry, the operating system's name, the watch over a start.
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
use std::iter::repeat_n;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::collector;
use crate::event::PyEvent;
use crate::interpreter::{self, ForeignRef};
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
    match registry.active.bind(py).get_item(threadwell::get_ident())? {
        Some(thread) => Ok(thread.unbind()),
        None => make_dummy(py, registry),
    }
}

#[cold]
fn make_dummy(py: Python<'_>, registry: &Registry) -> PyResult<Py<PyAny>> {
    let class = interpreter::getattr(registry.module.bind(py), "_DummyThread")?;
    Ok(interpreter::call0(&class)?.into_bound().unbind())
}

fn active_count(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let registry = registry()?;
    let (active, limbo) = (registry.active.bind(py), registry.limbo.bind(py));
    let count = if cfg!(Py_GIL_DISABLED) && !limbo.is_empty() {
        snapshot(py, active, limbo)?.len()
    } else {
        active.len() + limbo.len()
    };
    Ok(count.into_pyobject(py)?.into_any().unbind())
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
        let places = repeat_n(py.None().into_bound(py), count);
        let threads = collector::held_off(py, || PyList::new(py, places))?;
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
    let (starting, running) = (limbo.values(), active.values());
    let known: HashSet<_> = running.iter().map(|thread| thread.as_ptr()).collect();
    let starting = starting.iter().filter(|thread| !known.contains(&thread.as_ptr()));
    PyList::new(py, running.iter().chain(starting).collect::<Vec<_>>())
}

/// Give the calling thread a name that debuggers and `top -H` show, as far as the system allows.
#[pyfunction]
pub(crate) fn _set_os_name(name: &Bound<'_, PyString>) {
    threadwell::set_os_name(&name.to_string_lossy());
}

/// Raise the flag that the starter of the calling thread waits for.
///
/// Unlike `Event.set`, this does not let go of the interpreter to wake the starter. That would hand
/// the interpreter over to it, only for it to wait again, for this thread's end or its result.
#[pyfunction]
pub(crate) fn _announce(begun: &Bound<'_, PyEvent>) {
    begun.get().event.set();
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
    let args = collector::held_off(lock.py(), || PyTuple::new(lock.py(), [block, timeout]))?;
    let acquired = interpreter::call(&*interpreter::getattr(lock, "acquire")?, &args)?;
    let acquired = interpreter::is_true(&acquired)?;
    if acquired {
        interpreter::call0(&*interpreter::getattr(lock, "release")?)?;
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

/// The callback of a weak reference to what a new thread is to call: it raises the flag that the
/// starter waits for, even if the thread could not so much as begin to call it.
#[pyclass(frozen)]
pub(crate) struct _StartWatch {
    started: Py<PyEvent>,
}

#[pymethods]
impl _StartWatch {
    #[new]
    fn new(started: Py<PyEvent>) -> Self {
        Self { started }
    }

    fn __call__(&self, py: Python<'_>, _reference: &Bound<'_, PyAny>) {
        _announce(self.started.bind(py));
    }
}

/// Puts the functions that programs call often into the module.
pub(crate) fn finish(module: &Bound<'_, PyModule>) -> PyResult<()> {
    slots::install_dealloc::<_StartWatch>(module.py());
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
