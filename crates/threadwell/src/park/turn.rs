//! Waiting for something that one thread gets instead of another: a lock, a permit.
//!
//! The wait goes in steps. A thread that is picked has not got what it waits for, but its turn to
//! try; if it comes too late, it queues up again at the front. Between the two it may do something
//! else first, such as attach to an interpreter, and keeps nothing from anyone meanwhile.

use super::queue::{Cause, Park, Parked, QueueGuard, Signal, Token, WaitQueue};
use super::{OnSignal, WaitOutcome};
use crate::sys::clock;
use crate::time::Deadline;

/// How long the longest waiter waits before a release hands the lock over to it, in nanoseconds.
///
/// Long enough that most waits end by barging, short enough that no thread is starved for longer
/// than a scheduler's time slice. `parking_lot` takes 0.5 ms on average, CPython's `PyMutex` 1 ms.
const FAIR_AFTER: u64 = 1_000_000;

/// Where a thread stands in its wait for a [`Lock`](crate::Lock) or a permit of a
/// [`Semaphore`](crate::Semaphore), between one step of it and the next.
///
/// A caller that need not do anything in between uses `acquire` instead.
#[derive(Debug)]
pub struct Turn {
    /// When the wait began, in nanoseconds; what fairness is measured by.
    since: u64,
    /// It has had its turn, or left the queue for a signal handler.
    front: bool,
    /// A signal came whose handler has not run.
    signalled: bool,
    granted: bool,
}

/// Whether a thread that began to wait at `since` is due for a hand-off.
pub(crate) fn has_starved(since: u64) -> bool {
    clock::monotonic_nanos().saturating_sub(since) >= FAIR_AFTER
}

impl Turn {
    /// The beginning of a wait.
    #[must_use]
    pub fn new() -> Self {
        Self { since: clock::monotonic_nanos(), front: false, signalled: false, granted: false }
    }

    /// Where a thread stands that was in the queue already, moved there by a condition.
    pub(crate) fn after(parked: Parked) -> Self {
        let mut turn = Self::new();
        if let Parked::Woken { token, signal } = parked {
            turn.picked(token, signal);
        }
        turn
    }

    fn picked(&mut self, token: Token, signal: Signal) {
        self.granted = token == Token::GRANTED;
        self.front = true;
        self.signalled = signal == Signal::Unhandled && !self.granted;
    }

    /// Whether what the thread waits for was handed over to it.
    pub(crate) fn is_granted(&self) -> bool {
        self.granted
    }

    /// Waits until the thread is to try for `contended`, or has been handed it.
    pub(crate) fn wait(
        &mut self,
        contended: &impl Contended,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> WaitOutcome {
        loop {
            if contended.is_free() {
                return WaitOutcome::Ready;
            }
            // Out of the queue, and with nothing to be had: the handler keeps no wake-up from
            // anyone, for as long as it likes.
            if std::mem::take(&mut self.signalled) {
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
                Parked::Refused | Parked::Forked => {}
                Parked::Woken { token, signal } => {
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
}

/// What threads wait for one instead of another, taken in two steps: a lock, a permit.
///
/// For threads that need something else in between, such as an interpreter's lock: with `acquire`
/// they would wait for that with a lock in their hands, and whoever runs meanwhile would meet it.
pub trait TakenInTurns {
    /// Waits until it is the thread's turn to try, until `deadline`, if any, or until `on_signal`
    /// ends the wait. After `Ready` the thread has to call [`TakenInTurns::take_turn`]: a wake-up was
    /// spent on it.
    fn await_turn(
        &self,
        turn: &mut Turn,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> WaitOutcome;

    /// Acquires it after [`TakenInTurns::await_turn`]. `false`: the thread came too late, and may
    /// wait again, with the same `turn`, before all others.
    #[must_use]
    fn take_turn(&self, turn: &Turn) -> bool;
}

/// Both steps, until it is acquired or the wait is over.
#[cold]
pub(crate) fn acquire_in_turns(
    contended: &impl TakenInTurns,
    deadline: Option<Deadline>,
    on_signal: OnSignal<'_>,
) -> WaitOutcome {
    let mut turn = Turn::new();
    loop {
        match contended.await_turn(&mut turn, deadline, &mut *on_signal) {
            WaitOutcome::Ready if !contended.take_turn(&turn) => {}
            outcome => return outcome,
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Turn::wait`] has to know of a primitive.
pub(crate) trait Contended {
    fn queue(&self) -> &WaitQueue;

    /// Whether it may be had at this moment.
    fn is_free(&self) -> bool;

    /// Marks the word, so that the next release looks at the queue, whose mutex is held. `false` if
    /// it is free: no release is to come.
    fn announce_waiters(&self) -> bool;

    /// Takes the mark away. The queue's mutex is held, and nobody is left in it.
    fn forget_waiters(&self);
}
