//! Signals during a wait: a handler may end it, or let it go on.
#![cfg(all(unix, not(miri)))] // Miri knows no signals.
#![expect(unsafe_code, reason = "signals can be sent to a thread, and handled, in C's way only")]

mod common;

use std::ops::ControlFlow;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;

use common::calls::{Call, far, spawn};
use common::{time_limit, until};
use threadwell::{
    Barrier, BarrierError, Condition, Deadline, Event, Lock, OnSignal, Semaphore, WaitOutcome,
    look_for_signals,
};

static INSTALL: Once = Once::new();

/// Runs `wait` in a thread, with an [`OnSignal`] that ends the wait at its `last`th call, and sends
/// signals to the thread until it returns.
fn signalled<T: Send + 'static>(
    last: usize,
    wait: impl FnOnce(OnSignal<'_>) -> T + Send + 'static,
) -> T {
    extern "C" fn handler(_: libc::c_int) {}
    INSTALL.call_once(|| {
        let handler: extern "C" fn(libc::c_int) = handler;
        // SAFETY: all zeroes is a valid `sigaction`: no flags, so that system calls are interrupted.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        // SAFETY: the action is initialised, and its handler does nothing, which is allowed anywhere.
        let result = unsafe { libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()) };
        assert_eq!(result, 0);
    });
    let (sender, receiver) = mpsc::channel();
    let (done, is_done) = mpsc::channel::<()>();
    let call: Call<T> = spawn(move || {
        // SAFETY: has no preconditions.
        sender.send(unsafe { libc::pthread_self() }).unwrap();
        let mut calls = 0;
        let result = wait(&mut || {
            calls += 1;
            if calls == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // The thread stays until nobody sends it signals any more.
        drop(done);
        result
    });
    let thread = receiver.recv().unwrap();
    // A signal just before the thread sleeps may be seen only with the next one, hence the loop.
    until("a signal ends the wait", || {
        if call.is_finished() || is_done.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
            return true;
        }
        // SAFETY: the thread is not joined before this loop is over, so its handle is valid.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        false
    });
    call.result()
}

#[test]
fn a_handler_may_end_an_acquire_which_then_has_not_acquired() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let owner = LOCK.owner();
    assert_eq!(
        signalled(1, |on_signal| LOCK.acquire_with(None, on_signal)),
        WaitOutcome::Interrupted
    );
    assert_eq!(LOCK.owner(), owner);
    LOCK.release().unwrap();
    assert!(!LOCK.is_locked());
}

#[test]
fn a_handler_may_end_a_timed_acquire() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let outcome = signalled(1, |on_signal| LOCK.acquire_with(Some(far()), on_signal));
    assert_eq!(outcome, WaitOutcome::Interrupted);
}

#[test]
fn a_handler_may_let_the_wait_go_on() {
    let _limit = time_limit();
    static EVENT: Event = Event::new();
    static HANDLED: AtomicUsize = AtomicUsize::new(0);
    let outcome = signalled(3, |on_signal| {
        EVENT.wait_with(None, &mut || {
            HANDLED.fetch_add(1, Relaxed);
            on_signal()
        })
    });
    assert_eq!(outcome, WaitOutcome::Interrupted);
    assert_eq!(HANDLED.load(Relaxed), 3);
}

#[test]
fn a_handler_may_end_a_wait_for_a_permit_and_takes_none() {
    let _limit = time_limit();
    static SEMAPHORE: Semaphore = Semaphore::new(0);
    let outcome = signalled(1, |on_signal| SEMAPHORE.acquire_with(None, on_signal));
    assert_eq!(outcome, WaitOutcome::Interrupted);
    SEMAPHORE.release().unwrap();
    assert!(SEMAPHORE.try_acquire());
}

#[test]
fn a_handler_may_end_a_wait_on_a_condition_which_then_has_the_lock() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    static CONDITION: Condition = Condition::new();
    let result = signalled(1, |on_signal| {
        LOCK.acquire();
        let outcome = CONDITION.wait_with(&LOCK, None, on_signal);
        (outcome, LOCK.owner() == Some(threadwell::ThreadId::current()))
    });
    assert_eq!(result, (Ok(WaitOutcome::Interrupted), true));
    assert_eq!(CONDITION.waiting(), 0);
}

#[test]
fn a_handler_may_end_a_wait_at_a_barrier_and_leaves_it_whole() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(2);
    let result = signalled(1, |on_signal| BARRIER.wait_with(None, on_signal));
    assert_eq!(result, Err(BarrierError::Interrupted));
    assert_eq!((BARRIER.waiting(), BARRIER.is_broken()), (0, false));
}

#[test]
fn the_numbers_at_a_barrier_are_distinct_after_a_party_was_called_away() {
    let _limit = time_limit();
    static BARRIER: Barrier = Barrier::new(3);
    let (sender, receiver) = mpsc::channel();
    let called_away = signalled(1, move |on_signal| {
        BARRIER.wait_with(None, &mut || {
            // It stands at the barrier still; another comes behind it.
            sender.send(spawn(|| BARRIER.wait())).unwrap();
            common::until("both wait", || BARRIER.waiting() == 2);
            on_signal()
        })
    });
    assert_eq!(called_away, Err(BarrierError::Interrupted));
    let mut parties: Vec<Call<_>> = receiver.iter().collect();
    parties.extend((0..2).map(|_| spawn(|| BARRIER.wait())));
    let mut numbers: Vec<_> = parties.into_iter().map(|party| party.result().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn a_thread_that_looks_for_signals_finds_those_that_ended_no_sleep() {
    let _limit = time_limit();
    static LOCK: Lock = Lock::new();
    LOCK.acquire();
    let waits: [fn(Option<Deadline>, OnSignal<'_>) -> WaitOutcome; 3] = [
        |deadline, on_signal| LOCK.acquire_with(deadline, on_signal),
        |deadline, on_signal| Event::new().wait_with(deadline, on_signal),
        |deadline, on_signal| Semaphore::new(0).acquire_with(deadline, on_signal),
    ];
    for (wait, deadline) in waits.into_iter().flat_map(|wait| [(wait, None), (wait, Some(far()))]) {
        let looks = spawn(move || {
            look_for_signals();
            let mut looks = 0;
            let outcome = wait(deadline, &mut || {
                looks += 1;
                if looks == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (outcome, looks)
        });
        // Nobody sends one.
        assert_eq!(looks.result(), (WaitOutcome::Interrupted, 3));
    }
}

#[test]
fn a_thread_that_looks_for_signals_keeps_its_deadline() {
    let _limit = time_limit();
    let outcome = spawn(|| {
        look_for_signals();
        let deadline = Deadline::after(Duration::from_millis(5));
        (Event::new().wait_until(deadline), deadline.has_passed())
    });
    assert_eq!(outcome.result(), (false, true));
}
