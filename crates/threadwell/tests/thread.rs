//! Threads: life, result, name, registry, hooks. What happens at the end of a process is in
//! `process/`.

#![cfg(not(threadwell_loom))]

mod common;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::{time_limit, until};
use threadwell::{
    Deadline, Event, ExceptHookArgs, JoinError, Lock, StartError, Thread, ThreadState,
    active_count, current_thread, enumerate, get_ident, get_native_id, main_thread,
    reset_excepthook, resume, set_excepthook, set_os_name,
};

const LONG: Duration = Duration::from_secs(3600);

/// Runs a thread, with an excepthook of this test's own meanwhile.
fn with_hook(hook: impl Fn(&ExceptHookArgs<'_>) + Send + Sync + 'static, test: impl FnOnce()) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    struct Reset<'a>(#[expect(dead_code, reason = "held")] MutexGuard<'a, ()>);
    impl Drop for Reset<'_> {
        fn drop(&mut self) {
            reset_excepthook();
        }
    }
    let _reset = Reset(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
    set_excepthook(hook);
    test();
}

#[test]
fn a_thread_runs_when_it_is_started_and_not_before() {
    let _limit = time_limit();
    let ran = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ran);
    let thread = Thread::new(move || flag.store(true, Relaxed));
    assert_eq!(thread.state(), ThreadState::New);
    assert!(!thread.is_alive());
    assert!(!enumerate().contains(&thread));
    assert_eq!((thread.ident(), thread.native_id(), thread.id()), (None, None, None));
    // The function is where it was: whoever else holds `ran` is the thread that has not run.
    assert!(!ran.load(Relaxed) && Arc::strong_count(&ran) == 2);
    thread.start().unwrap();
    thread.join().unwrap();
    assert!(ran.load(Relaxed));
}

#[test]
fn a_thread_goes_through_its_states() {
    let _limit = time_limit();
    let (gate, spin) = (Arc::new(Event::new()), Arc::new(AtomicBool::new(true)));
    let (gate_too, spin_too) = (Arc::clone(&gate), Arc::clone(&spin));
    let thread = Thread::new(move || {
        while spin_too.load(Relaxed) {
            std::thread::yield_now();
        }
        gate_too.wait();
    });
    assert_eq!(thread.state(), ThreadState::New);
    thread.start().unwrap();
    until("it runs", || thread.state() == ThreadState::Running);
    assert!(thread.is_alive());
    spin.store(false, Relaxed);
    until("it is blocked", || thread.state() == ThreadState::Blocked);
    assert!(thread.is_alive());
    gate.set();
    thread.join().unwrap();
    assert_eq!(thread.state(), ThreadState::Terminated);
    assert!(!thread.is_alive());
}

#[test]
fn a_thread_that_runs_sees_itself_run() {
    let _limit = time_limit();
    // Before its starter comes to anything else, in some of them.
    for _ in 0..if cfg!(miri) { 5 } else { 500 } {
        let threads = [(); 4].map(|()| Thread::spawn(|| current_thread().state()).unwrap());
        for thread in threads {
            assert_eq!(thread.join().unwrap(), ThreadState::Running);
        }
    }
}

#[test]
fn a_thread_that_joins_or_locks_is_blocked() {
    let _limit = time_limit();
    let lock = Arc::new(Lock::new());
    lock.acquire();
    let lock_too = Arc::clone(&lock);
    let holder = Thread::spawn(move || lock_too.acquire()).unwrap();
    let handle = holder.handle().clone();
    let joiner = Thread::spawn(move || handle.join().unwrap()).unwrap();
    until("both are blocked", || {
        holder.state() == ThreadState::Blocked && joiner.state() == ThreadState::Blocked
    });
    lock.release().unwrap();
    joiner.join().unwrap();
}

#[test]
fn join_gives_the_result_once() {
    let _limit = time_limit();
    let thread = Thread::spawn(|| vec![1, 2, 3]).unwrap();
    assert_eq!(thread.join().unwrap(), [1, 2, 3]);
    assert!(matches!(thread.join(), Err(JoinError::NoResult)));
    // The handle knows nothing of results.
    thread.handle().join().unwrap();
}

#[test]
fn join_with_a_deadline_gives_up_and_can_be_repeated() {
    let _limit = time_limit();
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::spawn(move || {
        gate_too.wait();
        7
    })
    .unwrap();
    assert!(thread.join_until(Deadline::now()).unwrap().is_none());
    assert!(thread.join_timeout(Duration::from_millis(5)).unwrap().is_none());
    assert!(!thread.handle().join_timeout(Duration::ZERO).unwrap());
    gate.set();
    assert_eq!(thread.join_timeout(LONG).unwrap(), Some(7));
    assert!(thread.handle().join_until(Deadline::now()).unwrap());
}

#[test]
fn any_number_of_threads_can_join_one() {
    let _limit = time_limit();
    let gate = Arc::new(Event::new());
    let gate_too = Arc::clone(&gate);
    let thread = Thread::spawn(move || gate_too.wait()).unwrap();
    let joiners: Vec<_> = (0..8)
        .map(|_| {
            let handle = thread.handle().clone();
            Thread::spawn(move || handle.join().is_ok() && !handle.is_alive()).unwrap()
        })
        .collect();
    until("all of them wait", || {
        joiners.iter().all(|joiner| joiner.state() == ThreadState::Blocked)
    });
    gate.set();
    assert!(joiners.iter().all(|joiner| joiner.join().unwrap()));
}

#[test]
fn joins_that_could_not_end_are_errors() {
    let _limit = time_limit();
    let error = Thread::new(|| ()).join().unwrap_err();
    assert!(matches!(error, JoinError::NotStarted));
    assert_eq!(error.to_string(), "cannot join a thread before it is started");

    let error = Thread::spawn(|| current_thread().join()).unwrap().join().unwrap().unwrap_err();
    assert!(matches!(error, JoinError::Current));
    assert_eq!(error.to_string(), "cannot join the current thread");

    let (handle, ended) = (std::thread::spawn(current_thread).join().unwrap(), Event::new());
    let error = handle.join().unwrap_err();
    assert!(matches!(error, JoinError::Foreign) && !ended.is_set());
}

#[test]
fn a_thread_is_started_once() {
    let _limit = time_limit();
    let runs = Arc::new(AtomicUsize::new(0));
    let runs_too = Arc::clone(&runs);
    let thread = Thread::new(move || runs_too.fetch_add(1, Relaxed));
    thread.start().unwrap();
    let error = thread.start().unwrap_err();
    assert!(matches!(error, StartError::AlreadyStarted));
    assert_eq!(error.to_string(), "threads can only be started once");
    thread.join().unwrap();
    assert!(matches!(thread.start(), Err(StartError::AlreadyStarted)));
    assert_eq!(runs.load(Relaxed), 1);
}

#[test]
fn of_many_who_start_a_thread_one_succeeds() {
    let _limit = time_limit();
    for _ in 0..if cfg!(miri) { 3 } else { 50 } {
        let thread = Thread::new(|| ());
        let started = std::thread::scope(|scope| {
            let starters = [(); 4].map(|()| scope.spawn(|| thread.start().is_ok()));
            starters.map(|starter| usize::from(starter.join().unwrap()))
        });
        assert_eq!(started.iter().sum::<usize>(), 1);
        thread.join().unwrap();
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri's threads always start")]
fn a_failed_start_leaves_nothing_behind() {
    let _limit = time_limit();
    // More than any address space holds.
    let builder = Thread::builder().daemon(false).stack_size(1 << 60).unwrap();
    let held = Arc::new(());
    let held_too = Arc::clone(&held);
    let thread = builder.build(move || drop(held_too));
    for _ in 0..2 {
        let error = thread.start().unwrap_err();
        assert!(matches!(error, StartError::Os(_)), "{error}");
        assert!(error.to_string().starts_with("cannot start a new thread: "));
        assert!(!thread.is_alive());
        assert_eq!(thread.state(), ThreadState::New);
        assert!(!enumerate().contains(&thread));
        assert!(matches!(thread.join(), Err(JoinError::NotStarted)));
    }
    assert_eq!(Arc::strong_count(&held), 2);
    drop(thread);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
#[cfg_attr(miri, ignore = "Miri's threads always start")]
fn a_join_ends_with_the_start_that_it_counted_on() {
    let _limit = time_limit();
    let thread = Thread::builder().stack_size(1 << 60).unwrap().build(|| ());
    let joins = AtomicUsize::new(0);
    let more = || joins.load(Relaxed) < 500;
    // Each is joined: ThreadSanitizer does not see the end of the scope, which is `std`'s own.
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| {
            while more() {
                assert!(matches!(thread.start(), Err(StartError::Os(_))));
            }
        });
        let joiners = [None, Some(Deadline::after(LONG))].map(|deadline| {
            let (thread, joins) = (&thread, &joins);
            scope.spawn(move || {
                while more() {
                    if thread.is_alive() {
                        let joined = thread.handle().join_with(deadline, &mut resume);
                        assert!(matches!(joined, Err(JoinError::NotStarted)), "{joined:?}");
                        joins.fetch_add(1, Relaxed);
                    }
                }
            })
        });
        starter.join().unwrap();
        for joiner in joiners {
            joiner.join().unwrap();
        }
    });
}

fn work() {}

#[test]
fn threads_have_names() {
    let _limit = time_limit();
    let named = Thread::builder().name("worker").build(|| current_thread().name());
    assert_eq!(named.name(), "worker");
    named.start().unwrap();
    assert_eq!(named.join().unwrap(), "worker");

    let number = |name: &str| name.strip_prefix("Thread-").unwrap().parse::<usize>().unwrap();
    let (one, two) = (Thread::new(|| ()).name(), Thread::new(|| ()).name());
    assert!(number(&one) < number(&two));
    assert!(Thread::new(work).name().ends_with(" (work)"));

    two_threads_may_share_a_name();
}

fn two_threads_may_share_a_name() {
    let twins = [(); 2].map(|()| Thread::builder().name("twin").build(|| ()));
    assert_ne!(twins[0].handle(), twins[1].handle());
    assert_eq!(twins[0].name(), twins[1].name());
    twins[0].set_name("other");
    assert_eq!((&*twins[0].name(), &*twins[1].name()), ("other", "twin"));
}

#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri has no /proc")]
fn the_system_knows_the_names() {
    let _limit = time_limit();
    let system_name = || {
        let path = format!("/proc/self/task/{}/comm", get_native_id());
        std::fs::read_to_string(path).unwrap().trim_end().to_owned()
    };
    let thread = Thread::builder().name("a name longer than fifteen").spawn(move || {
        let before = system_name();
        current_thread().set_name("shorter");
        (before, system_name())
    });
    let (before, after) = thread.unwrap().join().unwrap();
    assert_eq!(before, "a name longer t");
    assert_eq!(after, "shorter");
    // Cut between characters: the eighth é would end at the sixteenth byte.
    let foreign = std::thread::spawn(move || {
        set_os_name("éééééééé");
        system_name()
    });
    assert_eq!(foreign.join().unwrap(), "ééééééé");
    // The system's names end at a zero byte. That is no reason to fail.
    let thread = Thread::builder().name("zero\0byte").spawn(|| current_thread().name()).unwrap();
    assert_eq!(thread.join().unwrap(), "zero\0byte");
}

#[test]
fn the_daemon_flag_is_inherited_and_fixed_at_the_start() {
    let _limit = time_limit();
    for daemon in [false, true] {
        let child =
            Thread::builder().daemon(daemon).spawn(|| Thread::new(|| ()).is_daemon()).unwrap();
        assert_eq!(child.is_daemon(), daemon);
        assert_eq!(child.join().unwrap(), daemon);
    }
    let thread = Thread::builder().daemon(false).build(|| ());
    thread.set_daemon(true).unwrap();
    assert!(thread.is_daemon());
    thread.start().unwrap();
    let error = thread.set_daemon(false).unwrap_err();
    assert_eq!(error.to_string(), "the thread has been started already");
    assert!(thread.is_daemon());
    thread.join().unwrap();
    assert!(thread.set_daemon(false).is_err());
}

#[test]
fn a_thread_has_the_identifiers_that_it_sees_itself() {
    let _limit = time_limit();
    let thread = Thread::spawn(|| (get_ident(), get_native_id())).unwrap();
    // Known from the start on, and still when it has ended.
    let seen = (thread.ident().unwrap(), thread.native_id().unwrap());
    assert_eq!(thread.join().unwrap(), seen);
    assert_eq!((thread.ident().unwrap(), thread.native_id().unwrap()), seen);
    assert_ne!(seen.0, get_ident());
    assert_ne!(seen.1, get_native_id());
    assert_eq!(current_thread().ident(), Some(get_ident()));
}

#[test]
fn the_registry_knows_who_is_alive() {
    let _limit = time_limit();
    let gate = Arc::new(Event::new());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let gate = Arc::clone(&gate);
            Thread::spawn(move || gate.wait()).unwrap()
        })
        .collect();
    let all = enumerate();
    assert!(threads.iter().all(|thread| all.contains(thread)));
    assert!(active_count() >= 4);
    let positions = threads.iter().map(|thread| all.iter().position(|it| it == thread.handle()));
    assert!(positions.is_sorted(), "in the order in which they were created");
    gate.set();
    for thread in &threads {
        thread.join().unwrap();
        assert!(!enumerate().contains(thread));
    }
}

#[test]
fn the_main_thread_is_known_from_everywhere() {
    let _limit = time_limit();
    let main = main_thread();
    assert_eq!(main.name(), "MainThread");
    assert!(main.is_alive() && !main.is_daemon() && !main.is_foreign());
    assert!(enumerate().contains(&main));
    assert_ne!(main, current_thread());
}

#[test]
fn a_thread_started_elsewhere_is_a_dummy_until_it_ends() {
    let _limit = time_limit();
    let dummy = std::thread::Builder::new().name("theirs".to_owned()).spawn(|| {
        let me = current_thread();
        assert_eq!(me, current_thread());
        assert!(me.is_foreign() && me.is_daemon() && me.is_alive() && me.is_current());
        assert!(enumerate().contains(&me));
        assert_eq!(me.ident(), Some(get_ident()));
        assert!(Thread::new(|| ()).is_daemon());
        me
    });
    let dummy = dummy.unwrap().join().unwrap();
    assert_eq!(dummy.name(), "theirs");
    assert!(!dummy.is_alive());
    assert!(!enumerate().contains(&dummy));

    let nameless = std::thread::spawn(|| current_thread().name()).join().unwrap();
    assert!(nameless.starts_with("Dummy-"), "{nameless}");
}

#[test]
fn a_panic_reaches_the_excepthook_and_then_the_joiner() {
    let _limit = time_limit();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_too = Arc::clone(&seen);
    let hook = move |args: &ExceptHookArgs<'_>| {
        assert!(args.thread().is_current() && args.thread().is_alive());
        let number = args.payload().downcast_ref::<i32>().copied();
        let location =
            args.location().map(|location| (location.file().to_owned(), location.line()));
        let message = args.message().map(str::to_owned);
        seen_too.lock().unwrap().push((args.thread().name(), number, message, location));
    };
    with_hook(hook, || {
        let thread = Thread::builder()
            .name("a")
            .spawn(|| panic!("{} no", std::hint::black_box("oh")))
            .unwrap();
        let error = thread.join().unwrap_err();
        assert_eq!(error.to_string(), "the thread panicked: oh no");
        assert!(matches!(error, JoinError::Panicked(payload) if payload.is::<String>()));
        assert!(!thread.is_alive());

        let line = line!() + 1;
        let thread = Thread::builder().name("b").spawn(|| std::panic::panic_any(7)).unwrap();
        let Err(JoinError::Panicked(payload)) = thread.join() else { panic!("no payload") };
        assert_eq!(payload.downcast_ref(), Some(&7));

        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!((&*seen[0].0, seen[0].1, seen[0].2.as_deref()), ("a", None, Some("oh no")));
        assert_eq!((&*seen[1].0, seen[1].1, seen[1].2.as_deref()), ("b", Some(7), None));
        assert_eq!(seen[1].3, Some((file!().to_owned(), line)));
    });
}

#[test]
fn a_panic_that_is_caught_is_nobodys_business() {
    let _limit = time_limit();
    let calls = Arc::new(AtomicUsize::new(0));
    let calls_too = Arc::clone(&calls);
    let hook = move |_: &ExceptHookArgs<'_>| {
        calls_too.fetch_add(1, Relaxed);
    };
    with_hook(hook, || {
        let catching = || std::panic::catch_unwind(|| panic!("caught")).is_err();
        assert!(Thread::spawn(catching).unwrap().join().unwrap());
        assert_eq!(calls.load(Relaxed), 0);
    });
}

#[test]
fn a_result_that_panics_when_it_is_dropped_is_reported_too() {
    let _limit = time_limit();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (reported, gate) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (reported_too, gate_too) = (Arc::clone(&reported), Arc::clone(&gate));
    let hook = move |args: &ExceptHookArgs<'_>| {
        assert_eq!(args.message(), Some("dropped"));
        reported_too.set();
    };
    with_hook(hook, || {
        let thread = Thread::spawn(move || {
            gate_too.wait();
            Bomb
        })
        .unwrap();
        let handle = thread.handle().clone();
        drop(thread);
        gate.set();
        handle.join().unwrap();
        assert!(reported.is_set());
    });
}

#[test]
fn a_thread_gets_the_stack_that_it_asks_for() {
    let _limit = time_limit();
    /// Uses at least a kibibyte a call.
    fn descend(depth: usize) -> u8 {
        let frame = std::hint::black_box([1_u8; 1024]);
        if depth == 0 { frame[0] } else { descend(depth - 1).max(std::hint::black_box(frame)[9]) }
    }
    // Four mebibytes at least; the default is two.
    let builder = Thread::builder().stack_size(64 * 1024 * 1024).unwrap();
    assert_eq!(
        builder.spawn(|| descend(if cfg!(miri) { 16 } else { 4 * 1024 })).unwrap().join().unwrap(),
        1
    );
}

#[test]
fn a_joined_thread_has_dropped_its_locals_and_is_gone() {
    let _limit = time_limit();
    struct Slow(Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            std::thread::yield_now();
            self.0.store(true, Relaxed);
        }
    }
    thread_local! {
        static SLOW: Cell<Option<Slow>> = const { Cell::new(None) };
    }
    for _ in 0..if cfg!(miri) { 3 } else { 100 } {
        let dropped = Arc::new(AtomicBool::new(false));
        let slow = Slow(Arc::clone(&dropped));
        let thread = Thread::spawn(move || SLOW.set(Some(slow))).unwrap();
        thread.join().unwrap();
        assert!(dropped.load(Relaxed));
        #[cfg(all(target_os = "linux", not(miri)))]
        {
            let task = format!("/proc/self/task/{}", thread.native_id().unwrap());
            until("the kernel has forgotten it", || !std::fs::exists(&task).unwrap());
        }
    }
}

#[test]
fn a_thread_can_ask_who_it_is_while_its_locals_are_dropped() {
    let _limit = time_limit();
    struct Asks(Arc<Mutex<Option<String>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(current_thread().name());
        }
    }
    thread_local! {
        static ASKS: Cell<Option<Asks>> = const { Cell::new(None) };
    }
    let name = Arc::new(Mutex::new(None));
    let asks = Asks(Arc::clone(&name));
    let thread = Thread::builder().name("asker").spawn(|| ASKS.set(Some(asks))).unwrap();
    thread.join().unwrap();
    assert_eq!(name.lock().unwrap().as_deref(), Some("asker"));
}
