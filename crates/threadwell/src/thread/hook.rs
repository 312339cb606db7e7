//! What happens when a thread panics.
//!
//! Rust reports a panic when it begins (`std::panic::set_hook`), Python an exception when nothing in
//! the thread has caught it (`threading.excepthook`). Threads of this crate do as Python does: while
//! one runs, the message of a panic, and where it came from, are *kept back*. If the panic ends the
//! thread's function, the thread's excepthook gets them together with the payload; if somebody
//! catches it, nobody does.
//!
//! For that the process' panic hook is wrapped when the first thread is started. All other threads
//! go on to the hook that was there. A hook that is set after that replaces the wrapper: such a hook
//! sees the panics of all threads, and the excepthook is still called, without a location.
//!
//! A panic that begins while one is kept back is often the second half of an abort (a destructor
//! that panics while the thread unwinds): the first is printed at that point, so that nothing is
//! lost. With `panic = "abort"` nothing is kept back.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Arc;

use super::handle::ThreadHandle;
use crate::park::ForkMutex;

/// A function that is called when a thread has panicked.
type ExceptHook = Arc<dyn Fn(&ExceptHookArgs<'_>) + Send + Sync>;

static HOOK: ForkMutex<Option<ExceptHook>> = ForkMutex::new(None);
static INSTALLED: ForkMutex<bool> = ForkMutex::new(false);

thread_local! {
    /// Whether panics of this thread are kept back.
    static KEEPS: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// A panic that has begun.
struct Kept {
    message: Option<String>,
    location: Option<PanicLocation>,
    backtrace: Backtrace,
}

/// Where in the source a panic began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PanicLocation {
    file: String,
    line: u32,
    column: u32,
}

impl PanicLocation {
    /// The source file, as the compiler was given it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, counted from 1.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl fmt::Display for PanicLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What an excepthook is told. `threading.ExceptHookArgs`.
#[derive(Debug)]
pub struct ExceptHookArgs<'a> {
    thread: &'a ThreadHandle,
    payload: &'a (dyn Any + Send),
    location: Option<&'a PanicLocation>,
    backtrace: Option<&'a Backtrace>,
}

impl<'a> ExceptHookArgs<'a> {
    /// The thread that panicked. It is still alive.
    #[must_use]
    pub fn thread(&self) -> &'a ThreadHandle {
        self.thread
    }

    /// What it panicked with; whoever joins the thread gets it afterwards.
    #[must_use]
    pub fn payload(&self) -> &'a (dyn Any + Send) {
        self.payload
    }

    /// The payload, if it is a text, as that of `panic!` is.
    #[must_use]
    pub fn message(&self) -> Option<&'a str> {
        message_of(self.payload)
    }

    /// Where it panicked, unless the process' panic hook was replaced since.
    #[must_use]
    pub fn location(&self) -> Option<&'a PanicLocation> {
        self.location
    }

    /// The calls that led there, if `RUST_BACKTRACE` asks for them.
    #[must_use]
    pub fn backtrace(&self) -> Option<&'a Backtrace> {
        self.backtrace.filter(|backtrace| backtrace.status() == BacktraceStatus::Captured)
    }
}

/// Sets what is called, in the thread, when a thread has panicked and nothing has caught it.
/// `threading.excepthook`.
///
/// A hook that itself panics is reported by the default one, and so is the panic that it was called
/// for.
///
/// # Examples
///
/// ```
/// use threadwell::{Lock, Thread, set_excepthook};
///
/// set_excepthook(|args| {
///     assert_eq!(args.thread().name(), "doomed");
///     assert_eq!(args.message(), Some("oh no"));
/// });
/// let thread = Thread::builder().name("doomed").spawn(|| panic!("oh no"))?;
/// assert!(thread.join().is_err());
/// # threadwell::reset_excepthook();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_excepthook(hook: impl Fn(&ExceptHookArgs<'_>) + Send + Sync + 'static) {
    let before = HOOK.lock().replace(Arc::new(hook));
    drop(before);
}

/// Goes back to [`default_excepthook`].
pub fn reset_excepthook() {
    let before = HOOK.lock().take();
    drop(before);
}

/// Prints the panic to the standard error stream: the thread's name, where it came from, the message,
/// and the calls that led there if `RUST_BACKTRACE` asks for them. `threading.__excepthook__`.
pub fn default_excepthook(args: &ExceptHookArgs<'_>) {
    print(&args.thread.name(), args.location, args.message(), args.backtrace());
}

fn print(
    thread: &str,
    location: Option<&PanicLocation>,
    message: Option<&str>,
    backtrace: Option<&Backtrace>,
) {
    let mut text = format!("Exception in thread {thread}:\n");
    if let Some(backtrace) = backtrace {
        text += &format!("{backtrace}");
    }
    if let Some(location) = location {
        text += &format!("panicked at {location}:\n");
    }
    text += message.unwrap_or("Box<dyn Any>");
    text.push('\n');
    // A closed stream is no reason to fail: there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The text that `panic!` was given.
pub(super) fn message_of(payload: &(dyn Any + Send)) -> Option<&str> {
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        return Some(message);
    }
    payload.downcast_ref::<String>().map(String::as_str)
}

/// Wraps the process' panic hook, once.
pub(super) fn install() {
    // `std` does not let a panicking thread change the hook. The next start will.
    if cfg!(panic = "abort") || std::thread::panicking() {
        return;
    }
    let mut installed = INSTALLED.lock();
    if std::mem::replace(&mut *installed, true) {
        return;
    }
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| if KEEPS.get() { keep(info) } else { others(info) }));
}

fn keep(info: &PanicHookInfo<'_>) {
    let kept = Kept {
        message: message_of(info.payload()).map(str::to_owned),
        location: info.location().map(|location| PanicLocation {
            file: location.file().to_owned(),
            line: location.line(),
            column: location.column(),
        }),
        backtrace: Backtrace::capture(),
    };
    if let Some(earlier) = KEPT.replace(Some(kept)) {
        let name = super::current_thread().name();
        let backtrace = Some(&earlier.backtrace);
        let captured = backtrace.filter(|it| it.status() == BacktraceStatus::Captured);
        print(&name, earlier.location.as_ref(), earlier.message.as_deref(), captured);
    }
}

/// Runs what a thread runs. A panic ends it, and is reported.
pub(super) fn run<R>(
    thread: &ThreadHandle,
    f: impl FnOnce() -> R,
) -> Result<R, Box<dyn Any + Send>> {
    let result = catch(f);
    let kept = KEPT.take();
    if let Err(payload) = &result {
        report(thread, &**payload, kept);
    }
    result
}

/// Runs `f` with panics kept back, and catches the one that ends it.
fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    let outer = KEEPS.replace(true);
    // What `f` leaves half done is the business of whoever shares it, as with every thread.
    let result = catch_unwind(AssertUnwindSafe(f));
    KEEPS.set(outer);
    result
}

fn report(thread: &ThreadHandle, payload: &(dyn Any + Send), kept: Option<Kept>) {
    let kept = kept.as_ref();
    let args = ExceptHookArgs {
        thread,
        payload,
        location: kept.and_then(|kept| kept.location.as_ref()),
        backtrace: kept.map(|kept| &kept.backtrace),
    };
    let hook = HOOK.lock().clone();
    let Some(hook) = hook else { return default_excepthook(&args) };
    let Err(second) = catch(|| hook(&args)) else { return };
    let kept = KEPT.take();
    let location = kept.as_ref().and_then(|kept| kept.location.as_ref());
    print("threadwell::excepthook", location, message_of(&*second), None);
    // It might panic once more if it were dropped.
    std::mem::forget(second);
    default_excepthook(&args);
}
