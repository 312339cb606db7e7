//! Counting semaphores.
//!
//! # Protocol
//!
//! | Bits | Name     | Meaning                                                     |
//! |------|----------|-------------------------------------------------------------|
//! | 0    | `WAITED` | threads are queued: a release has to look at the queue      |
//! | 1..  | permits  | how many acquires can succeed without waiting               |
//!
//! A thread queues up, with `WAITED` set, only if under the queue's mutex there is no permit. A
//! release adds its permits to the word and picks as many waiters to try again; permits go to
//! whoever comes first, as with [`Lock`](super::Lock), and for the same reason. A waiter that has
//! starved is given its permit directly. `WAITED` is cleared only under the queue's mutex, when the
//! queue is empty.
//!
//! A picked waiter gives up only after it has looked for the permit once more and found it taken:
//! otherwise a permit could lie unused while others sleep. A signal handler runs out of the queue, as
//! it does for a [`Lock`](super::Lock).
//!
//! # Memory ordering
//!
//! The release in `release` pairs with the acquire exchange that takes a permit; permits taken in
//! between keep the release sequence alive, because taking one is a read-modify-write. A permit that
//! is given directly is ordered by the token (`park/queue.rs`).

use std::fmt;

use crate::park::{
    Contended, OnSignal, Token, WaitOutcome, WaitQueue, Wakes, acquire_in_turns, has_starved,
    resume,
};
use crate::primitive::{Acquire, AtomicUsize, Relaxed, Release, const_fn};
use crate::time::Deadline;

const WAITED: usize = 1;
const PERMIT: usize = 2;

/// A counter of permits: `acquire` takes one and waits while there is none, `release` adds some.
/// `threading.Semaphore`.
///
/// # Examples
///
/// ```
/// use threadwell::Semaphore;
///
/// let seats = Semaphore::new(2);
/// seats.acquire();
/// seats.acquire();
/// assert!(!seats.try_acquire());
/// seats.release().unwrap();
/// assert!(seats.try_acquire());
/// ```
///
/// # Fairness
///
/// A permit goes to whoever asks first, but a thread that has waited for a millisecond is given one
/// by the next release.
///
/// # Fork
///
/// The child of a `fork` finds the count as it was: permits that other threads of the parent had
/// taken do not come back there. See [`Semaphore::reinit`].
pub struct Semaphore {
    word: AtomicUsize,
    queue: WaitQueue,
}

/// A release that would leave more permits than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SemaphoreError {
    /// Beyond the limit of a [`BoundedSemaphore`](crate::BoundedSemaphore), or beyond [`Semaphore::MAX_PERMITS`].
    TooManyPermits,
}

impl fmt::Display for SemaphoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyPermits => "semaphore released too many times",
        })
    }
}

impl std::error::Error for SemaphoreError {}

impl Semaphore {
    /// The most permits that a semaphore can hold.
    pub const MAX_PERMITS: usize = usize::MAX >> 1;

    const_fn! {
        /// A semaphore with that many permits, at most [`Semaphore::MAX_PERMITS`] of them.
        #[must_use]
        pub const fn new(permits: usize) -> Self {
            let permits = if permits > Self::MAX_PERMITS { Self::MAX_PERMITS } else { permits };
            Self { word: AtomicUsize::new(permits * PERMIT), queue: WaitQueue::new() }
        }
    }

    /// Takes a permit if there is one. Never waits.
    #[must_use]
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let mut word = self.word.load(Relaxed);
        while word >= PERMIT {
            match self.word.compare_exchange_weak(word, word - PERMIT, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Waits for a permit and takes it.
    #[inline]
    pub fn acquire(&self) {
        // Without deadline or interruption there is one way out.
        let _ = self.acquire_with(None, &mut resume);
    }

    /// Waits for a permit until `deadline`. Returns whether one was taken.
    #[must_use]
    #[inline]
    pub fn acquire_until(&self, deadline: Deadline) -> bool {
        self.acquire_with(Some(deadline), &mut resume) == WaitOutcome::Ready
    }

    /// Waits for a permit until `deadline`, if any, or until `on_signal` ends the wait.
    #[inline]
    pub fn acquire_with(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        if self.try_acquire() {
            return WaitOutcome::Ready;
        }
        acquire_in_turns(self, deadline, on_signal)
    }

    /// Adds a permit.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::TooManyPermits`] beyond [`Semaphore::MAX_PERMITS`]; nothing has changed
    /// then.
    #[inline]
    pub fn release(&self) -> Result<(), SemaphoreError> {
        self.release_many(1)
    }

    /// Adds `permits` permits in one step.
    ///
    /// # Errors
    ///
    /// As for [`Semaphore::release`].
    #[inline]
    pub fn release_many(&self, permits: usize) -> Result<(), SemaphoreError> {
        self.release_deferred(permits).map(drop)
    }

    /// [`Semaphore::release_many`], with the waking of the threads left to the caller.
    ///
    /// # Errors
    ///
    /// As for [`Semaphore::release`].
    #[inline]
    pub fn release_deferred(&self, permits: usize) -> Result<Wakes, SemaphoreError> {
        self.release_within(permits, Self::MAX_PERMITS)
    }

    /// Adds `permits` permits unless that leaves more than `limit`: the check and the change are one
    /// step. The waking of the threads is left to the caller.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::TooManyPermits`]; nothing has changed then.
    #[inline]
    pub fn release_within(&self, permits: usize, limit: usize) -> Result<Wakes, SemaphoreError> {
        let mut word = self.word.load(Relaxed);
        while word & WAITED == 0 {
            let next = Self::grown(word, permits, limit)?;
            match self.word.compare_exchange_weak(word, next, Release, Relaxed) {
                Ok(_) => return Ok(Wakes::none()),
                Err(seen) => word = seen,
            }
        }
        self.release_contended(permits, limit)
    }

    /// Makes the count `permits`, as if the semaphore were new: what the child of a `fork` does if
    /// threads that are not there had taken some. Threads that wait in this process are told to try
    /// again.
    pub fn reinit(&self, permits: usize) {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        // Before the tokens: a picked thread may take one at once.
        self.word.store(permits.min(Self::MAX_PERMITS) * PERMIT, Release);
        queue.pick_all(Token::RETRY, &mut wakes);
        drop(queue);
    }

    /// The word with more permits in it.
    #[inline]
    fn grown(word: usize, permits: usize, limit: usize) -> Result<usize, SemaphoreError> {
        let room = limit.min(Self::MAX_PERMITS).saturating_sub(word / PERMIT);
        if permits > room {
            return Err(SemaphoreError::TooManyPermits);
        }
        Ok(word + permits * PERMIT)
    }

    #[cold]
    fn release_contended(&self, permits: usize, limit: usize) -> Result<Wakes, SemaphoreError> {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        if queue.is_empty() {
            // The waiters have left meanwhile, and other releases no longer come this way.
            let grow = |word| Self::grown(word & !WAITED, permits, limit).ok();
            return match self.word.fetch_update(Release, Relaxed, grow) {
                Ok(_) => Ok(wakes),
                Err(_) => Err(SemaphoreError::TooManyPermits),
            };
        }
        // As long as threads are queued, every release comes this way and waits for the mutex: the
        // permits can only become fewer, and what fits now fits below.
        Self::grown(self.word.load(Relaxed), permits, limit)?;
        let mut left = permits;
        while left > 0 && queue.front().is_some_and(|(_, since)| has_starved(since)) {
            queue.pick(Token::GRANTED, &mut wakes);
            left -= 1;
        }
        // Before the tokens: a picked thread that runs at once finds what it was picked for.
        self.word.fetch_add(left * PERMIT, Release);
        while left > 0 && queue.pick(Token::RETRY, &mut wakes) {
            left -= 1;
        }
        if queue.is_empty() {
            self.forget_waiters();
        }
        Ok(wakes)
    }

    /// How many permits there are at this moment.
    #[must_use]
    #[inline]
    pub fn permits(&self) -> usize {
        self.word.load(Relaxed) / PERMIT
    }
}

impl Contended for Semaphore {
    fn queue(&self) -> &WaitQueue {
        &self.queue
    }

    fn is_free(&self) -> bool {
        self.permits() != 0
    }

    fn announce_waiters(&self) -> bool {
        let mark = |word| (word < PERMIT).then_some(word | WAITED);
        self.word.fetch_update(Relaxed, Relaxed, mark).is_ok()
    }

    fn forget_waiters(&self) {
        self.word.fetch_and(!WAITED, Relaxed);
    }

    fn try_take(&self) -> bool {
        self.try_acquire()
    }

    fn give_back(&self) {
        // It was taken.
        let _ = self.release();
    }
}

impl Default for Semaphore {
    /// One permit, as in Python.
    fn default() -> Self {
        Self::new(1)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("permits", &self.permits()).finish()
    }
}
