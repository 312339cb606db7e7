//! Everything that differs per platform: the clock, the futex, threads, the end of the process.

pub(crate) mod clock;
pub(crate) mod epoch;
#[cfg(not(threadwell_loom))]
pub(crate) mod exit;
pub(crate) mod futex;
#[cfg(threadwell_loom)]
pub mod model;
#[cfg(not(threadwell_loom))]
pub(crate) mod thread;
