//! Waits that are taken in two steps: the turn first, and then what it is the turn for.

mod common;

use std::panic::{catch_unwind, resume_unwind};
use std::sync::Mutex;

use common::calls::{far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{
    BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore, TakenInTurns, Turn, WaitOutcome,
    resume,
};

/// One thread finds `contended` free, is overtaken by another, and waits for its next turn.
fn overtaken<T: TakenInTurns + Sync>(
    contended: &'static T,
    try_acquire: fn(&T) -> bool,
    release: fn(&T),
) {
    static FREE: Event = Event::new();
    static OVERTAKEN: Event = Event::new();
    static LATE: Event = Event::new();
    let (free, overtaken, late) = (&FREE, &OVERTAKEN, &LATE);
    free.clear();
    overtaken.clear();
    late.clear();
    let call = spawn(move || {
        let mut turn = Turn::new(contended);
        let outcome = turn.wait(Some(far()), &mut resume);
        assert_eq!(outcome, WaitOutcome::Ready);
        free.set();
        overtaken.wait();
        assert!(!turn.try_take());
        late.set();
        let outcome = turn.wait(Some(far()), &mut resume);
        assert_eq!(outcome, WaitOutcome::Ready);
        assert!(turn.try_take());
        release(contended);
    });
    assert!(free.wait_until(far()));
    // Its turn keeps nothing from others.
    assert!(try_acquire(contended));
    overtaken.set();
    assert!(late.wait_until(far()));
    let call = call.blocked();
    release(contended);
    call.result();
    assert!(try_acquire(contended));
}

// One test: they share the events.
#[test]
fn a_thread_that_comes_too_late_for_its_turn_gets_another() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    overtaken(&LOCK, Lock::try_acquire, |lock| lock.release().unwrap());
    static RLOCK: RLock = RLock::new();
    overtaken(&RLOCK, RLock::try_acquire, |lock| lock.release().unwrap());
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    overtaken(&SEMAPHORE, Semaphore::try_acquire, |semaphore| semaphore.release().unwrap());
    static BOUNDED: BoundedSemaphore = BoundedSemaphore::new(1);
    overtaken(&BOUNDED, BoundedSemaphore::try_acquire, |semaphore| semaphore.release().unwrap());
}

#[test]
fn a_turn_that_does_not_come_in_time_is_none() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let outcome = Turn::new(&LOCK).wait(Some(soon()), &mut resume);
    assert_eq!(outcome, WaitOutcome::TimedOut);
    LOCK.release().unwrap();
    assert!(!LOCK.is_locked());
}

#[test]
fn a_wait_for_a_condition_may_end_before_the_lock_is_taken() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    static CONDITION: Condition = Condition::new();
    static OVER: Event = Event::new();
    static TAKEN: Event = Event::new();
    let call = spawn(|| {
        LOCK.acquire();
        LOCK.acquire();
        let waited = CONDITION.wait_unlocked(&LOCK, Some(soon()), &mut resume).unwrap();
        assert!(!LOCK.is_owned());
        OVER.set();
        TAKEN.wait();
        let mut waited = waited.try_reacquire().unwrap_err();
        let outcome = loop {
            waited.await_turn(&mut resume);
            waited = match waited.try_reacquire() {
                Ok(outcome) => break outcome,
                Err(waited) => waited,
            };
        };
        assert_eq!(LOCK.recursion_count(), 2);
        outcome
    });
    assert!(OVER.wait_until(far()));
    assert!(LOCK.try_acquire());
    TAKEN.set();
    let call = call.blocked();
    LOCK.release().unwrap();
    assert_eq!(call.result(), WaitOutcome::TimedOut);
}

#[test]
fn a_wait_for_a_condition_needs_the_lock() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    assert!(Condition::new().wait_unlocked(&LOCK, Some(soon()), &mut resume).is_err());
}

#[test]
fn a_turn_is_for_one_time() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let call = spawn(|| {
        let mut turn = Turn::new(&LOCK);
        assert_eq!(turn.wait(Some(far()), &mut resume), WaitOutcome::Ready);
        // Waiting again makes it no less its turn.
        assert_eq!(turn.wait(Some(far()), &mut resume), WaitOutcome::Ready);
        assert!(turn.try_take());
        assert!(!turn.try_take());
        LOCK.release().unwrap();
        LOCK.acquire();
        assert!(!turn.try_take());
        LOCK.release().unwrap();
    })
    .blocked();
    // It has waited for long enough to be handed the lock.
    std::thread::sleep(std::time::Duration::from_millis(2));
    LOCK.release().unwrap();
    call.result();
}

#[test]
fn the_owner_of_an_rlock_need_not_wait_for_its_turn() {
    let _limit = time_limit();
    let lock = RLock::new();
    lock.acquire();
    let mut turn = Turn::new(&lock);
    assert_eq!(turn.wait(Some(soon()), &mut resume), WaitOutcome::Ready);
    assert!(turn.try_take());
    assert_eq!(lock.recursion_count(), 2);
}

#[test]
fn a_turn_that_is_not_taken_is_passed_on() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let waiters = [0, 1].map(|_| {
        spawn(|| {
            let mut turn = Turn::new(&LOCK);
            assert_eq!(turn.wait(Some(far()), &mut resume), WaitOutcome::Ready);
        })
        .blocked()
    });
    LOCK.release().unwrap();
    for waiter in waiters {
        waiter.result();
    }
    assert!(!LOCK.is_locked());
}

#[test]
fn a_thread_that_returns_to_the_queue_does_not_pass_those_that_waited_for_longer() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static ORDER: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    LOCK.acquire();
    let waiters: Vec<_> = (0..4)
        .map(|number| {
            // On the portable wait a sleep is cut into slices, after each of which the thread leaves
            // the queue and returns to it.
            spawn(move || {
                LOCK.acquire();
                ORDER.lock().unwrap().push(number);
                LOCK.release().unwrap();
            })
            .blocked()
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(250));
    LOCK.release().unwrap();
    results(waiters);
    assert_eq!(*ORDER.lock().unwrap(), [0, 1, 2, 3]);
}

#[test]
fn a_wait_that_is_dropped_passes_its_notification_on() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static CONDITION: Condition = Condition::new();
    let dropped = spawn(|| {
        LOCK.acquire();
        drop(CONDITION.wait_unlocked(&LOCK, Some(far()), &mut resume).unwrap());
    });
    until("it waits", || CONDITION.waiting() == 1);
    let other = spawn(|| {
        LOCK.acquire();
        let notified = CONDITION.wait_until(&LOCK, far()).unwrap();
        LOCK.release().unwrap();
        notified
    });
    until("both wait", || CONDITION.waiting() == 2);
    LOCK.acquire();
    CONDITION.notify(&LOCK, 1).unwrap();
    LOCK.release().unwrap();
    dropped.result();
    assert!(other.result());
    assert!(!LOCK.is_locked());
}

#[test]
fn a_release_that_panics_leaves_nobody_behind() {
    let _limit = time_limit();
    static CONDITION: Condition = Condition::new();
    let wait = || {
        let _ = CONDITION.wait_released(|| resume_unwind(Box::new("")), Some(far()), &mut resume);
    };
    assert!(catch_unwind(wait).is_err());
    assert_eq!(CONDITION.waiting(), 0);
}
