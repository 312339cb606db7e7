//! The mutex inside a wait queue: held for a few instructions, never while waiting, waking,
//! allocating for Python or calling anyone else's code.
//!
//! | Bits  | Name        | Meaning                                                  |
//! |-------|-------------|----------------------------------------------------------|
//! | 0     | `LOCKED`    | a thread holds it                                        |
//! | 1     | `CONTENDED` | a thread sleeps on the word, or is about to              |
//! | 2..32 | epoch       | the fork epoch in which it was last taken; wraps         |
//!
//! A word from an older epoch was copied by `fork`, or is new. Its holder, if any, does not exist in
//! this process, and what it guards may describe threads that do not exist either: the first to take
//! it here is told so ([`Taken::Stale`]), and whether it was held, so that what it guards may be torn.
//!
//! # Memory ordering
//!
//! The acquire exchange in `lock` pairs with the release swap in `unlock`.

use crate::primitive::{Acquire, Relaxed, Release, const_fn};
use crate::sys::epoch;
use crate::sys::futex::Futex;

const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;
const EPOCH_SHIFT: u32 = 2;

/// In what state the mutex was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// What it guards is as its last holder left it.
    Current,
    /// What it guards was copied by `fork`, or is as it was made. If the mutex was `held` then, it may be half changed:
    /// reset it before use.
    Stale { held: bool },
}

#[derive(Debug)]
pub(super) struct EpochMutex {
    futex: Futex,
}

impl EpochMutex {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self { futex: Futex::new(0) }
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Taken {
        let epoch = epoch::current() << EPOCH_SHIFT;
        let taken =
            match self.futex.word().compare_exchange(epoch, epoch | LOCKED, Acquire, Relaxed) {
                Ok(_) => Taken::Current,
                Err(word) => self.lock_contended(epoch, word),
            };
        held::change(1);
        taken
    }

    #[cold]
    fn lock_contended(&self, epoch: u32, mut word: u32) -> Taken {
        if is_stale(word, epoch) {
            epoch::watch();
        }
        // Once this thread has slept, others may sleep too without a mark of their own: it takes
        // the mutex as contended, so that its unlock wakes the next.
        let mut mark = 0;
        loop {
            let (next, taken) = if is_stale(word, epoch) {
                (epoch | LOCKED, Some(Taken::Stale { held: word & LOCKED != 0 }))
            } else if word & LOCKED == 0 {
                (word | LOCKED | mark, Some(Taken::Current))
            } else {
                (word | CONTENDED, None)
            };
            if let Err(seen) = self.futex.word().compare_exchange(word, next, Acquire, Relaxed) {
                word = seen;
                continue;
            }
            if let Some(taken) = taken {
                return taken;
            }
            // Signals and spurious wakeups alike: look again. The mutex is free in a moment.
            let _ = self.futex.wait(next, None);
            mark = CONTENDED;
            word = self.futex.word().load(Relaxed);
        }
    }

    /// Whether nobody has taken the mutex in this process: what it guards was copied by `fork`, or is
    /// as it was made.
    ///
    /// Relaxed: it is true from the beginning of a process until somebody takes the mutex, whose doing
    /// this does not show.
    pub(super) fn is_stale(&self) -> bool {
        is_stale(self.futex.word().load(Relaxed), epoch::current() << EPOCH_SHIFT)
    }

    /// Whether the mutex was held when this process was forked, and has not been taken since.
    pub(super) fn is_torn(&self) -> bool {
        // Relaxed: the caller has exclusive access to what the mutex guards.
        let word = self.futex.word().load(Relaxed);
        word & LOCKED != 0 && is_stale(word, epoch::current() << EPOCH_SHIFT)
    }

    /// A mutex that was `held`, or free, when this process was forked.
    #[cfg(all(test, threadwell_loom))]
    pub(super) fn from_before_a_fork(held: bool) -> Self {
        let before = epoch::current().wrapping_sub(1) << EPOCH_SHIFT;
        Self { futex: Futex::new(if held { before | LOCKED | CONTENDED } else { before }) }
    }

    /// Releases the mutex, which the caller holds.
    #[inline]
    pub(super) fn unlock(&self) {
        held::change(-1);
        let epoch = epoch::current() << EPOCH_SHIFT;
        if self.futex.word().swap(epoch, Release) & CONTENDED != 0 {
            self.futex.wake_one();
        }
    }
}

/// Whether a word is from another epoch than this one, which is in its place.
fn is_stale(word: u32, epoch: u32) -> bool {
    word & !(LOCKED | CONTENDED) != epoch
}

/// Panics if the calling thread holds a mutex of this crate, in builds with debug assertions: what it is
/// about to do may take any time, or come back here.
#[doc(hidden)]
#[inline]
pub fn assert_nothing_held() {
    held::assert_none();
}

/// How many mutexes the calling thread holds.
#[cfg(all(debug_assertions, not(threadwell_loom)))]
mod held {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<i32> = const { Cell::new(0) };
    }

    pub(super) fn change(by: i32) {
        COUNT.set(COUNT.get() + by);
    }

    pub(super) fn assert_none() {
        assert_eq!(
            COUNT.get(),
            0,
            "an internal mutex is held across a call of someone else's code"
        );
    }
}

#[cfg(not(all(debug_assertions, not(threadwell_loom))))]
mod held {
    #[inline]
    pub(super) fn change(_: i32) {}

    #[inline]
    pub(super) fn assert_none() {}
}

#[cfg(all(test, threadwell_loom))]
mod tests {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::{EpochMutex, Taken};

    type Shared = Arc<(EpochMutex, UnsafeCell<()>)>;

    fn inside(shared: &(EpochMutex, UnsafeCell<()>)) -> Taken {
        let taken = shared.0.lock();
        shared.1.with_mut(|_| ());
        shared.0.unlock();
        taken
    }

    /// How each of the threads, the calling one included, found the mutex.
    fn all_inside(mutex: EpochMutex, threads: usize) -> Vec<Taken> {
        let shared: Shared = Arc::new((mutex, UnsafeCell::new(())));
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || inside(&shared))
            })
            .collect();
        let mut taken = vec![inside(&shared)];
        taken.extend(others.into_iter().map(|other| other.join().unwrap()));
        taken
    }

    #[test]
    fn one_thread_at_a_time_is_inside() {
        loom::model(|| {
            assert_eq!(all_inside(EpochMutex::new(), 2), [Taken::Current; 2]);
        });
    }

    #[test]
    fn everyone_who_sleeps_on_the_mutex_is_woken() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            assert_eq!(all_inside(EpochMutex::new(), 3), [Taken::Current; 3]);
        });
    }

    #[test]
    fn a_mutex_held_before_a_fork_is_found_stale_once() {
        loom::model(|| {
            let taken = all_inside(EpochMutex::from_before_a_fork(true), 2);
            let stale = taken.iter().filter(|&&taken| taken == Taken::Stale { held: true }).count();
            assert_eq!(stale, 1, "{taken:?}");
        });
    }
}

#[cfg(all(test, debug_assertions, not(threadwell_loom)))]
mod held_tests {
    use super::{EpochMutex, assert_nothing_held};

    #[test]
    fn nothing_is_held_after_the_unlock() {
        let mutex = EpochMutex::new();
        mutex.lock();
        mutex.unlock();
        assert_nothing_held();
    }

    #[test]
    #[should_panic(expected = "an internal mutex is held")]
    fn what_is_held_is_noticed() {
        EpochMutex::new().lock();
        assert_nothing_held();
    }
}
