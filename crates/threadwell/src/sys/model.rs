//! What a model decides in place of the outside world: the time, and when signals come.
//!
//! Only under `cfg(threadwell_loom)`. loom runs all threads of a model on one thread of the
//! platform, so that state which all of them share lives in `std`'s thread-locals here, and tests
//! that run side by side do not disturb each other.

use std::cell::Cell;

use crate::time::Deadline;

std::thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static TICK: Cell<u64> = const { Cell::new(0) };
}

loom::thread_local! {
    static SIGNALS: Cell<u32> = Cell::new(0);
}

/// Sets the clock to zero and lets it stand still. Each model begins with it.
pub fn stop_clock() {
    NOW.set(0);
    TICK.set(0);
}

/// Sets the clock to zero and lets a second pass at each look at it: whoever waits has starved.
pub fn race_clock() {
    NOW.set(0);
    TICK.set(1_000_000_000);
}

pub(super) fn monotonic_nanos() -> u64 {
    let now = NOW.get() + TICK.get();
    NOW.set(now);
    now
}

/// A deadline that is over: the wait times out when it would begin to sleep, and races with
/// whoever wakes it. The only kind of deadline that passes in a model.
#[must_use]
pub fn over() -> Deadline {
    Deadline::now()
}

/// The calling thread's next `count` sleeps are ended by a signal before anything else ends them.
pub fn interrupt(count: u32) {
    SIGNALS.with(|signals| signals.set(count));
}

/// Whether a signal ends the sleep that is about to begin.
pub(crate) fn take_signal() -> bool {
    SIGNALS.with(|signals| {
        let pending = signals.get();
        signals.set(pending.saturating_sub(1));
        pending != 0
    })
}
