//! The monotonic clock, as nanoseconds since an origin of its own.

#![cfg_attr(
    all(target_os = "linux", not(threadwell_loom), not(threadwell_portable)),
    expect(unsafe_code, reason = "reads the clock through libc")
)]

/// Nanoseconds on `CLOCK_MONOTONIC`, the clock that the futex call takes deadlines of.
#[cfg(all(target_os = "linux", not(threadwell_loom), not(threadwell_portable)))]
pub(crate) fn monotonic_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for one `timespec`, and the clock exists on every Linux, so
    // that the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds since the first call.
#[cfg(all(any(not(target_os = "linux"), threadwell_portable), not(threadwell_loom)))]
pub(crate) fn monotonic_nanos() -> u64 {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let origin = *ORIGIN.get_or_init(std::time::Instant::now);
    origin.elapsed().as_nanos() as u64
}

/// The model's clock.
#[cfg(threadwell_loom)]
pub(crate) fn monotonic_nanos() -> u64 {
    super::model::monotonic_nanos()
}
