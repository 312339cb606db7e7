//! A lock that its owner may take again.
//!
//! It is a [`Lock`] and a count that only the owner touches. All waiting is the lock's.
//!
//! # Memory ordering
//!
//! `count` is relaxed: it is read and written by the lock's owner alone, and the lock orders one
//! owner after the other. Whether the calling thread is the owner needs no ordering either: no other
//! thread can make that true or false.

use std::fmt;

use super::lock::{Lock, ReleaseError};
use crate::park::record::current_id;
use crate::park::{
    Contended, OnSignal, ThreadId, WaitOutcome, WaitQueue, Wakes, acquire_in_turns, resume,
};
use crate::primitive::{AtomicUsize, Relaxed, const_fn};
use crate::time::Deadline;

/// A re-entrant lock: the thread that owns it may acquire it again, and has to release it as often
/// as it acquired it. `threading.RLock`.
///
/// # Examples
///
/// ```
/// use threadwell::RLock;
///
/// let lock = RLock::new();
/// lock.acquire();
/// lock.acquire();
/// lock.release().unwrap();
/// assert!(lock.is_owned());
/// lock.release().unwrap();
/// assert!(lock.release().is_err());
/// ```
///
/// # Fairness
///
/// As for [`Lock`].
///
/// # Fork
///
/// As for [`Lock`]; the forking thread still owns in the child what it owned in the parent.
#[derive(Default)]
pub struct RLock {
    lock: Lock,
    /// How often the owner has acquired it beyond the first time.
    again: AtomicUsize,
}

/// The first acquire and these fit into the count that others are told.
const MAX_AGAIN: usize = usize::MAX - 1;

impl RLock {
    const_fn! {
        /// A free lock.
        #[must_use]
        pub const fn new() -> Self {
            Self { lock: Lock::new(), again: AtomicUsize::new(0) }
        }
    }

    /// Takes the lock if it is free or the calling thread's own. Never waits. `false` also if that
    /// thread has acquired it [`usize::MAX`] times.
    #[must_use]
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let me = current_id();
        self.lock.try_acquire_as(me) || self.acquire_again(me, 1)
    }

    /// Acquires it `count` times more if the calling thread owns it and the count has room.
    #[inline]
    fn acquire_again(&self, me: ThreadId, count: usize) -> bool {
        let owned = self.lock.owner() == Some(me);
        if !owned {
            return false;
        }
        let again = self.again.load(Relaxed);
        let fits = count <= MAX_AGAIN - again;
        if fits {
            self.again.store(again + count, Relaxed);
        }
        fits
    }

    /// Waits for a lock that another thread owns.
    #[cold]
    fn acquire_contended(
        &self,
        me: ThreadId,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> WaitOutcome {
        // It would wait for itself.
        assert!(self.lock.owner() != Some(me), "the count of an RLock would overflow");
        acquire_in_turns(&self.lock, deadline, on_signal)
    }

    /// Waits until the lock is free, unless the calling thread owns it already, and takes it.
    ///
    /// # Panics
    ///
    /// If the calling thread has acquired it [`usize::MAX`] times.
    #[inline]
    pub fn acquire(&self) {
        // Without deadline or interruption there is one way out.
        let _ = self.acquire_with(None, &mut resume);
    }

    /// Waits for the lock until `deadline`. Returns whether it was acquired.
    ///
    /// # Panics
    ///
    /// As for [`RLock::acquire`].
    #[must_use]
    #[inline]
    pub fn acquire_until(&self, deadline: Deadline) -> bool {
        self.acquire_with(Some(deadline), &mut resume) == WaitOutcome::Ready
    }

    /// Waits for the lock until `deadline`, if any, or until `on_signal` ends the wait.
    ///
    /// # Panics
    ///
    /// As for [`RLock::acquire`].
    #[inline]
    pub fn acquire_with(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        let me = current_id();
        if self.lock.try_acquire_as(me) || self.acquire_again(me, 1) {
            return WaitOutcome::Ready;
        }
        self.acquire_contended(me, deadline, on_signal)
    }

    /// Undoes one acquire of the calling thread.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if the calling thread does not own the lock; nothing has changed then.
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        self.release_deferred().map(drop)
    }

    /// [`RLock::release`], with the waking of the next thread left to the caller.
    ///
    /// # Errors
    ///
    /// As for [`RLock::release`].
    #[inline]
    pub fn release_deferred(&self) -> Result<Wakes, ReleaseError> {
        self.check_owned()?;
        match self.again.load(Relaxed) {
            0 => self.lock.release_deferred(),
            again => {
                self.again.store(again - 1, Relaxed);
                Ok(Wakes::none())
            }
        }
    }

    /// Undoes every acquire of the calling thread, and returns how many there were.
    ///
    /// # Errors
    ///
    /// As for [`RLock::release`].
    pub fn release_all(&self) -> Result<(usize, Wakes), ReleaseError> {
        self.check_owned()?;
        let again = self.again.load(Relaxed);
        self.again.store(0, Relaxed);
        Ok((again + 1, self.lock.release_deferred()?))
    }

    /// Takes the lock `count` times at once if that needs no waiting; 0 counts as 1. `false` also if
    /// the calling thread would then have acquired it more than [`usize::MAX`] times.
    #[must_use]
    pub fn try_acquire_all(&self, count: usize) -> bool {
        let me = current_id();
        let free = self.lock.try_acquire_as(me);
        if free {
            self.acquired_all(count);
        }
        free || self.acquire_again(me, count.max(1))
    }

    /// Waits for the lock and takes it `count` times at once: what [`RLock::release_all`] undid. 0
    /// counts as 1.
    ///
    /// # Panics
    ///
    /// If the calling thread would then have acquired it more than [`usize::MAX`] times.
    pub fn acquire_all(&self, count: usize, on_signal: OnSignal<'_>) -> WaitOutcome {
        if self.try_acquire_all(count) {
            return WaitOutcome::Ready;
        }
        let outcome = self.acquire_contended(current_id(), None, on_signal);
        if outcome == WaitOutcome::Ready {
            self.acquired_all(count);
        }
        outcome
    }

    /// The lock was free, and has just been acquired once; makes that `count` times.
    pub(super) fn acquired_all(&self, count: usize) {
        self.again.store(count.saturating_sub(1), Relaxed);
    }

    #[inline]
    fn check_owned(&self) -> Result<(), ReleaseError> {
        match self.lock.owner() {
            Some(owner) if owner == current_id() => Ok(()),
            Some(_) => Err(ReleaseError::NotOwned),
            None => Err(ReleaseError::NotHeld),
        }
    }

    /// Whether the calling thread owns the lock.
    #[must_use]
    #[inline]
    pub fn is_owned(&self) -> bool {
        self.check_owned().is_ok()
    }

    /// How often the calling thread has acquired the lock and not released it.
    #[must_use]
    #[inline]
    pub fn recursion_count(&self) -> usize {
        if self.is_owned() { self.again.load(Relaxed) + 1 } else { 0 }
    }

    /// How often its owner, whoever that is, has acquired the lock at this moment; 0 if it is free.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.lock.is_locked() { self.again.load(Relaxed) + 1 } else { 0 }
    }

    /// Whether any thread owns the lock at this moment.
    #[must_use]
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    /// The thread that owns the lock. It may have ended since.
    #[must_use]
    #[inline]
    pub fn owner(&self) -> Option<ThreadId> {
        self.lock.owner()
    }

    /// Frees the lock in the child of a `fork`, whoever owned it in the parent, and however often.
    ///
    /// Threads that wait for it in this process are told to try again; the thread that owned it in
    /// this process is told when it releases it, by an error.
    pub fn reinit(&self) {
        self.again.store(0, Relaxed);
        self.lock.reinit();
    }

    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }
}

impl Contended for RLock {
    fn queue(&self) -> &WaitQueue {
        self.lock.queue()
    }

    fn is_free(&self) -> bool {
        self.is_owned() || self.lock.is_free()
    }

    fn announce_waiters(&self) -> bool {
        self.lock.announce_waiters()
    }

    fn forget_waiters(&self) {
        self.lock.forget_waiters();
    }

    fn try_take(&self) -> bool {
        self.try_acquire()
    }

    fn give_back(&self) {
        // It was taken.
        let _ = self.release();
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock").field("owner", &self.owner()).field("depth", &self.depth()).finish()
    }
}
