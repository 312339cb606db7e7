//! What the platform calls the current thread.

#![cfg_attr(unix, expect(unsafe_code, reason = "asks libc who the thread is, and names it"))]

/// The identifier that `pthread_self` gives, which Python shows as `threading.get_ident()`.
/// Non-zero; used again after the thread has ended.
#[cfg(unix)]
#[inline]
pub(crate) fn ident() -> u64 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::pthread_self() as u64 }
}

/// A number of our own where there is no `pthread_self`. Non-zero; not used again.
#[cfg(not(unix))]
pub(crate) fn ident() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static ISSUED: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        // Relaxed: the number needs to be different, and carries nothing else.
        static IDENT: u64 = ISSUED.fetch_add(1, Relaxed) + 1;
    }
    IDENT.with(|&ident| ident)
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

/// Whether this is the thread that the process began with; in the child of a `fork`, the thread
/// that forked.
#[cfg(target_os = "linux")]
pub(crate) fn is_main() -> bool {
    native_id() == u64::from(std::process::id())
}

/// Whether this is the thread that the process began with, as far as `std` knows.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_main() -> bool {
    std::thread::current().name() == Some("main")
}

/// Tells the kernel the name of the current thread, cut to the characters that fit into the 15 bytes
/// that it keeps.
#[cfg(target_os = "linux")]
pub(crate) fn set_name(name: &str) {
    let mut bytes = [0_u8; 16];
    let end = (0..bytes.len()).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
    // SAFETY: the thread is the calling one, and the string ends with a zero byte, the last of 16.
    unsafe { libc::pthread_setname_np(ident() as libc::pthread_t, bytes.as_ptr().cast()) };
}

/// The thread keeps the name that it was started with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn set_name(_: &str) {}
