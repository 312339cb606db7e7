//! A mutual exclusion lock that any thread may release.
//!
//! # Protocol
//!
//! | Bits  | Name     | Meaning                                                          |
//! |-------|----------|------------------------------------------------------------------|
//! | 0     | `WAITED` | threads are queued: a release has to look at the queue           |
//! | 1..32 | owner    | [`ThreadId`] of the thread that acquired it; 0 when it is free   |
//!
//! | Word             | acquire                | release                                       |
//! |------------------|------------------------|-----------------------------------------------|
//! | 0                | take it                | error                                         |
//! | owner            | set `WAITED`, queue up | to 0                                          |
//! | `WAITED`         | take it (barging)      | error                                         |
//! | owner + `WAITED` | queue up               | under the queue's mutex: pick the longest waiter |
//!
//! A free lock goes to whoever comes first, also past the queue: handing it to a sleeping thread
//! would leave it idle until that thread runs. A picked waiter that comes too late queues up again
//! before all that have not waited for longer. If the longest waiter has waited for a millisecond, the
//! release makes it the owner instead (*hand-off*), so nobody starves. Both rules are those of
//! `parking_lot` and of CPython's `PyMutex`.
//!
//! `WAITED` is set by a thread that queues up, under the queue's mutex and only on a held lock, and
//! cleared under the same mutex when the queue is empty. So a thread is never queued on a lock whose
//! next release will not look at the queue.
//!
//! A signal takes a waiter out of the queue before its handler runs, and back to the front
//! afterwards. In the queue it could be picked meanwhile: the lock would lie free, or be its own
//! already, for as long as the handler runs, and a handler that waits for another waiter of the lock,
//! or for the lock, would wait for ever.
//!
//! # Memory ordering
//!
//! The release in `release` (a store or exchange of the word) pairs with the acquire exchange in
//! `acquire`. A hand-off is ordered by the token instead (`park/queue.rs`). Setting `WAITED` is
//! relaxed: the thread that does it reads nothing on the strength of it.

use std::fmt;

use crate::park::record::current_id;
use crate::park::{
    Contended, OnSignal, ThreadId, Token, WaitOutcome, WaitQueue, Wakes, acquire_in_turns,
    has_starved, resume,
};
use crate::primitive::{Acquire, Relaxed, Release, const_fn};
use crate::time::Deadline;

const WAITED: u32 = 1;
const OWNER_SHIFT: u32 = 1;

/// A lock that is not owned in the strict sense: any thread may release it, and a thread that
/// acquires it twice waits for itself. `threading.Lock`.
///
/// # Examples
///
/// ```
/// use threadwell::Lock;
///
/// let lock = Lock::new();
/// lock.acquire();
/// assert!(!lock.try_acquire());
/// lock.release().unwrap();
/// assert!(lock.release().is_err());
/// ```
///
/// # Fairness
///
/// A free lock goes to whoever asks first, but a thread that has waited for a millisecond gets it at
/// the next release.
///
/// # Fork
///
/// In the child of a `fork` a held lock is still held, whoever held it. See [`Lock::reinit`].
pub struct Lock {
    queue: WaitQueue,
}

/// A release of something that is not held, or not by the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Nobody holds it.
    NotHeld,
    /// Another thread holds it.
    NotOwned,
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHeld => "cannot release a lock that is not held",
            Self::NotOwned => "cannot release a lock that another thread holds",
        })
    }
}

impl std::error::Error for ReleaseError {}

impl Lock {
    const_fn! {
        /// A free lock.
        #[must_use]
        pub const fn new() -> Self {
            Self { queue: WaitQueue::new() }
        }
    }

    /// Takes the lock if it is free. Never waits.
    #[must_use]
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.try_acquire_as(current_id())
    }

    /// [`Lock::try_acquire`] for a caller that knows who it is.
    #[inline]
    pub(super) fn try_acquire_as(&self, me: ThreadId) -> bool {
        let word = self.queue.word.compare_exchange(0, me.get() << OWNER_SHIFT, Acquire, Relaxed);
        // Free, but with waiters: barging.
        word.is_ok() || (word == Err(WAITED) && self.try_barge(me, WAITED))
    }

    #[cold]
    fn try_barge(&self, me: ThreadId, free: u32) -> bool {
        let taken = free | (me.get() << OWNER_SHIFT);
        self.queue.word.compare_exchange(free, taken, Acquire, Relaxed).is_ok()
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn acquire(&self) {
        // Without deadline or interruption there is one way out.
        let _ = self.acquire_with(None, &mut resume);
    }

    /// Waits for the lock until `deadline`. Returns whether it was acquired.
    #[must_use]
    #[inline]
    pub fn acquire_until(&self, deadline: Deadline) -> bool {
        self.acquire_with(Some(deadline), &mut resume) == WaitOutcome::Ready
    }

    /// Waits for the lock until `deadline`, if any, or until `on_signal` ends the wait.
    #[inline]
    pub fn acquire_with(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        if self.try_acquire() {
            return WaitOutcome::Ready;
        }
        acquire_in_turns(self, deadline, on_signal)
    }

    /// Frees the lock. Any thread may do so, not only the one that acquired it.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::NotHeld`] if the lock is free; nothing has changed then.
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        self.release_deferred().map(drop)
    }

    /// [`Lock::release`], with the waking of the next thread left to the caller.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::NotHeld`] if the lock is free.
    #[inline]
    pub fn release_deferred(&self) -> Result<Wakes, ReleaseError> {
        let word = self.queue.word.load(Relaxed);
        if word & WAITED == 0
            && word != 0
            && self.queue.word.compare_exchange(word, 0, Release, Relaxed).is_ok()
        {
            return Ok(Wakes::none());
        }
        self.release_contended()
    }

    #[cold]
    fn release_contended(&self) -> Result<Wakes, ReleaseError> {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        loop {
            let word = self.queue.word.load(Relaxed);
            if word >> OWNER_SHIFT == 0 {
                return Err(ReleaseError::NotHeld);
            }
            if word & WAITED == 0 {
                if self.queue.word.compare_exchange(word, 0, Release, Relaxed).is_ok() {
                    return Ok(wakes);
                }
                continue;
            }
            // Held and waited for: with the queue's mutex held, nobody else changes the word. It is
            // changed before the token is set, because the picked thread may run from then on.
            let waited = if queue.is_empty() || queue.has_one() { 0 } else { WAITED };
            let (owner, token) = match queue.front() {
                Some((id, since)) if has_starved(since) => (id.get(), Token::GRANTED),
                _ => (0, Token::RETRY),
            };
            self.queue.word.store(owner << OWNER_SHIFT | waited, Release);
            queue.pick(token, &mut wakes);
            return Ok(wakes);
        }
    }

    /// Whether anyone holds the lock at this moment.
    #[must_use]
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.queue.word.load(Relaxed) >> OWNER_SHIFT != 0
    }

    /// The thread that acquired the lock. It may have ended since.
    #[must_use]
    #[inline]
    pub fn owner(&self) -> Option<ThreadId> {
        ThreadId::from_raw(self.queue.word.load(Relaxed) >> OWNER_SHIFT)
    }

    /// Frees the lock in the child of a `fork`, whoever held it in the parent.
    ///
    /// Threads that wait for it in this process are told to try again.
    pub fn reinit(&self) {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        // Before the tokens: a picked thread may take it at once.
        self.queue.word.store(0, Release);
        queue.pick_all(Token::RETRY, &mut wakes);
        drop(queue);
    }
}

impl Contended for Lock {
    fn queue(&self) -> &WaitQueue {
        &self.queue
    }

    fn is_free(&self) -> bool {
        !self.is_locked()
    }

    fn announce_waiters(&self) -> bool {
        let mut word = self.queue.word.load(Relaxed);
        while word >> OWNER_SHIFT != 0 {
            match self.queue.word.compare_exchange(word, word | WAITED, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    fn forget_waiters(&self) {
        self.queue.word.fetch_and(!WAITED, Relaxed);
    }

    fn try_take(&self) -> bool {
        self.try_acquire()
    }

    fn give_back(&self) {
        // It was taken.
        let _ = self.release();
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("owner", &self.owner()).finish()
    }
}

#[cfg(all(test, not(threadwell_loom), target_os = "linux", not(threadwell_portable)))]
mod tests {
    use super::Lock;

    #[test]
    fn a_lock_is_two_words() {
        assert_eq!(size_of::<Lock>(), 16);
    }
}
