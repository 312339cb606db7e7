//! [`Event`]: whoever waits when the flag goes up is released, and nobody else.

use std::ops::ControlFlow;
use std::sync::Arc;

use loom::thread;
use threadwell::{Event, WaitOutcome, model};

use crate::{Flag, Guarded, end, explore};

#[test]
fn set_releases_a_waiter_that_arrives_meanwhile() {
    explore(3, || {
        let shared = Arc::new((Event::new(), Guarded::new()));
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.wait();
                shared.1.touch();
            })
        };
        shared.1.touch();
        shared.0.set();
        waiter.join().unwrap();
    });
}

#[test]
fn set_releases_every_waiter() {
    explore(2, || {
        let event = Arc::new(Event::new());
        let waiters = [0, 1].map(|_| {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait())
        });
        event.set();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn what_was_done_before_set_is_visible_to_who_sees_the_flag() {
    explore(3, || {
        let shared = Arc::new((Event::new(), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.0.is_set() {
                    shared.1.touch();
                }
            })
        };
        shared.1.touch();
        shared.0.set();
        other.join().unwrap();
    });
}

#[test]
fn what_was_done_before_a_contended_set_is_visible_to_who_sees_the_flag() {
    explore(2, || {
        let shared = Arc::new((Event::new(), Guarded::new()));
        let bystander = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.0.wait_until(model::over()))
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.0.is_set() {
                    shared.1.touch();
                }
            })
        };
        shared.1.touch();
        shared.0.set();
        other.join().unwrap();
        let _ = bystander.join().unwrap();
    });
}

#[test]
fn a_clear_sees_what_was_done_before_the_set_that_it_undoes() {
    explore(3, || {
        let shared = Arc::new((Event::new(), Flag::new()));
        shared.0.set();
        let consumer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.clear();
                // Nothing to do yet? Then the `set` that announces it is still to come.
                if !shared.1.is_up() {
                    shared.0.wait();
                    assert!(shared.1.is_up());
                }
            })
        };
        shared.1.raise();
        shared.0.set();
        consumer.join().unwrap();
    });
}

#[test]
fn pulse_releases_a_waiter_already_there() {
    explore(2, || {
        let shared = Arc::new((Event::new(), Flag::new()));
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                model::interrupt(1);
                // Called while the thread is queued.
                let handler = &mut || {
                    shared.1.raise();
                    ControlFlow::Continue(())
                };
                assert_eq!(shared.0.wait_with(None, handler), WaitOutcome::Ready);
            })
        };
        let there = shared.1.is_up();
        shared.0.set();
        if there {
            shared.0.clear();
        }
        waiter.join().unwrap();
    });
}

#[test]
fn a_pulse_releases_whoever_was_counted_before() {
    explore(2, || {
        let event = Arc::new(Event::new());
        let waiters = [0, 1].map(|_| {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait())
        });
        let counted = event.waiting();
        event.set();
        if counted == 2 {
            event.clear();
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(event.waiting(), 0);
    });
}

#[test]
fn set_releases_nobody_who_comes_after_a_clear() {
    explore(3, || {
        let event = Arc::new(Event::new());
        // Its presence sends `set` into the queue.
        let bystander = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait_until(model::over()))
        };
        let consumer = {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                if event.is_set() {
                    event.clear();
                    assert!(!event.wait_until(model::over()), "released twice by one set");
                }
            })
        };
        event.set();
        consumer.join().unwrap();
        let _ = bystander.join().unwrap();
    });
}

#[test]
fn a_waiter_that_times_out_leaves_the_others_to_be_released() {
    explore(2, || {
        let event = Arc::new(Event::new());
        let impatient = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait_until(model::over()))
        };
        let patient = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait())
        };
        event.set();
        let _ = impatient.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn an_interrupted_waiter_leaves_the_others_to_be_released() {
    explore(2, || {
        let event = Arc::new(Event::new());
        let interrupted = {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                model::interrupt(1);
                event.wait_with(None, &mut end)
            })
        };
        let patient = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.wait())
        };
        event.set();
        assert_ne!(interrupted.join().unwrap(), WaitOutcome::TimedOut);
        patient.join().unwrap();
    });
}
