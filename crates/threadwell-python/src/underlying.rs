//! The lock of a condition: one of ours, or anything that can be acquired and released.
//!
//! Python's `Condition` asks of a foreign lock only `acquire` and `release`, and uses `_is_owned`,
//! `_release_save` and `_acquire_restore` where it has them. A subclass of our `RLock` is foreign
//! too: it may have methods of its own.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use pyo3::{PyTraverseError, PyVisit};

use crate::interpreter::{self, ForeignRef};
use crate::lock::PyLock;
use crate::make;
use crate::owned::Owned;
use crate::rlock::{self, PyRLock};
use crate::slots::Arguments;
use crate::timeout::{Until, of_acquire};

pub(crate) enum Underlying {
    Lock(Py<PyLock>),
    RLock(Py<PyRLock>),
    Foreign(ForeignRef),
}

impl Underlying {
    /// A new `RLock`, as for `Condition()`.
    pub(crate) fn rlock(py: Python<'_>) -> PyResult<Self> {
        Py::new(py, PyRLock::default()).map(Self::RLock)
    }

    /// # Errors
    ///
    /// `AttributeError` if `lock` has no `acquire` or no `release`.
    pub(crate) fn new(lock: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(lock) = lock.cast_exact::<PyLock>() {
            return Ok(Self::Lock(lock.clone().unbind()));
        }
        if let Ok(lock) = lock.cast_exact::<PyRLock>() {
            return Ok(Self::RLock(lock.clone().unbind()));
        }
        interpreter::getattr(lock, "acquire")?;
        interpreter::getattr(lock, "release")?;
        Ok(Self::Foreign(ForeignRef::new(lock.clone().unbind())))
    }

    pub(crate) fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self {
            Self::Lock(lock) => lock.bind(py).clone().into_any(),
            Self::RLock(lock) => lock.bind(py).clone().into_any(),
            Self::Foreign(lock) => lock.get(py),
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Lock(lock) => visit.call(lock),
            Self::RLock(lock) => visit.call(lock),
            Self::Foreign(lock) => lock.traverse(visit),
        }
    }

    /// Breaks a cycle that the collector has found. Locks of ours are in none.
    pub(crate) fn clear(&self, py: Python<'_>) {
        if let Self::Foreign(lock) = self {
            lock.clear(py);
        }
    }

    fn method<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Owned<'py>> {
        interpreter::getattr(&self.object(py), name)
    }

    /// The method, if the lock has it.
    fn optional_method<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Owned<'py>>> {
        match self.method(py, name) {
            Ok(method) => Ok(Some(method)),
            Err(error) if error.is_instance_of::<PyAttributeError>(py) => {
                interpreter::discard(py, error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// `lock.acquire(…)`.
    pub(crate) fn acquire<'py>(&self, args: &Arguments<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let acquired = match self {
            Self::Lock(lock) => PyLock::acquire(lock.bind(py), of_acquire(args)?)?,
            Self::RLock(lock) => PyRLock::acquire(lock.bind(py), of_acquire(args)?)?,
            Self::Foreign(_) => {
                return args.show_to(&*self.method(py, "acquire")?).map(Owned::into_bound);
            }
        };
        Ok(acquired.into_pyobject(py)?.to_owned().into_any())
    }

    /// `lock.release()`.
    #[inline]
    pub(crate) fn release(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Lock(lock) => PyLock::release(lock.bind(py)),
            Self::RLock(lock) => PyRLock::release(lock.bind(py)),
            Self::Foreign(_) => interpreter::call0(&*self.method(py, "release")?).map(drop),
        }
    }

    /// `lock.locked()`.
    pub(crate) fn locked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let locked = match self {
            Self::Lock(lock) => lock.get().lock.is_locked(),
            Self::RLock(lock) => lock.get().lock.is_locked(),
            Self::Foreign(_) => {
                return interpreter::call0(&*self.method(py, "locked")?).map(Owned::into_bound);
            }
        };
        Ok(locked.into_pyobject(py)?.to_owned().into_any())
    }

    /// `lock.__enter__()`.
    #[inline]
    pub(crate) fn enter<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let acquired = match self {
            Self::Lock(lock) => PyLock::acquire(lock.bind(py), Until::Forever)?,
            Self::RLock(lock) => PyRLock::acquire(lock.bind(py), Until::Forever)?,
            Self::Foreign(_) => {
                return interpreter::call0(&*self.method(py, "__enter__")?).map(Owned::into_bound);
            }
        };
        Ok(acquired.into_pyobject(py)?.to_owned().into_any())
    }

    /// `lock.__exit__(…)`.
    #[inline]
    pub(crate) fn exit<'py>(&self, args: &Arguments<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        match self {
            Self::Lock(lock) => {
                args.of_exit("lock.__exit__")?;
                PyLock::release(lock.bind(py))?;
            }
            Self::RLock(lock) => {
                args.of_exit("RLock.__exit__")?;
                PyRLock::release(lock.bind(py))?;
            }
            Self::Foreign(_) => {
                return args.show_to(&*self.method(py, "__exit__")?).map(Owned::into_bound);
            }
        }
        Ok(py.None().into_bound(py))
    }

    /// Whether the calling thread holds the lock; whether anyone does, where it cannot tell.
    pub(crate) fn is_owned(&self, py: Python<'_>) -> PyResult<bool> {
        match self {
            Self::Lock(lock) => return Ok(lock.get().lock.is_locked()),
            Self::RLock(lock) => return Ok(lock.get().lock.is_owned()),
            Self::Foreign(_) => {}
        }
        if let Some(is_owned) = self.optional_method(py, "_is_owned")? {
            return interpreter::is_true(&*interpreter::call0(&is_owned)?);
        }
        let args = make::tuple(py, [PyBool::new(py, false).as_any()])?;
        if !interpreter::is_true(&*interpreter::call(&*self.method(py, "acquire")?, &args)?)? {
            return Ok(true);
        }
        self.release(py)?;
        Ok(false)
    }

    /// Releases the lock entirely, and returns what [`Underlying::acquire_restore`] needs.
    pub(crate) fn release_save(&self, py: Python<'_>) -> PyResult<ForeignRef> {
        let state = match self {
            Self::Lock(lock) => PyLock::release(lock.bind(py)).map(|()| py.None())?,
            Self::RLock(lock) => rlock::release_save(lock.bind(py))?,
            Self::Foreign(_) => match self.optional_method(py, "_release_save")? {
                Some(release_save) => interpreter::call0(&release_save)?.into_bound().unbind(),
                None => self.release(py).map(|()| py.None())?,
            },
        };
        Ok(ForeignRef::new(state))
    }

    /// Acquires the lock as it was held before [`Underlying::release_save`].
    pub(crate) fn acquire_restore(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        match self {
            Self::Lock(lock) => PyLock::acquire(lock.bind(py), Until::Forever).map(drop),
            Self::RLock(lock) => rlock::acquire_restore(lock.bind(py), state),
            Self::Foreign(_) => match self.optional_method(py, "_acquire_restore")? {
                Some(acquire_restore) => {
                    let args = make::tuple(py, [state])?;
                    interpreter::call(&acquire_restore, &args).map(drop)
                }
                None => interpreter::call0(&*self.method(py, "acquire")?).map(drop),
            },
        }
    }
}
