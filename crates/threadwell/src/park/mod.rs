//! Waiting and waking: who sleeps, in which order, and who ends it.
//!
//! The protocol is told in `README.md` beside this file.

#[cfg(not(threadwell_loom))]
mod fork_mutex;
mod mutex;
mod parker;
mod queue;
pub(crate) mod record;
mod wakes;

use std::ops::ControlFlow;

#[cfg(not(threadwell_loom))]
pub(crate) use fork_mutex::ForkMutex;
pub(crate) use queue::{Cause, Park, Parked, QueueGuard, Token, WaitQueue};
pub use record::ThreadId;
pub use wakes::Wakes;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum WaitOutcome {
    /// What was waited for came, or was there already.
    Ready,
    /// The deadline passed first.
    TimedOut,
    /// A signal handler ran in this thread, and the caller chose to end the wait.
    Interrupted,
}

/// What a blocked thread does whenever a signal handler may have run in it: go on waiting for the
/// same deadline (`Continue`), or end the wait as [`WaitOutcome::Interrupted`] (`Break`).
///
/// It is called in the waiting thread, with no lock of this crate held, while the thread keeps its
/// place among the waiters: a wake-up that arrives meanwhile is not lost.
pub type OnSignal<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// The usual [`OnSignal`]: goes on waiting.
pub fn resume() -> ControlFlow<()> {
    ControlFlow::Continue(())
}
