//! What becomes of the crate in the child of a `fork`.
//!
//! In the child only the forking thread exists. Locks that it held it still holds; locks that other
//! threads held stay held, as with every other lock, unless they are re-initialised. Threads of the
//! parent that stood in a queue are gone from it. Nothing is rewritten in the child for that: each
//! queue notices by its epoch (`park/mutex.rs`) when it is next used.
//!
//! The C library tells the crate of each `fork` (`sys/epoch.rs`). So a child needs nothing more to use
//! locks and everything that is waited for, to start threads and timers of its own, and to exit: none
//! of that meets a thread of the parent's. What the child has to be told is who it is
//! ([`after_in_child`]): that could not be done as early as the C library tells, when nothing may be
//! allocated, and in children that become another program at once.

#![expect(unsafe_code, reason = "its caller promises to be the child of a fork")]

/// Tells the child of a `fork` that its thread is the main and only one.
///
/// A Rust program that forks calls it in each child that asks for threads, by
/// [`current_thread`](crate::current_thread), [`main_thread`](crate::main_thread) or
/// [`enumerate`](crate::enumerate); the Python package does so by `os.register_at_fork`. Without it
/// these show the parent's threads, all of them ended, the calling one as well.
///
/// A child that was not made by the C library's `fork` (but by its `_Fork`, or by a bare system call)
/// has to call it in any case, before it uses the crate.
///
/// It allocates, frees and takes locks, so it is not async-signal-safe: after a `fork` of a process
/// with several threads POSIX allows nothing else, but the C libraries of Linux and macOS keep their
/// allocator usable. Call it after `fork` has returned, not in a signal handler.
///
/// # Safety
///
/// The calling process is the child of a `fork`, no other thread has been started in it yet, and
/// this is the first call there. Elsewhere a thread would take an internal mutex that another one
/// holds.
pub unsafe fn after_in_child() {
    crate::sys::epoch::begin_untold();
    crate::park::record::keep_only_current();
    crate::thread::after_fork();
}
