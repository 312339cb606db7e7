//! Waiting and waking: who sleeps, in which order, and who ends it.
//!
//! The protocol is told in `README.md` beside this file: states, steps, and why no wake-up is lost or
//! counts twice.

mod fork_mutex;
mod mutex;
mod parker;
mod queue;
pub(crate) mod record;
mod turn;
mod wakes;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub(crate) use fork_mutex::{ForkGuard, ForkMutex};
pub use mutex::assert_nothing_held;
pub(crate) use queue::{Cause, Park, Parked, QueueGuard, Signal, Token, WaitQueue};
pub use record::ThreadId;
#[cfg(not(threadwell_loom))]
pub use record::look_for_signals;
pub(crate) use turn::sealed::Contended;
pub use turn::{TakenInTurns, Turn};
pub(crate) use turn::{acquire_in_turns, has_starved};
pub use wakes::Wakes;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum WaitOutcome {
    /// What was waited for came, or was there already.
    Ready,
    /// The deadline passed first.
    TimedOut,
    /// A signal handler ran in this thread, and the caller chose to end the wait. The kernel resumes a
    /// wait without deadline by itself if the handler was installed with `SA_RESTART`: see
    /// [`OnSignal`].
    Interrupted,
}

/// What a blocked thread does whenever a signal handler may have run in it: go on waiting for the
/// same deadline (`Continue`), or end the wait as [`WaitOutcome::Interrupted`] (`Break`).
///
/// It is called in the waiting thread with no lock of this crate held, and may use the crate as it
/// likes, the very object that is waited for included. A wake-up that arrives meanwhile is not lost,
/// and not kept from others. If it panics, the wait ends as if it had returned `Break`, and the panic
/// goes on from there.
///
/// On Linux it is called when a handler has ended the sleep in the kernel. One that was installed with
/// `SA_RESTART` does not end a sleep without deadline: there it is *never* called, so install those
/// that are to end a wait without the flag, as Python does. Elsewhere a sleep cannot be seen to end for
/// a signal: it is called every 100 ms, whether a handler has run or not. A thread may ask for that
/// everywhere: [`look_for_signals`](crate::look_for_signals).
pub type OnSignal<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// The usual [`OnSignal`]: goes on waiting.
pub fn resume() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Runs `wait` with an `on_signal` that does not unwind: a panic ends the wait in good order first.
pub(crate) fn without_unwinding<R>(
    on_signal: OnSignal<'_>,
    wait: impl FnOnce(OnSignal<'_>) -> R,
) -> R {
    let mut panic = None;
    let result = wait(&mut || {
        catch_unwind(AssertUnwindSafe(&mut *on_signal)).unwrap_or_else(|payload| {
            panic = Some(payload);
            ControlFlow::Break(())
        })
    });
    match panic {
        None => result,
        Some(payload) => resume_unwind(payload),
    }
}
