//! The end of the process: non-daemon threads are waited for, daemon threads end with it.
//!
//! The first start of a non-daemon thread registers a function with the C library that waits for
//! all such threads. It runs when `main` has returned and in `std::process::exit`, before the
//! process goes; nobody has to join anything. Daemon threads run on meanwhile, and are gone when it
//! goes, wherever they are.
//!
//! The thread in which the process exits (usually the main thread) has ended by then, and whoever
//! joined it goes on: otherwise the two would wait for each other.

use super::registry;
use super::{current, main_thread};
use crate::park::ForkMutex;
use crate::sys;

/// Whether the function is registered with the C library.
static REGISTERED: ForkMutex<bool> = ForkMutex::new(false);

/// Waits until no thread is alive that is neither a daemon nor the calling or the main thread; also
/// for those that are started meanwhile, and for pending timers.
///
/// A process does this by itself when it exits. Call it where that is too late: before something is
/// taken down that the threads still use. Two threads that both call it, and of which neither is a
/// daemon or the main thread, wait for each other for ever.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use threadwell::Thread;
///
/// static DONE: AtomicBool = AtomicBool::new(false);
///
/// let work = || DONE.store(true, Ordering::Relaxed);
/// Thread::builder().daemon(false).spawn(work)?;
/// threadwell::shutdown();
/// assert!(DONE.load(Ordering::Relaxed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn shutdown() {
    while let Some(thread) = registry::find_non_daemon() {
        // Not the calling one, and ours: an error is a start that has failed meanwhile.
        let _ = thread.join();
    }
}

/// Sees to it that the process waits, when it exits, for the thread that is about to be started.
pub(super) fn prepare() {
    let mut registered = REGISTERED.lock();
    if !*registered {
        *registered = sys::exit::at_exit(on_exit);
    }
}

extern "C" fn on_exit() {
    if sys::thread::is_main() {
        main_thread().end();
    }
    current::leave();
    shutdown();
}
