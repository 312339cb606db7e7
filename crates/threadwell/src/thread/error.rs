//! What can go wrong with a thread, one type per operation.

use std::any::Any;
use std::fmt;
use std::io;

use super::hook::message_of;
pub use super::life::AlreadyStarted;

/// Why a thread was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It was started before: a thread runs once.
    AlreadyStarted,
    /// The system did not give us a thread. Nothing has changed: it can be started later.
    Os(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => f.write_str("threads can only be started once"),
            Self::Os(error) => write!(f, "cannot start a new thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::AlreadyStarted => None,
            Self::Os(error) => Some(error),
        }
    }
}

impl From<AlreadyStarted> for StartError {
    fn from(_: AlreadyStarted) -> Self {
        Self::AlreadyStarted
    }
}

/// Why a thread was not joined, or left no result.
#[non_exhaustive]
pub enum JoinError {
    /// It has not been started, so it does not end; or its start failed while it was waited for.
    NotStarted,
    /// It is the calling thread, which would wait for itself.
    Current,
    /// It was not started by this crate.
    Foreign,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// It has ended, and there is no result: it was taken by an earlier join; or the function never
    /// ran to its end, because the process was forked, or exits.
    NoResult,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "cannot join a thread before it is started",
            Self::Current => "cannot join the current thread",
            Self::Foreign => "cannot join a thread that was started elsewhere",
            Self::NoResult => "the thread left no result, or it was taken before",
            Self::Panicked(payload) => match message_of(&**payload) {
                Some(message) => return write!(f, "the thread panicked: {message}"),
                None => "the thread panicked",
            },
        })
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("NotStarted"),
            Self::Current => f.write_str("Current"),
            Self::Foreign => f.write_str("Foreign"),
            Self::NoResult => f.write_str("NoResult"),
            Self::Panicked(payload) => {
                f.debug_tuple("Panicked").field(&message_of(&**payload).unwrap_or("..")).finish()
            }
        }
    }
}

impl std::error::Error for JoinError {}
