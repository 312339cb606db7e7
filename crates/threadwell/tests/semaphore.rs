//! Semaphores, plain and bounded.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::calls::{far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{BoundedSemaphore, Deadline, Semaphore, SemaphoreError};

#[test]
fn the_default_is_one_permit() {
    let _limit = time_limit();
    assert_eq!(Semaphore::default().permits(), 1);
    let bounded = BoundedSemaphore::default();
    assert_eq!((bounded.permits(), bounded.limit()), (1, 1));
}

#[test]
fn acquire_takes_a_permit_and_release_adds_one() {
    let _limit = time_limit();
    let semaphore = Semaphore::new(2);
    semaphore.acquire();
    assert_eq!(semaphore.permits(), 1);
    semaphore.acquire();
    assert_eq!(semaphore.permits(), 0);
    semaphore.release().unwrap();
    assert_eq!(semaphore.permits(), 1);
}

#[test]
fn permits_are_releases_minus_acquires_plus_the_initial_value() {
    let _limit = time_limit();
    let semaphore = Semaphore::new(3);
    semaphore.release_many(4).unwrap();
    for _ in 0..6 {
        semaphore.acquire();
    }
    assert_eq!(semaphore.permits(), 3 + 4 - 6);
}

#[test]
fn acquire_at_zero_blocks_until_a_release() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let call = spawn(|| {
        SEMAPHORE.acquire();
        ORDER.lock().unwrap().push("acquired");
    })
    .blocked();
    ORDER.lock().unwrap().push("released");
    SEMAPHORE.release().unwrap();
    call.result();
    assert_eq!(*ORDER.lock().unwrap(), ["released", "acquired"]);
    assert_eq!(SEMAPHORE.permits(), 0, "never below zero");
}

#[test]
fn one_release_lets_one_waiter_go_on() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    static THROUGH: AtomicUsize = AtomicUsize::new(0);
    let calls: Vec<_> = (0..4)
        .map(|_| {
            spawn(|| {
                SEMAPHORE.acquire();
                THROUGH.fetch_add(1, Relaxed);
            })
            .blocked()
        })
        .collect();
    for count in 1..=4 {
        SEMAPHORE.release().unwrap();
        until("one more is through", || THROUGH.load(Relaxed) == count);
        assert_eq!(SEMAPHORE.permits(), 0);
    }
    results(calls);
}

#[test]
fn release_many_lets_as_many_go_on_and_keeps_the_rest() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    static THROUGH: AtomicUsize = AtomicUsize::new(0);
    let calls: Vec<_> = (0..3)
        .map(|_| {
            spawn(|| {
                SEMAPHORE.acquire();
                THROUGH.fetch_add(1, Relaxed);
            })
            .blocked()
        })
        .collect();
    SEMAPHORE.release_many(2).unwrap();
    until("two are through", || THROUGH.load(Relaxed) == 2);
    SEMAPHORE.release_many(4).unwrap();
    results(calls);
    assert_eq!(SEMAPHORE.permits(), 3);
}

#[test]
fn try_acquire_never_blocks() {
    let _limit = time_limit();
    let semaphore = Semaphore::new(1);
    assert!(semaphore.try_acquire());
    assert!(!semaphore.try_acquire());
    let bounded = BoundedSemaphore::new(1);
    assert!(bounded.try_acquire());
    assert!(!bounded.try_acquire());
}

#[test]
fn a_deadline_passes_and_takes_nothing() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    assert!(!spawn(|| SEMAPHORE.acquire_until(soon())).result());
    assert!(!SEMAPHORE.acquire_until(Deadline::now()));
    SEMAPHORE.release().unwrap();
    assert_eq!(SEMAPHORE.permits(), 1);
    let bounded = BoundedSemaphore::new(0);
    assert!(!bounded.acquire_until(soon()));
}

#[test]
fn a_timed_acquire_succeeds_when_released_in_time() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    let call = spawn(|| SEMAPHORE.acquire_until(far())).blocked();
    SEMAPHORE.release().unwrap();
    assert!(call.result());
}

#[test]
fn a_plain_semaphore_may_be_released_beyond_its_initial_value() {
    let _limit = time_limit();
    let semaphore = Semaphore::new(1);
    semaphore.release().unwrap();
    assert_eq!(semaphore.permits(), 2);
}

#[test]
fn a_bounded_semaphore_may_not_be_released_beyond_its_limit() {
    let _limit = time_limit();
    let semaphore = BoundedSemaphore::new(2);
    let error = semaphore.release().unwrap_err();
    assert_eq!(error, SemaphoreError::TooManyPermits);
    assert_eq!(error.to_string(), "semaphore released too many times");
    semaphore.acquire();
    assert_eq!(semaphore.release_many(2), Err(SemaphoreError::TooManyPermits));
    assert_eq!(semaphore.permits(), 1, "nothing has changed");
    semaphore.release().unwrap();
    assert_eq!((semaphore.permits(), semaphore.limit()), (2, 2));
}

#[test]
fn the_count_cannot_overflow() {
    let _limit = time_limit();
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert_eq!(semaphore.release(), Err(SemaphoreError::TooManyPermits));
    assert_eq!(semaphore.permits(), Semaphore::MAX_PERMITS);
}

#[test]
fn reinit_brings_all_permits_back_and_wakes_who_waits() {
    let _limit = time_limit();
    static SEMAPHORE: BoundedSemaphore = BoundedSemaphore::new(2);
    SEMAPHORE.acquire();
    SEMAPHORE.acquire();
    let waiter = spawn(|| SEMAPHORE.acquire()).blocked();
    SEMAPHORE.reinit();
    waiter.result();
    assert_eq!((SEMAPHORE.permits(), SEMAPHORE.limit()), (1, 2));
}

#[test]
fn it_guards_a_resource_of_limited_capacity() {
    let _limit = time_limit();
    static SEATS: BoundedSemaphore = BoundedSemaphore::new(3);
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    static HIGHEST: AtomicUsize = AtomicUsize::new(0);
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 500 };
    results((0..8).map(|_| {
        spawn(|| {
            for _ in 0..ROUNDS {
                SEATS.acquire();
                let inside = INSIDE.fetch_add(1, Relaxed) + 1;
                HIGHEST.fetch_max(inside, Relaxed);
                INSIDE.fetch_sub(1, Relaxed);
                SEATS.release().unwrap();
            }
        })
    }));
    assert!((1..=3).contains(&HIGHEST.load(Relaxed)));
    assert_eq!(SEATS.permits(), 3);
}

#[test]
fn any_thread_may_release() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    SEMAPHORE.acquire();
    spawn(|| SEMAPHORE.release()).result().unwrap();
    assert!(SEMAPHORE.try_acquire());
}
