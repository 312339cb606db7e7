//! What is printed when a thread panics.

use threadwell::{Thread, set_excepthook};

use crate::harness::Ended;

pub(super) fn a_panic_is_printed_as_python_does() {
    let thread = Thread::builder().name("doomed").spawn(|| panic!("oh no")).unwrap();
    assert!(thread.join().is_err());
}

pub(super) fn default_excepthook_printed(ended: &Ended) {
    ended.well("");
    let mut lines = ended.err.lines();
    assert_eq!(lines.next(), Some("Exception in thread doomed:"));
    let location = lines.next().unwrap();
    assert!(location.starts_with("panicked at ") && location.contains("panics.rs:"), "{location}");
    assert_eq!((lines.next(), lines.next()), (Some("oh no"), None));
}

pub(super) fn a_hook_that_panics_loses_nothing() {
    set_excepthook(|_| panic!("the hook"));
    assert!(Thread::spawn(|| panic!("the thread")).unwrap().join().is_err());
}

pub(super) fn both_panics_printed(ended: &Ended) {
    ended.well("");
    assert!(ended.err.contains("Exception in thread threadwell::excepthook:\n"), "{}", ended.err);
    assert!(ended.err.contains("Exception in thread Thread-1:\n"), "{}", ended.err);
    assert!(ended.err.contains("\nthe hook\n") && ended.err.contains("\nthe thread\n"));
}

pub(super) fn a_caught_panic_is_not_printed() {
    let thread = Thread::spawn(|| std::panic::catch_unwind(|| panic!("caught")).is_err());
    assert!(thread.unwrap().join().unwrap());
    println!("ok");
}

pub(super) fn other_threads_keep_the_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        eprintln!("hook: {:?}", info.payload().downcast_ref::<&str>());
    }));
    Thread::spawn(|| ()).unwrap().join().unwrap();
    assert!(std::thread::spawn(|| panic!("theirs")).join().is_err());
}

pub(super) fn the_hook_printed(ended: &Ended) {
    ended.well("");
    assert_eq!(ended.err, "hook: Some(\"theirs\")\n");
}

pub(super) fn a_panic_while_unwinding_loses_nothing() {
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

pub(super) fn both_halves_printed(ended: &Ended) {
    assert_eq!(ended.code, None, "a destructor that panics while the thread unwinds aborts");
    assert!(ended.err.contains("first") && ended.err.contains("second"), "{}", ended.err);
}
