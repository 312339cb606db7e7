//! Everything that differs per platform: the clock, the futex, thread identifiers.

pub(crate) mod clock;
pub(crate) mod epoch;
pub(crate) mod futex;
pub(crate) mod thread;
