//! [`TimerQueue`]: there is one driver whenever something is pending, and it sleeps past nothing.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;
use threadwell::{Deadline, Due, TimerQueue, resume};

use crate::explore;

/// Never over in a model.
const LONG: Duration = Duration::from_secs(3600);

type Queue = Arc<TimerQueue<u32>>;

/// Everything that a driver takes out until it is sent home.
fn drive(queue: &TimerQueue<u32>, idle: Duration) -> Vec<u32> {
    let mut all = Vec::new();
    loop {
        match queue.wait_due(idle, &mut resume) {
            Due::Batch(batch) => all.extend(batch),
            Due::Idle => return all,
            Due::Interrupted => unreachable!("no signal is sent"),
        }
    }
}

fn driver(queue: &Queue, idle: Duration) -> thread::JoinHandle<Vec<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || drive(&queue, idle))
}

#[test]
fn an_earlier_deadline_ends_the_drivers_sleep() {
    explore(3, || {
        let queue = Arc::new(TimerQueue::new());
        let late = queue.schedule(Deadline::after(LONG), 1);
        assert!(late.needs_driver);
        let driver = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.wait_due(LONG, &mut resume))
        };
        assert!(!queue.schedule(Deadline::now(), 2).needs_driver);
        assert_eq!(driver.join().unwrap(), Due::Batch(vec![2]));
    });
}

#[test]
fn of_two_who_schedule_one_is_asked_for_a_driver() {
    explore(3, || {
        let queue = Arc::new(TimerQueue::new());
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.schedule(Deadline::after(LONG), 1).needs_driver)
        };
        let asked = queue.schedule(Deadline::after(LONG), 2).needs_driver;
        assert_ne!(other.join().unwrap(), asked);
    });
}

#[test]
fn a_driver_that_goes_home_leaves_nothing_behind() {
    explore(3, || {
        let queue = Arc::new(TimerQueue::new());
        assert!(queue.schedule(Deadline::now(), 1).needs_driver);
        let driver = driver(&queue, Duration::ZERO);
        let mut all = Vec::new();
        if queue.schedule(Deadline::now(), 2).needs_driver {
            all = drive(&queue, Duration::ZERO);
        }
        all.extend(driver.join().unwrap());
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        assert!(queue.is_empty() && !queue.has_driver());
    });
}

/// The driver goes home, although it slept for a timer that is far off.
fn goes_home(take_out: impl Fn(&TimerQueue<u32>) + Send + Sync + 'static) {
    explore(3, move || {
        let queue = Arc::new(TimerQueue::new());
        let _ = queue.schedule(Deadline::after(LONG), 1);
        let driver = driver(&queue, Duration::ZERO);
        take_out(&queue);
        assert!(driver.join().unwrap().is_empty());
        assert!(!queue.has_driver());
    });
}

#[test]
fn the_end_of_the_last_timer_ends_the_drivers_sleep() {
    goes_home(|queue| {
        let mut keys = Vec::new();
        queue.visit(|key, _| keys.push(key));
        assert_eq!(queue.cancel(keys[0]), Some(1));
    });
}

#[test]
fn the_end_of_all_timers_ends_the_drivers_sleep() {
    goes_home(|queue| assert_eq!(queue.drain(), [1]));
}

#[test]
fn a_driver_that_is_sent_home_goes_unless_something_comes_first() {
    explore(3, || {
        let queue = Arc::new(TimerQueue::new());
        let cancelled = queue.schedule(Deadline::after(LONG), 1);
        assert_eq!(queue.cancel(cancelled.key), Some(1));
        let driver = driver(&queue, LONG);
        while !queue.send_home() {
            thread::yield_now();
        }
        let mut all = Vec::new();
        if queue.schedule(Deadline::now(), 2).needs_driver {
            all = drive(&queue, Duration::ZERO);
        } else {
            // It has got what came, and now waits for more.
            while !queue.send_home() {
                thread::yield_now();
            }
        }
        all.extend(driver.join().unwrap());
        assert_eq!(all, [2]);
        assert!(!queue.has_driver());
    });
}
