//! What the child of a `fork` must do before it uses the crate.
//!
//! In the child only the forking thread exists. Locks that it held it still holds; locks that other
//! threads held stay held, as with every other lock, unless they are re-initialised. Threads of the
//! parent that stood in a queue are gone from it. Nothing is rewritten in the child for that: each
//! queue notices by its epoch (`park/mutex.rs`) when it is next used.
//!
//! This holds over the futex of Linux. The portable one is made of mutexes of `std` (see
//! `sys/futex/mod.rs`): on other systems a thread that is just about to sleep or to wake another at
//! the moment of the `fork` may leave one of those locked, and the child then waits for ever where it
//! comes to the same word.

#![expect(unsafe_code, reason = "its caller promises to be the child of a fork")]

/// Makes the crate usable in the child of a `fork`.
///
/// A Rust program that forks has to call it itself, in each child that goes on with this crate; the
/// Python package does so by `os.register_at_fork`. Without it the child takes the parent's threads
/// and timers for its own, and waits for ever for an internal mutex that one of them held. (Its exit
/// alone needs no call.) It allocates, frees and takes locks, so it is not async-signal-safe:
/// after a `fork` of a process with several threads POSIX allows nothing else, but the C libraries of
/// Linux and macOS keep their allocator usable. Call it after `fork` has returned, not in a signal
/// handler.
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
