//! How many forks lie between this process and the first one that loaded the crate.
//!
//! The child of a fork inherits queues in which threads of its parent stand, and internal mutexes
//! that such threads hold. None of those threads exists in the child. Every internal mutex carries
//! the epoch in which it was last taken; one from an older epoch is known to be nobody's, and what
//! it guards is known to be the parent's.
//!
//! The C library tells of a fork, in the child and before anything else runs there: see [`watch`].

#![cfg_attr(
    all(unix, not(threadwell_loom)),
    expect(unsafe_code, reason = "has the C library tell of forks")
)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Not what a new mutex carries: the first use of each comes by [`watch`]. (A model does without.)
const FIRST: u32 = if cfg!(threadwell_loom) { 0 } else { 1 };

static EPOCH: AtomicU32 = AtomicU32::new(FIRST);

/// The present epoch.
///
/// Relaxed: it changes only in the child of a fork, which then has one thread, and later threads
/// are started by that one.
#[inline]
pub(crate) fn current() -> u32 {
    EPOCH.load(Relaxed)
}

/// Sees to it that the child of a `fork` begins the next epoch. To be called before a mutex is taken
/// that may not have been taken before.
///
/// The function that the C library calls adds to a number, and nothing else: many a child is about to
/// become another program, and the allocator may be anyone's.
#[cfg(all(unix, not(threadwell_loom)))]
pub(crate) fn watch() {
    use std::sync::atomic::{AtomicBool, Ordering};

    static WATCHED: AtomicBool = AtomicBool::new(false);

    extern "C" fn begin() {
        EPOCH.fetch_add(1, Relaxed);
    }

    // Not a `Once`: that of the child would wait for a thread of the parent's that is in it. Two
    // threads may both come here; then a fork counts twice, which is as good.
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the function takes nothing, cannot unwind, and lives as long as the process; the
        // C library forgets it if it unloads a library that has this crate in it.
        unsafe { libc::pthread_atfork(None, None, Some(begin)) };
        WATCHED.store(true, Ordering::Release);
    }
}

/// There is no `fork`.
#[cfg(not(all(unix, not(threadwell_loom))))]
pub(crate) fn watch() {}

/// Begins the next epoch in the child of a fork of which the C library has not told. Called once in
/// the child, before any other thread exists there.
#[cfg(not(threadwell_loom))]
pub(crate) fn begin_untold() {
    /// The last one for which this was called.
    static KNOWN: AtomicU32 = AtomicU32::new(FIRST);

    if KNOWN.load(Relaxed) == current() {
        EPOCH.fetch_add(1, Relaxed);
    }
    KNOWN.store(current(), Relaxed);
}
