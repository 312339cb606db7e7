//! Threads: created, then started; named; daemon or not; all of them known to a registry.
//!
//! | File          | What is in it                                                              |
//! |---------------|----------------------------------------------------------------------------|
//! | `builder.rs`  | what is decided before a thread starts: name, daemon flag, stack size      |
//! | `owned.rs`    | the thread that was created, and the result that it will leave              |
//! | `handle.rs`   | the thread that everyone may know: who it is, and what it does             |
//! | `start.rs`    | its way from its start to its end                                          |
//! | `join.rs`     | how it is waited for                                                       |
//! | `life.rs`     | its stages, in one word                                                     |
//! | `current.rs`  | which thread the calling one is; threads that this crate did not start     |
//! | `registry.rs` | all threads that are alive                                                 |
//! | `hook.rs`     | what happens when a thread panics                                          |
//! | `shutdown.rs` | the end of the process: who is waited for                                  |
//! | `local.rs`    | data that each thread has for itself                                       |
//! | `stack.rs`    | how large a thread's stack is                                              |
//! | `error.rs`    | what can go wrong, one type per operation                                  |
//!
//! # What Python has and Rust has not
//!
//! `settrace` and `setprofile` install functions that the interpreter calls for every line and every
//! call of a thread. Compiled code has no such calls, so they have no counterpart here; a debugger
//! or a profiler finds the threads by their names.

mod builder;
mod current;
mod error;
mod handle;
mod hook;
mod join;
mod life;
mod local;
mod owned;
mod registry;
mod shutdown;
mod stack;
mod start;

pub use builder::ThreadBuilder;
pub use current::{current_thread, get_ident, get_native_id, set_os_name};
pub use error::{AlreadyStarted, JoinError, StartError};
pub use handle::{ThreadHandle, ThreadState};
pub use hook::{
    ExceptHookArgs, PanicLocation, default_excepthook, reset_excepthook, set_excepthook,
};
pub use local::Local;
pub use owned::Thread;
pub use registry::{active_count, enumerate, main_thread};
pub use shutdown::shutdown;
pub use stack::{StackSizeError, set_stack_size, stack_size};

pub(crate) use current::after_fork;
