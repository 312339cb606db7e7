//! Random programs of operations, and what they have to come to: that of a sequential model of a few
//! lines each; for those that wait, their order; for deadlines, arithmetic.
//!
//! `PROPTEST_CASES` says how many programs, 256 if it does not; `PROPTEST_RNG_SEED` repeats the choices
//! of another run. A failure shows the smallest program that it has found, and writes no file.

#![cfg(not(threadwell_loom))]

mod common;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use common::calls::{Call, far, soon, spawn};
use common::{time_limit, until};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use threadwell::{
    Barrier, BarrierError, BoundedSemaphore, Condition, Deadline, Due, Event, Lock, RLock,
    ReleaseError, Semaphore, SemaphoreError, TimerQueue, resume,
};

/// Checks `test` for many values, one in `share` of those that were asked for.
fn check<T: Debug>(share: u32, values: impl Strategy<Value = T>, test: impl Fn(T)) {
    let asked = Config::default();
    let cases = if cfg!(miri) { 3 } else { asked.cases.div_ceil(share) };
    let config = Config { cases, failure_persistence: None, ..asked };
    let checked = TestRunner::new(config).run(&values, |value| {
        test(value);
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("{failure}");
    }
}

/// Programs of one thread: what is done, by its place in `names`.
fn programs(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(names), 1..60)
}

/// How many of those that wait are served together, who waits only until [`soon`].
#[derive(Debug)]
struct Crowd {
    batches: Vec<usize>,
    impatient: Vec<bool>,
}

impl Crowd {
    /// Up to five threads.
    fn any() -> impl Strategy<Value = Self> {
        (vec(1_usize..4, 6), vec(any::<bool>(), 1..6))
            .prop_map(|(batches, impatient)| Self { batches, impatient })
    }

    /// Has each thread wait, once the one before it does so. `wait` returns whether it was served, and
    /// `begun` how many threads have begun to wait, where that can be told. Those that are patient are served
    /// by `serve`, some at a time, in the order of their coming.
    fn check<P: Send + Sync + 'static>(
        self,
        primitive: P,
        wait: fn(&P, Deadline) -> bool,
        begun: Option<fn(&P) -> usize>,
        serve: fn(&P, usize),
    ) {
        let primitive = Arc::new(primitive);
        // Whom it was served to. No mutex of `std`: ThreadSanitizer does not see the order that those make.
        let served: Arc<[AtomicBool]> =
            self.impatient.iter().map(|_| AtomicBool::new(false)).collect();
        let mut calls: Vec<(bool, Call<bool>)> = Vec::new();
        for (number, &impatient) in self.impatient.iter().enumerate() {
            let (own, log) = (Arc::clone(&primitive), Arc::clone(&served));
            let call = spawn(move || {
                let is_served = wait(&own, if impatient { soon() } else { far() });
                if is_served {
                    log[number].store(true, Relaxed);
                }
                is_served
            });
            let call = match begun {
                Some(begun) => {
                    until("it waits", || begun(&primitive) > number);
                    call
                }
                None if impatient => call,
                None => call.blocked(),
            };
            calls.push((impatient, call));
        }
        let (impatient, patient): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.0);
        impatient.into_iter().for_each(|(_, call)| assert!(!call.result()));
        let mut left: VecDeque<usize> =
            (0..self.impatient.len()).filter(|&number| !self.impatient[number]).collect();
        for batch in self.batches.iter().chain(std::iter::repeat(&1)) {
            let next: Vec<usize> = left.drain(..left.len().min(*batch)).collect();
            if next.is_empty() {
                break;
            }
            serve(&primitive, next.len());
            until("they are served", || {
                served.iter().filter(|served| served.load(Relaxed)).count() >= next.len()
            });
            let found = (0..served.len()).filter(|&number| served[number].swap(false, Relaxed));
            assert_eq!(found.collect::<Vec<_>>(), next);
        }
        patient.into_iter().for_each(|(_, call)| assert!(call.result()));
    }
}

#[test]
fn a_lock_is_held_or_not() {
    let _limit = time_limit();
    let names = &["try", "until", "release", "deferred", "look", "reinit"];
    check(1, programs(names), |program| {
        let (lock, mut held) = (Lock::new(), false);
        for name in program {
            match name {
                "try" => assert_eq!(lock.try_acquire(), !std::mem::replace(&mut held, true)),
                "until" => {
                    let is_free = !std::mem::replace(&mut held, true);
                    assert_eq!(lock.acquire_until(Deadline::PAST), is_free);
                }
                "reinit" => {
                    lock.reinit();
                    held = false;
                }
                "look" => assert_eq!((lock.is_locked(), lock.owner().is_some()), (held, held)),
                name => {
                    let result = match name {
                        "release" => lock.release(),
                        _ => lock.release_deferred().map(drop),
                    };
                    let was_held = std::mem::take(&mut held);
                    assert_eq!(result, if was_held { Ok(()) } else { Err(ReleaseError::NotHeld) });
                }
            }
        }
    });
}

#[test]
fn an_rlock_counts() {
    let _limit = time_limit();
    let names = &["try", "until", "acquire", "release", "all", "all again", "look"];
    check(1, programs(names), |program| {
        let (lock, mut depth) = (RLock::new(), 0);
        for name in program {
            match name {
                "try" => assert!(lock.try_acquire()),
                "until" => assert!(lock.acquire_until(Deadline::PAST)),
                "acquire" => lock.acquire(),
                "all again" => assert!(lock.try_acquire_all(3)),
                "all" if depth > 0 => {
                    assert_eq!(lock.release_all().ok().map(|(count, _)| count), Some(depth));
                }
                "all" => assert_eq!(lock.release_all().err(), Some(ReleaseError::NotHeld)),
                "release" if depth > 0 => assert_eq!(lock.release(), Ok(())),
                "release" => assert_eq!(lock.release(), Err(ReleaseError::NotHeld)),
                _ => {}
            }
            depth = match name {
                "try" | "until" | "acquire" => depth + 1,
                "all again" => depth + 3,
                "all" => 0,
                "release" => depth.saturating_sub(1),
                _ => depth,
            };
            assert_eq!((lock.depth(), lock.recursion_count()), (depth, depth));
            assert_eq!((lock.is_locked(), lock.is_owned()), (depth > 0, depth > 0));
        }
    });
}

#[test]
fn semaphores_count_permits() {
    let _limit = time_limit();
    let programs = (0_usize..4, vec((any::<bool>(), 0_usize..4), 1..60));
    check(1, programs, |(first, program)| {
        let (free, bounded) = (Semaphore::new(first), BoundedSemaphore::new(first));
        let (mut permits, mut of_bounded) = (first, first);
        for (acquire, n) in program {
            if acquire {
                assert_eq!(free.acquire_until(Deadline::PAST), permits > 0);
                assert_eq!(bounded.try_acquire(), of_bounded > 0);
                permits = permits.saturating_sub(1);
                of_bounded = of_bounded.saturating_sub(1);
            } else {
                assert_eq!(free.release_many(n), Ok(()));
                permits += n;
                let fits = of_bounded + n <= first;
                let expected = if fits { Ok(()) } else { Err(SemaphoreError::TooManyPermits) };
                assert_eq!(bounded.release_many(n), expected);
                of_bounded += if fits { n } else { 0 };
            }
            assert_eq!((free.permits(), bounded.permits()), (permits, of_bounded));
        }
    });
}

#[test]
fn an_event_is_up_or_down() {
    let _limit = time_limit();
    check(1, programs(&["set", "clear", "wait"]), |program| {
        let (event, mut up) = (Event::new(), false);
        for name in program {
            match name {
                "set" => event.set(),
                "clear" => event.clear(),
                _ => assert_eq!(event.wait_until(Deadline::PAST), up),
            }
            up = if name == "wait" { up } else { name == "set" };
            assert_eq!((event.is_set(), event.waiting()), (up, 0));
        }
    });
}

#[test]
fn a_condition_gives_the_lock_back_as_it_was() {
    let _limit = time_limit();
    check(1, programs(&["acquire", "release", "wait", "notify"]), |program| {
        let (condition, lock) = (Condition::new(), RLock::new());
        let mut depth = 0_usize;
        for name in program {
            match name {
                "acquire" => lock.acquire(),
                "release" => assert_eq!(lock.release().is_ok(), depth > 0),
                "wait" => {
                    let waited = condition.wait_until(&lock, Deadline::PAST).ok();
                    assert_eq!(waited, (depth > 0).then_some(false));
                }
                _ => assert_eq!(condition.notify(&lock, 1).is_ok(), depth > 0),
            }
            depth = match name {
                "acquire" => depth + 1,
                "release" => depth.saturating_sub(1),
                _ => depth,
            };
            assert_eq!((lock.depth(), condition.waiting()), (depth, 0));
        }
    });
}

#[test]
fn a_barrier_is_passed_whole_or_broken() {
    let _limit = time_limit();
    let programs = (1_usize..4, programs(&["wait", "reset", "abort"]));
    check(1, programs, |(parties, program)| {
        let (barrier, mut broken) = (Barrier::new(parties), false);
        for name in program {
            match name {
                "wait" => {
                    let result = barrier.wait_until(Deadline::PAST);
                    // Alone it is whole, and others do not come.
                    broken |= parties > 1;
                    assert_eq!(result, if broken { Err(BarrierError::Broken) } else { Ok(0) });
                }
                "reset" => barrier.reset(),
                _ => barrier.abort(),
            }
            broken = match name {
                "wait" => broken,
                name => name == "abort",
            };
            assert_eq!((barrier.is_broken(), barrier.waiting()), (broken, 0));
        }
    });
}

// Those that wait

#[test]
fn a_lock_goes_to_who_has_waited_longest() {
    let _limit = time_limit();
    check(8, Crowd::any(), |crowd| {
        let lock = Lock::new();
        lock.acquire();
        crowd.check(lock, Lock::acquire_until, None, |lock, n| {
            // Each of them keeps it.
            (0..n).for_each(|_| until("it is held", || lock.release().is_ok()));
        });
    });
}

#[test]
fn permits_go_to_those_who_have_waited_longest() {
    let _limit = time_limit();
    check(8, Crowd::any(), |crowd| {
        crowd.check(Semaphore::new(0), Semaphore::acquire_until, None, |semaphore, n| {
            semaphore.release_many(n).unwrap();
        });
    });
}

#[test]
fn notifications_go_to_those_who_have_waited_longest() {
    let _limit = time_limit();
    #[derive(Default)]
    struct Place {
        condition: Condition,
        lock: RLock,
        begun: AtomicUsize,
    }
    fn wait(place: &Place, deadline: Deadline) -> bool {
        place.lock.acquire();
        place.begun.fetch_add(1, Relaxed);
        let notified = place.condition.wait_until(&place.lock, deadline).unwrap();
        place.lock.release().unwrap();
        notified
    }
    fn begun(place: &Place) -> usize {
        // Who has counted and let go of the lock waits.
        place.lock.acquire();
        let begun = place.begun.load(Relaxed);
        place.lock.release().unwrap();
        begun
    }
    check(8, Crowd::any(), |crowd| {
        crowd.check(Place::default(), wait, Some(begun), |place, n| {
            place.lock.acquire();
            place.condition.notify(&place.lock, n).unwrap();
            place.lock.release().unwrap();
        });
    });
}

// Time

#[test]
fn deadlines_add_up_as_nanoseconds_do() {
    let _limit = time_limit();
    let nanos = || prop_oneof![any::<u64>(), 0_u64..1000, Just(u64::MAX)];
    check(1, (nanos(), nanos(), nanos()), |(a, b, c)| {
        let [a, b, c] = [a, b, c].map(Duration::from_nanos);
        let (one, other) = (Deadline::PAST.plus(a), Deadline::PAST.plus(b));
        assert_eq!(one.cmp(&other), a.cmp(&b));
        assert_eq!(one.plus(b), other.plus(a));
        assert_eq!(one.plus(b).plus(c), one.plus(b.saturating_add(c)));
        assert!(one.plus(c) >= one);
        let soon = Deadline::now().plus(a);
        let (before, has_passed, after) = (Deadline::now(), soon.has_passed(), Deadline::now());
        assert!(if has_passed { soon <= after } else { soon > before });
        assert!(soon.remaining() <= a);
        assert_eq!(Deadline::PAST.remaining(), Duration::ZERO);
        assert!(Deadline::PAST.has_passed());
    });
}

#[test]
fn timers_are_due_in_the_order_of_their_deadlines() {
    let _limit = time_limit();
    // Each with its distance, and whether it is cancelled.
    check(1, vec((0_u64..5, any::<bool>()), 0..60), |timers| {
        let (queue, base) = (TimerQueue::new(), Deadline::now());
        let at = |step| base.plus(Duration::from_micros(20 * step));
        let keys: Vec<_> =
            (0..).zip(&timers).map(|(n, timer)| queue.schedule(at(timer.0), n).key).collect();
        for (number, (key, timer)) in keys.iter().zip(&timers).enumerate() {
            assert_eq!(key.deadline(), at(timer.0));
            if timer.1 {
                assert_eq!(queue.cancel(*key), Some(number));
                assert_eq!(queue.cancel(*key), None);
            }
        }
        let mut expected: Vec<usize> = (0..timers.len()).filter(|&n| !timers[n].1).collect();
        expected.sort_by_key(|&n| timers[n].0);
        assert_eq!(queue.len(), expected.len());
        let mut found = Vec::new();
        while let Due::Batch(batch) = queue.wait_due(Duration::ZERO, &mut resume) {
            assert!(batch.iter().all(|&n: &usize| at(timers[n].0).has_passed()));
            found.extend(batch);
        }
        assert_eq!(found, expected);
        assert!(queue.is_empty());
    });
}
