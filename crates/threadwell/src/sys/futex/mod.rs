//! A word that a thread can sleep on until another changes it.
//!
//! | File          | Used                                                               |
//! |---------------|--------------------------------------------------------------------|
//! | `linux.rs`    | on Linux: `FUTEX_WAIT_BITSET` with an absolute monotonic deadline  |
//! | `portable.rs` | elsewhere, and on Linux with `--cfg threadwell_portable`           |
//! | `loom.rs`     | under the model checker                                            |
//!
//! All three keep the same promise. `wait(expected, …)` sleeps only if the word still is
//! `expected`, checked atomically against `wake`: a thread that changes the word and then wakes
//! cannot do both between the check and the sleep. A wait may also end for no reason.
//!
//! Both survive a `fork` at any moment: Linux' has no state beside the word, and what `portable.rs` has
//! is made anew in the child.

#[cfg(all(target_os = "linux", not(threadwell_loom), not(threadwell_portable)))]
mod linux;
#[cfg(threadwell_loom)]
mod loom;
#[cfg(all(any(not(target_os = "linux"), threadwell_portable), not(threadwell_loom)))]
mod portable;

#[cfg(all(target_os = "linux", not(threadwell_loom), not(threadwell_portable)))]
pub(crate) use linux::Futex;
#[cfg(threadwell_loom)]
pub(crate) use loom::Futex;
#[cfg(all(any(not(target_os = "linux"), threadwell_portable), not(threadwell_loom)))]
pub(crate) use portable::Futex;

/// Why [`Futex::wait`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FutexOutcome {
    /// Woken, or the word was not as expected, or for no reason: look at the word.
    Woken,
    /// The deadline passed.
    TimedOut,
    /// A signal handler may have run in this thread.
    Interrupted,
}
