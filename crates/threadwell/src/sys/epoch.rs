//! How many forks lie between this process and the first one that loaded the crate.
//!
//! The child of a fork inherits queues in which threads of its parent stand, and internal mutexes
//! that such threads hold. None of those threads exists in the child. Every internal mutex carries
//! the epoch in which it was last taken; one from an older epoch is known to be nobody's, and what
//! it guards is known to be the parent's.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static EPOCH: AtomicU32 = AtomicU32::new(0);

/// The present epoch.
///
/// Relaxed: it changes only in the child of a fork, which then has one thread, and later threads
/// are started by that one.
#[inline]
pub(crate) fn current() -> u32 {
    EPOCH.load(Relaxed)
}

/// Begins the next epoch. Called in the child of a fork, before any other thread exists there.
#[cfg(not(threadwell_loom))]
pub(crate) fn advance() {
    EPOCH.fetch_add(1, Relaxed);
}
