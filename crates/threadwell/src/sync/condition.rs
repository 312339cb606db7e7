//! Waiting, with a lock let go of, until another thread says that something has changed.
//!
//! # Protocol
//!
//! A waiter queues up on the condition while it still holds the lock, then releases the lock and
//! sleeps: a `notify` made under the lock cannot fall between the two. `notify` does not wake
//! anyone. It moves waiters, still asleep, to the queue of the lock, which the notifier holds and
//! they need next (*requeue*): the release of the lock wakes the first of them, and each one's own
//! release the next. There is no thundering herd, and nobody is woken to find the lock held.
//!
//! If the lock turns out to be free after all (a plain [`Lock`] can be released by anyone), there is
//! no release to come, and the waiters are woken at once. So is a waiter that waits with another
//! lock than the notifier's, and one that runs a signal handler.
//!
//! A thread that has been notified stays notified: a deadline that passes while it waits for the
//! lock no longer changes the outcome. If a signal handler ends its wait nevertheless, it passes the
//! notification on to the next waiter. It always holds the lock when `wait` returns.
//!
//! # Memory ordering
//!
//! `waiting` is relaxed. A waiter counts itself while it holds the lock, and whoever notifies holds
//! it later, so the lock orders the two; a count that is too high costs a look at the queue.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::condition_lock::ConditionLock;
use super::lock::Lock;
use crate::park::{
    Cause, Contended, OnSignal, Park, Parked, QueueGuard, Token, Turn, WaitOutcome, WaitQueue,
    Wakes, resume, without_unwinding,
};
use crate::primitive::{AtomicUsize, Relaxed, const_fn};
use crate::sys::clock;
use crate::time::Deadline;

/// Threads that wait to be notified. `threading.Condition`, without its lock: each call names the
/// lock, and all calls have to name the same one.
///
/// # Examples
///
/// ```
/// use threadwell::{Condition, Lock};
///
/// let (lock, condition) = (Lock::new(), Condition::new());
/// assert!(condition.notify(&lock, 1).is_err()); // The lock is not held.
/// lock.acquire();
/// condition.notify(&lock, 1).unwrap();
/// lock.release().unwrap();
/// ```
///
/// # Fairness
///
/// Threads are notified in the order in which they began to wait.
///
/// # Fork
///
/// Threads of the parent that waited do not exist in the child of a `fork`, and are forgotten there.
pub struct Condition {
    waiting: AtomicUsize,
    queue: WaitQueue,
}

/// The calling thread does not hold the lock that it waits or notifies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotOwned;

impl fmt::Display for NotOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot wait or notify without holding the lock")
    }
}

impl std::error::Error for NotOwned {}

impl Condition {
    const_fn! {
        /// A condition that nobody waits for.
        #[must_use]
        pub const fn new() -> Self {
            Self { waiting: AtomicUsize::new(0), queue: WaitQueue::new() }
        }
    }

    /// Releases `lock`, waits to be notified, and acquires `lock` again.
    ///
    /// # Errors
    ///
    /// [`NotOwned`] if the calling thread does not hold `lock`.
    pub fn wait(&self, lock: &impl ConditionLock) -> Result<(), NotOwned> {
        self.wait_with(lock, None, &mut resume).map(|_| ())
    }

    /// [`Condition::wait`] until `deadline`. Returns whether it was notified.
    ///
    /// # Errors
    ///
    /// As for [`Condition::wait`].
    pub fn wait_until(
        &self,
        lock: &impl ConditionLock,
        deadline: Deadline,
    ) -> Result<bool, NotOwned> {
        self.wait_with(lock, Some(deadline), &mut resume)
            .map(|outcome| outcome == WaitOutcome::Ready)
    }

    /// Releases `lock`, waits to be notified until `deadline`, if any, or until `on_signal` ends the
    /// wait, and acquires `lock` again in every case, as often as it had been acquired.
    ///
    /// # Errors
    ///
    /// As for [`Condition::wait`].
    pub fn wait_with(
        &self,
        lock: &impl ConditionLock,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<WaitOutcome, NotOwned> {
        if !lock.is_held() {
            return Err(NotOwned);
        }
        Ok(without_unwinding(on_signal, |on_signal| {
            self.sleep(lock, deadline, &mut *on_signal).reacquire(on_signal)
        }))
    }

    /// The first half of [`Condition::wait_with`]: releases `lock` and waits, and leaves it to the
    /// caller when to acquire `lock` again.
    ///
    /// For a thread that needs something else first, such as an interpreter's lock: it would
    /// otherwise wait for that with `lock` in its hands. If `on_signal` panics, `lock` is not
    /// acquired, and a notification goes to the next waiter.
    ///
    /// # Errors
    ///
    /// As for [`Condition::wait`].
    pub fn wait_unlocked<'a, L: ConditionLock>(
        &'a self,
        lock: &'a L,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<Waited<'a, L>, NotOwned> {
        if !lock.is_held() {
            return Err(NotOwned);
        }
        Ok(without_unwinding(on_signal, |on_signal| self.sleep(lock, deadline, on_signal)))
    }

    fn sleep<'a, L: ConditionLock>(
        &'a self,
        lock: &'a L,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Waited<'a, L> {
        let mut count = 0;
        let release = || {
            count = lock.release_all().0;
            true
        };
        let next = Some(lock.lock().queue());
        let parked = self.park(next, release, deadline, on_signal);
        let notified = matches!(parked, Parked::Woken { .. });
        let (turn, outcome) = (Turn::after(lock.lock(), parked), outcome_of(parked));
        Waited { condition: self, lock, count, turn, notified, outcome }
    }

    /// Waits to be notified, without a lock of this crate.
    ///
    /// `release` is called once the thread is queued: it lets go of whatever lock protects the
    /// condition, and says whether it could; if not, the wait ends as interrupted. The caller
    /// acquires that lock again afterwards. For locks of another make. If it panics, so does this,
    /// once the wait has ended in good order.
    pub fn wait_released(
        &self,
        release: impl FnOnce() -> bool,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> WaitOutcome {
        let mut panic = None;
        let release = || {
            catch_unwind(AssertUnwindSafe(release)).unwrap_or_else(|payload| {
                panic = Some(payload);
                false
            })
        };
        let outcome = without_unwinding(on_signal, |on_signal| {
            let parked = self.park(None, release, deadline, on_signal);
            let outcome = outcome_of(parked);
            if let (WaitOutcome::Interrupted, Parked::Woken { .. }) = (outcome, parked) {
                // As in `wait_with`.
                drop(self.notify_released(1));
            }
            outcome
        });
        match panic {
            None => outcome,
            Some(payload) => resume_unwind(payload),
        }
    }

    fn park(
        &self,
        next: Option<&WaitQueue>,
        release: impl FnOnce() -> bool,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Parked {
        self.queue.park(Park {
            front: false,
            since: 0,
            next,
            validate: |queue: &mut QueueGuard<'_>| {
                // A count that is not zero although nobody waits is that of a `fork`'s parent.
                let others = if queue.is_empty() { 0 } else { self.waiting.load(Relaxed) };
                self.waiting.store(others + 1, Relaxed);
                true
            },
            before_sleep: release,
            leave: |_: &mut QueueGuard<'_>, _: Cause| {
                self.waiting.fetch_sub(1, Relaxed);
                true
            },
            deadline,
            on_signal: Some(on_signal),
        })
    }

    /// Notifies the `n` threads that have waited longest, or as many as there are. They go on when
    /// they have the lock.
    ///
    /// # Errors
    ///
    /// [`NotOwned`] if the calling thread does not hold `lock`.
    #[inline]
    pub fn notify(&self, lock: &impl ConditionLock, n: usize) -> Result<(), NotOwned> {
        if !lock.is_held() {
            return Err(NotOwned);
        }
        if self.has_waiters() {
            self.requeue(lock.lock(), n);
        }
        Ok(())
    }

    /// Notifies every thread that waits. They go on, one after the other, when they have the lock.
    ///
    /// # Errors
    ///
    /// As for [`Condition::notify`].
    #[inline]
    pub fn notify_all(&self, lock: &impl ConditionLock) -> Result<(), NotOwned> {
        self.notify(lock, usize::MAX)
    }

    #[cold]
    fn requeue(&self, lock: &Lock, n: usize) {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        // Always the condition's queue first and the lock's second: no two threads can wait for
        // each other's.
        let mut target = lock.queue().lock();
        let held = !queue.is_empty() && lock.announce_waiters();
        let since = clock::monotonic_nanos();
        let mut notified = 0;
        while notified < n {
            let moved = held && queue.move_front(&mut target, since);
            if !moved && !queue.pick(Token::RETRY, &mut wakes) {
                break;
            }
            notified += 1;
        }
        self.forget(&queue, notified);
        drop((target, queue));
        drop(wakes);
    }

    /// [`Condition::notify`] for [`Condition::wait_released`]: wakes the threads (when the result is
    /// dropped), which then see to their lock themselves. The caller holds that lock.
    #[inline]
    pub fn notify_released(&self, n: usize) -> Wakes {
        let mut wakes = Wakes::none();
        if !self.has_waiters() {
            return wakes;
        }
        let mut queue = self.queue.lock();
        let mut notified = 0;
        while notified < n && queue.pick(Token::RETRY, &mut wakes) {
            notified += 1;
        }
        self.forget(&queue, notified);
        wakes
    }

    /// Takes notified threads out of the count. The queue's mutex is held.
    fn forget(&self, queue: &QueueGuard<'_>, notified: usize) {
        if queue.is_empty() {
            // Exact even if waiters were left behind by a `fork`.
            self.waiting.store(0, Relaxed);
        } else {
            self.waiting.fetch_sub(notified, Relaxed);
        }
    }

    #[inline]
    fn has_waiters(&self) -> bool {
        self.waiting.load(Relaxed) != 0
    }

    /// How many threads wait at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        // Until the queue is used in the child of a `fork`, the count is the parent's.
        if self.queue.has_been_used() { self.waiting.load(Relaxed) } else { 0 }
    }
}

/// A wait that is over, of a thread that does not hold the lock again yet: what
/// [`Condition::wait_unlocked`] returns.
///
/// It belongs to the thread that waited, which has to acquire the lock again by it. Dropped before, it
/// leaves the lock to others, and passes a notification on.
#[derive(Debug)]
#[must_use = "the lock has to be acquired again"]
pub struct Waited<'a, L: ConditionLock> {
    condition: &'a Condition,
    lock: &'a L,
    /// How often the lock had been acquired.
    count: usize,
    turn: Turn<'a, Lock>,
    /// Whether it has a notification that it has not acted upon.
    notified: bool,
    outcome: WaitOutcome,
}

impl<L: ConditionLock> Waited<'_, L> {
    /// Acquires the lock again, as often as it had been acquired, if that needs no waiting.
    ///
    /// # Errors
    ///
    /// Another thread holds the lock: see [`Waited::await_turn`].
    #[inline]
    pub fn try_reacquire(mut self) -> Result<WaitOutcome, Self> {
        if !self.turn.try_take() {
            return Err(self);
        }
        self.lock.acquired_all(self.count);
        let notified = std::mem::take(&mut self.notified);
        if self.outcome == WaitOutcome::Interrupted && notified && self.condition.has_waiters() {
            // Notified, but about to do something else: the next waiter is to see to it.
            self.condition.requeue(self.lock.lock(), 1);
        }
        Ok(self.outcome)
    }

    /// Waits until it is the thread's turn to try for the lock, or until `on_signal` ends the wait;
    /// then the whole wait counts as interrupted. Either way the lock is still to be acquired.
    pub fn await_turn(&mut self, on_signal: OnSignal<'_>) {
        if self.turn.wait(None, on_signal) == WaitOutcome::Interrupted {
            self.outcome = WaitOutcome::Interrupted;
        }
    }

    fn reacquire(mut self, on_signal: OnSignal<'_>) -> WaitOutcome {
        loop {
            self = match self.try_reacquire() {
                Ok(outcome) => return outcome,
                Err(waited) => waited,
            };
            // Not the end if a handler wants one: the caller is owed the lock, and a `with` block or a
            // guard around its call is going to release it.
            self.await_turn(&mut *on_signal);
        }
    }
}

impl<L: ConditionLock> Drop for Waited<'_, L> {
    fn drop(&mut self) {
        if self.notified {
            drop(self.condition.notify_released(1));
        }
    }
}

/// What [`Condition::park`] means to the waiter. A wait that a signal handler's `fork` cut off ends
/// like a spurious wake-up, which every user of a condition has to expect.
fn outcome_of(parked: Parked) -> WaitOutcome {
    parked.outcome().unwrap_or(WaitOutcome::Ready)
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiting", &self.waiting()).finish()
    }
}
