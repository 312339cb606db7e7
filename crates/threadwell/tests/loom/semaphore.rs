//! [`Semaphore`] and [`BoundedSemaphore`]: permits are conserved, and none lies unused while a
//! thread sleeps for it.

use std::ops::ControlFlow;
use std::sync::Arc;

use loom::thread;
use threadwell::{BoundedSemaphore, Event, Semaphore, WaitOutcome, model};

use crate::{Guarded, end, explore};

#[test]
fn one_permit_lets_one_thread_in_at_a_time() {
    explore(2, || {
        let shared = Arc::new((Semaphore::new(1), Guarded::new()));
        let inside = |shared: &(Semaphore, Guarded)| {
            shared.0.acquire();
            shared.1.touch();
            shared.0.release().unwrap();
        };
        let others = [0, 1].map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || inside(&shared))
        });
        inside(&shared);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shared.0.permits(), 1);
    });
}

#[test]
fn a_starved_waiter_is_given_the_permit_itself() {
    explore(3, || {
        model::race_clock();
        let shared = Arc::new((Semaphore::new(0), Guarded::new()));
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.acquire();
                shared.1.touch();
            })
        };
        shared.1.touch();
        shared.0.release().unwrap();
        waiter.join().unwrap();
        assert_eq!(shared.0.permits(), 0);
    });
}

#[test]
fn a_permit_wakes_a_waiter_that_queues_up_meanwhile() {
    explore(3, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire())
        };
        semaphore.release().unwrap();
        waiter.join().unwrap();
        assert_eq!(semaphore.permits(), 0);
    });
}

#[test]
fn two_permits_at_once_wake_two_waiters() {
    explore(2, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiters = [0, 1].map(|_| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire())
        });
        semaphore.release_many(2).unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(semaphore.permits(), 0);
    });
}

#[test]
fn two_permits_at_once_are_given_to_two_starved_waiters() {
    explore(2, || {
        model::race_clock();
        let semaphore = Arc::new(Semaphore::new(0));
        let waiters = [0, 1].map(|_| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire())
        });
        semaphore.release_many(2).unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(semaphore.permits(), 0);
    });
}

#[test]
fn an_overtaken_waiter_is_woken_by_the_next_release() {
    explore(2, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire())
        };
        semaphore.release().unwrap();
        if semaphore.try_acquire() {
            semaphore.release().unwrap();
        }
        waiter.join().unwrap();
        assert_eq!(semaphore.permits(), 0);
    });
}

/// One thread gives up in the way of `give_up`, the other waits as long as it takes, and there is
/// one permit for both.
fn giving_up(starved: bool, give_up: fn(&Semaphore) -> bool) {
    explore(3, move || {
        if starved {
            model::race_clock();
        }
        let semaphore = Arc::new(Semaphore::new(0));
        let impatient = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                if give_up(&semaphore) {
                    semaphore.release().unwrap();
                }
            })
        };
        let patient = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire())
        };
        semaphore.release().unwrap();
        impatient.join().unwrap();
        patient.join().unwrap();
        assert_eq!(semaphore.permits(), 0);
    });
}

#[test]
fn a_waiter_that_times_out_does_not_take_the_permit_of_another_along() {
    giving_up(false, |semaphore| semaphore.acquire_until(model::over()));
}

#[test]
fn a_starved_waiter_that_times_out_does_not_take_the_permit_of_another_along() {
    giving_up(true, |semaphore| semaphore.acquire_until(model::over()));
}

#[test]
fn an_interrupted_waiter_does_not_take_the_permit_of_another_along() {
    giving_up(false, |semaphore| {
        model::interrupt(1);
        semaphore.acquire_with(None, &mut end) == WaitOutcome::Ready
    });
}

#[test]
fn a_waiter_whose_signal_handler_runs_keeps_nobody_else_asleep() {
    explore(2, || {
        let shared = Arc::new((Semaphore::new(0), Event::new()));
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                model::interrupt(1);
                let handler = &mut || {
                    shared.1.wait();
                    ControlFlow::Continue(())
                };
                assert_eq!(shared.0.acquire_with(None, handler), WaitOutcome::Ready);
                shared.0.release().unwrap();
            })
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.acquire();
                shared.1.set();
                shared.0.release().unwrap();
            })
        };
        shared.0.release().unwrap();
        waiter.join().unwrap();
        other.join().unwrap();
        assert_eq!(shared.0.permits(), 1);
    });
}

#[test]
fn the_last_room_is_for_one_release() {
    explore(2, || {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        semaphore.acquire();
        // A waiter that comes and goes sends releases both ways: past the queue and into it.
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.acquire_until(model::over()))
        };
        let other = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release().is_ok())
        };
        let mine = semaphore.release().is_ok();
        let acquired = usize::from(waiter.join().unwrap());
        let released = usize::from(mine) + usize::from(other.join().unwrap());
        assert!(semaphore.permits() <= semaphore.limit());
        assert_eq!(semaphore.permits() + acquired, released);
    });
}
