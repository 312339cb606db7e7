//! All threads that are alive.
//!
//! A thread is in the registry from the moment it is started until it has ended; a failed start
//! takes it out again. Threads that were started elsewhere are in it from their first use of
//! [`current_thread`](super::current_thread).

use std::collections::BTreeMap;

use super::current::current_thread;
use super::handle::{Origin, ThreadHandle};
use crate::park::ForkMutex;
use crate::sys;

pub(super) const MAIN_NAME: &str = "MainThread";

static REGISTRY: ForkMutex<Registry> =
    ForkMutex::new(Registry { threads: BTreeMap::new(), main: None });

/// Handles that leave it are dropped after its mutex is released: the last handle of a thread that
/// never ran drops the function, which is not ours.
#[derive(Default)]
struct Registry {
    /// By serial number, so in the order in which they were created.
    threads: BTreeMap<usize, ThreadHandle>,
    /// Stays when the main thread has ended.
    main: Option<ThreadHandle>,
}

impl Registry {
    fn main(&mut self) -> ThreadHandle {
        if let Some(main) = &self.main {
            return main.clone();
        }
        let main = ThreadHandle::adopted(MAIN_NAME.to_owned(), Origin::Main);
        self.threads.insert(main.serial(), main.clone());
        self.main = Some(main.clone());
        main
    }
}

/// The thread that the process began with; in the child of a `fork`, the thread that forked.
#[must_use]
pub fn main_thread() -> ThreadHandle {
    // Adopts it, if it is the one that asks.
    if sys::thread::is_main() { current_thread() } else { main_entry() }
}

pub(super) fn main_entry() -> ThreadHandle {
    REGISTRY.lock().main()
}

/// All threads that are alive, in the order in which they were created: the main thread, daemon and
/// other threads, pending timers, and threads started elsewhere that have used
/// [`current_thread`](crate::current_thread).
///
/// # Examples
///
/// ```
/// use threadwell::{Event, Thread, enumerate};
///
/// static LEAVE: Event = Event::new();
///
/// let thread = Thread::builder().name("waiter").spawn(|| LEAVE.wait())?;
/// assert!(enumerate().contains(&thread));
/// LEAVE.set();
/// thread.join()?;
/// assert!(!enumerate().contains(&thread));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn enumerate() -> Vec<ThreadHandle> {
    let mut registry = REGISTRY.lock();
    registry.main();
    registry.threads.values().cloned().collect()
}

/// How many threads are alive: the length of [`enumerate`].
#[must_use]
pub fn active_count() -> usize {
    let mut registry = REGISTRY.lock();
    registry.main();
    registry.threads.len()
}

pub(super) fn insert(thread: ThreadHandle) {
    let replaced = REGISTRY.lock().threads.insert(thread.serial(), thread);
    drop(replaced);
}

pub(super) fn remove(thread: &ThreadHandle) {
    let removed = REGISTRY.lock().threads.remove(&thread.serial());
    drop(removed);
}

/// A thread that the process has to wait for before it exits.
pub(super) fn find_non_daemon() -> Option<ThreadHandle> {
    let registry = REGISTRY.lock();
    // It may show those of a `fork`'s parent, which are not alive here.
    let is_waited_for = |thread: &&ThreadHandle| {
        let is_main = Some(*thread) == registry.main.as_ref();
        !is_main && !thread.is_daemon() && !thread.is_current() && thread.is_alive()
    };
    registry.threads.values().find(is_waited_for).cloned()
}

/// In the child of a `fork`: nobody but `survivor` is there, if that thread is known at all.
pub(super) fn keep_only(survivor: Option<ThreadHandle>) {
    let mut kept = Registry::default();
    if let Some(survivor) = &survivor {
        kept.threads.insert(survivor.serial(), survivor.clone());
    }
    kept.main = survivor.clone();
    let gone = std::mem::replace(&mut *REGISTRY.lock(), kept);
    for thread in gone.threads.values().filter(|thread| Some(*thread) != survivor.as_ref()) {
        thread.end();
    }
    // What they were to run is not touched, not even to drop it: its destructors may wait for what
    // a thread of the parent holds.
    std::mem::forget(gone);
}
