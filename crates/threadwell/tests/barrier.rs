//! The barrier.

mod common;

use std::sync::Mutex;

use common::calls::{Call, far, results, soon, spawn};
use common::{time_limit, until};
use threadwell::{Arrival, Barrier, BarrierError, Deadline, ThreadId, resume};

type Passed = Result<usize, BarrierError>;

/// `n` threads that wait at the barrier.
fn waiting(barrier: &'static Barrier, n: usize) -> Vec<Call<Passed>> {
    let before = barrier.waiting();
    let calls = (0..n).map(|_| spawn(|| barrier.wait())).collect();
    until("they wait", || barrier.waiting() == before + n);
    calls
}

fn sorted(mut results: Vec<Passed>) -> Vec<Passed> {
    results.sort_unstable_by_key(|result| result.ok());
    results
}

#[test]
fn all_pass_when_the_last_one_comes_and_each_has_its_number() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    let mut calls = waiting(&BARRIER, 2);
    calls = calls.into_iter().map(Call::blocked).collect();
    calls.push(spawn(|| BARRIER.wait()));
    assert_eq!(sorted(results(calls)), [Ok(0), Ok(1), Ok(2)]);
}

#[test]
fn it_may_be_used_again() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 100 };
    let calls =
        (0..3).map(|_| spawn(|| (0..ROUNDS).map(|_| BARRIER.wait().unwrap()).collect::<Vec<_>>()));
    let numbers = results(calls);
    for round in 0..ROUNDS {
        let mut round: Vec<_> = numbers.iter().map(|thread| thread[round]).collect();
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2]);
    }
}

#[test]
fn a_barrier_of_one_never_blocks() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(1);
    for _ in 0..3 {
        assert_eq!(spawn(|| BARRIER.wait()).result(), Ok(0));
    }
}

#[test]
fn parties_and_waiting_are_counted() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    assert_eq!((BARRIER.parties(), BARRIER.waiting()), (3, 0));
    let mut calls = waiting(&BARRIER, 1);
    assert_eq!(BARRIER.waiting(), 1);
    calls.extend(waiting(&BARRIER, 1));
    assert_eq!(BARRIER.waiting(), 2);
    calls.push(spawn(|| BARRIER.wait()));
    results(calls);
    assert_eq!((BARRIER.parties(), BARRIER.waiting()), (3, 0));
}

#[test]
fn the_last_to_arrive_acts_before_anyone_passes() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let others: Vec<_> = (0..2)
        .map(|_| {
            spawn(|| {
                BARRIER.wait().unwrap();
                LOG.lock().unwrap().push("passed");
            })
        })
        .collect();
    until("they wait", || BARRIER.waiting() == 2);
    let last = spawn(|| match BARRIER.arrive(None, &mut resume).unwrap() {
        Arrival::Passed(number) => panic!("the last one had number {number}"),
        Arrival::Last(last) => {
            LOG.lock().unwrap().push("acted");
            last.pass().unwrap().0
        }
    });
    assert_eq!(last.result(), 2);
    results(others);
    assert_eq!(*LOG.lock().unwrap(), ["acted", "passed", "passed"]);
}

#[test]
fn an_action_that_panics_breaks_the_barrier() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(2);
    let mut others = waiting(&BARRIER, 1);
    let last = spawn(|| {
        std::panic::catch_unwind(|| match BARRIER.arrive(None, &mut resume).unwrap() {
            Arrival::Passed(_) => {}
            Arrival::Last(_duty) => panic!("the action failed"),
        })
        .is_err()
    });
    assert!(last.result());
    assert_eq!(others.remove(0).result(), Err(BarrierError::Broken));
    assert!(BARRIER.is_broken());
}

#[test]
fn a_deadline_that_passes_breaks_the_barrier_for_all() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    let others = waiting(&BARRIER, 1);
    assert_eq!(spawn(|| BARRIER.wait_until(soon())).result(), Err(BarrierError::Broken));
    assert_eq!(results(others), [Err(BarrierError::Broken)]);
    assert!(BARRIER.is_broken());
    assert_eq!(BARRIER.waiting(), 0);
}

#[test]
fn the_last_one_passes_even_if_its_deadline_has_passed() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(2);
    let others = waiting(&BARRIER, 1);
    assert_eq!(spawn(|| BARRIER.wait_until(Deadline::now())).result(), Ok(1));
    assert_eq!(results(others), [Ok(0)]);
}

#[test]
fn a_timed_wait_passes_when_all_come_in_time() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(2);
    let one = spawn(|| BARRIER.wait_until(far()));
    until("it waits", || BARRIER.waiting() == 1);
    assert_eq!(spawn(|| BARRIER.wait_until(far())).result(), Ok(1));
    assert_eq!(one.result(), Ok(0));
}

#[test]
fn abort_breaks_it_for_those_who_wait_and_those_who_come() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    assert!(!BARRIER.is_broken());
    let others = waiting(&BARRIER, 2);
    BARRIER.abort();
    assert_eq!(results(others), [Err(BarrierError::Broken); 2]);
    assert!(BARRIER.is_broken());
    assert_eq!(spawn(|| BARRIER.wait()).result(), Err(BarrierError::Broken));
    assert_eq!(BarrierError::Broken.to_string(), "the barrier is broken");
}

#[test]
fn reset_ends_the_waits_and_leaves_it_usable() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    let others = waiting(&BARRIER, 2);
    BARRIER.reset();
    assert_eq!(results(others), [Err(BarrierError::Broken); 2]);
    assert!(!BARRIER.is_broken());
    let mut calls = waiting(&BARRIER, 2);
    calls.push(spawn(|| BARRIER.wait()));
    assert_eq!(sorted(results(calls)), [Ok(0), Ok(1), Ok(2)]);
}

#[test]
fn reset_repairs_a_broken_barrier() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(1);
    BARRIER.abort();
    BARRIER.reset();
    assert!(!BARRIER.is_broken());
    assert_eq!(spawn(|| BARRIER.wait()).result(), Ok(0));
}

#[test]
fn reset_of_an_empty_barrier_changes_nothing() {
    let _limit = time_limit();
    let barrier = Barrier::new(2);
    barrier.reset();
    assert_eq!((barrier.is_broken(), barrier.waiting()), (false, 0));
}

#[test]
fn zero_parties_count_as_one() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(0);
    assert_eq!(BARRIER.parties(), 1);
    assert_eq!(spawn(|| BARRIER.wait()).result(), Ok(0));
}

#[test]
fn one_thread_may_be_singled_out_by_its_number() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(4);
    static PRINTED: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());
    results((0..4).map(|_| {
        spawn(|| {
            if BARRIER.wait() == Ok(0) {
                PRINTED.lock().unwrap().push(ThreadId::current());
            }
        })
    }));
    assert_eq!(PRINTED.lock().unwrap().len(), 1);
}

#[test]
fn a_last_arrival_of_an_aborted_round_has_no_say_in_the_next() {
    let _limit = time_limit();
    let barrier = Barrier::new(1);
    let last = || match barrier.arrive(None, &mut threadwell::resume) {
        Ok(threadwell::Arrival::Last(last)) => last,
        other => panic!("not the last to arrive: {other:?}"),
    };
    let old = last();
    barrier.abort();
    barrier.reset();
    let current = last();
    assert_eq!(old.pass().map(drop), Err(BarrierError::Broken));
    assert_eq!(current.pass().map(|(index, _)| index), Ok(0));

    let old = last();
    barrier.abort();
    barrier.reset();
    drop(old);
    assert!(!barrier.is_broken());
}
