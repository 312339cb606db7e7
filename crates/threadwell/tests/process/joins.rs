//! Joins of a thread that has ended as far as this crate is concerned, while the system's thread goes
//! on: whoever comes first waits for that, and the others wait for him.

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use threadwell::{Deadline, Event, Thread, ThreadHandle, ThreadState, WaitOutcome, resume};

use crate::common::until;
use crate::exit::at_the_very_end;
use crate::forks::in_child;
use crate::forks_in_waits::{Wait, forked_in_a_wait};
use crate::harness::LONG;
use crate::signals::{interrupt, interrupt_sleeps};

static LET_GO: AtomicBool = AtomicBool::new(false);

/// A thread that has ended, but for a destructor of the C library's.
fn ended_and_not_gone() -> ThreadHandle {
    extern "C" fn stay(_: *mut c_void) {
        while !LET_GO.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let thread = Thread::spawn(at_the_very_end(stay)).unwrap().handle().clone();
    until("it has ended", || !thread.is_alive());
    thread
}

/// Three that join it with a deadline that passes soon.
fn joiners(thread: &ThreadHandle) -> [Thread<bool>; 3] {
    [(); 3].map(|()| {
        let thread = thread.clone();
        Thread::spawn(move || thread.join_timeout(Duration::from_millis(5)).unwrap()).unwrap()
    })
}

/// Whether one waits for the system's thread, and nobody else for anything.
fn all_but_one_are_back<T: Send + 'static>(joiners: &[Thread<T>]) -> bool {
    joiners.iter().filter(|joiner| joiner.is_alive()).count() == 1
}

pub(super) fn one_joiner_waits_for_the_system_and_the_others_have_deadlines() {
    let thread = ended_and_not_gone();
    let joiners = joiners(&thread);
    until("all but one give up", || all_but_one_are_back(&joiners));
    assert!(!thread.join_until(Deadline::now()).unwrap());
    LET_GO.store(true, Relaxed);
    thread.join().unwrap();
    assert_eq!(joiners.iter().filter(|joiner| joiner.join().unwrap()).count(), 1);
    assert!(thread.join_until(Deadline::now()).unwrap());
    println!("ok");
}

pub(super) fn one_joiner_waits_for_the_system_and_a_signal_ends_the_others() {
    interrupt_sleeps();
    let thread = ended_and_not_gone();
    let joiners = [(); 3].map(|()| {
        let thread = thread.clone();
        let join = move || thread.join_with(None, &mut || ControlFlow::Break(())).unwrap();
        Thread::spawn(join).unwrap()
    });
    until("all but one are interrupted", || {
        joiners.iter().for_each(interrupt);
        all_but_one_are_back(&joiners)
    });
    LET_GO.store(true, Relaxed);
    let outcomes = joiners.map(|joiner| joiner.join().unwrap());
    assert_eq!(outcomes.iter().filter(|&&it| it == WaitOutcome::Ready).count(), 1);
    assert_eq!(thread.join_with(None, &mut resume).unwrap(), WaitOutcome::Ready);
    println!("ok");
}

/// Who would tell the child that the thread is gone has stayed in the parent.
pub(super) fn a_child_waits_for_no_thread_of_the_systems() {
    let thread = ended_and_not_gone();
    let joiners = joiners(&thread);
    until("all but one give up", || all_but_one_are_back(&joiners));
    let code = in_child(true, || {
        thread.join().unwrap();
        println!("child");
    });
    assert_eq!(code, 0);
    LET_GO.store(true, Relaxed);
    thread.join().unwrap();
}

pub(super) fn a_handler_that_forks_ends_the_childs_join() {
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let running = Thread::spawn(move || gate_too.wait()).unwrap();
    until("it waits", || running.state() == ThreadState::Blocked);
    let ended = ended_and_not_gone();
    let joiners = joiners(&ended);
    until("all but one give up", || all_but_one_are_back(&joiners));
    for thread in [running.handle(), &ended] {
        for (flow, outcome) in [
            (ControlFlow::Continue(()), WaitOutcome::Ready),
            (ControlFlow::Break(()), WaitOutcome::Interrupted),
        ] {
            for deadline in [None, Some(Deadline::after(LONG))] {
                let join: Wait<'_> = &|s| thread.join_with(deadline, s).unwrap() == outcome;
                assert!(forked_in_a_wait(join, || (), flow), "{thread:?} {flow:?} {deadline:?}");
            }
        }
    }
    gate.set();
    LET_GO.store(true, Relaxed);
    println!("ok");
}
