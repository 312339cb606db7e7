//! The futex of Linux (`man 2 futex`).

#![expect(unsafe_code, reason = "the futex system call")]

use std::ptr;

use super::FutexOutcome;
use crate::primitive::{AtomicU32, const_fn};
use crate::time::Deadline;

#[derive(Debug)]
pub(crate) struct Futex {
    word: AtomicU32,
}

impl Futex {
    const_fn! {
        pub(crate) const fn new(value: u32) -> Self {
            Self { word: AtomicU32::new(value) }
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Sleeps while the word is `expected`, at most until `deadline`.
    #[cold]
    pub(crate) fn wait(&self, expected: u32, deadline: Option<Deadline>) -> FutexOutcome {
        // The kernel would round a deadline that has passed up by the thread's timer slack: 50 µs
        // asleep where a look at the clock takes 30 ns.
        if deadline.is_some_and(Deadline::has_passed) {
            return FutexOutcome::TimedOut;
        }
        let timespec = deadline.map(|deadline| libc::timespec {
            // Where it has 32 bits, a deadline beyond them is the last moment that it can tell.
            tv_sec: (deadline.as_nanos() / 1_000_000_000).try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: (deadline.as_nanos() % 1_000_000_000) as libc::c_long,
        });
        // FUTEX_WAIT takes a relative timeout; the bitset form takes an absolute one on
        // CLOCK_MONOTONIC, so a wait that is resumed needs no new arithmetic.
        // SAFETY:
        // - the word is a valid, aligned `u32` for the whole call, since `self` is borrowed;
        // - `timespec` is null or points to a live value that the kernel only reads;
        // - the operation ignores the fifth argument and reads the sixth as an integer.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.word.as_ptr(),
                libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
                expected,
                timespec.as_ref().map_or(ptr::null(), ptr::from_ref),
                ptr::null::<u32>(),
                libc::FUTEX_BITSET_MATCH_ANY,
            )
        };
        if result == 0 {
            return FutexOutcome::Woken;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::ETIMEDOUT) => FutexOutcome::TimedOut,
            Some(libc::EINTR) => FutexOutcome::Interrupted,
            // EAGAIN: the word was not as expected.
            _ => FutexOutcome::Woken,
        }
    }

    /// Wakes one thread that sleeps on the word.
    #[cold]
    pub(crate) fn wake_one(&self) {
        // SAFETY: the word is a valid `u32`; FUTEX_WAKE reads its address and no other argument
        // than the count.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.word.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                1,
            )
        };
    }
}
