//! Timers, and the queue that they wait in. What depends on the whole process is in `process/`.

#![cfg(not(threadwell_loom))]

mod common;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{time_limit, until};
use threadwell::{
    Deadline, Due, Event, JoinError, StartError, ThreadState, Timer, TimerQueue, current_thread,
    enumerate, resume,
};

const SOON: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// Takes what is due, and does not wait for more.
fn due<T>(queue: &TimerQueue<T>) -> Vec<T> {
    let mut all = Vec::new();
    while queue.next_deadline().is_some_and(Deadline::has_passed) {
        if let Due::Batch(batch) = queue.wait_due(Duration::ZERO, &mut resume) {
            all.extend(batch);
        }
    }
    all
}

#[test]
fn the_earliest_comes_first_and_equals_in_the_order_of_their_coming() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let base = Deadline::now();
    let at = |millis| Deadline::after(Duration::from_millis(millis));
    let (first, second) = (at(2), at(4));
    for (deadline, payload) in
        [(second, "c"), (first, "b"), (second, "d"), (base, "a"), (second, "e")]
    {
        let _ = queue.schedule(deadline, payload);
    }
    assert_eq!(queue.len(), 5);
    assert_eq!(queue.next_deadline(), Some(base));
    let mut all = Vec::new();
    loop {
        match queue.wait_due(Duration::ZERO, &mut resume) {
            Due::Batch(batch) => all.extend(batch),
            Due::Idle => break,
            Due::Interrupted => unreachable!("nobody interrupts"),
        }
    }
    assert_eq!(all, ["a", "b", "c", "d", "e"]);
    assert!(queue.is_empty());
}

#[test]
fn nothing_is_due_early() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    for micros in [0, 50, 500, 1_000, 3_000, 3_001, 7_500] {
        let deadline = Deadline::after(Duration::from_micros(micros));
        let _ = queue.schedule(deadline, deadline);
    }
    let mut seen = 0;
    while let Due::Batch(batch) = queue.wait_due(Duration::ZERO, &mut resume) {
        assert!(batch.iter().all(|deadline| deadline.has_passed()));
        seen += batch.len();
    }
    assert_eq!(seen, 7);
}

#[test]
fn many_that_are_due_come_in_order_without_an_end() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let deadline = Deadline::now();
    const MANY: i32 = if cfg!(miri) { 150 } else { 1000 };
    for n in 0..MANY {
        let _ = queue.schedule(deadline, n);
    }
    assert!(due(&queue).into_iter().eq(0..MANY));
}

#[test]
fn a_cancelled_payload_comes_back_at_once_and_once() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let payload = Arc::new(());
    let key = queue.schedule(Deadline::after(LONG), Arc::clone(&payload)).key;
    assert!(key.deadline() > Deadline::now());
    drop(queue.cancel(key).unwrap());
    assert_eq!(Arc::strong_count(&payload), 1);
    assert!(queue.cancel(key).is_none());
    // A key names one timer for ever, also when the place is used again.
    let again = queue.schedule(key.deadline(), Arc::clone(&payload)).key;
    assert!(queue.cancel(key).is_none());
    assert!(queue.cancel(again).is_some());

    let key = queue.schedule(Deadline::now(), payload).key;
    assert_eq!(due(&queue).len(), 1);
    assert!(queue.cancel(key).is_none());
}

#[test]
fn a_payload_may_use_the_queue_when_it_is_dropped() {
    let _limit = time_limit();
    struct Uses(Arc<TimerQueue<Uses>>);
    impl Drop for Uses {
        fn drop(&mut self) {
            assert_eq!(self.0.len(), 0);
            assert!(self.0.next_deadline().is_none());
        }
    }
    let queue = Arc::new(TimerQueue::new());
    let later = Deadline::after(LONG);
    let key = queue.schedule(later, Uses(Arc::clone(&queue))).key;
    drop(queue.cancel(key));
    for _ in 0..3 {
        let _ = queue.schedule(later, Uses(Arc::clone(&queue)));
    }
    queue.clear();
    let _ = queue.schedule(Deadline::now(), Uses(Arc::clone(&queue)));
    drop(due(&queue));
    assert_eq!(Arc::strong_count(&queue), 1);
}

#[test]
fn pending_payloads_can_be_visited_and_drained_in_order() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let base = Deadline::after(LONG);
    for payload in ["a", "b", "c"] {
        let _ = queue.schedule(base, payload);
    }
    let mut seen = Vec::new();
    queue.visit(|key, payload| seen.push((key.deadline(), *payload)));
    assert_eq!(seen, [(base, "a"), (base, "b"), (base, "c")]);
    assert_eq!(queue.drain(), ["a", "b", "c"]);
    assert!(queue.is_empty() && queue.drain().is_empty());
    assert!(format!("{queue:?}").contains("len: 0"));
}

#[test]
fn one_caller_is_asked_for_a_driver() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let later = Deadline::after(LONG);
    assert!(!queue.has_driver());
    assert!(queue.schedule(later, 1).needs_driver);
    assert!(queue.has_driver());
    assert!(!queue.schedule(later, 2).needs_driver);
    // It could not be started.
    queue.retire();
    assert!(!queue.has_driver());
    assert!(queue.schedule(later, 3).needs_driver);
    // It found nothing to do, and went home.
    queue.clear();
    assert_eq!(queue.wait_due(Duration::ZERO, &mut resume), Due::Idle);
    assert!(!queue.has_driver());
    assert!(queue.schedule(later, 4).needs_driver);
}

#[test]
fn what_needs_a_driver_is_given_back_without_one() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let later = Deadline::after(LONG);
    assert_eq!(queue.schedule_with_driver(later, 1), Err(1));
    assert!(queue.is_empty() && !queue.has_driver());
    assert!(queue.schedule(later, 2).needs_driver);
    let key = queue.schedule_with_driver(later, 3).unwrap();
    assert_eq!((key.deadline(), queue.drain()), (later, vec![2, 3]));
}

#[test]
fn what_was_taken_out_can_be_put_back_in_its_place() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let later = Deadline::after(LONG);
    let (first, second) = (queue.schedule(later, 1), queue.schedule(later, 2));
    assert_eq!(queue.cancel(first.key), Some(1));
    assert_eq!(queue.restore(first.key, 3).key, first.key);
    assert_eq!(queue.drain(), [3, 2]);
    queue.retire();
    assert!(queue.restore(second.key, 4).needs_driver);
}

#[test]
fn a_driver_that_sleeps_is_woken_for_an_earlier_deadline() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let asleep = sleeping_driver(&queue, LONG, |queue| {
        let _ = queue.schedule(Deadline::now(), 7);
    });
    assert_eq!(asleep, Due::Batch(vec![7]));
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_driver_with_nothing_left_to_do_goes_home() {
    let _limit = time_limit();
    for cancel in [
        |queue: &TimerQueue<i32>| queue.clear(),
        |queue: &TimerQueue<i32>| {
            let mut keys = Vec::new();
            queue.visit(|key, _| keys.push(key));
            assert_eq!(queue.cancel(keys[0]), Some(0));
        },
    ] {
        let queue = TimerQueue::new();
        assert_eq!(sleeping_driver(&queue, Duration::ZERO, cancel), Due::Idle);
        assert!(!queue.has_driver());
    }
}

#[test]
fn a_driver_that_waits_for_work_can_be_sent_home() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    assert!(!queue.send_home(), "there is none");
    let asleep = sleeping_driver(&queue, LONG, |queue| {
        assert!(!queue.send_home(), "it has something to wait for");
        queue.clear();
        assert!(queue.has_driver());
        assert!(queue.send_home());
    });
    assert_eq!(asleep, Due::Idle);
    assert!(!queue.has_driver());
    assert!(!queue.send_home(), "there is none any more");
}

#[test]
fn a_driver_that_has_not_come_yet_is_sent_home_but_none_that_is_busy() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    assert!(queue.schedule(Deadline::after(LONG), 1).needs_driver);
    queue.clear();
    assert!(queue.send_home());
    assert_eq!(queue.wait_due(LONG, &mut resume), Due::Idle);

    assert!(queue.schedule(Deadline::now(), 2).needs_driver);
    assert_eq!(queue.wait_due(LONG, &mut resume), Due::Batch(vec![2]));
    assert!(!queue.send_home(), "it is busy");
}

#[test]
fn a_driver_on_its_way_home_turns_back_for_work() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let asleep = sleeping_driver(&queue, LONG, |queue| {
        queue.clear();
        if queue.send_home() && !queue.schedule(Deadline::now(), 7).needs_driver {
            return;
        }
        // It was home already, so what was scheduled waits for the next driver.
        assert_eq!(queue.drain(), [7]);
    });
    assert!(asleep == Due::Batch(vec![7]) || asleep == Due::Idle, "{asleep:?}");
}

/// What a driver returns that slept towards a far deadline when `then` happened.
fn sleeping_driver(
    queue: &TimerQueue<i32>,
    idle: Duration,
    then: impl FnOnce(&TimerQueue<i32>),
) -> Due<i32> {
    assert!(queue.schedule(Deadline::after(LONG), 0).needs_driver);
    std::thread::scope(|scope| {
        let (tell, told) = channel();
        let driver = scope.spawn(move || {
            tell.send(current_thread()).unwrap();
            queue.wait_due(idle, &mut resume)
        });
        let handle = told.recv().unwrap();
        until("the driver sleeps", || handle.state() == ThreadState::Blocked);
        then(queue);
        driver.join().unwrap()
    })
}

#[test]
fn a_later_deadline_wakes_nobody() {
    let _limit = time_limit();
    let queue = TimerQueue::new();
    let driver_sleeps_on = Cell::new(true);
    let _ = queue.schedule(Deadline::after(LONG), 0);
    std::thread::scope(|scope| {
        let (tell, told) = channel();
        let driver = scope.spawn(|| {
            let tell = tell;
            tell.send(current_thread()).unwrap();
            queue.wait_due(LONG, &mut resume)
        });
        let handle = told.recv().unwrap();
        until("the driver sleeps", || handle.state() == ThreadState::Blocked);
        for _ in 0..if cfg!(miri) { 10 } else { 1000 } {
            let scheduled = queue.schedule(Deadline::after(2 * LONG), 1);
            assert!(!scheduled.needs_driver);
            assert_eq!(queue.cancel(scheduled.key), Some(1));
            driver_sleeps_on.set(driver_sleeps_on.get() && handle.state() == ThreadState::Blocked);
        }
        assert!(driver_sleeps_on.get());
        let _ = queue.schedule(Deadline::now(), 2);
        assert_eq!(driver.join().unwrap(), Due::Batch(vec![2]));
    });
}

#[test]
fn threads_may_schedule_and_cancel_while_the_driver_works() {
    let _limit = time_limit();
    const EACH: usize = if cfg!(miri) { 20 } else { 2000 };
    let queue = TimerQueue::new();
    let (fired, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for seed in 0..3_u64 {
            let (queue, cancelled, done) = (&queue, &cancelled, &done);
            scope.spawn(move || {
                let mut random = seed + 1;
                for _ in 0..EACH {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let deadline = Deadline::after(Duration::from_micros(random >> 54));
                    let key = queue.schedule(deadline, Box::new(deadline)).key;
                    if random & (1 << 40) != 0 && queue.cancel(key).is_some() {
                        cancelled.fetch_add(1, Relaxed);
                    }
                }
                done.fetch_add(1, Relaxed);
            });
        }
        // This thread is the driver, each time that one is needed.
        while done.load(Relaxed) < 3 || !queue.is_empty() {
            if let Due::Batch(batch) = queue.wait_due(SOON, &mut resume) {
                assert!(batch.iter().all(|deadline| deadline.has_passed()));
                fired.fetch_add(batch.len(), Relaxed);
            }
        }
    });
    assert_eq!(fired.load(Relaxed) + cancelled.load(Relaxed), 3 * EACH);
}

#[test]
fn a_timer_calls_its_function_once_and_never_early() {
    let _limit = time_limit();
    let (tell, told) = channel();
    let timer = Timer::new(Duration::from_millis(3), move || {
        tell.send((Instant::now(), current_thread())).unwrap();
    });
    assert_eq!(timer.interval(), Duration::from_millis(3));
    let before = Instant::now();
    timer.start().unwrap();
    let (fired, thread) = told.recv().unwrap();
    assert!(fired - before >= Duration::from_millis(3));
    assert_eq!(thread, *timer);
    timer.join().unwrap();
    assert!(!timer.is_alive());
    assert!(told.recv().is_err(), "the function is gone");
}

#[test]
fn a_pending_timer_is_a_thread_without_a_thread() {
    let _limit = time_limit();
    let timer = Timer::new(LONG, || ());
    assert!(matches!(timer.join(), Err(JoinError::NotStarted)));
    assert!(timer.name().starts_with("Thread-"));
    timer.set_name("later");
    timer.set_daemon(true).unwrap();
    timer.start().unwrap();
    assert!(timer.is_alive());
    assert_eq!(timer.state(), ThreadState::Blocked);
    assert!(enumerate().contains(&timer));
    assert_eq!((timer.ident(), timer.native_id()), (None, None));
    assert!(!timer.join_timeout(SOON).unwrap());
    assert!(timer.set_daemon(false).is_err());
    assert!(matches!(timer.start(), Err(StartError::AlreadyStarted)));
    assert!(timer.cancel());
    assert!(!timer.is_alive());
    assert!(!enumerate().contains(&timer));
    timer.join().unwrap();
    assert!(matches!(timer.start(), Err(StartError::AlreadyStarted)));
    assert!(timer.cancel(), "once more changes nothing");
}

#[test]
fn a_cancelled_timer_drops_its_function_at_once() {
    let _limit = time_limit();
    let held = Arc::new(());
    let held_too = Arc::clone(&held);
    let timer = Timer::new(LONG, move || drop(held_too));
    timer.start().unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    assert!(timer.cancel());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_timer_that_was_cancelled_before_its_start_ends_at_once() {
    let _limit = time_limit();
    let ran = Arc::new(AtomicBool::new(false));
    let ran_too = Arc::clone(&ran);
    let timer = Timer::new(Duration::ZERO, move || ran_too.store(true, Relaxed));
    assert!(timer.cancel());
    assert!(!timer.is_alive());
    timer.start().unwrap();
    timer.join().unwrap();
    assert!(!ran.load(Relaxed));
    assert_eq!(Arc::strong_count(&ran), 1);
}

#[test]
fn a_timer_that_fired_cannot_be_cancelled() {
    let _limit = time_limit();
    let (running, leave) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (running_too, leave_too) = (Arc::clone(&running), Arc::clone(&leave));
    let timer = Timer::new(Duration::ZERO, move || {
        running_too.set();
        leave_too.wait();
    });
    timer.start().unwrap();
    running.wait();
    assert!(!timer.cancel());
    assert!(timer.is_alive());
    assert!(timer.native_id().is_some());
    leave.set();
    timer.join().unwrap();
    assert!(!timer.cancel());
}

#[test]
fn cancel_and_fire_agree_on_who_came_first() {
    let _limit = time_limit();
    for n in 0..if cfg!(miri) { 5 } else { 200 } {
        let ran = Arc::new(AtomicBool::new(false));
        let ran_too = Arc::clone(&ran);
        let timer = Timer::new(Duration::from_micros(n), move || ran_too.store(true, Relaxed));
        timer.start().unwrap();
        for _ in 0..n {
            std::thread::yield_now();
        }
        let cancelled = timer.cancel();
        timer.join().unwrap();
        assert_eq!(ran.load(Relaxed), !cancelled);
    }
}

#[test]
fn a_timer_can_be_cancelled_while_the_driver_is_about_to_fire_it() {
    let _limit = time_limit();
    for _ in 0..if cfg!(miri) { 1 } else { 10 } {
        let first = Arc::new(Event::new());
        // All of them come to the driver at about the same time, and it launches one after the other.
        let timers: Vec<_> = (0..60)
            .map(|_| {
                let (ran, first) = (Arc::new(AtomicBool::new(false)), Arc::clone(&first));
                let ran_too = Arc::clone(&ran);
                let timer = Timer::new(Duration::from_millis(2), move || {
                    ran_too.store(true, Relaxed);
                    first.set();
                });
                timer.start().unwrap();
                (timer, ran)
            })
            .collect();
        first.wait();
        let cancelled: Vec<_> = timers.iter().rev().map(|(timer, _)| timer.cancel()).collect();
        // The driver is past all of them when it has fired one that is due later.
        let last = Timer::new(SOON, || ());
        last.start().unwrap();
        last.join().unwrap();
        for ((timer, ran), cancelled) in timers.iter().rev().zip(cancelled) {
            timer.join().unwrap();
            assert_eq!(ran.load(Relaxed), !cancelled);
            // A cancelled one never had a thread.
            assert_eq!(timer.native_id().is_none(), cancelled);
            assert!(!enumerate().contains(timer));
        }
    }
}

#[test]
fn a_timer_may_start_the_next() {
    let _limit = time_limit();
    fn tick(left: Arc<AtomicUsize>, done: Arc<Event>) {
        if left.fetch_sub(1, Relaxed) == 1 {
            return done.set();
        }
        Timer::new(SOON, move || tick(left, done)).start().unwrap();
    }
    let (left, done) = (Arc::new(AtomicUsize::new(10)), Arc::new(Event::new()));
    tick(Arc::clone(&left), Arc::clone(&done));
    done.wait();
    assert_eq!(left.load(Relaxed), 0);
}
