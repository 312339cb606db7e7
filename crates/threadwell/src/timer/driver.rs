//! The thread that waits for all [`Timer`](super::Timer)s of the process.
//!
//! It is started with the first timer, ends when there have been none for a second, and is started
//! again when one comes. It is no thread of the program's: it is not in the registry, runs nobody
//! else's code, and the process does not wait for it. It is `std`'s for that reason.

use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use super::handle::Pending;
use super::queue::{Due, TimerKey, TimerQueue};
use crate::park::{ForkMutex, resume};
use crate::sys::epoch;
use crate::time::Deadline;

/// How long the thread waits for the next timer before it ends.
const IDLE: Duration = Duration::from_secs(1);

/// It starts other threads, and nothing else: a small stack will do.
const STACK_SIZE: usize = 256 * 1024;

static TIMERS: TimerQueue<Arc<Pending>> = TimerQueue::new();

/// Held while something is scheduled and, for that, a driver is started. Otherwise another thread
/// could count on a driver whose start is about to fail. In it is the fork epoch that the pending
/// timers are from.
static STARTING: ForkMutex<u32> = ForkMutex::new(0);

/// Has `timer` fire at `deadline`.
pub(super) fn schedule(deadline: Deadline, timer: Arc<Pending>) -> io::Result<TimerKey> {
    let mut starting = STARTING.lock();
    if *starting != epoch::current() {
        // In the child of a `fork`: the parent's timers are the parent's. What they were to call is
        // not touched, not even to drop it.
        std::mem::forget(TIMERS.drain());
        *starting = epoch::current();
    }
    let scheduled = TIMERS.schedule(deadline, timer);
    if scheduled.needs_driver {
        let builder = Builder::new().name("threadwell-timer".to_owned()).stack_size(STACK_SIZE);
        if let Err(error) = builder.spawn(drive) {
            TIMERS.retire();
            let timer = TIMERS.cancel(scheduled.key);
            drop(starting);
            drop(timer);
            return Err(error);
        }
    }
    Ok(scheduled.key)
}

/// Takes the timer out, unless the driver has got it.
pub(super) fn cancel(key: TimerKey) {
    drop(TIMERS.cancel(key));
}

/// Says that there is no driver, should it end by a panic: then the next timer starts another.
struct OnDuty;

impl Drop for OnDuty {
    fn drop(&mut self) {
        if std::thread::panicking() {
            TIMERS.retire();
        }
    }
}

fn drive() {
    let _on_duty = OnDuty;
    loop {
        match TIMERS.wait_due(IDLE, &mut resume) {
            Due::Batch(timers) => timers.iter().for_each(Pending::fire),
            Due::Interrupted => {}
            Due::Idle => return,
        }
    }
}
