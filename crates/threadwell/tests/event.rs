//! The event.

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::calls::{Call, far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{Deadline, Event};

#[test]
fn the_flag_is_down_at_first() {
    let _limit = time_limit();
    assert!(!Event::new().is_set());
    assert!(!Event::default().is_set());
}

#[test]
fn set_raises_and_clear_lowers_the_flag() {
    let _limit = time_limit();
    let event = Event::new();
    for _ in 0..2 {
        event.set();
        assert!(event.is_set());
    }
    for _ in 0..2 {
        event.clear();
        assert!(!event.is_set());
    }
}

#[test]
fn wait_returns_at_once_when_set() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    EVENT.set();
    spawn(|| EVENT.wait()).result();
    assert!(EVENT.wait_until(Deadline::now()));
}

#[test]
fn wait_blocks_until_set() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let call = spawn(|| {
        EVENT.wait();
        ORDER.lock().unwrap().push("returned");
    })
    .blocked();
    ORDER.lock().unwrap().push("set");
    EVENT.set();
    call.result();
    assert_eq!(*ORDER.lock().unwrap(), ["set", "returned"]);
}

#[test]
fn set_wakes_every_waiter() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    let calls: Vec<_> = (0..5).map(|_| spawn(|| EVENT.wait()).blocked()).collect();
    EVENT.set();
    results(calls);
}

#[test]
fn wait_blocks_again_after_clear() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    EVENT.set();
    EVENT.clear();
    let call = spawn(|| EVENT.wait()).blocked();
    EVENT.set();
    call.result();
}

#[test]
fn set_then_clear_releases_those_who_waited() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    let calls: Vec<Call<bool>> = (0..3).map(|_| spawn(|| EVENT.wait_until(far()))).collect();
    until("all of them wait", || EVENT.waiting() == 3);
    EVENT.set();
    EVENT.clear();
    assert_eq!(results(calls), [true; 3]);
    assert!(!EVENT.is_set());
}

#[test]
fn waiting_counts_those_who_wait() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    let mut calls = Vec::new();
    for count in 0..3 {
        until("those who were started wait", || EVENT.waiting() == count);
        calls.push(spawn(|| EVENT.wait()));
    }
    until("all of them wait", || EVENT.waiting() == 3);
    assert!(!EVENT.wait_until(soon()));
    assert_eq!(EVENT.waiting(), 3, "who has given up is not counted");
    EVENT.set();
    assert_eq!(EVENT.waiting(), 0);
    results(calls);
}

#[test]
fn wait_until_returns_false_on_timeout_only() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    assert!(!EVENT.wait_until(soon()));
    assert!(!EVENT.wait_until(Deadline::now()));
    let call = spawn(|| EVENT.wait_until(far())).blocked();
    EVENT.set();
    assert!(call.result());
    assert!(EVENT.wait_until(soon()));
}

#[test]
fn the_longest_timeout_is_the_end_of_the_clock() {
    let _limit = time_limit();
    // Where Python raises OverflowError past TIMEOUT_MAX.
    static EVENT: Event = Event::new();
    let call = spawn(|| EVENT.wait_until(Deadline::after(Duration::MAX))).blocked();
    EVENT.set();
    assert!(call.result());
}

#[test]
fn one_thread_signals_and_another_waits_for_it() {
    let _limit = time_limit();
    static REQUEST: Event = Event::new();
    static ANSWER: Event = Event::new();
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let call = spawn(|| {
        REQUEST.wait();
        LOG.lock().unwrap().push("served");
        ANSWER.set();
    });
    LOG.lock().unwrap().push("asked");
    REQUEST.set();
    assert!(ANSWER.wait_until(far()));
    call.result();
    assert_eq!(*LOG.lock().unwrap(), ["asked", "served"]);
}

#[test]
fn what_was_written_before_set_is_seen_after_wait() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    static VALUE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let call = spawn(|| {
        EVENT.wait();
        VALUE.load(std::sync::atomic::Ordering::Relaxed)
    });
    VALUE.store(7, std::sync::atomic::Ordering::Relaxed);
    EVENT.set();
    assert_eq!(call.result(), 7);
}

#[test]
fn deferred_wakes_hold_the_waiters_back_and_not_the_flag() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    let call = spawn(|| EVENT.wait());
    until("the thread waits", || EVENT.waiting() == 1);
    let wakes = EVENT.set_deferred();
    assert!(EVENT.is_set());
    assert_eq!(EVENT.waiting(), 0, "it does not wait for the flag any more");
    assert!(!wakes.is_empty());
    let call = call.blocked();
    drop(wakes);
    call.result();
    assert!(EVENT.set_deferred().is_empty());
}
