//! [`Condition`]: no notification is lost, none counts twice, and the lock is held afterwards.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use loom::thread;
use threadwell::{Condition, Event, Lock, RLock, WaitOutcome, model, resume};

use crate::{Flag, Guarded, end, explore, panic};

/// What most models share: a lock, its condition, and something to wait for.
struct Shared {
    lock: Lock,
    condition: Condition,
    guarded: Guarded,
    /// Raised and read with the lock held.
    ready: Flag,
    handled: Event,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: Lock::new(),
            condition: Condition::new(),
            guarded: Guarded::new(),
            ready: Flag::new(),
            handled: Event::new(),
        })
    }

    fn wait_until_ready(&self) {
        self.lock.acquire();
        while !self.ready.is_up() {
            self.condition.wait(&self.lock).unwrap();
            self.guarded.touch();
        }
        self.guarded.touch();
        self.lock.release().unwrap();
    }

    fn notify(&self, n: usize) {
        self.lock.acquire();
        self.guarded.touch();
        self.ready.raise();
        self.condition.notify(&self.lock, n).unwrap();
        self.lock.release().unwrap();
    }
}

#[test]
fn a_notification_is_not_lost_between_the_release_and_the_sleep() {
    explore(3, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        shared.notify(1);
        waiter.join().unwrap();
        assert!(!shared.lock.is_locked());
        assert_eq!(shared.condition.waiting(), 0);
    });
}

#[test]
fn a_starved_waiter_comes_back_with_the_lock() {
    explore(3, || {
        model::race_clock();
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        shared.notify(1);
        waiter.join().unwrap();
        assert!(!shared.lock.is_locked());
    });
}

#[test]
fn notify_all_reaches_every_waiter() {
    explore(2, || {
        let shared = Shared::new();
        let waiters = [0, 1].map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        });
        shared.notify(usize::MAX);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(shared.condition.waiting(), 0);
    });
}

#[test]
fn an_rlock_comes_back_as_often_as_it_was_held() {
    for starved in [false, true] {
        explore(3, move || {
            if starved {
                model::race_clock();
            }
            let shared = Arc::new((RLock::new(), Condition::new(), Guarded::new(), Flag::new()));
            let waiter = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (lock, condition, guarded, ready) = &*shared;
                    lock.acquire();
                    lock.acquire();
                    while !ready.is_up() {
                        condition.wait(lock).unwrap();
                        guarded.touch();
                    }
                    assert_eq!(lock.recursion_count(), 2);
                    lock.release().unwrap();
                    lock.release().unwrap();
                })
            };
            let (lock, condition, guarded, ready) = &*shared;
            lock.acquire();
            guarded.touch();
            ready.raise();
            condition.notify(lock, 1).unwrap();
            lock.release().unwrap();
            waiter.join().unwrap();
            assert!(!lock.is_locked());
        });
    }
}

#[test]
fn a_notified_waiter_whose_deadline_passes_counts_as_notified() {
    explore(3, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                let notified = shared.condition.wait_until(&shared.lock, model::over()).unwrap();
                shared.guarded.touch();
                shared.lock.release().unwrap();
                notified
            })
        };
        shared.lock.acquire();
        shared.guarded.touch();
        shared.condition.notify(&shared.lock, 1).unwrap();
        // Somebody was there and is there no more: it was notified, whatever it says.
        let held_up = shared.condition.waiting();
        shared.lock.release().unwrap();
        let notified = waiter.join().unwrap();
        assert_eq!(held_up, 0);
        assert_eq!(shared.condition.waiting(), 0);
        assert!(!shared.lock.is_locked());
        let _ = notified;
    });
}

#[test]
fn a_notification_and_a_deadline_do_not_both_take_a_waiter_out() {
    explore(2, || {
        let shared = Shared::new();
        let impatient = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                let notified = shared.condition.wait_until(&shared.lock, model::over()).unwrap();
                if notified {
                    // Whoever is notified sees to what there is to do; here, to the other one.
                    shared.condition.notify(&shared.lock, 1).unwrap();
                }
                shared.lock.release().unwrap();
            })
        };
        let patient = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        shared.notify(1);
        impatient.join().unwrap();
        patient.join().unwrap();
        assert_eq!(shared.condition.waiting(), 0);
    });
}

#[test]
fn an_interrupted_waiter_does_not_take_the_notification_of_another_along() {
    explore(2, || {
        let shared = Shared::new();
        let interrupted = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                model::interrupt(1);
                let outcome = shared.condition.wait_with(&shared.lock, None, &mut end).unwrap();
                shared.guarded.touch();
                if outcome == WaitOutcome::Ready {
                    shared.condition.notify(&shared.lock, 1).unwrap();
                }
                shared.lock.release().unwrap();
            })
        };
        let patient = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        shared.notify(1);
        interrupted.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn an_interrupted_waiter_comes_back_with_the_lock() {
    explore(3, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                // Once in the condition's queue, and once more in the lock's.
                model::interrupt(2);
                let outcome = shared.condition.wait_with(&shared.lock, None, &mut end).unwrap();
                assert_eq!(outcome, WaitOutcome::Interrupted);
                shared.guarded.touch();
                shared.lock.release().unwrap();
            })
        };
        shared.lock.acquire();
        shared.guarded.touch();
        shared.lock.release().unwrap();
        waiter.join().unwrap();
        assert!(!shared.lock.is_locked());
    });
}

#[test]
fn an_interrupted_waiter_without_a_lock_passes_its_notification_on() {
    explore(2, || {
        let shared = Shared::new();
        let wait = |shared: &Shared, handler: &mut dyn FnMut() -> ControlFlow<()>| {
            shared.lock.acquire();
            let mut outcome = WaitOutcome::Ready;
            while !shared.ready.is_up() && outcome == WaitOutcome::Ready {
                let release = || shared.lock.release().is_ok();
                outcome = shared.condition.wait_released(release, None, handler);
                shared.lock.acquire();
            }
            if outcome == WaitOutcome::Ready {
                drop(shared.condition.notify_released(1));
            }
            shared.lock.release().unwrap();
        };
        let interrupted = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                model::interrupt(1);
                wait(&shared, &mut end);
            })
        };
        let patient = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || wait(&shared, &mut threadwell::resume))
        };
        shared.lock.acquire();
        shared.ready.raise();
        drop(shared.condition.notify_released(1));
        shared.lock.release().unwrap();
        interrupted.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn a_waiter_whose_signal_handler_runs_keeps_nobody_else_asleep() {
    explore(2, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                model::interrupt(1);
                while !shared.ready.is_up() {
                    let handler = &mut || {
                        shared.handled.wait();
                        ControlFlow::Continue(())
                    };
                    let _ = shared.condition.wait_with(&shared.lock, None, handler).unwrap();
                }
                shared.lock.release().unwrap();
            })
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                shared.handled.set();
                shared.lock.release().unwrap();
            })
        };
        shared.notify(1);
        waiter.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_signal_handler_may_take_the_lock_that_its_thread_waits_with() {
    explore(3, || {
        model::race_clock();
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                model::interrupt(1);
                while !shared.ready.is_up() {
                    let handler = &mut || {
                        shared.lock.acquire();
                        shared.lock.release().unwrap();
                        ControlFlow::Continue(())
                    };
                    let _ = shared.condition.wait_with(&shared.lock, None, handler).unwrap();
                }
                shared.lock.release().unwrap();
            })
        };
        shared.notify(1);
        waiter.join().unwrap();
        assert!(!shared.lock.is_locked());
    });
}

#[test]
fn waiters_are_woken_if_the_lock_turns_out_to_be_free() {
    explore(2, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                while !shared.ready.is_up() {
                    shared.condition.wait(&shared.lock).unwrap();
                }
                shared.lock.release().unwrap();
            })
        };
        shared.lock.acquire();
        shared.ready.raise();
        // Any thread may release a plain lock, also in the middle of a `notify`.
        let meddler = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock.release().unwrap())
        };
        if shared.condition.notify(&shared.lock, 1).is_err() {
            shared.lock.acquire();
            shared.condition.notify(&shared.lock, 1).unwrap();
            shared.lock.release().unwrap();
        }
        meddler.join().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiter_is_not_moved_to_a_lock_that_it_does_not_wait_for() {
    explore(3, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        let foreign = Lock::new();
        foreign.acquire();
        shared.lock.acquire();
        shared.guarded.touch();
        shared.ready.raise();
        shared.condition.notify(&foreign, 1).unwrap();
        shared.lock.release().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiter_that_cannot_let_go_of_its_lock_is_not_left_queued() {
    explore(3, || {
        let shared = Shared::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.condition.wait_released(|| false, None, &mut threadwell::resume)
            })
        };
        drop(shared.condition.notify_released(1));
        assert_eq!(waiter.join().unwrap(), WaitOutcome::Interrupted);
        assert_eq!(shared.condition.waiting(), 0);
    });
}

#[test]
fn a_handler_that_panics_does_so_with_the_lock_held_and_the_wait_over() {
    explore(2, || {
        let shared = Shared::new();
        let panicking = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                model::interrupt(1);
                let wait = || shared.condition.wait_with(&shared.lock, None, &mut panic);
                // Picked before the signal came? Then no handler runs.
                if catch_unwind(AssertUnwindSafe(wait)).is_ok() {
                    shared.condition.notify(&shared.lock, 1).unwrap();
                }
                shared.guarded.touch();
                shared.lock.release().unwrap();
            })
        };
        let patient = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.wait_until_ready())
        };
        shared.notify(1);
        panicking.join().unwrap();
        patient.join().unwrap();
        assert_eq!(shared.condition.waiting(), 0);
    });
}

#[test]
fn a_wait_that_is_dropped_passes_its_notification_on() {
    explore(2, || {
        let shared = Shared::new();
        let dropped = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.lock.acquire();
                if shared.ready.is_up() {
                    shared.lock.release().unwrap();
                } else {
                    let wait = shared.condition.wait_unlocked(&shared.lock, None, &mut resume);
                    drop(wait.unwrap());
                }
            })
        };
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.wait_until_ready();
                // If it was the first in the queue.
                shared.notify(1);
            })
        };
        shared.notify(1);
        dropped.join().unwrap();
        waiter.join().unwrap();
        assert!(!shared.lock.is_locked());
    });
}
