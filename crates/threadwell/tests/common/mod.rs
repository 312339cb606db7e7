//! What the integration tests share: no test hangs, and no test sleeps in the hope that others get
//! somewhere meanwhile.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod calls;
pub(crate) mod guarded;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test may take. Far more than any needs, on a machine that does other things too.
/// (Miri's clock goes by the steps that it interprets.)
pub(crate) const LIMIT: Duration = Duration::from_secs(if cfg!(miri) { 100_000 } else { 60 });

/// Ends the process, naming the test, unless it is dropped within [`LIMIT`].
#[must_use]
pub(crate) struct TimeLimit {
    _alive: Sender<()>,
}

pub(crate) fn time_limit() -> TimeLimit {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let (alive, ended) = channel();
    thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{test} has not ended within {LIMIT:?}");
            std::process::abort();
        }
    });
    TimeLimit { _alive: alive }
}

/// Looks again and again until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT / 2;
    while !condition() {
        assert!(Instant::now() < deadline, "this did not come to be: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
