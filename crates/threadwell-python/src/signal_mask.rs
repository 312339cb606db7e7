//! The signals that a thread has blocked, which it hands on to the threads that it starts.

#![cfg_attr(unix, expect(unsafe_code, reason = "asks libc for the signal mask, and sets it"))]

use std::cell::Cell;
use std::time::Duration;

use pyo3::pyfunction;
use threadwell::Deadline;

/// How long a thread that has blocked no signal is taken to have blocked none. To ask the system
/// each time would make the start of a timer a sixth slower.
const TRUSTED: Duration = Duration::from_micros(20);

thread_local! {
    static NONE_UNTIL: Cell<Deadline> = const { Cell::new(Deadline::PAST) };
}

/// Whether the calling thread has blocked any signal. May be wrong for a thread that has only just
/// done so (`TRUSTED`), if it asks again.
pub(crate) fn blocks_any(now: Deadline) -> bool {
    if now < NONE_UNTIL.get() {
        return false;
    }
    let blocks = platform::blocks_any();
    NONE_UNTIL.set(if blocks { Deadline::PAST } else { now.plus(TRUSTED) });
    blocks
}

/// Have the calling thread block no signal.
#[pyfunction]
pub(crate) fn _unblock_signals() {
    platform::block_none();
}

#[cfg(unix)]
mod platform {
    use std::mem::MaybeUninit;
    use std::ptr;

    /// No signal. All bytes of it are zero, also those that the system leaves alone.
    fn none() -> MaybeUninit<libc::sigset_t> {
        let mut mask = MaybeUninit::zeroed();
        // SAFETY: the pointer is to a signal set of our own.
        unsafe { libc::sigemptyset(mask.as_mut_ptr()) };
        mask
    }

    pub(super) fn blocks_any() -> bool {
        let mut mask = none();
        // SAFETY: no set to change to, and a place of the right type for the one there is.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), mask.as_mut_ptr()) };
        // SAFETY: the set's own bytes, all of which were initialised in `none`.
        let bytes = unsafe {
            std::slice::from_raw_parts(mask.as_ptr().cast::<u8>(), size_of::<libc::sigset_t>())
        };
        bytes.iter().any(|&byte| byte != 0)
    }

    pub(super) fn block_none() {
        // SAFETY: a set of the right type; no place for the one that it replaces.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, none().as_ptr(), ptr::null_mut()) };
    }
}

/// Threads have no signal masks.
#[cfg(not(unix))]
mod platform {
    pub(super) fn blocks_any() -> bool {
        false
    }

    pub(super) fn block_none() {}
}
