//! The life of a thread, in one word.
//!
//! | Bits  | Name     | Meaning                                                      |
//! |-------|----------|--------------------------------------------------------------|
//! | 0..2  | stage    | `NEW`, `RESERVED`, `LAUNCHED` or `ENDED`                     |
//! | 2     | `DAEMON` | the process does not wait for it; fixed once it is not `NEW` |
//! | 3..32 | epoch    | the fork epoch in which it was started; wraps                |
//!
//! | From       | To         | By                                                            |
//! |------------|------------|---------------------------------------------------------------|
//! | `NEW`      | `RESERVED` | `reserve`: it is in the registry, and alive                   |
//! | `RESERVED` | `LAUNCHED` | `launch`: the system has given it a thread                    |
//! | `RESERVED` | `NEW`      | `withdraw`: the system has not; it is out of the registry     |
//! | any        | `ENDED`    | `end`: in the thread itself, or by whoever gives it up        |
//!
//! A pending timer stays `RESERVED` until it fires. A thread that was started in an older epoch was
//! the parent's, and has ended as far as this process is concerned; the forking thread is carried
//! over into the new epoch.
//!
//! # Memory ordering
//!
//! The release changes pair with the acquire load in `stage`. What a thread did is visible to
//! whoever joined it through its event `ended`.

use std::fmt;

use crate::primitive::{Acquire, AtomicU32, Relaxed, Release};
use crate::sys::epoch;

const STAGE: u32 = 3;
const NEW: u32 = 0;
const RESERVED: u32 = 1;
const LAUNCHED: u32 = 2;
/// All bits of the stage, so that a thread is ended from wherever it is by setting them.
const ENDED: u32 = 3;
const DAEMON: u32 = 4;
const EPOCH_SHIFT: u32 = 3;

/// How far a thread has come, as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Reserved,
    Launched,
    Ended,
}

/// The thread has been started, and what was to be changed can only be changed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlreadyStarted;

impl fmt::Display for AlreadyStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread has been started already")
    }
}

impl std::error::Error for AlreadyStarted {}

#[derive(Debug)]
pub(super) struct Life {
    word: AtomicU32,
}

#[cfg_attr(threadwell_loom, allow(dead_code, reason = "the models use their part"))]
impl Life {
    pub(super) fn new(daemon: bool) -> Self {
        Self { word: AtomicU32::new(NEW | daemon_bit(daemon)) }
    }

    /// For a thread that is running already.
    pub(super) fn launched(daemon: bool) -> Self {
        Self { word: AtomicU32::new(LAUNCHED | daemon_bit(daemon) | epoch_bits()) }
    }

    pub(super) fn stage(&self) -> Stage {
        let word = self.word.load(Acquire);
        match word & STAGE {
            NEW => Stage::New,
            RESERVED | LAUNCHED if word & !(STAGE | DAEMON) != epoch_bits() => Stage::Ended,
            RESERVED => Stage::Reserved,
            LAUNCHED => Stage::Launched,
            _ => Stage::Ended,
        }
    }

    pub(super) fn is_daemon(&self) -> bool {
        self.word.load(Relaxed) & DAEMON != 0
    }

    pub(super) fn set_daemon(&self, daemon: bool) -> Result<(), AlreadyStarted> {
        let next = NEW | daemon_bit(daemon);
        self.change(|word| (word & STAGE == NEW).then_some(next))
    }

    pub(super) fn reserve(&self) -> Result<(), AlreadyStarted> {
        let next = |word| (word & DAEMON) | RESERVED | epoch_bits();
        self.change(|word| (word & STAGE == NEW).then(|| next(word)))
    }

    pub(super) fn withdraw(&self) {
        self.word.fetch_and(DAEMON, Release);
    }

    /// Called by the starter, which then knows that it has started the thread, and by the thread,
    /// which then knows that it runs. The second of them changes nothing.
    pub(super) fn launch(&self) {
        let from = self.word.load(Relaxed);
        if from & STAGE == RESERVED {
            let to = (from & !STAGE) | LAUNCHED;
            // Only the other of the two or the thread's end can come in between, and then it stays.
            let _ = self.word.compare_exchange(from, to, Release, Relaxed);
        }
    }

    pub(super) fn end(&self) {
        self.word.fetch_or(ENDED, Release);
    }

    /// The thread forked, and lives on in the child.
    pub(super) fn carry_over(&self, daemon: bool) {
        // It is the only thread of the process: nobody changes the word meanwhile.
        let stage = self.word.load(Relaxed) & STAGE;
        self.word.store(stage | daemon_bit(daemon) | epoch_bits(), Release);
    }

    /// The only change that can be refused is one to a thread that has been started.
    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> Result<(), AlreadyStarted> {
        match self.word.fetch_update(Release, Relaxed, change) {
            Ok(_) => Ok(()),
            Err(_) => Err(AlreadyStarted),
        }
    }
}

fn daemon_bit(daemon: bool) -> u32 {
    if daemon { DAEMON } else { 0 }
}

/// The present epoch, as far as it fits.
fn epoch_bits() -> u32 {
    epoch::current() << EPOCH_SHIFT
}

#[cfg(all(test, threadwell_loom))]
mod tests {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::*;

    #[test]
    fn of_two_who_reserve_a_thread_one_succeeds() {
        loom::model(|| {
            let life = Arc::new(Life::new(false));
            let other = {
                let life = Arc::clone(&life);
                thread::spawn(move || life.reserve().is_ok())
            };
            let succeeds = life.reserve().is_ok();
            assert_ne!(other.join().unwrap(), succeeds);
            assert_eq!(life.stage(), Stage::Reserved);
        });
    }

    #[test]
    fn a_starter_that_is_late_does_not_bring_its_thread_back_to_life() {
        loom::model(|| {
            let life = Arc::new(Life::new(true));
            life.reserve().unwrap();
            let started = {
                let life = Arc::clone(&life);
                thread::spawn(move || {
                    life.launch();
                    assert_eq!(life.stage(), Stage::Launched);
                    life.end();
                })
            };
            life.launch();
            started.join().unwrap();
            assert_eq!(life.stage(), Stage::Ended);
            assert!(life.is_daemon());
        });
    }

    #[test]
    fn what_a_thread_did_is_visible_to_who_sees_that_it_has_ended() {
        loom::model(|| {
            let shared = Arc::new((Life::launched(false), UnsafeCell::new(())));
            let thread = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.with_mut(|_| ());
                    shared.0.end();
                })
            };
            if shared.0.stage() == Stage::Ended {
                shared.1.with_mut(|_| ());
            }
            thread.join().unwrap();
        });
    }
}
