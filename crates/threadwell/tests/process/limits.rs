//! What is there when memory or threads are not, and how much of both is used.

#![expect(unsafe_code, reason = "limits are calls of libc")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadwell::{
    Deadline, Event, JoinError, StartError, Thread, ThreadState, Timer, TimerQueue, active_count,
    current_thread, enumerate, main_thread, set_stack_size,
};

use crate::common::until;
use crate::harness::LONG;

/// Lets the process have `more` bytes of address space beyond what it has, for as long as `f` runs.
/// Unlike a limit on the number of threads, that holds for the superuser, too.
fn with_little_memory<R>(more: usize, f: impl FnOnce() -> R) -> R {
    // Small allocations go on: from here they are served by what is free in the heap.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(96 * 1024)));
    let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `before` is a valid place for the result.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut before) }, 0);
    let little = libc::rlimit { rlim_cur: (memory(0) + more) as u64, rlim_max: before.rlim_max };
    // SAFETY: reads a valid value; what is mapped stays mapped.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const little) }, 0);
    let result = f();
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const before) }, 0);
    result
}

/// How much memory the process has, in bytes: its address space (field 0), or what is in use (1).
fn memory(field: usize) -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(field).unwrap().parse().unwrap();
    // SAFETY: takes an integer, and cannot fail for this one.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}

pub(super) fn no_memory_for_a_thread() {
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::new(move || {
        gate_too.wait();
        7
    });
    let main = main_thread();
    let error = with_little_memory(0, || thread.start()).unwrap_err();
    assert!(matches!(error, StartError::Os(_)), "{error}");
    assert!(!thread.is_alive());
    assert_eq!(enumerate(), [main]);
    thread.start().unwrap();
    let handle = thread.handle().clone();
    let joiner = Thread::spawn(move || handle.join().unwrap()).unwrap();
    until("it is joined without being busy", || joiner.state() == ThreadState::Blocked);
    gate.set();
    assert_eq!(thread.join().unwrap(), 7);
    joiner.join().unwrap();
    println!("ok");
}

pub(super) fn no_memory_for_a_timer() {
    let fired = Arc::new(Event::new());
    let fired_too = Arc::clone(&fired);
    let timer = Timer::new(Duration::ZERO, move || fired_too.set());
    let main = main_thread();
    let error = with_little_memory(0, || timer.start()).unwrap_err();
    assert!(matches!(error, StartError::Os(_)), "{error}");
    assert!(!timer.is_alive());
    assert_eq!(enumerate(), [main]);
    timer.start().unwrap();
    timer.join().unwrap();
    assert!(fired.is_set());
    println!("ok");
}

pub(super) fn a_join_ends_with_the_start_of_a_timer_that_fails() {
    static JOINS: AtomicUsize = AtomicUsize::new(0);
    static LIVES: Event = Event::new();

    let timer = Arc::new(Timer::new(Duration::ZERO, || ()));
    let timer_too = Arc::clone(&timer);
    let joiner = Thread::spawn(move || {
        // It has a stack, and a heap to allocate from.
        drop(std::hint::black_box(Box::new(current_thread())));
        LIVES.set();
        while JOINS.load(Relaxed) < 100 {
            if timer_too.is_alive() {
                assert!(matches!(timer_too.join(), Err(JoinError::NotStarted)));
                JOINS.fetch_add(1, Relaxed);
            }
        }
    });
    LIVES.wait();
    // Less than the stack of the thread that waits for the timers.
    with_little_memory(1 << 17, || {
        while JOINS.load(Relaxed) < 100 {
            assert!(matches!(timer.start(), Err(StartError::Os(_))));
        }
    });
    joiner.unwrap().join().unwrap();
    println!("ok");
}

pub(super) fn a_timer_without_a_thread_is_late_and_not_lost() {
    let fired = Arc::new(Event::new());
    let fired_too = Arc::clone(&fired);
    // There is room for the thread that waits for the timers, and for none that it starts.
    set_stack_size(1 << 30).unwrap();
    let timer = Timer::new(Duration::ZERO, move || fired_too.set());
    with_little_memory(1 << 28, || {
        timer.start().unwrap();
        // Long enough for several attempts; that they fail is checked, not how many there are.
        let deadline = Instant::now() + Duration::from_millis(120);
        while Instant::now() < deadline {
            assert!(timer.is_alive() && !fired.is_set());
            std::thread::yield_now();
        }
    });
    timer.join().unwrap();
    assert!(fired.is_set());
    println!("ok");
}

/// The names that the kernel has for the threads of this process.
fn system_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the listing and the look.
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

pub(super) fn thousand_timers_add_one_thread() {
    let before = system_threads().len();
    let timers: Vec<_> = (0..1000).map(|_| Timer::new(LONG, || ())).collect();
    timers.iter().for_each(|timer| timer.start().unwrap());
    let threads = system_threads();
    assert!(threads.len() <= before + 1, "{threads:?}");
    assert_eq!(active_count(), 1001);
    assert!(timers.iter().all(Timer::cancel));
    assert_eq!(active_count(), 1);
    println!("ok");
}

pub(super) fn pending_timers_are_small() {
    const TIMERS: usize = 200_000;
    let queue: TimerQueue<[u8; 8]> = TimerQueue::new();
    let before = memory(1);
    let mut random = 1_u64;
    let base = Deadline::after(LONG);
    for n in 0..TIMERS {
        // Half of them in order, as timers with equal intervals are, and half of them in none.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let far = Duration::from_nanos(random >> 20);
        let deadline = if n % 2 == 0 { Deadline::after(LONG) } else { base };
        let deadline = if n % 4 == 1 { Deadline::after(LONG + far) } else { deadline };
        let _ = queue.schedule(deadline, [0; 8]);
    }
    let each = (memory(1) - before) / TIMERS;
    assert!(each <= 8 + 64, "{each} bytes for each");
    println!("ok");
}

pub(super) fn the_timers_thread_ends_when_idle() {
    const NAME: &str = "threadwell-time"; // The kernel keeps 15 bytes.
    let count = || system_threads().iter().filter(|name| *name == NAME).count();
    for _ in 0..2 {
        assert_eq!(count(), 0);
        let timer = Timer::new(LONG, || ());
        timer.start().unwrap();
        until("a thread waits for the timers", || count() == 1);
        assert!(timer.cancel());
        until("it has ended", || count() == 0);
    }
    println!("ok");
}
