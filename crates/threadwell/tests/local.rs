//! Data that each thread has for itself.

#![cfg(not(threadwell_loom))]

mod common;

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};

use common::time_limit;
use threadwell::{Event, Local, Thread};

/// Counts how many of its kind there are.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn counted() -> (Arc<AtomicUsize>, Arc<Local<Counted>>) {
    let count = Arc::new(AtomicUsize::new(0));
    let count_too = Arc::clone(&count);
    (count, Arc::new(Local::new(move || Counted::new(&count_too))))
}

#[test]
fn each_thread_has_a_value_of_its_own() {
    let _limit = time_limit();
    let local = Arc::new(Local::new(|| Cell::new(0)));
    let together = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (1..=4)
        .map(|n| {
            let (local, together) = (Arc::clone(&local), Arc::clone(&together));
            Thread::spawn(move || {
                local.with(|value| value.set(n));
                together.wait();
                local.with(Cell::get)
            })
            .unwrap()
        })
        .collect();
    let values: Vec<i32> = threads.iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(values, [1, 2, 3, 4]);
    assert_eq!(local.with(Cell::get), 0);
}

#[test]
fn a_value_is_made_when_it_is_first_asked_for() {
    let _limit = time_limit();
    let (count, local) = counted();
    assert!(!local.is_set());
    assert_eq!(count.load(Relaxed), 0);
    local.with(|_| ());
    local.with(|_| ());
    assert!(local.is_set());
    assert_eq!(count.load(Relaxed), 1);
}

#[test]
fn a_value_dies_with_its_thread() {
    let _limit = time_limit();
    let (count, local) = counted();
    local.with(|_| ());
    for _ in 0..20 {
        let local = Arc::clone(&local);
        let thread = Thread::spawn(move || local.with(|value| value.0.load(Relaxed))).unwrap();
        assert_eq!(thread.join().unwrap(), 2);
        assert_eq!(count.load(Relaxed), 1);
    }
}

#[test]
fn a_value_dies_with_its_local() {
    let _limit = time_limit();
    let (count, local) = counted();
    let (have, leave) = (Arc::new(Event::new()), Arc::new(Event::new()));
    local.with(|_| ());
    let thread = {
        let (local, have, leave) = (Arc::clone(&local), Arc::clone(&have), Arc::clone(&leave));
        Thread::spawn(move || {
            local.with(|_| ());
            drop(local);
            have.set();
            leave.wait();
        })
        .unwrap()
    };
    have.wait();
    assert_eq!(count.load(Relaxed), 2);
    drop(local);
    // This thread's at once; the other's when that thread ends.
    assert_eq!(count.load(Relaxed), 1);
    leave.set();
    thread.join().unwrap();
    assert_eq!(count.load(Relaxed), 0);
}

#[test]
fn values_of_dropped_locals_do_not_pile_up_in_a_thread_that_goes_on() {
    let _limit = time_limit();
    let count = Arc::new(AtomicUsize::new(0));
    const ROUNDS: usize = if cfg!(miri) { 110 } else { 1000 };
    for _ in 0..ROUNDS {
        let count_too = Arc::clone(&count);
        let local = Arc::new(Local::new(move || Counted::new(&count_too)));
        local.with(|_| ());
        // The last owner is another thread, which cannot reach this thread's value.
        Thread::spawn(move || drop(local)).unwrap().join().unwrap();
    }
    assert!(count.load(Relaxed) < 100, "{} values are left", count.load(Relaxed));
}

#[test]
fn a_value_can_be_replaced_and_cleared() {
    let _limit = time_limit();
    let local = Local::new(|| "first".to_owned());
    assert_eq!(local.get(), "first");
    local.set("second".to_owned());
    assert_eq!(local.get(), "second");
    local.clear();
    assert!(!local.is_set());
    assert_eq!(local.get(), "first");
}

#[test]
fn a_value_in_use_outlives_its_replacement() {
    let _limit = time_limit();
    let (count, local) = counted();
    local.with(|value| {
        local.set(Counted::new(&count));
        local.clear();
        assert_eq!(value.0.load(Relaxed), 1);
    });
    assert_eq!(count.load(Relaxed), 0);
}

#[test]
fn init_may_use_other_locals_and_its_own() {
    let _limit = time_limit();
    let inner = Arc::new(Local::new(|| 20));
    let inner_too = Arc::clone(&inner);
    let outer = Local::new(move || inner_too.get() + 1);
    assert_eq!(outer.get(), 21);

    thread_local! {
        static OWN: RefCell<Option<Arc<Local<i32>>>> = const { RefCell::new(None) };
    }
    let own = Arc::new(Local::new(|| {
        let own = OWN.take();
        // The first call sets the value that everybody gets.
        if let Some(own) = own {
            own.set(1);
        }
        2
    }));
    OWN.set(Some(Arc::clone(&own)));
    assert_eq!(own.get(), 1);
    assert_eq!(own.get(), 1);
}

#[test]
fn a_local_can_be_asked_while_the_threads_own_are_dropped() {
    let _limit = time_limit();
    struct Asks(Arc<Local<i32>>, Arc<AtomicUsize>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.store(self.0.get() as usize, Relaxed);
        }
    }
    thread_local! {
        static ASKS: Cell<Option<Asks>> = const { Cell::new(None) };
    }
    let (local, got) = (Arc::new(Local::new(|| 7)), Arc::new(AtomicUsize::new(0)));
    let asks = Asks(Arc::clone(&local), Arc::clone(&got));
    let thread = Thread::spawn(move || {
        ASKS.set(Some(asks));
        // Registered later, so it is gone when `ASKS` is dropped.
        local.get()
    });
    assert_eq!(thread.unwrap().join().unwrap(), 7);
    assert_eq!(got.load(Relaxed), 7);
}

#[test]
fn a_value_need_not_be_send() {
    let _limit = time_limit();
    let local = Arc::new(Local::new(|| std::rc::Rc::new(5)));
    let local_too = Arc::clone(&local);
    let thread = Thread::spawn(move || *local_too.get()).unwrap();
    assert_eq!(thread.join().unwrap() + *local.get(), 10);
}
