//! A `fork` while other threads acquire, release, wait and wake, as fast as they can: at any moment
//! some of them are in the middle of a queue.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use threadwell::{Barrier, Condition, Deadline, Event, Lock, RLock, Semaphore, Thread};

use crate::forks::in_child;

static LOCK: Lock = Lock::new();
static RLOCK: RLock = RLock::new();
static GUARD: Lock = Lock::new();
static CONDITION: Condition = Condition::new();
static SEMAPHORE: Semaphore = Semaphore::new(1);
static EVENT: Event = Event::new();
static BARRIER: Barrier = Barrier::new(2);

/// What one thread does again and again. They are in pairs, or in threes.
const STEPS: [fn(); 11] = [
    use_lock,
    use_lock,
    use_rlock,
    use_rlock,
    use_semaphore,
    use_semaphore,
    wait_for_condition,
    notify,
    wait_for_event,
    pulse,
    arrive,
];

fn soon() -> Deadline {
    Deadline::after(Duration::from_micros(20))
}

fn use_lock() {
    if LOCK.acquire_until(soon()) {
        LOCK.release().unwrap();
    }
}

fn use_rlock() {
    RLOCK.acquire();
    RLOCK.acquire();
    RLOCK.release().unwrap();
    RLOCK.release().unwrap();
}

fn use_semaphore() {
    if SEMAPHORE.acquire_until(soon()) {
        SEMAPHORE.release().unwrap();
    }
}

fn wait_for_condition() {
    GUARD.acquire();
    let _ = CONDITION.wait_until(&GUARD, soon());
    GUARD.release().unwrap();
}

fn notify() {
    GUARD.acquire();
    CONDITION.notify_all(&GUARD).unwrap();
    GUARD.release().unwrap();
}

fn wait_for_event() {
    let _ = EVENT.wait_until(soon());
}

fn pulse() {
    EVENT.set();
    EVENT.clear();
}

fn arrive() {
    if BARRIER.wait_until(soon()).is_err() {
        BARRIER.reset();
    }
}

pub(super) fn a_child_of_a_busy_parent_uses_what_it_was_busy_with() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let again_and_again = |step: fn()| {
        let work = move || {
            while !STOP.load(Relaxed) {
                step();
            }
        };
        Thread::spawn(work).unwrap()
    };
    let busy: Vec<_> = STEPS.into_iter().chain([arrive as fn()]).map(again_and_again).collect();
    for n in 0..200 {
        // One that is not told has to get along with them as well.
        assert_eq!(in_child(n % 2 == 0, use_all), 0, "child {n}");
    }
    STOP.store(true, Relaxed);
    busy.iter().for_each(|thread| thread.join().unwrap());
    println!("ok");
}

/// In the child: each object is waited for by one thread and given up, or raised, by the other.
fn use_all() {
    LOCK.reinit();
    RLOCK.reinit();
    GUARD.reinit();
    SEMAPHORE.reinit(1);
    EVENT.clear();
    BARRIER.reset();
    assert_eq!(CONDITION.waiting(), 0);

    LOCK.acquire();
    RLOCK.acquire();
    SEMAPHORE.acquire();
    GUARD.acquire();
    let other = Thread::spawn(|| {
        LOCK.acquire();
        RLOCK.acquire();
        SEMAPHORE.acquire();
        EVENT.wait();
        GUARD.acquire();
        CONDITION.notify(&GUARD, 1).unwrap();
        GUARD.release().unwrap();
        BARRIER.wait().unwrap()
    })
    .unwrap();
    LOCK.release().unwrap();
    RLOCK.release().unwrap();
    SEMAPHORE.release().unwrap();
    EVENT.set();
    CONDITION.wait(&GUARD).unwrap();
    GUARD.release().unwrap();
    assert_eq!(BARRIER.wait().unwrap() + other.join().unwrap(), 1);
}
