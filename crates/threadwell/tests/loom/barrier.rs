//! [`Barrier`]: all pass or none, each round by itself.

use std::sync::Arc;

use loom::thread;
use threadwell::{Arrival, Barrier, BarrierError, model, resume};

use crate::{Flag, Guarded, end, explore, panic};

#[test]
fn everyone_passes_with_a_number_of_its_own() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(3));
        let others = [0, 1].map(|_| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait().unwrap())
        });
        let mut numbers = vec![barrier.wait().unwrap()];
        numbers.extend(others.map(|other| other.join().unwrap()));
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn what_was_done_before_the_barrier_is_visible_behind_it() {
    explore(3, || {
        let shared = Arc::new((Barrier::new(2), Guarded::new(), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.touch();
                shared.0.wait().unwrap();
                shared.2.touch();
            })
        };
        shared.2.touch();
        shared.0.wait().unwrap();
        shared.1.touch();
        other.join().unwrap();
    });
}

#[test]
fn the_next_round_may_begin_while_the_last_one_leaves() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait().unwrap() + barrier.wait().unwrap())
        };
        let mine = barrier.wait().unwrap() + barrier.wait().unwrap();
        assert_eq!(mine + other.join().unwrap(), 2);
    });
}

#[test]
fn a_deadline_breaks_the_barrier_for_all_or_comes_too_late_for_all() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait_until(model::over()))
        };
        let mine = barrier.wait();
        let other = other.join().unwrap();
        assert_eq!(mine.is_ok(), other.is_ok());
        assert_eq!(barrier.is_broken(), mine.is_err());
    });
}

#[test]
fn a_party_that_breaks_the_barrier_leaves_those_alone_that_it_lets_go() {
    explore(3, || {
        let barrier = Arc::new(Barrier::new(3));
        let other = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait())
        };
        assert_eq!(barrier.wait_until(model::over()), Err(BarrierError::Broken));
        assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
    });
}

#[test]
fn nobody_leaves_while_the_last_to_arrive_acts() {
    explore(3, || {
        let shared = Arc::new((Barrier::new(2), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let passed = shared.0.wait_until(model::over());
                if passed.is_ok() {
                    shared.1.touch();
                }
                passed.is_ok()
            })
        };
        let passed = match shared.0.arrive(None, &mut resume) {
            Ok(Arrival::Last(last)) => {
                shared.1.touch();
                // Everyone is here, and nobody aborts.
                last.pass().map(drop).expect("somebody left");
                Ok(())
            }
            Ok(Arrival::Passed(_)) => Ok(()),
            Err(error) => Err(error),
        };
        assert_eq!(passed.is_ok(), other.join().unwrap());
    });
}

#[test]
fn an_interrupted_party_is_not_counted() {
    explore(3, || {
        let shared = Arc::new((Barrier::new(2), Flag::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                model::interrupt(1);
                if shared.0.wait_with(None, &mut end) == Err(BarrierError::Interrupted) {
                    shared.1.raise();
                }
            })
        };
        let left = shared.1.is_up();
        let passed = shared.0.wait_until(model::over()).is_ok();
        assert!(!(left && passed), "passed with a party that had left");
        other.join().unwrap();
        shared.0.reset();
        assert_eq!(shared.0.waiting(), 0);
    });
}

#[test]
fn an_abort_ends_the_wait_of_who_is_there_and_of_who_comes() {
    explore(2, || {
        let barrier = Arc::new(Barrier::new(3));
        let others = [0, 1].map(|_| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait())
        });
        barrier.abort();
        for other in others {
            assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
        }
    });
}

#[test]
fn a_last_arrival_of_an_aborted_round_ends_no_later_round() {
    explore(3, || {
        let barrier = Arc::new(Barrier::new(1));
        let aborting = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                barrier.abort();
                barrier.reset();
                match barrier.try_arrive() {
                    Some(Ok(last)) => assert!(last.pass().is_ok()),
                    // The other thread's round is on.
                    None => {}
                    Some(Err(error)) => panic!("{error} after a reset"),
                }
            })
        };
        if let Some(Ok(last)) = barrier.try_arrive() {
            let _ = last.pass();
        }
        aborting.join().unwrap();
        assert!(!barrier.is_broken());
    });
}

#[test]
fn a_party_whose_handler_panics_is_not_counted() {
    explore(3, || {
        let barrier = Barrier::new(2);
        model::interrupt(1);
        let wait = || barrier.wait_with(None, &mut panic);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).is_err());
        assert_eq!(barrier.waiting(), 0);
    });
}
