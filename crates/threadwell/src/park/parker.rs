//! One thread's own place to sleep.
//!
//! | Value      | Meaning                                               |
//! |------------|-------------------------------------------------------|
//! | `EMPTY`    | the thread is awake, nothing is owed to it            |
//! | `NOTIFIED` | an `unpark` came; the next `park` returns at once     |
//! | `PARKED`   | the thread sleeps on the word, or is about to         |
//!
//! An `unpark` may be left over from a wait that ended otherwise. Whoever parks therefore looks for
//! its reason again, and treats a return without one as spurious.
//!
//! # Memory ordering
//!
//! The release swap in `unpark` pairs with the acquire operations in `park` that read `NOTIFIED`:
//! what was written before `unpark` is visible after the `park` that it ended.

use crate::primitive::{Acquire, Relaxed, Release};
use crate::sys::futex::{Futex, FutexOutcome};
use crate::time::Deadline;

const EMPTY: u32 = 0;
const NOTIFIED: u32 = 1;
const PARKED: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Parker {
    futex: Futex,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self { futex: Futex::new(EMPTY) }
    }

    /// Sleeps until `unpark`, the deadline or a signal. Only the owning thread calls it.
    pub(crate) fn park(&self, deadline: Option<Deadline>) -> FutexOutcome {
        // EMPTY - 1 is PARKED, NOTIFIED - 1 is EMPTY: one step takes either way.
        if self.futex.word().fetch_sub(1, Acquire) == NOTIFIED {
            return FutexOutcome::Woken;
        }
        loop {
            let outcome = self.futex.wait(PARKED, deadline);
            if outcome != FutexOutcome::Woken {
                // An `unpark` between the end of the sleep and this swap counts.
                return match self.futex.word().swap(EMPTY, Acquire) {
                    NOTIFIED => FutexOutcome::Woken,
                    _ => outcome,
                };
            }
            if self.futex.word().compare_exchange(NOTIFIED, EMPTY, Acquire, Relaxed).is_ok() {
                return FutexOutcome::Woken;
            }
        }
    }

    /// Ends the present `park`, or the next one.
    pub(crate) fn unpark(&self) {
        if self.futex.word().swap(NOTIFIED, Release) == PARKED {
            self.futex.wake_one();
        }
    }
}
