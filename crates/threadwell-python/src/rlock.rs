//! `threading.RLock`.

use std::ffi::CStr;

#[cfg(Py_3_15)]
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
#[cfg(Py_3_15)]
use pyo3::types::{PyDict, PyTuple, PyType};
use threadwell::{RLock, ThreadId, resume};

use crate::slots::{self, Arguments, Method, fastcall, noargs};
use crate::timeout::{Until, of_acquire};
use crate::{blocking, error, interpreter, make};

const ACQUIRE_DOC: &CStr = c"acquire($self, /, blocking=True, timeout=-1)
--

Acquire the lock, once more if the calling thread owns it, and return whether that succeeded.

Args:
    blocking: Whether to wait while another thread owns the lock. If false, return at once.
    timeout: Seconds to wait at most; -1 waits without limit.

Returns:
    True if the lock was acquired, False if not (in time).

Raises:
    ValueError: A timeout together with ``blocking=False``, or a negative one other than -1.
    OverflowError: ``timeout`` exceeds ``TIMEOUT_MAX``, or the calling thread has acquired the lock
        more often than can be counted.";

const RELEASE_DOC: &CStr = c"release($self, /)
--

Undo one acquire of the calling thread; the last one frees the lock.

Raises:
    RuntimeError: The calling thread does not own the lock.";

const RELEASE_SAVE_DOC: &CStr = c"_release_save($self, /)
--

Release the lock entirely; return what _acquire_restore needs.";

const ACQUIRE_RESTORE_DOC: &CStr = c"_acquire_restore($self, state, /)
--

Acquire the lock as often as it had been acquired before _release_save.";

/// A lock that the thread which owns it may acquire again.
///
/// It has to be released as often as it was acquired, by the same thread.
#[pyclass(name = "RLock", module = "_thread", frozen, subclass, weakref)]
#[derive(Default)]
pub(crate) struct PyRLock {
    pub(crate) lock: RLock,
}

#[pymethods]
impl PyRLock {
    #[cfg(not(Py_3_15))]
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(*args, **kwargs)")]
    fn new(_args: &Bound<'_, PyAny>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        Self::default()
    }

    #[cfg(Py_3_15)]
    #[new]
    #[classmethod]
    #[pyo3(signature = (*args, **kwargs), text_signature = "()")]
    fn new(
        class: &Bound<'_, PyType>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let kind = match (args.is_empty(), kwargs.is_none_or(PyDictMethods::is_empty)) {
            (true, true) => return Ok(Self::default()),
            (false, _) => "positional",
            (true, false) => "keyword",
        };
        // They may be for the `__init__` of a subclass.
        let init = interpreter::getattr(class, "__init__")?;
        if init.is(&*interpreter::getattr(class.py().get_type::<PyAny>().as_any(), "__init__")?) {
            let message = format!("RLock() takes no {kind} arguments");
            return Err(make::error::<PyTypeError>(&message));
        }
        Ok(Self::default())
    }

    /// Free the lock in the child of a fork, whoever owned it in the parent.
    fn _at_fork_reinit(&self) {
        self.lock.reinit();
    }

    /// Whether the calling thread owns the lock.
    fn _is_owned(&self) -> bool {
        self.lock.is_owned()
    }

    /// How often the calling thread has acquired the lock and not released it.
    fn _recursion_count(&self) -> usize {
        self.lock.recursion_count()
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let this = slf.get();
        let count = this.lock.depth();
        let state = if count == 0 { "unlocked" } else { "locked" };
        let (owner, address) = (this.owner(), slf.as_ptr());
        // As the interpreter's: the name alone for a subclass, with the module for the class itself.
        let class = slf.get_type();
        let subclass = if class.is(slf.py().get_type::<Self>()) {
            None
        } else {
            Some(class.name()?.to_string())
        };
        let class = subclass.as_deref().unwrap_or("_thread.RLock");
        let text = format!("<{state} {class} object owner={owner} count={count} at {address:p}>");
        make::str(slf.py(), &text)
    }
}

impl PyRLock {
    /// The `get_ident()` of the owner; 0 without one.
    fn owner(&self) -> u64 {
        self.lock.owner().and_then(ThreadId::ident).unwrap_or(0)
    }

    /// After an acquire that did not succeed. Its owner fails for one reason alone.
    fn check_count(&self) -> PyResult<()> {
        if self.lock.is_owned() { Err(error::lock_count_overflowed()) } else { Ok(()) }
    }

    #[inline]
    pub(crate) fn acquire(slf: &Bound<'_, Self>, until: Until) -> PyResult<bool> {
        let this = slf.get();
        if this.lock.try_acquire() {
            return Ok(true);
        }
        this.check_count()?;
        blocking::acquire(slf.py(), &this.lock, until)
    }

    #[inline]
    pub(crate) fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().lock.release_deferred() {
            Ok(wakes) => {
                blocking::wake_attached(wakes);
                Ok(())
            }
            Err(_) => Err(error::release_unacquired_lock()),
        }
    }
}

/// Releases the lock entirely; returns what [`acquire_restore`] needs: how often it was acquired, and
/// its owner.
pub(crate) fn release_save(slf: &Bound<'_, PyRLock>) -> PyResult<Py<PyAny>> {
    let (py, this) = (slf.py(), slf.get());
    // There may be no memory for it: so before the lock is released.
    let count = make::int(py, this.lock.recursion_count() as u64)?;
    let owner = make::int(py, this.owner())?;
    let state = make::tuple(py, [count.as_any(), owner.as_any()])?;
    match this.lock.release_all() {
        Ok((_, wakes)) => {
            blocking::wake(py, wakes);
            Ok(state.into_any().unbind())
        }
        Err(_) => Err(error::release_unacquired_lock()),
    }
}

/// Acquires the lock as often as it had been acquired before [`release_save`].
///
/// No signal handler runs meanwhile: whoever called is owed the lock, whatever a handler raises.
pub(crate) fn acquire_restore(slf: &Bound<'_, PyRLock>, state: &Bound<'_, PyAny>) -> PyResult<()> {
    // The owner is whoever calls, but has to be a number.
    let (count, owner): (Bound<'_, PyAny>, Bound<'_, PyAny>) = state.extract()?;
    let count = interpreter::index(&count)?.extract()?;
    interpreter::index(&owner)?;
    let lock = &slf.get().lock;
    if !lock.try_acquire_all(count) {
        slf.get().check_count()?;
        let _ = slf.py().detach(|| lock.acquire_all(count, &mut resume));
    }
    Ok(())
}

fn acquire_restore_method<'py>(slf: &Bound<'py, PyRLock>, args: &Arguments<'py>) -> PyResult<()> {
    args.no_names("RLock._acquire_restore")?;
    match args.bind("RLock._acquire_restore", ["state"], 1)? {
        [Some(state)] => acquire_restore(slf, &state),
        [None] => Ok(()),
    }
}

fn acquire<'py>(slf: &Bound<'py, PyRLock>, args: &Arguments<'py>) -> PyResult<bool> {
    PyRLock::acquire(slf, of_acquire(args)?)
}

fn exit<'py>(slf: &Bound<'py, PyRLock>, args: &Arguments<'py>) -> PyResult<()> {
    args.of_exit("RLock.__exit__")?;
    PyRLock::release(slf)
}

fn enter() -> Method {
    #[cfg(not(Py_3_15))]
    return fastcall(c"__enter__", ACQUIRE_DOC, acquire);
    #[cfg(Py_3_15)]
    noargs(c"__enter__", c"__enter__($self, /)\n--\n\nAcquire the lock.", |slf| {
        PyRLock::acquire(slf, Until::Forever)
    })
}

fn locked(slf: &Bound<'_, PyRLock>) -> bool {
    slf.get().lock.is_locked()
}

/// Puts the hot methods into the class.
pub(crate) fn finish(py: Python<'_>) -> PyResult<()> {
    slots::install_dealloc::<PyRLock>(py);
    slots::install_constructor(py, |_| Ok(PyRLock::default()));
    slots::install::<PyRLock>(
        py,
        [
            fastcall(c"acquire", ACQUIRE_DOC, acquire),
            noargs(c"release", RELEASE_DOC, PyRLock::release),
            enter(),
            fastcall(c"__exit__", c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.", exit),
            noargs(c"_release_save", RELEASE_SAVE_DOC, release_save),
            fastcall(c"_acquire_restore", ACQUIRE_RESTORE_DOC, acquire_restore_method),
        ],
    )?;
    if !cfg!(Py_3_14) {
        // Programs ask whether there is such a method.
        return Ok(());
    }
    let doc = c"locked($self, /)\n--\n\nWhether any thread owns the lock.";
    slots::install::<PyRLock>(py, [noargs(c"locked", doc, locked)])
}
