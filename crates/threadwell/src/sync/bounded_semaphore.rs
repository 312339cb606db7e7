//! A semaphore with a limit: a [`Semaphore`] whose releases name it.

use std::fmt;

use super::semaphore::{Semaphore, SemaphoreError};
use crate::park::{Contended, OnSignal, WaitOutcome, WaitQueue, Wakes};
use crate::primitive::const_fn;
use crate::time::Deadline;

/// A semaphore that refuses to hold more permits than it began with: a release too many is an error
/// in the program, and is reported as one. `threading.BoundedSemaphore`.
///
/// # Examples
///
/// ```
/// use threadwell::BoundedSemaphore;
///
/// let connections = BoundedSemaphore::new(1);
/// connections.acquire();
/// connections.release().unwrap();
/// assert!(connections.release().is_err());
/// ```
///
/// # Fairness
///
/// As for [`Semaphore`].
///
/// # Fork
///
/// As for [`Semaphore`]; see [`BoundedSemaphore::reinit`].
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    limit: usize,
}

impl BoundedSemaphore {
    const_fn! {
        /// A semaphore with `limit` permits, now and at most. There can be no more than
        /// [`Semaphore::MAX_PERMITS`]: a higher limit counts as that.
        #[must_use]
        pub const fn new(limit: usize) -> Self {
            let limit = if limit > Semaphore::MAX_PERMITS { Semaphore::MAX_PERMITS } else { limit };
            Self { semaphore: Semaphore::new(limit), limit }
        }
    }

    /// As [`Semaphore::try_acquire`].
    #[must_use]
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.semaphore.try_acquire()
    }

    /// As [`Semaphore::acquire`].
    #[inline]
    pub fn acquire(&self) {
        self.semaphore.acquire();
    }

    /// As [`Semaphore::acquire_until`].
    #[must_use]
    #[inline]
    pub fn acquire_until(&self, deadline: Deadline) -> bool {
        self.semaphore.acquire_until(deadline)
    }

    /// As [`Semaphore::acquire_with`].
    #[inline]
    pub fn acquire_with(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        self.semaphore.acquire_with(deadline, on_signal)
    }

    /// Gives a permit back.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::TooManyPermits`] if all of them are there already; nothing has changed
    /// then.
    #[inline]
    pub fn release(&self) -> Result<(), SemaphoreError> {
        self.release_many(1)
    }

    /// Gives `permits` permits back in one step.
    ///
    /// # Errors
    ///
    /// As for [`BoundedSemaphore::release`].
    #[inline]
    pub fn release_many(&self, permits: usize) -> Result<(), SemaphoreError> {
        self.release_deferred(permits).map(drop)
    }

    /// [`BoundedSemaphore::release_many`], with the waking of the threads left to the caller.
    ///
    /// # Errors
    ///
    /// As for [`BoundedSemaphore::release`].
    #[inline]
    pub fn release_deferred(&self, permits: usize) -> Result<Wakes, SemaphoreError> {
        self.semaphore.release_within(permits, self.limit)
    }

    /// As [`Semaphore::reinit`], with all permits.
    pub fn reinit(&self) {
        self.semaphore.reinit(self.limit);
    }

    /// How many permits there are at this moment.
    #[must_use]
    #[inline]
    pub fn permits(&self) -> usize {
        self.semaphore.permits()
    }

    /// How many permits there can be.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl Contended for BoundedSemaphore {
    fn queue(&self) -> &WaitQueue {
        self.semaphore.queue()
    }

    fn is_free(&self) -> bool {
        self.semaphore.is_free()
    }

    fn announce_waiters(&self) -> bool {
        self.semaphore.announce_waiters()
    }

    fn forget_waiters(&self) {
        self.semaphore.forget_waiters();
    }

    fn try_take(&self) -> bool {
        self.try_acquire()
    }

    fn give_back(&self) {
        // It was taken.
        let _ = self.release();
    }
}

impl Default for BoundedSemaphore {
    /// One permit, as in Python.
    fn default() -> Self {
        Self::new(1)
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("permits", &self.permits())
            .field("limit", &self.limit)
            .finish()
    }
}
