//! The reentrant lock.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::calls::{far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{RLock, ReleaseError, ThreadId, WaitOutcome, resume};

#[test]
fn is_created_unlocked() {
    let _limit = time_limit();
    let lock = RLock::new();
    assert!(!lock.is_locked());
    assert!(!lock.is_owned());
    assert_eq!((lock.depth(), lock.recursion_count(), lock.owner()), (0, 0, None));
}

#[test]
fn the_owner_acquires_again_without_blocking() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    spawn(|| {
        for level in 1..=3 {
            LOCK.acquire();
            assert_eq!(LOCK.recursion_count(), level);
        }
        assert_eq!(LOCK.owner(), Some(ThreadId::current()));
        for level in (0..3).rev() {
            LOCK.release().unwrap();
            assert_eq!(LOCK.recursion_count(), level);
        }
    })
    .result();
    assert!(!LOCK.is_locked());
}

#[test]
fn only_the_outermost_release_lets_another_thread_in() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    LOCK.acquire();
    LOCK.acquire();
    LOCK.release().unwrap();
    assert!(!spawn(|| LOCK.try_acquire()).result());
    LOCK.release().unwrap();
    assert!(spawn(|| LOCK.try_acquire()).result());
}

#[test]
fn acquire_blocks_until_the_owner_has_released_as_often_as_it_acquired() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    LOCK.acquire();
    LOCK.acquire();
    let call = spawn(|| {
        LOCK.acquire();
        ORDER.lock().unwrap().push("acquired");
        LOCK.depth()
    })
    .blocked();
    LOCK.release().unwrap();
    let call = call.blocked();
    ORDER.lock().unwrap().push("released");
    LOCK.release().unwrap();
    assert_eq!(call.result(), 1, "the new owner starts at level one");
    assert_eq!(*ORDER.lock().unwrap(), ["released", "acquired"]);
}

#[test]
fn one_of_several_waiters_becomes_the_owner() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    static THROUGH: AtomicUsize = AtomicUsize::new(0);
    static GO_ON: AtomicUsize = AtomicUsize::new(0);
    LOCK.acquire();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            spawn(|| {
                LOCK.acquire();
                let turn = THROUGH.fetch_add(1, Relaxed) + 1;
                until("the test goes on", || GO_ON.load(Relaxed) >= turn);
                LOCK.release().unwrap();
            })
            .blocked()
        })
        .collect();
    LOCK.release().unwrap();
    for count in 1..=3 {
        until("one more is through", || THROUGH.load(Relaxed) == count);
        assert!(!LOCK.try_acquire());
        GO_ON.store(count, Relaxed);
    }
    results(calls);
}

#[test]
fn release_of_an_unlocked_rlock_is_an_error() {
    let _limit = time_limit();
    let lock = RLock::new();
    assert_eq!(lock.release(), Err(ReleaseError::NotHeld));
    assert!(lock.release_all().is_err());
    assert!(!lock.is_locked());
}

#[test]
fn release_by_another_thread_is_an_error_and_changes_nothing() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    LOCK.acquire();
    let error = spawn(|| LOCK.release()).result().unwrap_err();
    assert_eq!(error, ReleaseError::NotOwned);
    assert_eq!(error.to_string(), "cannot release a lock that another thread holds");
    assert_eq!(LOCK.recursion_count(), 1);
    LOCK.release().unwrap();
}

#[test]
fn try_acquire_succeeds_for_the_owner_only() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    assert!(LOCK.try_acquire());
    assert!(LOCK.try_acquire());
    assert!(!spawn(|| LOCK.try_acquire()).result());
    assert_eq!(LOCK.depth(), 2);
}

#[test]
fn a_deadline_passes() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    LOCK.acquire();
    assert!(LOCK.acquire_until(soon()), "the owner need not wait");
    assert!(!spawn(|| LOCK.acquire_until(soon())).result());
    assert_eq!(LOCK.recursion_count(), 2);
}

#[test]
fn a_timed_acquire_succeeds_when_released_in_time() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    LOCK.acquire();
    let call = spawn(|| LOCK.acquire_until(far())).blocked();
    LOCK.release().unwrap();
    assert!(call.result());
}

#[test]
fn release_all_and_acquire_all_keep_the_level() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    for _ in 0..3 {
        LOCK.acquire();
    }
    let (count, wakes) = LOCK.release_all().unwrap();
    drop(wakes);
    assert_eq!(count, 3);
    assert!(spawn(|| LOCK.try_acquire() && LOCK.release().is_ok()).result());
    assert_eq!(LOCK.acquire_all(count, &mut resume), WaitOutcome::Ready);
    assert_eq!(LOCK.recursion_count(), 3);
}

#[test]
fn a_count_that_would_overflow_changes_nothing() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    assert!(LOCK.try_acquire_all(usize::MAX - 1));
    assert!(!LOCK.try_acquire_all(2) && !LOCK.try_acquire_all(usize::MAX));
    // Zero counts as one.
    assert!(LOCK.try_acquire_all(0) && !LOCK.try_acquire_all(0) && !LOCK.try_acquire());
    assert_eq!((LOCK.depth(), LOCK.recursion_count()), (usize::MAX, usize::MAX));
    let overflows = |acquire: fn()| std::panic::catch_unwind(acquire).is_err();
    assert!(overflows(|| LOCK.acquire()));
    assert!(overflows(|| assert!(LOCK.acquire_until(far()))));
    assert!(overflows(|| assert_eq!(LOCK.acquire_all(1, &mut resume), WaitOutcome::Ready)));
    assert_eq!(LOCK.release_all().unwrap().0, usize::MAX);
    assert!(!LOCK.is_locked());
    assert_eq!(LOCK.acquire_all(usize::MAX, &mut resume), WaitOutcome::Ready);
    assert_eq!(LOCK.depth(), usize::MAX);
}

#[test]
fn the_recursion_count_is_that_of_the_calling_thread() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    LOCK.acquire();
    assert_eq!(
        spawn(|| (LOCK.recursion_count(), LOCK.depth(), LOCK.is_owned())).result(),
        (0, 1, false)
    );
    assert!(LOCK.is_owned());
}

#[test]
fn a_nested_call_that_takes_the_same_lock_does_not_deadlock() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    fn outer() -> usize {
        LOCK.acquire();
        let result = inner() + 1;
        LOCK.release().unwrap();
        result
    }
    fn inner() -> usize {
        LOCK.acquire();
        let level = LOCK.recursion_count();
        LOCK.release().unwrap();
        level
    }
    assert_eq!(spawn(outer).result(), 3);
}
