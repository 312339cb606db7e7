//! Waits that are taken in two steps: the turn first, and then what it is the turn for.

mod common;

use common::calls::{far, soon, spawn};
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
    let (free, overtaken) = (&FREE, &OVERTAKEN);
    free.clear();
    overtaken.clear();
    let call = spawn(move || {
        let mut turn = Turn::new();
        let outcome = contended.await_turn(&mut turn, Some(far()), &mut resume);
        assert_eq!(outcome, WaitOutcome::Ready);
        free.set();
        overtaken.wait();
        assert!(!contended.take_turn(&turn));
        let outcome = contended.await_turn(&mut turn, Some(far()), &mut resume);
        assert_eq!(outcome, WaitOutcome::Ready);
        assert!(contended.take_turn(&turn));
        release(contended);
    });
    assert!(free.wait_until(far()));
    // Its turn keeps nothing from others.
    assert!(try_acquire(contended));
    overtaken.set();
    let call = call.blocked();
    release(contended);
    call.result();
    assert!(try_acquire(contended));
}

// One test: they share the two events.
#[test]
fn a_thread_that_comes_too_late_for_its_turn_gets_another() {
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
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let outcome = LOCK.await_turn(&mut Turn::new(), Some(soon()), &mut resume);
    assert_eq!(outcome, WaitOutcome::TimedOut);
    LOCK.release().unwrap();
    assert!(!LOCK.is_locked());
}

#[test]
fn a_wait_for_a_condition_may_end_before_the_lock_is_taken() {
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
    static LOCK: Lock = Lock::new();
    assert!(Condition::new().wait_unlocked(&LOCK, Some(soon()), &mut resume).is_err());
}
