//! Python's `threading` for Rust: locks, conditions, semaphores, events, barriers, threads and
//! timers with the semantics that Python programmers know, in Rust's own idiom.

#[cfg(not(threadwell_loom))]
pub mod fork;
mod park;
mod primitive;
mod sync;
mod sys;
// Of the threads, the models have the word that says how far one has come.
#[cfg(all(test, threadwell_loom))]
mod thread {
    mod life;
}
#[cfg(not(threadwell_loom))]
mod thread;
mod time;
mod timer;

#[doc(hidden)]
pub use park::assert_nothing_held;
#[cfg(not(threadwell_loom))]
pub use park::look_for_signals;
pub use park::{OnSignal, TakenInTurns, ThreadId, Turn, WaitOutcome, Wakes, resume};
pub use sync::*;
#[cfg(threadwell_loom)]
#[doc(hidden)]
pub use sys::model;
#[cfg(not(threadwell_loom))]
pub use thread::*;
pub use time::Deadline;
pub use timer::*;
