//! Waits that a signal ends.

#![expect(unsafe_code, reason = "signals are calls of libc")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use threadwell::{Due, Event, Thread, TimerQueue, WaitOutcome};

use crate::common::until;
use crate::harness::LONG;

/// Handles `SIGUSR1` by doing nothing: it ends a sleep.
pub(super) fn interrupt_sleeps() {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all zeros are a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // Without SA_RESTART, as Python does it: otherwise the kernel goes on waiting by itself.
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: the handler does nothing, and the old action is not asked for.
    let set = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// Sends `SIGUSR1` to a thread that has started and has not been joined.
pub(super) fn interrupt<T>(thread: &Thread<T>) {
    let ident = thread.ident().unwrap() as libc::pthread_t;
    if thread.is_alive() {
        // SAFETY: the thread is not joined yet, so its identifier is valid.
        unsafe { libc::pthread_kill(ident, libc::SIGUSR1) };
    }
}

pub(super) fn a_signal_can_end_a_join_and_a_drivers_wait() {
    interrupt_sleeps();

    let (gate, calls) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
    let gate_too = Arc::clone(&gate);
    let target = Thread::spawn(move || gate_too.wait()).unwrap();
    let (handle, calls_too) = (target.handle().clone(), Arc::clone(&calls));
    let waiter = Thread::spawn(move || {
        // The first signal is of no interest, the second is.
        let mut on_signal = || match calls_too.fetch_add(1, Relaxed) {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        let joined = handle.join_with(None, &mut on_signal).unwrap();
        let queue = TimerQueue::<()>::new();
        let waited = queue.wait_due(LONG, &mut || ControlFlow::Break(()));
        (joined, waited)
    })
    .unwrap();
    until("it was interrupted", || {
        interrupt(&waiter);
        !waiter.is_alive()
    });
    assert_eq!(waiter.join().unwrap(), (WaitOutcome::Interrupted, Due::Interrupted));
    assert!(calls.load(Relaxed) >= 2);
    gate.set();
    target.join().unwrap();
    println!("ok");
}
