//! Which thread the calling one is.
//!
//! A thread that this crate starts says so first thing. Any other is adopted when it first asks: the
//! main thread as itself, the rest as *dummy* threads, which Python calls those that were started
//! elsewhere. Unlike Python, this crate sees them end.

use std::cell::RefCell;

use super::builder::foreign_name;
use super::handle::{Origin, ThreadHandle};
use super::registry;
use crate::sys;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// A thread that lives: it ends when this is dropped, with the other locals of the thread. Locals
/// are dropped last to first, so a thread of ours sets this one before any other.
struct Current {
    thread: ThreadHandle,
    /// Whether it is a thread of ours that has run to its end. If one has not, its locals are dropped
    /// because the process exits in the middle of it.
    finished: bool,
}

impl Drop for Current {
    fn drop(&mut self) {
        if self.finished {
            self.thread.end();
        } else {
            self.thread.end_in_exit();
        }
    }
}

/// The calling thread.
///
/// # Examples
///
/// ```
/// use threadwell::{Thread, current_thread};
///
/// let thread = Thread::new(current_thread);
/// thread.start()?;
/// assert_eq!(thread.join()?, *thread.handle());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn current_thread() -> ThreadHandle {
    CURRENT
        .try_with(|current| current.borrow_mut().get_or_insert_with(adopt).thread.clone())
        .unwrap_or_else(|_| last_of_its_locals())
}

/// The calling thread, which this crate did not start.
fn adopt() -> Current {
    let thread = if sys::thread::is_main() {
        registry::main_entry()
    } else {
        let thread = ThreadHandle::adopted(foreign_name(), Origin::Foreign);
        registry::insert(thread.clone());
        thread
    };
    thread.settle();
    Current { thread, finished: false }
}

/// The calling thread, whose locals are being dropped and include `CURRENT`: it has ended as far as
/// the registry is concerned.
fn last_of_its_locals() -> ThreadHandle {
    if sys::thread::is_main() {
        return registry::main_entry();
    }
    ThreadHandle::adopted(foreign_name(), Origin::Foreign)
}

/// Says that the calling thread is `thread`.
pub(super) fn enter(thread: ThreadHandle) {
    CURRENT.with(|current| *current.borrow_mut() = Some(Current { thread, finished: false }));
}

/// Says that the calling thread has nothing left to do but to drop its locals.
pub(super) fn finish() {
    CURRENT.with(|current| {
        if let Some(current) = current.borrow_mut().as_mut() {
            current.finished = true;
        }
    });
}

/// Ends the calling thread before its locals do: it is in the middle of the process' exit.
pub(super) fn leave() {
    let current = CURRENT.try_with(|current| current.borrow_mut().take());
    drop(current);
}

/// Whether the calling thread is `thread`. Adopts nobody.
pub(super) fn is(thread: &ThreadHandle) -> bool {
    let same = |current: &RefCell<Option<Current>>| {
        current.borrow().as_ref().is_some_and(|current| current.thread == *thread)
    };
    CURRENT.try_with(same).unwrap_or(false)
}

/// The platform's identifier of the calling thread: not zero, and different for threads that live at
/// the same time.
#[must_use]
#[inline]
pub fn get_ident() -> u64 {
    sys::thread::ident()
}

/// The kernel's identifier of the calling thread, by which the system's tools show it.
#[must_use]
pub fn get_native_id() -> u64 {
    sys::thread::native_id()
}

/// Tells the operating system the name of the calling thread, as far as it wants to know: Linux keeps
/// 15 bytes.
///
/// Threads that this crate started have their names there already. This is for a thread that
/// someone else did.
pub fn set_os_name(name: &str) {
    sys::thread::set_name(name);
}

/// In the child of a `fork`: the registry knows the calling thread alone, as the main thread.
pub(crate) fn after_fork() {
    let survivor = CURRENT.try_with(|current| {
        let current = current.borrow();
        current.as_ref().map(|current| current.thread.clone())
    });
    let survivor = survivor.ok().flatten();
    if let Some(survivor) = &survivor {
        survivor.survive_fork();
    }
    registry::keep_only(survivor);
}
