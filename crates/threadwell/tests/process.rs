//! What depends on a whole process: its main thread, its end, its forks and its limits.
//!
//! Each scenario runs in a process of its own, in that process' main thread: this program again, with
//! the scenario's name in the environment. The process that starts it looks at what it printed and
//! how it ended.

#![expect(unsafe_code, reason = "forks, limits and signals are calls of libc")]

use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use threadwell::{
    Event, Lock, StartError, Thread, ThreadState, Timer, TimerQueue, active_count, current_thread,
    enumerate, main_thread, set_excepthook, set_stack_size, shutdown, stack_size,
};

const SCENARIO: &str = "THREADWELL_SCENARIO";
const LIMIT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(3600);

/// How a process ended.
struct Ended {
    /// `None`: by a signal.
    code: Option<i32>,
    out: String,
    err: String,
}

struct Scenario {
    name: &'static str,
    /// In a process of its own; its return is the return of `main`.
    run: fn(),
    check: fn(&Ended),
}

macro_rules! scenarios {
    ($($name:ident => $check:expr;)*) => {
        const SCENARIOS: &[Scenario] =
            &[$(Scenario { name: stringify!($name), run: $name, check: $check }),*];
    };
}

scenarios! {
    main_waits_for_non_daemon_threads => |ended| ended.well("done\n");
    exit_waits_for_non_daemon_threads => |ended| ended.with(3, "done\n");
    exit_waits_for_threads_that_are_started_meanwhile => |ended| ended.well("321done\n");
    daemon_threads_end_with_the_process => |ended| ended.well("main\n");
    a_daemons_child_is_a_daemon => |ended| ended.well("main\n");
    a_pending_timer_keeps_the_process => |ended| ended.well("main\nfired\n");
    a_daemon_timer_does_not_keep_the_process => |ended| ended.well("main\n");
    a_cancelled_timer_does_not_keep_the_process => |ended| ended.well("main\n");
    exit_in_a_thread_that_others_join => |ended| ended.with(5, "joined\n");
    shutdown_waits_and_main_goes_on => |ended| ended.well("done\nmain\n");
    the_main_thread_is_the_first => |ended| ended.well("ok\n");
    the_stack_size_follows_pythons_rules => |ended| ended.well("ok\n");
    a_panic_is_printed_as_python_does => default_excepthook_printed;
    a_hook_that_panics_loses_nothing => both_panics_printed;
    a_caught_panic_is_not_printed => |ended| { ended.well("ok\n"); assert_eq!(ended.err, ""); };
    other_threads_keep_the_panic_hook => the_hook_printed;
    a_panic_while_unwinding_loses_nothing => both_halves_printed;
    no_memory_for_a_thread => |ended| ended.well("ok\n");
    no_memory_for_a_timer => |ended| ended.well("ok\n");
    a_timer_without_a_thread_is_late_and_not_lost => |ended| ended.well("ok\n");
    thousand_timers_add_one_thread => |ended| ended.well("ok\n");
    pending_timers_are_small => |ended| ended.well("ok\n");
    the_timers_thread_ends_when_idle => |ended| ended.well("ok\n");
    a_forked_child_is_alone => |ended| ended.well("child\n");
    a_forked_child_starts_threads_and_timers => |ended| ended.well("child\n");
    a_child_of_a_dummy_thread_is_main => |ended| ended.well("child\n");
    a_child_that_knows_nothing_of_its_fork_exits => |ended| ended.well("ok\n");
    fork_while_others_use_everything => |ended| ended.well("ok\n");
    a_signal_can_end_a_join_and_a_drivers_wait => |ended| ended.well("ok\n");
}

impl Ended {
    fn well(&self, out: &str) {
        self.with(0, out);
    }

    fn with(&self, code: i32, out: &str) {
        assert_eq!((self.code, &*self.out), (Some(code), out), "stderr: {}", self.err);
    }
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(SCENARIO) {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
        (scenario.expect("the parent names one that exists").run)();
        return ExitCode::SUCCESS;
    }
    // As much of the usual harness' interface as `cargo test NAME` and nextest use.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let selected = SCENARIOS.iter().filter(|scenario| {
        let fits = |filter: &&&String| match has("--exact") {
            true => ***filter == scenario.name,
            false => scenario.name.contains(&***filter),
        };
        filters.is_empty() || filters.iter().any(|filter| fits(&filter))
    });
    if has("--list") {
        // Nextest asks a second time for those that are ignored: none.
        selected.filter(|_| !has("--ignored")).for_each(|it| println!("{}: test", it.name));
        return ExitCode::SUCCESS;
    }
    let failed = selected.filter(|scenario| !passes(scenario)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(scenario: &Scenario) -> bool {
    let passed = std::panic::catch_unwind(|| (scenario.check)(&run(scenario.name))).is_ok();
    println!("test {} ... {}", scenario.name, if passed { "ok" } else { "FAILED" });
    passed
}

/// Runs a scenario in a process of its own, which has to end in time.
fn run(name: &str) -> Ended {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(SCENARIO, name)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} has not ended within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let (mut out, mut err) = (String::new(), String::new());
    // What a scenario prints fits into a pipe.
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    Ended { code: status.code(), out, err }
}

/// Looks again and again until `condition` holds.
#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT / 2;
    while !condition() {
        assert!(Instant::now() < deadline, "this did not come to be: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

// ---- the end of a process ----

/// Ends when the main thread has ended, so certainly after `main` has returned.
fn prints_done_after_main() {
    Thread::builder()
        .daemon(false)
        .spawn(|| {
            main_thread().join().unwrap();
            println!("done");
        })
        .unwrap();
}

fn main_waits_for_non_daemon_threads() {
    prints_done_after_main();
}

fn exit_waits_for_non_daemon_threads() {
    prints_done_after_main();
    std::process::exit(3);
}

fn exit_waits_for_threads_that_are_started_meanwhile() {
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

fn daemon_threads_end_with_the_process() {
    let never = Arc::new(Event::new());
    let never_too = Arc::clone(&never);
    let thread = Thread::builder().daemon(true).spawn(move || never_too.wait()).unwrap();
    // A thread that is waited for makes the process wait, but not for the daemon.
    let watcher = Thread::spawn(move || assert!(thread.is_alive())).unwrap();
    watcher.join().unwrap();
    println!("main");
}

fn a_daemons_child_is_a_daemon() {
    let daemon = Thread::builder().daemon(true).spawn(|| {
        let never = Event::new();
        let child = Thread::spawn(move || never.wait()).unwrap();
        assert!(child.is_daemon() && child.is_alive());
    });
    daemon.unwrap().join().unwrap();
    println!("main");
}

fn a_pending_timer_keeps_the_process() {
    Timer::new(Duration::from_millis(20), || {
        main_thread().join().unwrap();
        println!("fired");
    })
    .start()
    .unwrap();
    println!("main");
}

fn a_daemon_timer_does_not_keep_the_process() {
    let timer = Timer::new(LONG, || ());
    timer.set_daemon(true).unwrap();
    timer.start().unwrap();
    Thread::spawn(|| ()).unwrap();
    println!("main");
}

fn a_cancelled_timer_does_not_keep_the_process() {
    let timer = Timer::new(LONG, || ());
    timer.start().unwrap();
    let canceller = move || {
        main_thread().join().unwrap();
        assert!(timer.cancel());
    };
    Thread::spawn(canceller).unwrap();
    println!("main");
}

fn exit_in_a_thread_that_others_join() {
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

fn shutdown_waits_and_main_goes_on() {
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

// ---- the main thread, and what belongs to the whole process ----

fn the_main_thread_is_the_first() {
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

fn the_stack_size_follows_pythons_rules() {
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

// ---- panics ----

fn a_panic_is_printed_as_python_does() {
    let thread = Thread::builder().name("doomed").spawn(|| panic!("oh no")).unwrap();
    assert!(thread.join().is_err());
}

fn default_excepthook_printed(ended: &Ended) {
    ended.well("");
    let mut lines = ended.err.lines();
    assert_eq!(lines.next(), Some("Exception in thread doomed:"));
    let location = lines.next().unwrap();
    assert!(location.starts_with("panicked at ") && location.contains("process.rs:"), "{location}");
    assert_eq!((lines.next(), lines.next()), (Some("oh no"), None));
}

fn a_hook_that_panics_loses_nothing() {
    set_excepthook(|_| panic!("the hook"));
    assert!(Thread::spawn(|| panic!("the thread")).unwrap().join().is_err());
}

fn both_panics_printed(ended: &Ended) {
    ended.well("");
    assert!(ended.err.contains("Exception in thread threadwell::excepthook:\n"), "{}", ended.err);
    assert!(ended.err.contains("Exception in thread Thread-1:\n"), "{}", ended.err);
    assert!(ended.err.contains("\nthe hook\n") && ended.err.contains("\nthe thread\n"));
}

fn a_caught_panic_is_not_printed() {
    let thread = Thread::spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err());
    assert!(thread.unwrap().join().unwrap());
    println!("ok");
}

fn other_threads_keep_the_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        eprintln!("hook: {:?}", info.payload().downcast_ref::<&str>());
    }));
    Thread::spawn(|| ()).unwrap().join().unwrap();
    assert!(std::thread::spawn(|| panic!("theirs")).join().is_err());
}

fn the_hook_printed(ended: &Ended) {
    ended.well("");
    assert_eq!(ended.err, "hook: Some(\"theirs\")\n");
}

fn a_panic_while_unwinding_loses_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("second");
        }
    }
    let thread = Thread::spawn(|| {
        let _bomb = Bomb;
        panic!("first");
    });
    let _: Result<(), _> = thread.unwrap().join();
}

fn both_halves_printed(ended: &Ended) {
    assert_eq!(ended.code, None, "a destructor that panics while the thread unwinds aborts");
    assert!(ended.err.contains("first") && ended.err.contains("second"), "{}", ended.err);
}

// ---- limits ----

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

fn no_memory_for_a_thread() {
    let thread = Thread::new(|| 7);
    let main = main_thread();
    let error = with_little_memory(0, || thread.start()).unwrap_err();
    assert!(matches!(error, StartError::Os(_)), "{error}");
    assert!(!thread.is_alive());
    assert_eq!(enumerate(), [main]);
    thread.start().unwrap();
    assert_eq!(thread.join().unwrap(), 7);
    println!("ok");
}

fn no_memory_for_a_timer() {
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

fn a_timer_without_a_thread_is_late_and_not_lost() {
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

fn thousand_timers_add_one_thread() {
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

fn pending_timers_are_small() {
    const TIMERS: usize = 200_000;
    let queue: TimerQueue<[u8; 8]> = TimerQueue::new();
    let before = memory(1);
    let mut random = 1_u64;
    let base = threadwell::Deadline::after(LONG);
    for n in 0..TIMERS {
        // Half of them in order, as timers with equal intervals are, and half of them in none.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let far = Duration::from_nanos(random >> 20);
        let deadline = if n % 2 == 0 { threadwell::Deadline::after(LONG) } else { base };
        let deadline = if n % 4 == 1 { threadwell::Deadline::after(LONG + far) } else { deadline };
        let _ = queue.schedule(deadline, [0; 8]);
    }
    let each = (memory(1) - before) / TIMERS;
    assert!(each <= 8 + 64, "{each} bytes for each");
    println!("ok");
}

fn the_timers_thread_ends_when_idle() {
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

// ---- forks ----

/// Forks; `f` runs in the child, which then ends as a forked program does. In the parent, the
/// child's exit code.
fn in_child(tell: bool, f: impl FnOnce()) -> i32 {
    // SAFETY: what the child does with the crate is what the crate allows; of `std` it uses what no
    // other thread of the parent holds: none of the scenarios prints or spawns elsewhere meanwhile.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        if tell {
            // SAFETY: this is the child, and it has done nothing yet.
            unsafe { threadwell::fork::after_in_child() };
        }
        // A panic must not reach the code of the parent.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        std::process::exit(i32::from(result.is_err()));
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place for the result.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 }
}

fn a_forked_child_is_alone() {
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

fn a_forked_child_starts_threads_and_timers() {
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

fn a_child_of_a_dummy_thread_is_main() {
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

fn a_child_that_knows_nothing_of_its_fork_exits() {
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    Thread::spawn(move || gate_too.wait()).unwrap();
    // Nobody has called `after_in_child`: it must not wait for a thread that is not there.
    assert_eq!(in_child(false, || ()), 0);
    gate.set();
    println!("ok");
}

fn fork_while_others_use_everything() {
    let stop = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let stop = Arc::clone(&stop);
            Thread::spawn(move || {
                while !stop.load(Relaxed) {
                    let timer = Timer::new(LONG, || ());
                    timer.start().unwrap();
                    drop((enumerate(), current_thread().name()));
                    timer.cancel();
                    current_thread().set_name("busy");
                }
            })
            .unwrap()
        })
        .collect();
    let main = main_thread();
    for _ in 0..100 {
        let code = in_child(true, || {
            assert_eq!(enumerate(), std::slice::from_ref(&main));
            assert!(busy.iter().all(|thread| !thread.is_alive()));
            assert_eq!(Thread::spawn(|| 7).unwrap().join().unwrap(), 7);
            let timer = Timer::new(Duration::ZERO, || ());
            timer.start().unwrap();
            timer.join().unwrap();
        });
        assert_eq!(code, 0);
    }
    stop.store(true, Relaxed);
    busy.iter().for_each(|thread| thread.join().unwrap());
    println!("ok");
}

// ---- signals ----

fn a_signal_can_end_a_join_and_a_drivers_wait() {
    use std::ops::ControlFlow;
    use threadwell::{Due, WaitOutcome};

    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: all zeros are a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // Without SA_RESTART, as Python does it: otherwise the kernel goes on waiting by itself.
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: the handler does nothing, and the old action is not asked for.
    let set = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);

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
        let thread = waiter.ident().unwrap() as libc::pthread_t;
        if waiter.is_alive() {
            // SAFETY: the thread is not joined yet, so its identifier is valid.
            unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        }
        !waiter.is_alive()
    });
    assert_eq!(waiter.join().unwrap(), (WaitOutcome::Interrupted, Due::Interrupted));
    assert!(calls.load(Relaxed) >= 2);
    gate.set();
    target.join().unwrap();
    println!("ok");
}
