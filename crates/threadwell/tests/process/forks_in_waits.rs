//! A `fork` in the middle of a wait: by its signal handler, or while it lets go of a lock; and one in
//! the middle of another thread's action.

#![expect(unsafe_code, reason = "forks, and sends signals")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use threadwell::{
    Arrival, Barrier, BarrierError, Condition, Deadline, Event, Lock, OnSignal, Semaphore, Thread,
    ThreadState, WaitOutcome, resume,
};

use crate::common::until;
use crate::forks::{begin_child, exit_code, in_child};
use crate::harness::LONG;
use crate::signals::interrupt_sleeps;

/// A wait, and whether it ended as it should.
pub(super) type Wait<'a> = &'a dyn Fn(OnSignal<'_>) -> bool;

/// Begins a wait, interrupts it by a signal, and forks in the `on_signal` that is then called, after
/// `before`; in the child that returns `after`. The result is that of the child, which ends with it.
pub(super) fn forked_in_a_wait(wait: Wait<'_>, before: impl Fn(), after: ControlFlow<()>) -> bool {
    interrupt_sleeps();
    let handled = Arc::new(AtomicBool::new(false));
    let sender = {
        let handled = Arc::clone(&handled);
        // SAFETY: has no preconditions.
        let waiter = unsafe { libc::pthread_self() };
        std::thread::spawn(move || {
            // A signal just before the thread sleeps is seen only with the next one, hence the loop.
            until("the signal is handled", || {
                // SAFETY: this thread is joined before that one ends.
                unsafe { libc::pthread_kill(waiter, libc::SIGUSR1) };
                handled.load(Relaxed)
            });
        })
    };
    let mut child = None;
    let fits = wait(&mut || {
        if child.is_some() {
            return ControlFlow::Break(());
        }
        before();
        // SAFETY: the child goes on with this crate, and exits.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        child = Some(pid);
        if pid == 0 {
            begin_child(true);
            return after;
        }
        // Not before: a thread of `std` that ends holds what the child's exit needs.
        handled.store(true, Relaxed);
        ControlFlow::Break(())
    });
    match child {
        Some(0) => std::process::exit(i32::from(!fits)),
        Some(pid) => {
            sender.join().unwrap();
            exit_code(pid) == 0
        }
        None => panic!("the wait has ended without a signal"),
    }
}

pub(super) fn a_handler_that_forks_may_end_the_childs_wait() {
    static EVENT: Event = Event::new();
    static BARRIER: Barrier = Barrier::new(2);
    static LOCK: Lock = Lock::new();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    static CONDITION: Condition = Condition::new();
    const INTERRUPTED: WaitOutcome = WaitOutcome::Interrupted;

    LOCK.acquire();
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::spawn(move || gate_too.wait()).unwrap();
    until("it waits", || thread.state() == ThreadState::Blocked);
    let waits: [(&str, Wait<'_>); 7] = [
        ("event", &|s| EVENT.wait_with(None, s) == INTERRUPTED),
        ("timed", &|s| EVENT.wait_with(Some(Deadline::after(LONG)), s) == INTERRUPTED),
        ("barrier", &|s| {
            let left = BARRIER.wait_with(None, s) == Err(BarrierError::Interrupted);
            left && BARRIER.waiting() == 0
        }),
        ("lock", &|s| LOCK.acquire_with(None, s) == INTERRUPTED),
        ("semaphore", &|s| SEMAPHORE.acquire_with(None, s) == INTERRUPTED),
        ("condition", &|s| {
            CONDITION.wait_with(&LOCK, None, s) == Ok(INTERRUPTED) && LOCK.is_locked()
        }),
        // In the child it has ended.
        ("join", &|s| thread.handle().join_with(None, s).is_ok()),
    ];
    for (name, wait) in waits {
        assert!(forked_in_a_wait(wait, || (), ControlFlow::Break(())), "{name}");
    }
    gate.set();
    thread.join().unwrap();
    println!("ok");
}

pub(super) fn a_fork_as_the_lock_is_let_go_of_may_end_the_childs_wait() {
    static CONDITION: Condition = Condition::new();
    let mut child = None;
    let release = || {
        // SAFETY: the child goes on with this crate, and exits.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            begin_child(true);
        }
        child = Some(pid);
        false
    };
    let outcome = CONDITION.wait_released(release, None, &mut resume);
    match child.unwrap() {
        0 => std::process::exit(i32::from(outcome != WaitOutcome::Interrupted)),
        pid => assert_eq!(exit_code(pid), 0),
    }
    assert_eq!(outcome, WaitOutcome::Interrupted);
    println!("ok");
}

pub(super) fn a_wake_up_from_before_the_fork_counts_in_the_child() {
    static EVENT: Event = Event::new();
    static BARRIER: Barrier = Barrier::new(2);
    let pulse = || {
        EVENT.set();
        EVENT.clear();
    };
    let wait = |on_signal: OnSignal<'_>| EVENT.wait_with(None, on_signal) == WaitOutcome::Ready;
    assert!(forked_in_a_wait(&wait, pulse, ControlFlow::Continue(())), "event");
    // The handler itself is the other party.
    let arrive = || assert_eq!(BARRIER.wait(), Ok(1));
    let wait = |on_signal: OnSignal<'_>| BARRIER.wait_with(None, on_signal) == Ok(0);
    assert!(forked_in_a_wait(&wait, arrive, ControlFlow::Continue(())), "barrier");
    println!("ok");
}

pub(super) fn a_barrier_whose_action_stayed_behind_is_broken_until_reset() {
    let barrier = Arc::new(Barrier::new(2));
    let (acts, gate) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let parties: Vec<_> = (0..2)
        .map(|_| {
            let (barrier, acts, gate) =
                (Arc::clone(&barrier), Arc::clone(&acts), Arc::clone(&gate));
            Thread::spawn(move || match barrier.arrive(None, &mut resume).unwrap() {
                Arrival::Passed(number) => number,
                Arrival::Last(last) => {
                    acts.set();
                    gate.wait();
                    last.pass().unwrap().0
                }
            })
            .unwrap()
        })
        .collect();
    until("one acts and the other waits", || {
        acts.is_set() && parties.iter().all(|party| party.state() == ThreadState::Blocked)
    });
    let code = in_child(true, || {
        assert_eq!((barrier.is_broken(), barrier.waiting()), (true, 0));
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        assert_eq!(barrier.wait_until(Deadline::PAST), Err(BarrierError::Broken));
        barrier.reset();
        assert!(!barrier.is_broken());
        let barrier_too = Arc::clone(&barrier);
        let other = Thread::spawn(move || barrier_too.wait().unwrap()).unwrap();
        assert_eq!(barrier.wait().unwrap() + other.join().unwrap(), 1);
        println!("child");
    });
    assert_eq!(code, 0);
    gate.set();
    assert_eq!(parties.iter().map(|party| party.join().unwrap()).sum::<usize>(), 1);
}

pub(super) fn an_action_that_forks_goes_on_in_both() {
    let barrier = Barrier::new(1);
    let act = || match barrier.arrive(None, &mut resume) {
        Ok(Arrival::Last(last)) => last,
        other => panic!("not the last to arrive: {other:?}"),
    };
    let last = act();
    // SAFETY: the child goes on with this crate, and exits.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        begin_child(true);
    }
    assert_eq!(last.pass().map(|(number, _)| number), Ok(0));
    assert_eq!(barrier.wait(), Ok(0));
    if child == 0 {
        println!("child");
    } else {
        assert_eq!(exit_code(child), 0);
    }
}
