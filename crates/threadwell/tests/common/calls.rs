//! Calls that are expected to block: each runs in a thread of its own, and a test gives up on it
//! when its time is over, so that it fails rather than hangs.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use threadwell::Deadline;

use super::{LIMIT, until};

/// A deadline that no passing test reaches.
pub(crate) fn far() -> Deadline {
    Deadline::after(LIMIT)
}

/// A deadline that passes soon.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_millis(10))
}

/// A function that runs in a thread of its own.
pub(crate) struct Call<T> {
    thread: JoinHandle<T>,
    /// Where Linux tells the thread's state.
    stat: Option<PathBuf>,
}

/// Runs `function` in a new thread.
pub(crate) fn spawn<T: Send + 'static>(function: impl FnOnce() -> T + Send + 'static) -> Call<T> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        // A link to the calling thread's own directory below `/proc`, which Miri does not have.
        let own = if cfg!(miri) { None } else { fs::read_link("/proc/thread-self").ok() };
        sender.send(own.map(|path| PathBuf::from("/proc").join(path).join("stat"))).unwrap();
        function()
    });
    Call { thread, stat: receiver.recv().unwrap() }
}

impl<T> Call<T> {
    /// Waits until the thread sleeps, as in a call that blocks. It makes the interleaving that a test
    /// is about likely, not certain: the thread may sleep for another reason before it has queued
    /// up, and not every platform tells. What holds of queued threads alone is tested once the
    /// primitive has counted them (`waiting`).
    #[track_caller]
    pub(crate) fn blocked(self) -> Self {
        if let Some(stat) = &self.stat {
            let sleeps = || {
                let stat = fs::read_to_string(stat).unwrap_or_default();
                stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S"))
            };
            until("the thread blocks", || {
                (0..3).all(|_| {
                    thread::sleep(Duration::from_millis(1));
                    sleeps()
                })
            });
        }
        assert!(!self.is_finished(), "the call returned instead of blocking");
        self
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// What the function returned.
    #[track_caller]
    pub(crate) fn result(self) -> T {
        until("the call returns", || self.is_finished());
        match self.thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The results of all calls, which run at the same time: also those of a lazy iterator.
#[track_caller]
pub(crate) fn results<T>(calls: impl IntoIterator<Item = Call<T>>) -> Vec<T> {
    let calls: Vec<_> = calls.into_iter().collect();
    calls.into_iter().map(Call::result).collect()
}
