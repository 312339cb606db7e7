//! Things to be done later, without a thread for each of them.
//!
//! | File        | What is in it                                                        |
//! |-------------|----------------------------------------------------------------------|
//! | `queue.rs`  | what is pending, earliest first, and the one thread that waits for it |
//! | `handle.rs` | [`Timer`]: a function that is called later, in a thread of its own    |
//! | `driver.rs` | the thread that waits for all [`Timer`]s of the process               |

#[cfg(not(threadwell_loom))]
mod driver;
#[cfg(not(threadwell_loom))]
mod handle;
mod queue;

#[cfg(not(threadwell_loom))]
pub use handle::Timer;
pub use queue::{Due, Scheduled, TimerKey, TimerQueue};
