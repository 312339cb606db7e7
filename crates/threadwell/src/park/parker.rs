//! One thread's own place to sleep.
//!
//! | Value      | Meaning                                               |
//! |------------|-------------------------------------------------------|
//! | `EMPTY`    | the thread is awake, nothing is owed to it            |
//! | `NOTIFIED` | an `unpark` came; the next `park` returns at once     |
//! | `PARKED`   | the thread sleeps on the word, or is about to         |
//!
//! An `unpark` may be left over from a wait that ended otherwise, and one that comes together with a
//! deadline or a signal is taken along with it. Whoever parks therefore looks for its reason after
//! every return, and treats a return without one as spurious.
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
            let outcome = self.sleep(deadline);
            if outcome != FutexOutcome::Woken {
                // Takes an `unpark` that came as well, but hides neither deadline nor signal behind
                // it: it may be one that was left over, and no second signal comes.
                self.futex.word().swap(EMPTY, Acquire);
                return outcome;
            }
            if self.futex.word().compare_exchange(NOTIFIED, EMPTY, Acquire, Relaxed).is_ok() {
                return FutexOutcome::Woken;
            }
        }
    }

    fn sleep(&self, deadline: Option<Deadline>) -> FutexOutcome {
        // A signal that a model sends. Not in the futex: the internal mutex sleeps there as well.
        #[cfg(threadwell_loom)]
        if crate::sys::model::take_signal() {
            return FutexOutcome::Interrupted;
        }
        self.futex.wait(PARKED, deadline)
    }

    /// Ends the present `park`, or the next one.
    pub(crate) fn unpark(&self) {
        if self.futex.word().swap(NOTIFIED, Release) == PARKED {
            self.futex.wake_one();
        }
    }
}

#[cfg(all(test, threadwell_loom))]
mod tests {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::Parker;
    use crate::primitive::Relaxed;
    use crate::sys::futex::FutexOutcome;
    use crate::sys::model;

    #[test]
    fn an_unpark_ends_the_park_before_or_after_it() {
        loom::model(|| {
            let shared = Arc::new((Parker::new(), UnsafeCell::new(())));
            let waker = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.with_mut(|_| ());
                    shared.0.unpark();
                })
            };
            assert_eq!(shared.0.park(None), FutexOutcome::Woken);
            shared.1.with_mut(|_| ());
            waker.join().unwrap();
        });
    }

    /// Parks once more if the first time ended without a reason.
    fn reason_is_seen(first: impl Fn(&Parker) + Send + Sync + 'static) {
        loom::model(move || {
            model::stop_clock();
            let shared = Arc::new((Parker::new(), AtomicBool::new(false)));
            let waker = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.store(true, Relaxed);
                    shared.0.unpark();
                })
            };
            first(&shared.0);
            while !shared.1.load(Relaxed) {
                let _ = shared.0.park(None);
            }
            waker.join().unwrap();
        });
    }

    #[test]
    fn a_park_that_times_out_takes_no_unpark_without_its_reason() {
        reason_is_seen(|parker| {
            let _ = parker.park(Some(model::over()));
        });
    }

    #[test]
    fn a_park_that_is_interrupted_takes_no_unpark_without_its_reason() {
        reason_is_seen(|parker| {
            model::interrupt(1);
            let _ = parker.park(None);
        });
    }

    #[test]
    fn an_unpark_that_is_left_over_hides_no_signal() {
        loom::model(|| {
            let parker = Arc::new(Parker::new());
            let waker = {
                let parker = Arc::clone(&parker);
                thread::spawn(move || parker.unpark())
            };
            model::interrupt(1);
            let outcomes = [parker.park(None), parker.park(Some(model::over()))];
            assert!(outcomes.contains(&FutexOutcome::Interrupted), "{outcomes:?}");
            waker.join().unwrap();
        });
    }
}
