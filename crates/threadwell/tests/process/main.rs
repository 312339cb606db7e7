//! What depends on a whole process: its main thread, its end, its forks and its limits.
//!
//! Each scenario runs in a process of its own, in that process' main thread: this program again, with
//! the scenario's name in the environment. The process that starts it looks at what it printed and
//! how it ended.
//!
//! They use what Linux says about a process. Under the model checker there are no threads.

use std::process::ExitCode;

#[cfg(all(target_os = "linux", not(threadwell_loom)))]
#[path = "../common/mod.rs"]
mod common;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod exit;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod forks;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod forks_in_use;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod forks_in_waits;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod harness;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod joins;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod limits;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod panics;
#[cfg(all(target_os = "linux", not(threadwell_loom)))]
mod signals;

#[cfg(all(target_os = "linux", not(threadwell_loom)))]
fn main() -> ExitCode {
    harness::main()
}

#[cfg(any(not(target_os = "linux"), threadwell_loom))]
fn main() -> ExitCode {
    println!("skipped: these tests need Linux, and threads");
    ExitCode::SUCCESS
}
