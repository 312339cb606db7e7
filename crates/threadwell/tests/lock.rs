//! The primitive lock.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::calls::{far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{Barrier, Deadline, Lock, ReleaseError, ThreadId};

#[test]
fn is_created_unlocked() {
    let _limit = time_limit();
    let lock = Lock::new();
    assert!(!lock.is_locked());
    assert_eq!(lock.owner(), None);
}

#[test]
fn acquire_locks_and_release_unlocks() {
    let _limit = time_limit();
    let lock = Lock::new();
    lock.acquire();
    assert!(lock.is_locked());
    assert_eq!(lock.release(), Ok(()));
    assert!(!lock.is_locked());
}

#[test]
fn acquire_blocks_until_another_thread_releases() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    LOCK.acquire();
    let call = spawn(|| {
        LOCK.acquire();
        ORDER.lock().unwrap().push("acquired");
    })
    .blocked();
    ORDER.lock().unwrap().push("released");
    LOCK.release().unwrap();
    call.result();
    assert_eq!(*ORDER.lock().unwrap(), ["released", "acquired"]);
    assert!(LOCK.is_locked());
}

#[test]
fn release_of_an_unlocked_lock_is_an_error_and_changes_nothing() {
    let _limit = time_limit();
    let lock = Lock::new();
    let error = lock.release().unwrap_err();
    assert_eq!(error, ReleaseError::NotHeld);
    assert_eq!(error.to_string(), "cannot release a lock that is not held");
    assert!(lock.try_acquire());
    lock.release().unwrap();
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
}

#[test]
fn any_thread_may_release() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    assert_eq!(spawn(|| LOCK.release()).result(), Ok(()));
    assert!(!LOCK.is_locked());
}

#[test]
fn a_second_acquire_by_the_same_thread_does_not_succeed() {
    let _limit = time_limit();
    let lock = Lock::new();
    lock.acquire();
    assert!(!lock.try_acquire());
    assert!(!lock.acquire_until(soon()));
    assert!(lock.is_locked());
}

#[test]
fn try_acquire_never_blocks() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    assert!(LOCK.try_acquire());
    assert!(!spawn(|| LOCK.try_acquire()).result());
}

#[test]
fn a_deadline_passes_and_leaves_the_lock_to_its_holder() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    assert!(!spawn(|| LOCK.acquire_until(soon())).result());
    assert!(LOCK.is_locked());
    LOCK.release().unwrap();
    assert!(LOCK.try_acquire());
}

#[test]
fn a_deadline_that_has_passed_takes_a_free_lock_only() {
    let _limit = time_limit();
    let lock = Lock::new();
    assert!(lock.acquire_until(Deadline::now()));
    assert!(!lock.acquire_until(Deadline::now()));
}

#[test]
fn a_timed_acquire_succeeds_when_released_in_time() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let call = spawn(|| LOCK.acquire_until(far())).blocked();
    LOCK.release().unwrap();
    assert!(call.result());
}

#[test]
fn the_longest_timeout_is_the_end_of_the_clock() {
    let _limit = time_limit();
    // Where Python raises OverflowError past TIMEOUT_MAX.
    static LOCK: Lock = Lock::new();
    let end = Deadline::after(std::time::Duration::MAX);
    assert!(LOCK.acquire_until(end));
    let call = spawn(move || LOCK.acquire_until(end)).blocked();
    LOCK.release().unwrap();
    assert!(call.result());
}

#[test]
fn one_release_lets_exactly_one_of_several_waiters_go_on() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static THROUGH: AtomicUsize = AtomicUsize::new(0);
    LOCK.acquire();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            spawn(|| {
                LOCK.acquire();
                THROUGH.fetch_add(1, Relaxed);
            })
            .blocked()
        })
        .collect();
    for count in 1..=4 {
        LOCK.release().unwrap();
        until("one more is through", || THROUGH.load(Relaxed) == count);
        assert!(LOCK.is_locked());
    }
    results(calls);
}

#[test]
fn it_has_one_holder_at_a_time() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static TOTAL: AtomicUsize = AtomicUsize::new(0);
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 10_000 };
    results((0..4).map(|_| {
        spawn(|| {
            for _ in 0..ROUNDS {
                LOCK.acquire();
                // Two steps on purpose: two holders at a time would lose counts.
                let total = TOTAL.load(Relaxed);
                TOTAL.store(total + 1, Relaxed);
                LOCK.release().unwrap();
            }
        })
    }));
    assert_eq!(TOTAL.load(Relaxed), 4 * ROUNDS);
}

#[test]
fn the_owner_is_the_thread_that_acquired_it() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    assert_eq!(LOCK.owner(), Some(ThreadId::current()));
    spawn(|| LOCK.release()).result().unwrap();
    let other = spawn(|| {
        LOCK.acquire();
        ThreadId::current()
    });
    assert_eq!(Some(other.result()), LOCK.owner());
}

#[test]
fn a_waiter_that_gave_up_takes_nothing_from_the_next() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let impatient = spawn(|| LOCK.acquire_until(soon()));
    let patient = spawn(|| LOCK.acquire_until(far()));
    assert!(!impatient.result());
    let patient = patient.blocked();
    LOCK.release().unwrap();
    assert!(patient.result());
}

#[test]
fn debug_shows_the_owner() {
    let _limit = time_limit();
    let lock = Lock::default();
    assert_eq!(format!("{lock:?}"), "Lock { owner: None }");
    lock.acquire();
    assert!(format!("{lock:?}").starts_with("Lock { owner: Some("));
}

#[test]
fn two_threads_that_take_two_locks_in_opposite_order_block_each_other() {
    let _limit = time_limit();
    static ONE: Lock = Lock::new();
    static OTHER: Lock = Lock::new();
    static BOTH_HOLD: Barrier = Barrier::new(2);
    static BOTH_TRIED: Barrier = Barrier::new(2);
    fn take(first: &Lock, second: &Lock) -> bool {
        first.acquire();
        BOTH_HOLD.wait().unwrap();
        // Without the deadline they would wait for each other for ever.
        let taken = second.acquire_until(soon());
        BOTH_TRIED.wait().unwrap();
        first.release().unwrap();
        taken
    }
    let calls = [spawn(|| take(&ONE, &OTHER)), spawn(|| take(&OTHER, &ONE))];
    assert_eq!(results(calls), [false, false]);
}
