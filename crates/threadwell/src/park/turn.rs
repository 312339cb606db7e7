//! Waiting for something that one thread gets instead of another: a lock, a permit.
//!
//! The wait goes in steps. A thread that is picked has not got what it waits for, but its turn to
//! try; if it comes too late, it queues up again before all that have not waited for longer. Between
//! the two it may do something else first, such as attach to an interpreter. Until it tries, those
//! behind it in the queue sleep, although what they wait for may be free: the wake-up was spent on it.

use super::mutex::assert_nothing_held;
use super::queue::{Cause, Park, Parked, QueueGuard, Signal, Token, WaitQueue};
use super::{OnSignal, WaitOutcome};
use crate::sys::clock;
use crate::time::Deadline;

/// How long the longest waiter waits before a release hands the lock over to it, in nanoseconds.
///
/// Long enough that most waits end by barging, short enough that no thread is starved for longer
/// than a scheduler's time slice. `parking_lot` takes 0.5 ms on average, CPython's `PyMutex` 1 ms.
const FAIR_AFTER: u64 = 1_000_000;

/// One thread's wait for a [`Lock`](crate::Lock), an [`RLock`](crate::RLock), a permit of a
/// [`Semaphore`](crate::Semaphore) or of a [`BoundedSemaphore`](crate::BoundedSemaphore), in two steps:
/// [`Turn::wait`] for it, and [`Turn::try_take`] it.
///
/// For a thread that needs something else in between, such as an interpreter's lock: with `acquire` it
/// would wait for that with a lock in its hands, and whoever runs meanwhile would meet it. It should be
/// quick about it: until it tries, nobody else is woken in its stead.
///
/// A turn belongs to the thread that waits. Dropped between the two steps, it passes the turn on.
///
/// # Examples
///
/// ```
/// use threadwell::{Lock, Turn, WaitOutcome, resume};
///
/// let lock = Lock::new();
/// let mut turn = Turn::new(&lock);
/// while turn.wait(None, &mut resume) == WaitOutcome::Ready && !turn.try_take() {}
/// assert!(lock.is_locked());
/// ```
#[derive(Debug)]
#[must_use = "it waits for nothing by itself"]
pub struct Turn<'a, T: TakenInTurns> {
    contended: &'a T,
    /// When the wait began, in nanoseconds; what fairness is measured by.
    since: u64,
    /// It has had its turn, or left the queue for a signal handler.
    front: bool,
    /// A signal came whose handler has not run.
    signalled: bool,
    due: Due,
}

/// What a thread has after it was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// A wake-up was spent on it: it has to try, or somebody else.
    Try,
    /// It was handed what it waits for.
    Granted,
}

/// Whether a thread that began to wait at `since` is due for a hand-off.
pub(crate) fn has_starved(since: u64) -> bool {
    clock::monotonic_nanos().saturating_sub(since) >= FAIR_AFTER
}

impl<'a, T: TakenInTurns> Turn<'a, T> {
    /// The beginning of a wait for `contended`.
    pub fn new(contended: &'a T) -> Self {
        let since = clock::monotonic_nanos();
        Self { contended, since, front: false, signalled: false, due: Due::Nothing }
    }

    /// Where a thread stands that was in the queue already, moved there by a condition.
    pub(crate) fn after(contended: &'a T, parked: Parked) -> Self {
        let mut turn = Self::new(contended);
        if let Parked::Woken { token, signal, since } = parked {
            // It has no waiting time in the condition's own queue.
            if since != 0 {
                turn.since = since;
            }
            turn.picked(token, signal);
        }
        turn
    }

    fn picked(&mut self, token: Token, signal: Signal) {
        self.due = if token == Token::GRANTED { Due::Granted } else { Due::Try };
        self.front = true;
        self.signalled = signal == Signal::Unhandled && self.due != Due::Granted;
    }

    /// Waits until it is the thread's turn to try, until `deadline`, if any, or until `on_signal` ends
    /// the wait. After `Ready` comes [`Turn::try_take`].
    pub fn wait(&mut self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        let contended = self.contended;
        loop {
            if self.due == Due::Granted || contended.is_free() {
                return WaitOutcome::Ready;
            }
            // Out of the queue, and with nothing to be had: the handler keeps no wake-up from
            // anyone, for as long as it likes.
            self.due = Due::Nothing;
            if std::mem::take(&mut self.signalled) {
                assert_nothing_held();
                if on_signal().is_break() {
                    return WaitOutcome::Interrupted;
                }
                continue;
            }
            let parked = contended.queue().park(Park {
                front: self.front,
                since: self.since,
                next: None,
                validate: |_: &mut QueueGuard<'_>| contended.announce_waiters(),
                before_sleep: || true,
                leave: |queue: &mut QueueGuard<'_>, _: Cause| {
                    if queue.has_one() {
                        contended.forget_waiters();
                    }
                    true
                },
                deadline,
                on_signal: None,
            });
            match parked {
                Parked::Refused | Parked::Forked { ends: false } => {}
                Parked::Forked { ends: true } => return WaitOutcome::Interrupted,
                Parked::Woken { token, signal, .. } => {
                    self.picked(token, signal);
                    return WaitOutcome::Ready;
                }
                Parked::TimedOut => return WaitOutcome::TimedOut,
                Parked::Interrupted => {
                    self.front = true;
                    self.signalled = true;
                }
            }
        }
    }

    /// Acquires what was waited for, if it is (still) free. Never waits.
    ///
    /// `false`: the thread came too late. It may wait again by the same turn, before all that have
    /// not waited for longer.
    #[must_use]
    #[inline]
    pub fn try_take(&mut self) -> bool {
        let due = std::mem::replace(&mut self.due, Due::Nothing);
        due == Due::Granted || self.contended.try_take()
    }
}

impl<T: TakenInTurns> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if self.due != Due::Nothing && self.try_take() {
            self.contended.give_back();
        }
    }
}

/// Both steps, until `contended` is acquired or the wait is over.
#[cold]
pub(crate) fn acquire_in_turns(
    contended: &impl TakenInTurns,
    deadline: Option<Deadline>,
    on_signal: OnSignal<'_>,
) -> WaitOutcome {
    let mut turn = Turn::new(contended);
    loop {
        match turn.wait(deadline, &mut *on_signal) {
            WaitOutcome::Ready if !turn.try_take() => {}
            outcome => return outcome,
        }
    }
}

/// What threads wait for one instead of another: see [`Turn`].
pub trait TakenInTurns: sealed::Contended {}

impl<T: sealed::Contended> TakenInTurns for T {}

pub(crate) mod sealed {
    use super::WaitQueue;

    /// What a turn has to know of a primitive.
    pub trait Contended {
        fn queue(&self) -> &WaitQueue;

        /// Whether the calling thread may have it at this moment.
        fn is_free(&self) -> bool;

        /// Marks the word, so that the next release looks at the queue, whose mutex is held. `false`
        /// if it is free: no release is to come.
        fn announce_waiters(&self) -> bool;

        /// Takes the mark away. The queue's mutex is held, and nobody is left in it.
        fn forget_waiters(&self);

        /// Takes it if it is free.
        fn try_take(&self) -> bool;

        /// Releases what was just taken.
        fn give_back(&self);
    }
}
