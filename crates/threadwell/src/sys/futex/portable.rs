//! A futex made of the standard library's mutex and condition variable.
//!
//! `std`'s condition variable hides an interrupted sleep. So that a Python program on such a
//! platform still notices Ctrl-C, a sleep is cut into slices, and each full slice is reported as
//! [`FutexOutcome::Interrupted`]: a signal handler *may* have run.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::FutexOutcome;
use crate::primitive::{AtomicU32, Relaxed};
use crate::time::Deadline;

/// How long a sleep may go without a look at pending signals.
const SLICE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Futex {
    word: AtomicU32,
    /// Held between the check of the word and the sleep, and by `wake_one`: nobody can wake in
    /// between.
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Futex {
    pub(crate) const fn new(value: u32) -> Self {
        Self { word: AtomicU32::new(value), mutex: Mutex::new(()), condvar: Condvar::new() }
    }

    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word is `expected`, at most until `deadline`.
    #[cold]
    pub(crate) fn wait(&self, expected: u32, deadline: Option<Deadline>) -> FutexOutcome {
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: the mutex orders this load after the change that precedes a `wake_one`.
        if self.word.load(Relaxed) != expected {
            return FutexOutcome::Woken;
        }
        let remaining = deadline.map(Deadline::remaining);
        if remaining == Some(Duration::ZERO) {
            return FutexOutcome::TimedOut;
        }
        let slice = remaining.map_or(SLICE, |remaining| remaining.min(SLICE));
        let (guard, result) =
            self.condvar.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner);
        drop(guard);
        match result.timed_out() {
            false => FutexOutcome::Woken,
            true if deadline.is_some_and(Deadline::has_passed) => FutexOutcome::TimedOut,
            true => FutexOutcome::Interrupted,
        }
    }

    /// Wakes one thread that sleeps on the word.
    #[cold]
    pub(crate) fn wake_one(&self) {
        drop(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        self.condvar.notify_one();
    }
}
