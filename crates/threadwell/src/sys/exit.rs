//! The end of the process.

#![expect(unsafe_code, reason = "registers a function with the C library")]

use std::ffi::c_int;

unsafe extern "C" {
    /// ISO C: the platform's C library has it, and `std` links to that on every platform with
    /// threads. (The `libc` crate is a dependency on Unix alone.)
    fn atexit(function: extern "C" fn()) -> c_int;
}

/// Has `function` called when the process ends by `exit` or by the return of `main`. Whether that
/// could be arranged.
pub(crate) fn at_exit(function: extern "C" fn()) -> bool {
    if cfg!(miri) {
        // It interprets no end of a process.
        return false;
    }
    // SAFETY: the function takes no argument, returns, and cannot unwind (`extern "C"` aborts); it
    // lives as long as the process, since this crate is not unloaded.
    unsafe { atexit(function) == 0 }
}
