//! Points on the monotonic clock.
//!
//! A *deadline* is a point on the clock, a *timeout* a length of time. The core takes only
//! deadlines: a wait that is resumed after a signal or a spurious wakeup then needs no arithmetic.

use std::time::Duration;

use crate::sys::clock;

/// A point on the monotonic clock at which a wait gives up.
///
/// The clock does not run backwards and is not set by anyone; whether it runs while the machine is
/// suspended is the platform's choice (on Linux, `CLOCK_MONOTONIC`, it does not).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadwell::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(60));
/// assert!(!deadline.has_passed());
/// assert!(deadline.remaining() <= Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    nanos: u64,
}

impl Deadline {
    /// A point that has always passed: a wait for it succeeds at once or not at all.
    pub const PAST: Self = Self { nanos: 0 };

    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Self { nanos: clock::monotonic_nanos() }
    }

    /// The point `timeout` from now; the end of the clock (584 years) if that is beyond it.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self::now().plus(timeout)
    }

    /// The point `time` later than this one; the end of the clock if that is beyond it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadwell::Deadline;
    ///
    /// let now = Deadline::now();
    /// assert!(now.plus(Duration::from_secs(1)) > now);
    /// assert_eq!(now.plus(Duration::MAX), now.plus(Duration::MAX).plus(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(time) }
    }

    /// Whether the point lies in the past.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self == Self::PAST || clock::monotonic_nanos() >= self.nanos
    }

    /// The time that is left, zero once the point has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(clock::monotonic_nanos()))
    }

    /// The point that many nanoseconds after the clock's origin.
    pub(crate) fn at_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// The time from `earlier` to this point, zero if that is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }

    /// Nanoseconds since the clock's origin, the form that the platform's calls take.
    #[cfg(all(target_os = "linux", not(threadwell_loom), not(threadwell_portable)))]
    pub(crate) fn as_nanos(self) -> u64 {
        self.nanos
    }
}
