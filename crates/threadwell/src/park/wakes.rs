//! Threads that have been picked to be woken, and the moment at which they are.

use std::sync::Arc;

use super::record::ThreadRecord;

/// Threads that an operation has picked to be woken. They are woken when this is dropped.
///
/// The operation itself is complete: what the threads waited for has happened, and nobody else can
/// be picked in their place. Holding this back merely leaves them asleep for longer. The use of it
/// is to wake them after something else, such as letting go of an interpreter's lock that they
/// would at once have to wait for. If it is never dropped (`std::mem::forget`), they sleep until their
/// deadline or a signal, and without these for ever.
#[derive(Debug, Default)]
#[must_use = "the threads are woken when this is dropped"]
pub struct Wakes {
    /// Most operations wake one thread: no allocation for it.
    first: Option<Arc<ThreadRecord>>,
    rest: Vec<Arc<ThreadRecord>>,
}

impl Wakes {
    pub(crate) const fn none() -> Self {
        Self { first: None, rest: Vec::new() }
    }

    /// Whether dropping this wakes nobody.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[cold]
    fn wake(&self) {
        for record in self.first.iter().chain(&self.rest) {
            record.unpark();
        }
    }

    pub(crate) fn push(&mut self, record: Arc<ThreadRecord>) {
        match self.first {
            None => self.first = Some(record),
            Some(_) => self.rest.push(record),
        }
    }
}

impl Drop for Wakes {
    #[inline]
    fn drop(&mut self) {
        if !self.is_empty() {
            self.wake();
        }
    }
}
