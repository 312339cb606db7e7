//! What the platform calls the current thread.

#![cfg_attr(unix, expect(unsafe_code, reason = "asks libc who the thread is"))]

/// The identifier that `pthread_self` gives, which Python shows as `threading.get_ident()`.
/// Non-zero; used again after the thread has ended.
#[cfg(all(unix, not(threadwell_loom)))]
#[inline]
pub(crate) fn ident() -> u64 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::pthread_self() as u64 }
}

/// A number of our own where there is no `pthread_self`.
#[cfg(any(not(unix), threadwell_loom))]
pub(crate) fn ident() -> u64 {
    u64::from(crate::park::record::current_id().get())
}

/// The kernel's identifier of the thread, which Python shows as `threading.get_native_id()`.
#[cfg(target_os = "linux")]
pub(crate) fn native_id() -> u64 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u64 }
}

/// The kernel's identifier of the thread, or [`ident`] where this crate does not know how to ask.
#[cfg(not(target_os = "linux"))]
pub(crate) fn native_id() -> u64 {
    ident()
}
