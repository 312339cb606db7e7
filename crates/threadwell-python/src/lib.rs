//! The extension module `threadwell._native`: the primitives of the `threadwell` crate as Python
//! classes.
//!
//! It holds no lock of its own and no algorithm. It converts arguments, tries the fast path while
//! attached to the interpreter, detaches only to wait, runs signal handlers and converts errors.

mod barrier;
mod blocking;
mod collector;
mod condition;
mod deprecated;
mod error;
mod event;
mod fork;
mod init_once;
mod interpreter;
mod lock;
mod make;
mod owned;
mod rlock;
mod semaphore;
mod shutdown_lock;
mod signal_mask;
mod signature;
mod slots;
mod stack_chunks;
mod thread;
mod timeout;
mod timer;
mod underlying;
mod whole;

use pyo3::pymodule;

/// The native half of the `threadwell` package.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::barrier::PyBarrier;
    #[pymodule_export]
    use crate::condition::PyCondition;
    #[pymodule_export]
    use crate::error::BrokenBarrierError;
    #[pymodule_export]
    use crate::event::PyEvent;
    #[pymodule_export]
    use crate::fork::_after_fork_in_child;
    #[pymodule_export]
    use crate::rlock::PyRLock;
    #[pymodule_export]
    use crate::semaphore::{PyBoundedSemaphore, PySemaphore};

    #[pymodule_export]
    use crate::shutdown_lock::_ShutdownLock;
    #[pymodule_export]
    use crate::signal_mask::_unblock_signals;
    #[pymodule_export]
    use crate::stack_chunks::_kept_stack_chunks;

    #[pymodule_export]
    use crate::thread::{
        _acquire_and_release, _call_holding, _enter, _look_for_signals, _set_os_name,
        _set_registry, _start_new_thread,
    };

    #[pymodule_export]
    use crate::timer::{
        _TimerKey, _drain_timers, _drive, _is_driver, _restore_timer, _schedule, _send_driver_home,
        _start_timer, _unschedule,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        crate::interpreter::require_main(py)?;
        // The class is called `lock`, as the interpreter's; the module calls it `Lock`.
        module.add("Lock", py.get_type::<crate::lock::PyLock>())?;
        module
            .add("__build_profile__", if cfg!(debug_assertions) { "debug" } else { "release" })?;
        crate::stack_chunks::install(py);
        crate::timeout::finish(py)?;
        crate::signature::finish(py)?;
        crate::thread::finish(module)?;
        crate::timer::finish(py);
        crate::lock::finish(py)?;
        crate::rlock::finish(py)?;
        crate::condition::finish(py)?;
        crate::semaphore::finish(py)?;
        crate::event::finish(py)?;
        crate::barrier::finish(py)
    }
}
