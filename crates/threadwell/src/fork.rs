//! What the child of a `fork` must do before it uses the crate.
//!
//! In the child only the forking thread exists. Locks that it held it still holds; locks that other
//! threads held stay held, as with every other lock, unless they are re-initialised. Threads of the
//! parent that stood in a queue are gone from it. Nothing is rewritten in the child for that: each
//! queue notices by its epoch (`park/mutex.rs`) when it is next used.

#![expect(unsafe_code, reason = "its caller promises to be the child of a fork")]

/// Makes the crate usable in the child of a `fork`.
///
/// The order: the epoch first, since everything else consults it; then the tables of threads,
/// which keep the forking thread; then the pending timers, which are the parent's.
///
/// # Safety
///
/// The calling process is the child of a `fork`, no other thread has been started in it yet, and
/// this is the first use of the crate there. Elsewhere a thread would take an internal mutex that
/// another one holds.
pub unsafe fn after_in_child() {
    crate::sys::epoch::advance();
    crate::park::record::keep_only_current();
    crate::thread::after_fork();
    crate::timer::after_fork();
}
