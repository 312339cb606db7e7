//! What the crate keeps per thread: an identity, and the place where the thread sleeps.
//!
//! A thread gets its record when it first takes a lock or waits, and keeps it until it ends. Other
//! threads hold the record only through an `Arc`, for as long as they need to wake its owner.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::parker::Parker;
use crate::primitive::{Relaxed, Release};
use crate::sys::futex::FutexOutcome;
use crate::time::Deadline;

/// The identity of a thread inside this crate: small enough to be stored in a lock's word.
///
/// Unlike the platform's identifiers it is not given to a new thread when the old one ends, until
/// a billion threads have been started; and never to two living ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(NonZeroU32);

/// Identities fit into the upper 30 bits of a word.
const ID_LIMIT: u32 = 1 << 30;

impl ThreadId {
    /// The identity of the calling thread.
    #[must_use]
    #[inline]
    pub fn current() -> Self {
        current_id()
    }

    /// The platform's identifier of that thread (`pthread_self`), while it lives.
    #[must_use]
    pub fn ident(self) -> Option<u64> {
        live::find(self).map(|record| record.ident)
    }

    #[inline]
    pub(crate) fn get(self) -> u32 {
        self.0.get()
    }

    #[inline]
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        NonZeroU32::new(raw).map(Self)
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadId({})", self.0)
    }
}

/// One thread's entry: see the module's documentation.
#[derive(Debug)]
pub(crate) struct ThreadRecord {
    id: ThreadId,
    ident: u64,
    parker: Parker,
    /// How many waits this thread is in; more than one if a signal handler waits during a wait.
    waits: AtomicU32,
}

impl ThreadRecord {
    fn new(id: ThreadId) -> Self {
        #[cfg(not(threadwell_loom))]
        let ident = crate::sys::thread::ident();
        #[cfg(threadwell_loom)]
        let ident = u64::from(id.get());
        Self { id, ident, parker: Parker::new(), waits: AtomicU32::new(0) }
    }

    pub(crate) fn id(&self) -> ThreadId {
        self.id
    }

    #[cfg(not(threadwell_loom))]
    pub(crate) fn ident(&self) -> u64 {
        self.ident
    }

    /// Sleeps until `unpark`, the deadline or a signal. Only the owning thread calls it.
    pub(super) fn park(&self, deadline: Option<Deadline>) -> FutexOutcome {
        self.parker.park(deadline)
    }

    pub(super) fn unpark(&self) {
        self.parker.unpark();
    }

    /// Says that the thread is in a wait, until the result is dropped.
    ///
    /// Release, twice: pairs with the acquire load in `is_blocked`.
    pub(super) fn wait(&self) -> Wait<'_> {
        self.waits.fetch_add(1, Release);
        Wait { record: self }
    }

    /// Whether the thread is in a wait of this crate.
    #[cfg(not(threadwell_loom))]
    pub(crate) fn is_blocked(&self) -> bool {
        self.waits.load(crate::primitive::Acquire) != 0
    }
}

/// A wait of a thread: see [`ThreadRecord::wait`].
pub(super) struct Wait<'a> {
    record: &'a ThreadRecord,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.record.waits.fetch_sub(1, Release);
    }
}

#[cfg(not(threadwell_loom))]
mod current {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::{ThreadId, ThreadRecord, live};

    thread_local! {
        static LOOKS_FOR_SIGNALS: Cell<bool> = const { Cell::new(false) };
        /// Read on every acquire: no lazy initialisation and no destructor, so that it is one load.
        static ID: Cell<u32> = const { Cell::new(0) };
        static RECORD: Registered = Registered(live::register(current_id()));
    }

    /// The record of a thread that lives; taken out of the table when the thread ends.
    struct Registered(Arc<ThreadRecord>);

    impl Drop for Registered {
        fn drop(&mut self) {
            live::remove(self.0.id());
        }
    }

    #[inline]
    pub(crate) fn current_id() -> ThreadId {
        match ThreadId::from_raw(ID.get()) {
            Some(id) => id,
            None => first_use(),
        }
    }

    #[cold]
    fn first_use() -> ThreadId {
        let id = live::next_id();
        ID.set(id.get());
        // Fails only while the thread's locals are being destroyed: then it goes unlisted.
        let _ = RECORD.try_with(|_| ());
        id
    }

    /// Has the waits of the calling thread look for signals from time to time, as if one had ended their
    /// sleep: see [`OnSignal`](crate::OnSignal).
    ///
    /// For the thread that acts on the signals of a process, where the handlers themselves leave no more
    /// than a note. One that comes after the thread has looked for such notes, and before it sleeps, ends
    /// no sleep. It is found 50 ms later, or when the wait has become twice as long, and so on.
    pub fn look_for_signals() {
        LOOKS_FOR_SIGNALS.set(true);
    }

    #[inline]
    pub(crate) fn looks_for_signals() -> bool {
        LOOKS_FOR_SIGNALS.get()
    }

    pub(crate) fn current_record() -> Arc<ThreadRecord> {
        let id = current_id();
        RECORD
            .try_with(|registered| Arc::clone(&registered.0))
            .unwrap_or_else(|_| Arc::new(ThreadRecord::new(id)))
    }
}

#[cfg(threadwell_loom)]
mod current {
    use std::sync::Arc;

    use super::{ThreadId, ThreadRecord, live};

    loom::thread_local! {
        static RECORD: Arc<ThreadRecord> = Arc::new(ThreadRecord::new(live::next_id()));
    }

    /// The models send their signals to a thread that sleeps.
    pub(crate) fn looks_for_signals() -> bool {
        false
    }

    pub(crate) fn current_id() -> ThreadId {
        RECORD.with(|record| record.id())
    }

    pub(crate) fn current_record() -> Arc<ThreadRecord> {
        RECORD.with(Arc::clone)
    }
}

#[cfg(not(threadwell_loom))]
pub use current::look_for_signals;
pub(crate) use current::{current_id, current_record, looks_for_signals};

/// The table of threads that live and have a record.
mod live {
    #[cfg(not(threadwell_loom))]
    use std::collections::BTreeMap;

    #[cfg(not(threadwell_loom))]
    use super::super::ForkMutex;
    use super::{Arc, AtomicU32, ID_LIMIT, Relaxed, ThreadId, ThreadRecord};

    #[cfg(not(threadwell_loom))]
    static TABLE: ForkMutex<BTreeMap<u32, Arc<ThreadRecord>>> = ForkMutex::new(BTreeMap::new());

    /// Relaxed throughout: an identity needs to be different, and carries nothing else.
    static ISSUED: AtomicU32 = AtomicU32::new(0);

    /// An identity that no living thread has.
    pub(super) fn next_id() -> ThreadId {
        next_of(&ISSUED, |id| find(id).is_some())
    }

    fn next_of(counter: &AtomicU32, is_taken: impl Fn(ThreadId) -> bool) -> ThreadId {
        loop {
            let step = |issued| Some(after(issued));
            let (Ok(before) | Err(before)) = counter.fetch_update(Relaxed, Relaxed, step);
            let issued = after(before);
            let Some(id) = ThreadId::from_raw(issued % ID_LIMIT) else { continue };
            // Up to the limit nobody can have it; the counter does not come back to there.
            if issued < ID_LIMIT || !is_taken(id) {
                return id;
            }
        }
    }

    /// The count after `issued`. From the limit on it goes round above it.
    fn after(issued: u32) -> u32 {
        if issued >= 2 * ID_LIMIT - 1 { ID_LIMIT } else { issued + 1 }
    }

    #[cfg(not(threadwell_loom))]
    pub(super) fn register(id: ThreadId) -> Arc<ThreadRecord> {
        let record = Arc::new(ThreadRecord::new(id));
        insert(Arc::clone(&record));
        record
    }

    #[cfg(not(threadwell_loom))]
    pub(super) fn insert(record: Arc<ThreadRecord>) {
        let replaced = TABLE.lock().insert(record.id().get(), record);
        drop(replaced);
    }

    /// Takes every record but this one out of the table.
    #[cfg(not(threadwell_loom))]
    pub(super) fn keep_only(record: Arc<ThreadRecord>) {
        let only = BTreeMap::from([(record.id().get(), record)]);
        let gone = std::mem::replace(&mut *TABLE.lock(), only);
        drop(gone);
    }

    #[cfg(not(threadwell_loom))]
    pub(super) fn remove(id: ThreadId) {
        let removed = TABLE.lock().remove(&id.get());
        drop(removed);
    }

    pub(super) fn find(id: ThreadId) -> Option<Arc<ThreadRecord>> {
        #[cfg(not(threadwell_loom))]
        return TABLE.lock().get(&id.get()).cloned();
        #[cfg(threadwell_loom)]
        return None::<Arc<ThreadRecord>>.filter(|record| record.id() == id);
    }

    #[cfg(all(test, not(threadwell_loom)))]
    mod tests {
        use super::*;

        #[test]
        fn an_identity_that_is_taken_is_not_given_out_again() {
            for before in [ID_LIMIT - 1, 2 * ID_LIMIT - 1, u32::MAX] {
                let issued = AtomicU32::new(before);
                assert_eq!(next_of(&issued, |id| id.get() == 1).get(), 2, "after {before}");
            }
        }
    }
}

/// Lists the calling thread alone: in the child of a `fork` it is the only one.
#[cfg(not(threadwell_loom))]
pub(crate) fn keep_only_current() {
    live::keep_only(current_record());
}
