//! [`Lock`]: mutual exclusion, no waiter left asleep, nothing left behind by those who give up.

use std::ops::ControlFlow;
use std::sync::Arc;

use loom::thread;
use threadwell::{Condition, Event, Lock, ThreadId, Turn, WaitOutcome, model, resume};

use crate::{Guarded, end, explore};

#[test]
fn one_thread_at_a_time_is_inside() {
    explore(2, || {
        let shared = Arc::new((Lock::new(), Guarded::new()));
        let inside = |shared: &(Lock, Guarded)| {
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
        assert!(!shared.0.is_locked());
    });
}

#[test]
fn one_thread_at_a_time_is_inside_with_try_acquire() {
    explore(3, || {
        let shared = Arc::new((Lock::new(), Guarded::new()));
        let inside = |shared: &(Lock, Guarded)| {
            if shared.0.try_acquire() {
                shared.1.touch();
                shared.0.release().unwrap();
            }
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || inside(&shared))
        };
        inside(&shared);
        other.join().unwrap();
    });
}

#[test]
fn a_thread_that_overtakes_the_queue_sees_what_the_last_owner_did() {
    explore(2, || {
        let shared = Arc::new((Lock::new(), Guarded::new()));
        shared.0.acquire();
        // Two, so that the lock stays marked when the first of them is picked.
        let waiters = [0, 1].map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.acquire();
                shared.0.release().unwrap();
            })
        });
        let overtaker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                if shared.0.try_acquire() {
                    shared.1.touch();
                    shared.0.release().unwrap();
                }
            })
        };
        shared.1.touch();
        shared.0.release().unwrap();
        overtaker.join().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn a_release_wakes_a_waiter_that_queues_up_meanwhile() {
    explore(3, || {
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                lock.acquire();
                lock.release().unwrap();
            })
        };
        lock.release().unwrap();
        waiter.join().unwrap();
        assert!(lock.try_acquire());
    });
}

#[test]
fn an_overtaken_waiter_is_woken_by_the_next_release() {
    explore(3, || {
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                lock.acquire();
                lock.release().unwrap();
            })
        };
        lock.release().unwrap();
        if lock.try_acquire() {
            lock.release().unwrap();
        }
        waiter.join().unwrap();
    });
}

#[test]
fn a_starved_waiter_owns_the_lock_that_it_is_handed() {
    explore(3, || {
        model::race_clock();
        let shared = Arc::new((Lock::new(), Guarded::new()));
        shared.0.acquire();
        shared.1.touch();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.acquire();
                assert_eq!(shared.0.owner(), Some(threadwell::ThreadId::current()));
                shared.1.touch();
                shared.0.release().unwrap();
            })
        };
        shared.0.release().unwrap();
        waiter.join().unwrap();
        assert!(!shared.0.is_locked());
    });
}

#[test]
fn starved_waiters_are_handed_the_lock_one_after_the_other() {
    explore(2, || {
        model::race_clock();
        let shared = Arc::new((Lock::new(), Guarded::new()));
        shared.0.acquire();
        let waiters = [0, 1].map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.acquire();
                shared.1.touch();
                shared.0.release().unwrap();
            })
        });
        shared.1.touch();
        shared.0.release().unwrap();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert!(!shared.0.is_locked());
    });
}

#[test]
fn a_waiter_that_times_out_does_not_take_the_wake_up_of_another_along() {
    explore(2, || {
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let impatient = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                if lock.acquire_until(model::over()) {
                    lock.release().unwrap();
                }
            })
        };
        let patient = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                lock.acquire();
                lock.release().unwrap();
            })
        };
        lock.release().unwrap();
        impatient.join().unwrap();
        patient.join().unwrap();
        assert!(lock.try_acquire());
    });
}

#[test]
fn a_waiter_that_times_out_owns_nothing() {
    explore(3, || {
        model::race_clock();
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.acquire_until(model::over()))
        };
        lock.release().unwrap();
        let acquired = waiter.join().unwrap();
        assert_eq!(lock.is_locked(), acquired);
    });
}

#[test]
fn an_interrupted_waiter_does_not_take_the_wake_up_of_another_along() {
    explore(2, || {
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let interrupted = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                model::interrupt(1);
                if lock.acquire_with(None, &mut end) == WaitOutcome::Ready {
                    lock.release().unwrap();
                }
            })
        };
        let patient = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                lock.acquire();
                lock.release().unwrap();
            })
        };
        lock.release().unwrap();
        interrupted.join().unwrap();
        patient.join().unwrap();
        assert!(lock.try_acquire());
    });
}

#[test]
fn an_interrupted_waiter_owns_nothing() {
    explore(3, || {
        model::race_clock();
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                model::interrupt(1);
                lock.acquire_with(None, &mut end) == WaitOutcome::Ready
            })
        };
        lock.release().unwrap();
        let acquired = waiter.join().unwrap();
        assert_eq!(lock.is_locked(), acquired);
    });
}

#[test]
fn a_waiter_whose_signal_handler_runs_keeps_nobody_else_asleep() {
    explore(2, || {
        let shared = Arc::new((Lock::new(), Event::new()));
        shared.0.acquire();
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
    });
}

#[test]
fn a_signal_handler_may_take_the_lock_that_its_thread_waits_for() {
    explore(3, || {
        model::race_clock();
        let lock = Arc::new(Lock::new());
        lock.acquire();
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                model::interrupt(1);
                let handler = &mut || {
                    lock.acquire();
                    lock.release().unwrap();
                    ControlFlow::Continue(())
                };
                assert_eq!(lock.acquire_with(None, handler), WaitOutcome::Ready);
                lock.release().unwrap();
            })
        };
        lock.release().unwrap();
        waiter.join().unwrap();
        assert!(!lock.is_locked());
    });
}

#[test]
fn one_acquire_allows_one_release() {
    explore(2, || {
        let lock = Arc::new(Lock::new());
        lock.acquire();
        // A waiter that comes and goes sends releases both ways: past the queue and into it.
        let waiter = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                model::interrupt(1);
                lock.acquire_with(None, &mut end) == WaitOutcome::Ready
            })
        };
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.release().is_ok())
        };
        let mine = lock.release().is_ok();
        let acquired = usize::from(waiter.join().unwrap());
        let released = usize::from(mine) + usize::from(other.join().unwrap());
        assert_eq!(usize::from(lock.is_locked()) + released, 1 + acquired);
    });
}

#[test]
fn a_turn_that_is_dropped_keeps_nobody_else_asleep() {
    for starved in [false, true] {
        explore(2, move || {
            if starved {
                model::race_clock();
            }
            let lock = Arc::new(Lock::new());
            lock.acquire();
            let dropped = {
                let lock = Arc::clone(&lock);
                thread::spawn(move || {
                    assert_eq!(Turn::new(&*lock).wait(None, &mut resume), WaitOutcome::Ready);
                })
            };
            let waiter = {
                let lock = Arc::clone(&lock);
                thread::spawn(move || {
                    lock.acquire();
                    lock.release().unwrap();
                })
            };
            lock.release().unwrap();
            dropped.join().unwrap();
            waiter.join().unwrap();
            assert!(!lock.is_locked());
        });
    }
}

#[test]
fn a_reinit_takes_the_lock_from_nobody_whom_it_wakes() {
    explore(2, || {
        let shared = Arc::new((Lock::new(), Condition::new()));
        let (lock, condition) = &*shared;
        lock.acquire();
        let second = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (lock, condition) = &*shared;
                lock.acquire();
                // Unless it comes too late, it is picked behind the first.
                let in_time = condition.waiting() == 1;
                in_time.then(|| {
                    condition.wait(lock).unwrap();
                    ThreadId::current()
                })
            })
        };
        let notifier = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (lock, condition) = &*shared;
                lock.acquire();
                condition.notify_all(lock).unwrap();
                // Picks the first, which does not come for the lock: free, and waited for.
                lock.release().unwrap();
                lock.reinit();
            })
        };
        let first = condition.wait_unlocked(lock, None, &mut resume);
        std::mem::forget(first.unwrap());
        notifier.join().unwrap();
        if let Some(owner) = second.join().unwrap() {
            assert_eq!(lock.owner(), Some(owner));
        }
    });
}
