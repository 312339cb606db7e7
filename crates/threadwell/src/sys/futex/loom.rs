//! A futex made of loom's mutex and condition variable.

use loom::sync::{Condvar, Mutex};

use super::FutexOutcome;
use crate::primitive::{AtomicU32, Relaxed};
use crate::time::Deadline;

#[derive(Debug)]
pub(crate) struct Futex {
    word: AtomicU32,
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Futex {
    pub(crate) fn new(value: u32) -> Self {
        Self { word: AtomicU32::new(value), mutex: Mutex::new(()), condvar: Condvar::new() }
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word is `expected`. A deadline that is already over times out at once;
    /// any other is left to the model, which has a thread for it.
    pub(crate) fn wait(&self, expected: u32, deadline: Option<Deadline>) -> FutexOutcome {
        let guard = self.mutex.lock().expect("a model does not poison");
        if self.word.load(Relaxed) != expected {
            return FutexOutcome::Woken;
        }
        if deadline.is_some_and(Deadline::has_passed) {
            return FutexOutcome::TimedOut;
        }
        drop(self.condvar.wait(guard).expect("a model does not poison"));
        FutexOutcome::Woken
    }

    pub(crate) fn wake_one(&self) {
        drop(self.mutex.lock().expect("a model does not poison"));
        self.condvar.notify_one();
    }
}
