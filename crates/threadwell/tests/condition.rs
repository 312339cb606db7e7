//! The condition variable.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::calls::{Call, far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{Condition, Deadline, Lock, NotOwned, RLock};

/// A lock, a condition, and the numbers of the threads that were notified, in order.
struct Pair {
    lock: Lock,
    condition: Condition,
    woken: Mutex<Vec<usize>>,
}

impl Pair {
    const fn new() -> Self {
        Self { lock: Lock::new(), condition: Condition::new(), woken: Mutex::new(Vec::new()) }
    }

    /// `n` threads that wait, one after the other. Each ends with the result of its wait.
    fn waiters(&'static self, n: usize) -> Vec<Call<bool>> {
        (0..n)
            .map(|number| {
                let call = spawn(move || {
                    self.lock.acquire();
                    let notified = self.condition.wait_until(&self.lock, far()).unwrap();
                    self.woken.lock().unwrap().push(number);
                    self.lock.release().unwrap();
                    notified
                });
                until("one more waits", || self.condition.waiting() == number + 1);
                call
            })
            .collect()
    }

    fn locked<T>(&self, function: impl FnOnce() -> T) -> T {
        assert!(self.lock.acquire_until(far()));
        let result = function();
        self.lock.release().unwrap();
        result
    }

    fn woken(&self) -> usize {
        self.woken.lock().unwrap().len()
    }
}

#[test]
fn without_the_lock_wait_and_notify_are_errors() {
    let _limit = time_limit();
    fn refuses(lock: &impl threadwell::ConditionLock) {
        let condition = Condition::new();
        assert_eq!(condition.wait(lock), Err(NotOwned));
        assert_eq!(condition.wait_until(lock, soon()), Err(NotOwned));
        assert_eq!(condition.notify(lock, 1), Err(NotOwned));
        assert_eq!(condition.notify_all(lock), Err(NotOwned));
        assert_eq!(condition.waiting(), 0);
    }
    refuses(&Lock::new());
    refuses(&RLock::new());
    assert_eq!(NotOwned.to_string(), "cannot wait or notify without holding the lock");
}

#[test]
fn wait_with_an_rlock_of_another_thread_is_an_error() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    static CONDITION: Condition = Condition::new();
    LOCK.acquire();
    assert_eq!(spawn(|| CONDITION.wait(&LOCK)).result(), Err(NotOwned));
    assert_eq!(spawn(|| CONDITION.notify(&LOCK, 1)).result(), Err(NotOwned));
}

#[test]
fn wait_releases_the_lock_and_has_it_again_afterwards() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let call = spawn(|| {
        PAIR.lock.acquire();
        PAIR.condition.wait(&PAIR.lock).unwrap();
        PAIR.lock.owner() == Some(threadwell::ThreadId::current())
    });
    until("the thread waits", || PAIR.condition.waiting() == 1);
    PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 1).unwrap());
    assert!(call.result());
    assert!(PAIR.lock.is_locked());
}

#[test]
fn a_notified_thread_does_not_return_before_the_lock_is_released() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let mut calls = PAIR.waiters(1);
    PAIR.locked(|| {
        PAIR.condition.notify_all(&PAIR.lock).unwrap();
        calls = std::mem::take(&mut calls).into_iter().map(Call::blocked).collect();
        assert_eq!(PAIR.woken(), 0);
    });
    assert_eq!(results(calls), [true]);
}

#[test]
fn wait_until_tells_a_notification_from_a_timeout() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(1);
    PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 1).unwrap());
    assert_eq!(results(calls), [true]);
    PAIR.lock.acquire();
    assert_eq!(PAIR.condition.wait_until(&PAIR.lock, soon()), Ok(false));
    assert_eq!(PAIR.condition.wait_until(&PAIR.lock, Deadline::now()), Ok(false));
    assert!(PAIR.lock.is_locked());
    assert_eq!(PAIR.condition.waiting(), 0);
}

#[test]
fn notify_one_wakes_one() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(3);
    for count in 1..=3 {
        PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 1).unwrap());
        until("one more is woken", || PAIR.woken() == count);
        assert_eq!(PAIR.condition.waiting(), 3 - count);
    }
    assert_eq!(results(calls), [true; 3]);
}

#[test]
fn notify_n_wakes_exactly_n() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(5);
    PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 2).unwrap());
    until("two are woken", || calls.iter().filter(|call| call.is_finished()).count() == 2);
    assert_eq!(PAIR.woken(), 2);
    assert_eq!(PAIR.condition.waiting(), 3);
    PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 3).unwrap());
    assert_eq!(results(calls), [true; 5]);
}

#[test]
fn notify_more_than_there_are_wakes_all() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(2);
    PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 10).unwrap());
    assert_eq!(results(calls), [true; 2]);
}

#[test]
fn notify_all_wakes_all() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(5);
    PAIR.locked(|| PAIR.condition.notify_all(&PAIR.lock).unwrap());
    assert_eq!(results(calls), [true; 5]);
}

#[test]
fn threads_are_notified_in_order_of_arrival() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    let calls = PAIR.waiters(4);
    for count in 1..=4 {
        PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 1).unwrap());
        until("one more is woken", || PAIR.woken() == count);
    }
    results(calls);
    assert_eq!(*PAIR.woken.lock().unwrap(), [0, 1, 2, 3]);
}

#[test]
fn notify_without_a_waiter_does_nothing_and_is_not_kept() {
    let _limit = time_limit();
    let pair = Pair::new();
    pair.lock.acquire();
    pair.condition.notify(&pair.lock, 1).unwrap();
    pair.condition.notify_all(&pair.lock).unwrap();
    assert_eq!(pair.condition.wait_until(&pair.lock, soon()), Ok(false));
}

#[test]
fn wait_releases_an_rlock_of_any_level_and_restores_the_level() {
    let _limit = time_limit();
    static LOCK: RLock = RLock::new();
    static CONDITION: Condition = Condition::new();
    let call = spawn(|| {
        for _ in 0..3 {
            LOCK.acquire();
        }
        CONDITION.wait(&LOCK).unwrap();
        LOCK.recursion_count()
    });
    until("the thread waits", || CONDITION.waiting() == 1);
    assert!(LOCK.acquire_until(far()));
    CONDITION.notify(&LOCK, 1).unwrap();
    LOCK.release().unwrap();
    assert_eq!(call.result(), 3);
}

#[test]
fn several_conditions_may_share_a_lock() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static FULL: Condition = Condition::new();
    static EMPTY: Condition = Condition::new();
    fn wait(condition: &'static Condition) -> Call<bool> {
        let call = spawn(move || {
            LOCK.acquire();
            let notified = condition.wait_until(&LOCK, far()).unwrap();
            LOCK.release().unwrap();
            notified
        });
        until("the thread waits", || condition.waiting() == 1);
        call
    }
    let (first, second) = (wait(&FULL), wait(&EMPTY));
    LOCK.acquire();
    EMPTY.notify_all(&LOCK).unwrap();
    LOCK.release().unwrap();
    assert!(second.result());
    assert_eq!(FULL.waiting(), 1);
    LOCK.acquire();
    FULL.notify(&LOCK, 1).unwrap();
    LOCK.release().unwrap();
    assert!(first.result());
}

#[test]
fn a_loop_around_wait_waits_for_a_predicate() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    static READY: AtomicUsize = AtomicUsize::new(0);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let call = spawn(|| {
        PAIR.lock.acquire();
        while READY.load(Relaxed) == 0 {
            ASKED.fetch_add(1, Relaxed);
            PAIR.condition.wait(&PAIR.lock).unwrap();
        }
        PAIR.lock.release().unwrap();
        READY.load(Relaxed)
    });
    for count in 1..=2 {
        until("it waits", || PAIR.condition.waiting() == 1 && ASKED.load(Relaxed) == count);
        PAIR.locked(|| PAIR.condition.notify(&PAIR.lock, 1).unwrap());
    }
    until("it waits", || PAIR.condition.waiting() == 1);
    PAIR.locked(|| {
        READY.store(7, Relaxed);
        PAIR.condition.notify(&PAIR.lock, 1).unwrap();
    });
    assert_eq!(call.result(), 7);
}

#[test]
fn producers_and_consumers_lose_nothing() {
    let _limit = time_limit();
    static PAIR: Pair = Pair::new();
    static ITEMS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    const EACH: usize = if cfg!(miri) { 10 } else { 2_000 };
    let pop = || ITEMS.lock().unwrap().pop();
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            spawn(move || {
                let mut taken = Vec::new();
                while taken.len() < EACH {
                    PAIR.lock.acquire();
                    let item = loop {
                        match pop() {
                            Some(item) => break item,
                            None => PAIR.condition.wait(&PAIR.lock).unwrap(),
                        }
                    };
                    PAIR.lock.release().unwrap();
                    taken.push(item);
                }
                taken
            })
        })
        .collect();
    let producers: Vec<_> = (0..2)
        .map(|first| {
            spawn(move || {
                for item in first * EACH..(first + 1) * EACH {
                    PAIR.lock.acquire();
                    ITEMS.lock().unwrap().push(item);
                    PAIR.condition.notify(&PAIR.lock, 1).unwrap();
                    PAIR.lock.release().unwrap();
                }
            })
        })
        .collect();
    results(producers);
    let mut taken = results(consumers).concat();
    taken.sort_unstable();
    assert_eq!(taken, (0..2 * EACH).collect::<Vec<_>>());
}

#[test]
fn a_lock_of_another_make_may_protect_it() {
    let _limit = time_limit();
    static MUTEX: Mutex<bool> = Mutex::new(false);
    static CONDITION: Condition = Condition::new();
    let call = spawn(|| {
        let mut ready = MUTEX.lock().unwrap();
        while !*ready {
            let outcome = CONDITION.wait_released(
                || {
                    drop(ready);
                    true
                },
                Some(far()),
                &mut threadwell::resume,
            );
            assert_eq!(outcome, threadwell::WaitOutcome::Ready);
            ready = MUTEX.lock().unwrap();
        }
        *ready
    });
    until("the thread waits", || CONDITION.waiting() == 1);
    *MUTEX.lock().unwrap() = true;
    drop(CONDITION.notify_released(1));
    assert!(call.result());
}
