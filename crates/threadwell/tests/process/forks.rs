//! The child of a `fork`.

#![expect(unsafe_code, reason = "forks")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use threadwell::{
    Condition, Event, Lock, Thread, ThreadHandle, ThreadState, Timer, active_count, current_thread,
    enumerate, main_thread,
};

use crate::common::until;
use crate::harness::LONG;

/// Forks; `f` runs in the child, which then ends as a forked program does. In the parent, the
/// child's exit code.
pub(super) fn in_child(tell: bool, f: impl FnOnce()) -> i32 {
    // SAFETY: what the child does with the crate is what the crate allows; of `std` it uses what no
    // other thread of the parent holds: none of the scenarios prints or spawns elsewhere meanwhile.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        begin_child(tell);
        // A panic must not reach the code of the parent.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        std::process::exit(i32::from(result.is_err()));
    }
    exit_code(child)
}

/// What a child begins with. If it hangs, a signal ends it.
pub(super) fn begin_child(tell: bool) {
    if tell {
        // SAFETY: this is the child, and it has done nothing yet.
        unsafe { threadwell::fork::after_in_child() };
    }
    // SAFETY: has no preconditions; nobody handles the signal.
    unsafe { libc::alarm(30) };
}

/// The exit code of a child, once it has ended; -1 if a signal ended it.
pub(super) fn exit_code(child: libc::pid_t) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a valid place for the result.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if waited == child {
            return if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 };
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
    }
}

pub(super) fn a_forked_child_is_alone() {
    let (lock, event, gate) =
        (Arc::new(Lock::new()), Arc::new(Event::new()), Arc::new(Event::new()));
    let held = Arc::new(Event::new());
    let holder = {
        let (lock, gate, held) = (Arc::clone(&lock), Arc::clone(&gate), Arc::clone(&held));
        Thread::spawn(move || {
            lock.acquire();
            held.set();
            gate.wait();
            lock.release().unwrap();
        })
        .unwrap()
    };
    held.wait();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let event = Arc::clone(&event);
            Thread::spawn(move || event.wait()).unwrap()
        })
        .collect();
    until("all of them wait", || {
        waiters.iter().chain([&holder]).all(|waiter| waiter.state() == ThreadState::Blocked)
    });
    let timer = Timer::new(LONG, || ());
    timer.start().unwrap();
    let main = main_thread();

    let code = in_child(true, || {
        assert_eq!(enumerate(), std::slice::from_ref(&main));
        assert_eq!((active_count(), current_thread(), main_thread()), (1, main.clone(), main));
        assert_eq!(current_thread().native_id(), Some(u64::from(std::process::id())));
        for thread in waiters.iter().chain([&holder]) {
            assert_eq!(thread.state(), ThreadState::Terminated);
            assert!(thread.join().is_err(), "there is no result");
            thread.handle().join().unwrap();
        }
        assert!(!timer.is_alive());
        timer.join().unwrap();
        // Held by a thread that is not here.
        assert!(!lock.try_acquire());
        lock.reinit();
        lock.acquire();
        lock.release().unwrap();
        // Waited for by threads that are not here.
        event.set();
        event.wait();
        println!("child");
    });
    assert_eq!(code, 0);

    // The parent's are as they were.
    assert!(timer.is_alive() && timer.cancel());
    gate.set();
    event.set();
    holder.join().unwrap();
    waiters.iter().for_each(|waiter| waiter.join().unwrap());
}

pub(super) fn a_forked_child_starts_threads_and_timers() {
    // The parent has everything going.
    let pending = Timer::new(LONG, || ());
    pending.start().unwrap();
    let finished = Thread::spawn(|| 1).unwrap();
    until("it has ended", || finished.state() == ThreadState::Terminated);

    let code = in_child(true, || {
        let started = Thread::spawn(|| 6 * 7).unwrap();
        assert_eq!(started.join().unwrap(), 42);
        // It had ended before, but its thread had not been joined: that thread is not here.
        assert_eq!(finished.join().unwrap(), 1);
        drop(finished);
        let fired = Arc::new(Event::new());
        let fired_too = Arc::clone(&fired);
        let timer = Timer::new(Duration::from_millis(1), move || fired_too.set());
        timer.start().unwrap();
        timer.join().unwrap();
        assert!(fired.is_set());
        // The child's exit waits, as the parent's does.
        Thread::spawn(|| {
            main_thread().join().unwrap();
            println!("child");
        })
        .unwrap();
    });
    assert_eq!(code, 0);
    assert!(pending.cancel());
}

pub(super) fn a_child_of_a_dummy_thread_is_main() {
    let code = std::thread::spawn(|| {
        let me = current_thread();
        assert!(me.is_foreign());
        in_child(true, || {
            assert_eq!((current_thread(), main_thread()), (me.clone(), me.clone()));
            assert_eq!(
                (&*me.name(), me.is_foreign(), me.is_daemon()),
                ("MainThread", false, false)
            );
            assert!(!Thread::new(|| ()).is_daemon());
            println!("child");
        })
    });
    assert_eq!(code.join().unwrap(), 0);
}

pub(super) fn a_child_counts_no_waiters_of_its_parent() {
    static LOCK: Lock = Lock::new();
    static CONDITION: Condition = Condition::new();
    let wait = || {
        LOCK.acquire();
        CONDITION.wait(&LOCK).unwrap();
        LOCK.release().unwrap();
    };
    let waiters: Vec<_> = (0..2).map(|_| Thread::spawn(wait).unwrap()).collect();
    until("both wait", || CONDITION.waiting() == 2);
    let code = in_child(true, || {
        assert_eq!(CONDITION.waiting(), 0);
        let own = Thread::spawn(wait).unwrap();
        until("it waits", || CONDITION.waiting() == 1);
        // One notification, and it is not for those that are not here.
        LOCK.acquire();
        CONDITION.notify(&LOCK, 1).unwrap();
        assert_eq!(CONDITION.waiting(), 0);
        LOCK.release().unwrap();
        own.join().unwrap();
        println!("child");
    });
    assert_eq!(code, 0);
    LOCK.acquire();
    CONDITION.notify_all(&LOCK).unwrap();
    LOCK.release().unwrap();
    waiters.iter().for_each(|waiter| waiter.join().unwrap());
}

pub(super) fn a_child_that_knows_nothing_of_its_fork_exits() {
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::spawn(move || gate_too.wait()).unwrap();
    until("it waits", || thread.state() == ThreadState::Blocked);
    // Nobody has called `after_in_child`: it must not wait for a thread that is not there.
    assert_eq!(in_child(false, || ()), 0);
    gate.set();
    println!("ok");
}

pub(super) fn a_childs_driver_does_not_fire_the_parents_timers() {
    let fired = Arc::new(Event::new());
    let fired_too = Arc::clone(&fired);
    let parents = Timer::new(Duration::from_millis(40), move || fired_too.set());
    parents.start().unwrap();
    let code = in_child(true, || {
        // It would come first.
        let own = Timer::new(Duration::from_millis(80), || ());
        own.start().unwrap();
        own.join().unwrap();
        assert!(!fired.is_set() && !parents.is_alive());
        println!("child");
    });
    assert_eq!(code, 0);
    parents.join().unwrap();
    assert!(fired.is_set());
}

pub(super) fn fork_while_others_use_everything() {
    fork_while_busy(100, true, |main, busy, timers| {
        assert_eq!(enumerate(), std::slice::from_ref(main));
        assert!(busy.iter().all(|thread| !thread.is_alive()));
        assert!(timers.iter().all(|timer| !timer.is_alive() && timer.join().is_ok()));
        assert_eq!(Thread::spawn(|| 7).unwrap().join().unwrap(), 7);
        let timer = Timer::new(Duration::ZERO, || ());
        timer.start().unwrap();
        timer.join().unwrap();
    });
}

pub(super) fn children_that_know_nothing_of_their_fork_exit_while_others_use_everything() {
    fork_while_busy(300, false, |_, _, _| ());
}

pub(super) fn a_child_that_knows_nothing_of_its_fork_uses_locks_threads_and_timers() {
    static LOCK: Lock = Lock::new();
    static EVENT: Event = Event::new();
    fork_while_busy(100, false, |_, busy, timers| {
        assert!(busy.iter().all(|thread| !thread.is_alive() && thread.handle().join().is_ok()));
        assert!(timers.iter().all(|timer| !timer.is_alive() && timer.join().is_ok()));
        LOCK.acquire();
        let other = Thread::spawn(|| {
            LOCK.acquire();
            LOCK.release().unwrap();
            EVENT.wait();
        });
        LOCK.release().unwrap();
        EVENT.set();
        other.unwrap().join().unwrap();
        let timer = Timer::new(Duration::ZERO, || ());
        timer.start().unwrap();
        timer.join().unwrap();
        let started = Thread::spawn(|| ()).unwrap();
        // It waits for that one, and not for those of the parent.
        threadwell::shutdown();
        assert!(!started.is_alive());
    });
}

/// Forks `times` times while other threads use the registry and the timers; `f` runs in the child.
fn fork_while_busy(times: usize, tell: bool, f: impl Fn(&ThreadHandle, &[Thread<()>], &[Timer])) {
    let stop = Arc::new(AtomicBool::new(false));
    // So many that whoever lists the threads has the registry locked for most of the time.
    let timers: Vec<_> = (0..300).map(|_| Timer::new(LONG, || ())).collect();
    timers.iter().for_each(|timer| timer.start().unwrap());
    let busy: Vec<_> = [enumerate_again_and_again as fn(), start_and_cancel]
        .into_iter()
        .map(|work| {
            let stop = Arc::clone(&stop);
            Thread::spawn(move || {
                while !stop.load(Relaxed) {
                    work();
                }
            })
            .unwrap()
        })
        .collect();
    let main = main_thread();
    for _ in 0..times {
        assert_eq!(in_child(tell, || f(&main, &busy, &timers)), 0);
    }
    stop.store(true, Relaxed);
    busy.iter().for_each(|thread| thread.join().unwrap());
    assert!(timers.iter().all(Timer::cancel));
    println!("ok");
}

fn enumerate_again_and_again() {
    drop(enumerate());
}

fn start_and_cancel() {
    let timer = Timer::new(LONG, || ());
    timer.start().unwrap();
    current_thread().set_name("busy");
    timer.cancel();
}
