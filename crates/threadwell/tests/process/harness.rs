//! Runs scenarios, each in a process of its own, and looks at how they end.

use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::common::LIMIT;
use crate::{exit, forks, forks_in_use, forks_in_waits, joins, limits, panics, signals};

const SCENARIO: &str = "THREADWELL_SCENARIO";
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// How a process ended.
pub(super) struct Ended {
    /// `None`: by a signal.
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

struct Scenario {
    name: &'static str,
    /// In a process of its own; its return is the return of `main`.
    run: fn(),
    check: fn(&Ended),
}

macro_rules! scenarios {
    ($($module:ident::$name:ident => $check:expr;)*) => {
        const SCENARIOS: &[Scenario] =
            &[$(Scenario { name: stringify!($name), run: $module::$name, check: $check }),*];
    };
}

scenarios! {
    exit::main_waits_for_non_daemon_threads => |ended| ended.well("done\n");
    exit::exit_waits_for_non_daemon_threads => |ended| ended.with(3, "done\n");
    exit::exit_waits_for_threads_that_are_started_meanwhile => |ended| ended.well("321done\n");
    exit::daemon_threads_end_with_the_process => |ended| ended.well("main\n");
    exit::a_daemons_child_is_a_daemon => |ended| ended.well("main\n");
    exit::a_non_daemon_started_by_a_daemon_is_waited_for => |ended| ended.well("done\n");
    exit::a_pending_timer_keeps_the_process => |ended| ended.well("main\nfired\n");
    exit::a_daemon_timer_does_not_keep_the_process => |ended| ended.well("main\n");
    exit::a_cancelled_timer_does_not_keep_the_process => |ended| ended.well("main\n");
    exit::exit_in_a_thread_that_others_join => |ended| ended.with(5, "joined\n");
    exit::shutdown_waits_and_main_goes_on => |ended| ended.well("done\nmain\n");
    exit::a_start_that_fails_keeps_nobody_waiting => |ended| ended.well("main\n");
    exit::a_joined_thread_is_past_the_destructors_of_c => |ended| ended.well("ok\n");
    exit::the_main_thread_is_the_first => |ended| ended.well("ok\n");
    exit::the_stack_size_follows_pythons_rules => |ended| ended.well("ok\n");
    panics::a_panic_is_printed_as_python_does => panics::default_excepthook_printed;
    panics::a_hook_that_panics_loses_nothing => panics::both_panics_printed;
    panics::a_caught_panic_is_not_printed => |ended| { ended.well("ok\n"); assert_eq!(ended.err, ""); };
    panics::other_threads_keep_the_panic_hook => panics::the_hook_printed;
    panics::a_panic_while_unwinding_loses_nothing => panics::both_halves_printed;
    limits::no_memory_for_a_thread => |ended| ended.well("ok\n");
    limits::no_memory_for_a_timer => |ended| ended.well("ok\n");
    limits::a_join_ends_with_the_start_of_a_timer_that_fails => |ended| ended.well("ok\n");
    limits::a_timer_without_a_thread_is_late_and_not_lost => |ended| ended.well("ok\n");
    limits::thousand_timers_add_one_thread => |ended| ended.well("ok\n");
    limits::pending_timers_are_small => |ended| ended.well("ok\n");
    limits::the_timers_thread_ends_when_idle => |ended| ended.well("ok\n");
    forks::a_forked_child_is_alone => |ended| ended.well("child\n");
    forks::a_forked_child_starts_threads_and_timers => |ended| ended.well("child\n");
    forks::a_child_of_a_dummy_thread_is_main => |ended| ended.well("child\n");
    forks::a_child_counts_no_waiters_of_its_parent => |ended| ended.well("child\n");
    forks::a_child_that_knows_nothing_of_its_fork_exits => |ended| ended.well("ok\n");
    forks::a_childs_driver_does_not_fire_the_parents_timers => |ended| ended.well("child\n");
    forks::fork_while_others_use_everything => |ended| ended.well("ok\n");
    forks::children_that_know_nothing_of_their_fork_exit_while_others_use_everything => |ended| ended.well("ok\n");
    forks::a_child_that_knows_nothing_of_its_fork_uses_locks_threads_and_timers => |ended| ended.well("ok\n");
    forks_in_use::a_child_of_a_busy_parent_uses_what_it_was_busy_with => |ended| ended.well("ok\n");
    forks_in_waits::a_handler_that_forks_may_end_the_childs_wait => |ended| ended.well("ok\n");
    forks_in_waits::a_fork_as_the_lock_is_let_go_of_may_end_the_childs_wait => |ended| ended.well("ok\n");
    forks_in_waits::a_wake_up_from_before_the_fork_counts_in_the_child => |ended| ended.well("ok\n");
    forks_in_waits::a_barrier_whose_action_stayed_behind_is_broken_until_reset => |ended| ended.well("child\n");
    forks_in_waits::an_action_that_forks_goes_on_in_both => |ended| ended.well("child\n");
    joins::one_joiner_waits_for_the_system_and_the_others_have_deadlines => |ended| ended.well("ok\n");
    joins::one_joiner_waits_for_the_system_and_a_signal_ends_the_others => |ended| ended.well("ok\n");
    joins::a_child_waits_for_no_thread_of_the_systems => |ended| ended.well("child\n");
    joins::a_handler_that_forks_ends_the_childs_join => |ended| ended.well("ok\n");
    signals::a_signal_can_end_a_join_and_a_drivers_wait => |ended| ended.well("ok\n");
}

impl Ended {
    pub(super) fn well(&self, out: &str) {
        self.with(0, out);
    }

    pub(super) fn with(&self, code: i32, out: &str) {
        assert_eq!((self.code, &*self.out), (Some(code), out), "stderr: {}", self.err);
    }
}

pub(super) fn main() -> ExitCode {
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
    let begin = Instant::now();
    let (passed, failed): (Vec<_>, Vec<_>) = selected.partition(|scenario| passes(scenario));
    // Without a filter, none at all is a failure.
    let well = failed.is_empty() && (!filters.is_empty() || !passed.is_empty());
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; \
         finished in {:.2}s\n",
        if well { "ok" } else { "FAILED" },
        passed.len(),
        failed.len(),
        SCENARIOS.len() - passed.len() - failed.len(),
        begin.elapsed().as_secs_f64(),
    );
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
