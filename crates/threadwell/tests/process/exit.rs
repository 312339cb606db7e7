//! The end of a process, its main thread, and what belongs to all of its threads.

#![expect(unsafe_code, reason = "thread-specific data of the C library")]

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use threadwell::{
    Event, Thread, ThreadState, Timer, active_count, current_thread, enumerate, main_thread,
    set_stack_size, shutdown, stack_size,
};

use crate::common::until;
use crate::harness::LONG;

/// Ends when the main thread has ended, so certainly after `main` has returned.
pub(super) fn prints_done_after_main() {
    Thread::builder()
        .daemon(false)
        .spawn(|| {
            main_thread().join().unwrap();
            println!("done");
        })
        .unwrap();
}

pub(super) fn main_waits_for_non_daemon_threads() {
    prints_done_after_main();
}

pub(super) fn exit_waits_for_non_daemon_threads() {
    prints_done_after_main();
    std::process::exit(3);
}

pub(super) fn exit_waits_for_threads_that_are_started_meanwhile() {
    fn chain(left: u32) {
        main_thread().join().unwrap();
        match left {
            0 => println!("done"),
            left => {
                print!("{left}");
                Thread::spawn(move || chain(left - 1)).unwrap();
            }
        }
    }
    Thread::spawn(|| chain(3)).unwrap();
}

pub(super) fn daemon_threads_end_with_the_process() {
    let never = Arc::new(Event::new());
    let never_too = Arc::clone(&never);
    let thread = Thread::builder().daemon(true).spawn(move || never_too.wait()).unwrap();
    // A thread that is waited for makes the process wait, but not for the daemon.
    let watcher = Thread::spawn(move || assert!(thread.is_alive())).unwrap();
    watcher.join().unwrap();
    println!("main");
}

pub(super) fn a_daemons_child_is_a_daemon() {
    let daemon = Thread::builder().daemon(true).spawn(|| {
        let never = Event::new();
        let child = Thread::spawn(move || never.wait()).unwrap();
        assert!(child.is_daemon() && child.is_alive());
    });
    daemon.unwrap().join().unwrap();
    println!("main");
}

pub(super) fn a_non_daemon_started_by_a_daemon_is_waited_for() {
    let started = Arc::new(Event::new());
    let started_too = Arc::clone(&started);
    let daemon = Thread::builder().daemon(true).spawn(move || {
        prints_done_after_main();
        started_too.set();
        // The daemon itself has no end, and nobody waits for it.
        Event::new().wait();
    });
    started.wait();
    assert!(daemon.unwrap().is_alive());
}

pub(super) fn a_pending_timer_keeps_the_process() {
    Timer::new(Duration::from_millis(20), || {
        main_thread().join().unwrap();
        println!("fired");
    })
    .start()
    .unwrap();
    println!("main");
}

pub(super) fn a_daemon_timer_does_not_keep_the_process() {
    let timer = Timer::new(LONG, || ());
    timer.set_daemon(true).unwrap();
    timer.start().unwrap();
    Thread::spawn(|| ()).unwrap();
    println!("main");
}

pub(super) fn a_cancelled_timer_does_not_keep_the_process() {
    let timer = Timer::new(LONG, || ());
    timer.start().unwrap();
    let canceller = move || {
        main_thread().join().unwrap();
        assert!(timer.cancel());
    };
    Thread::spawn(canceller).unwrap();
    println!("main");
}

pub(super) fn exit_in_a_thread_that_others_join() {
    let others = Arc::new(Event::new());
    let others_too = Arc::clone(&others);
    let exiting = Thread::spawn(move || {
        others_too.wait();
        std::process::exit(5);
    })
    .unwrap();
    let handle = exiting.handle().clone();
    let joiner = Thread::spawn(move || {
        handle.join().unwrap();
        println!("joined");
    })
    .unwrap();
    until("the other joins it", || joiner.state() == ThreadState::Blocked);
    others.set();
    // The process ends before the main thread does.
    Event::new().wait();
}

pub(super) fn shutdown_waits_and_main_goes_on() {
    let started = Arc::new(Event::new());
    let started_too = Arc::clone(&started);
    let handle = main_thread();
    Thread::spawn(move || {
        started_too.set();
        until("main waits", || handle.state() == ThreadState::Blocked);
        println!("done");
    })
    .unwrap();
    started.wait();
    shutdown();
    assert_eq!(enumerate(), [current_thread()]);
    println!("main");
}

pub(super) fn a_start_that_fails_keeps_nobody_waiting() {
    // More than any address space holds.
    let builder = Thread::builder().daemon(false).stack_size(1 << 60).unwrap();
    let thread = Arc::new(builder.build(|| ()));
    let thread_too = Arc::clone(&thread);
    let starter = move || {
        loop {
            assert!(thread_too.start().is_err());
        }
    };
    Thread::builder().daemon(true).spawn(starter).unwrap();
    until("it is being started", || thread.is_alive());
    (0..100_000).for_each(|_| shutdown());
    println!("main");
}

pub(super) fn the_main_thread_is_the_first() {
    // Others may ask first.
    let (main, ident) =
        std::thread::spawn(|| (main_thread(), main_thread().ident())).join().unwrap();
    assert_eq!(ident, None);
    assert_eq!((active_count(), enumerate()), (1, vec![main.clone()]));
    assert_eq!(current_thread(), main);
    assert_eq!((&*main.name(), main.is_daemon(), main.is_foreign()), ("MainThread", false, false));
    assert_eq!(main.native_id(), Some(u64::from(std::process::id())));
    assert_eq!(main.ident(), Some(threadwell::get_ident()));
    assert!(main.join().is_err(), "it would wait for itself");

    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::spawn(move || gate_too.wait()).unwrap();
    assert!(!thread.is_daemon());
    assert_eq!(enumerate(), [main.clone(), thread.handle().clone()]);
    gate.set();
    thread.join().unwrap();
    assert_eq!(enumerate(), [main]);
    println!("ok");
}

pub(super) fn the_stack_size_follows_pythons_rules() {
    for wrong in [1, 4096, 32 * 1024 - 1] {
        let error = set_stack_size(wrong).unwrap_err();
        assert_eq!(error.to_string(), "stack size is neither 0 nor at least 32 KiB");
        assert!(Thread::builder().stack_size(wrong).is_err());
    }
    assert_eq!(stack_size(), 0);
    let mut before = 0;
    for size in [32 * 1024, 4 * 1024 * 1024, 1 << 60, 0] {
        assert_eq!(set_stack_size(size), Ok(before));
        assert_eq!(stack_size(), size);
        let absurd = size == 1 << 60;
        assert_eq!(Thread::builder().daemon(true).spawn(|| ()).is_err(), absurd);
        before = size;
    }
    println!("ok");
}

/// Something that a thread calls to have `destructor` called at its very end: the C library drops its
/// thread-specific data after all of Rust's locals.
pub(super) fn at_the_very_end(destructor: extern "C" fn(*mut c_void)) -> impl Fn() + Copy {
    let mut key = 0;
    // SAFETY: `key` is a valid place for the result, and no destructor looks at what it is given.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) }, 0);
    move || {
        let value = std::ptr::without_provenance::<c_void>(1);
        // SAFETY: the key exists, and the value is only compared with null.
        assert_eq!(unsafe { libc::pthread_setspecific(key, value) }, 0);
    }
}

pub(super) fn a_joined_thread_is_past_the_destructors_of_c() {
    static DROPPED: AtomicBool = AtomicBool::new(false);

    extern "C" fn slow(_: *mut c_void) {
        for _ in 0..100 {
            std::thread::yield_now();
        }
        DROPPED.store(true, Relaxed);
    }
    let be_slow = at_the_very_end(slow);
    for _ in 0..20 {
        DROPPED.store(false, Relaxed);
        Thread::spawn(be_slow).unwrap().join().unwrap();
        assert!(DROPPED.load(Relaxed));
    }
    println!("ok");
}
