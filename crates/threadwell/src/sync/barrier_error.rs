//! What can go wrong at a barrier.

use std::fmt;

/// Why a thread did not pass a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BarrierError {
    /// The barrier is broken: by a deadline that passed, by an action that failed, by
    /// [`Barrier::abort`](crate::Barrier::abort), or, for those who waited at that moment, by
    /// [`Barrier::reset`](crate::Barrier::reset).
    Broken,
    /// A signal handler ended this thread's wait. The others still wait; or they have passed, if the
    /// last one had arrived by then.
    Interrupted,
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the barrier is broken",
            Self::Interrupted => "the wait at the barrier was interrupted",
        })
    }
}

impl std::error::Error for BarrierError {}
