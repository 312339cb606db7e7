//! A futex made of the standard library's mutexes and condition variables.
//!
//! They are in a table that all words share by their addresses, as the kernel's are: who wakes one
//! word may wake a thread that sleeps on another, which looks at its own and sleeps again.
//!
//! A mutex of `std` that another thread holds at the moment of a `fork` stays locked in the child. So
//! a process has a table of its own: the first use in a child makes a new one, and leaves its parent's
//! as it was.
//!
//! `std`'s condition variable hides an interrupted sleep. So that a Python program on such a
//! platform still notices Ctrl-C, a sleep is cut into slices, and each full slice is reported as
//! [`FutexOutcome::Interrupted`]: a signal handler *may* have run.

#![expect(unsafe_code, reason = "a table that is replaced after a fork")]

use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::FutexOutcome;
use crate::primitive::{Acquire, AtomicU32, Relaxed, Release};
use crate::sys::epoch;
use crate::time::Deadline;

/// How long a sleep may go without a look at pending signals.
const SLICE: Duration = Duration::from_millis(100);

/// So many that few threads share one.
const BUCKETS: usize = 256;

/// Where the threads sleep whose words it is chosen for.
struct Bucket {
    /// Held between the check of the word and the sleep, and by `wake_one`: nobody can wake in
    /// between.
    mutex: Mutex<()>,
    condvar: Condvar,
}

struct Table {
    /// The fork epoch in which it was made.
    epoch: u32,
    buckets: [Bucket; BUCKETS],
}

/// The table of the process that made it, or null. None is ever freed.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

fn table() -> &'static Table {
    let found = TABLE.load(Acquire);
    // SAFETY: it is null or was leaked below; the release store pairs with the acquire load.
    match unsafe { found.as_ref() } {
        Some(table) if table.epoch == epoch::current() => table,
        _ => new_table(found),
    }
}

#[cold]
fn new_table(old: *mut Table) -> &'static Table {
    let bucket = |_| Bucket { mutex: Mutex::new(()), condvar: Condvar::new() };
    let buckets = std::array::from_fn(bucket);
    let new = Box::into_raw(Box::new(Table { epoch: epoch::current(), buckets }));
    let current = match TABLE.compare_exchange(old, new, Release, Acquire) {
        Ok(_) => new,
        // Another thread of this process has made one. This one is small, and happens once.
        Err(theirs) => theirs,
    };
    // SAFETY: whichever it is, it was made by `Box::into_raw` here, and is never freed.
    unsafe { &*current }
}

#[derive(Debug)]
pub(crate) struct Futex {
    word: AtomicU32,
}

impl Futex {
    pub(crate) const fn new(value: u32) -> Self {
        Self { word: AtomicU32::new(value) }
    }

    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    fn bucket(&self) -> &'static Bucket {
        // Multiplicative hashing: the upper bits depend on all of the address.
        let address = ptr::from_ref(self).addr() as u64;
        let hash = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        &table().buckets[hash as usize % BUCKETS]
    }

    /// Sleeps while the word is `expected`, at most until `deadline`.
    #[cold]
    pub(crate) fn wait(&self, expected: u32, deadline: Option<Deadline>) -> FutexOutcome {
        let bucket = self.bucket();
        let guard = bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner);
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
            bucket.condvar.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner);
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
        let bucket = self.bucket();
        drop(bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        // The one may be any of those that share the bucket.
        bucket.condvar.notify_all();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_is_locked_at_a_fork_is_free_in_the_child() {
        let futex = Futex::new(0);
        epoch::watch();
        let guard = futex.bucket().mutex.lock().unwrap();
        // SAFETY: the child uses one futex, and ends; a signal ends it if it hangs.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: has no preconditions.
            unsafe { libc::alarm(20) };
            futex.wake_one();
            let deadline = Some(Deadline::after(Duration::from_millis(1)));
            let well = futex.wait(0, deadline) == FutexOutcome::TimedOut;
            // SAFETY: ends the process at once; nothing of the parent's is flushed or torn down.
            unsafe { libc::_exit(i32::from(!well)) };
        }
        drop(guard);
        let mut status = 0;
        // SAFETY: `status` is a valid place for the result.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((waited, status), (child, 0));
    }
}
