//! What is decided before a thread starts.

use std::any::type_name;

use super::error::StartError;
use super::owned::Thread;
use super::stack::{self, StackSizeError};
use super::{current_thread, stack_size};
use crate::primitive::{AtomicUsize, Relaxed};

/// A thread in the making: its name, daemon flag and stack size.
///
/// # Examples
///
/// ```
/// use threadwell::Thread;
///
/// let worker = Thread::builder().name("worker").daemon(true).spawn(|| 6 * 7)?;
/// assert_eq!(worker.name(), "worker");
/// assert_eq!(worker.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is created until `build` or `spawn`"]
pub struct ThreadBuilder {
    name: Option<String>,
    daemon: Option<bool>,
    stack_size: Option<usize>,
}

impl ThreadBuilder {
    /// A thread of which nothing is decided.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses its name. Without one it is called `Thread-1`, or `Thread-1 (work)` if what it runs
    /// is a function with a name of its own, and so on with a number for each.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Chooses whether it is a daemon thread, for which the process does not wait when it exits.
    /// Otherwise it is one if the thread that creates it is.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = Some(daemon);
        self
    }

    /// Chooses the size of its stack in bytes, instead of [`stack_size`]; 0 is the default of `std`.
    ///
    /// # Errors
    ///
    /// [`StackSizeError`] if `size` is neither 0 nor at least 32 KiB.
    pub fn stack_size(mut self, size: usize) -> Result<Self, StackSizeError> {
        self.stack_size = Some(stack::checked(size)?);
        Ok(self)
    }

    /// Creates the thread, which is to run `f`. It does not run before [`Thread::start`].
    pub fn build<T, F>(self, f: F) -> Thread<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let name = self.name.unwrap_or_else(|| default_name(type_name::<F>()));
        let daemon = self.daemon.unwrap_or_else(|| current_thread().is_daemon());
        Thread::create(name, daemon, self.stack_size.unwrap_or_else(stack_size), f)
    }

    /// Creates the thread and starts it.
    ///
    /// # Errors
    ///
    /// [`StartError::Os`] if the system does not give us a thread.
    pub fn spawn<T, F>(self, f: F) -> Result<Thread<T>, StartError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let thread = self.build(f);
        thread.start()?;
        Ok(thread)
    }
}

/// Relaxed: a number needs to be different, and carries nothing else.
static NAMED: AtomicUsize = AtomicUsize::new(0);

fn next_number() -> usize {
    NAMED.fetch_add(1, Relaxed) + 1
}

fn default_name(function: &str) -> String {
    let number = next_number();
    match short_name(function) {
        Some(function) => format!("Thread-{number} ({function})"),
        None => format!("Thread-{number}"),
    }
}

/// The last part of a function's path, unless it is a closure, a box or generic.
fn short_name(path: &str) -> Option<&str> {
    let name = path.rsplit("::").next()?;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

/// The name of a thread that was started elsewhere: what it is called there, or a number.
pub(super) fn foreign_name() -> String {
    match std::thread::current().name() {
        Some(name) => name.to_owned(),
        None => format!("Dummy-{}", next_number()),
    }
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn only_a_plain_function_has_a_short_name() {
        assert_eq!(short_name("program::jobs::work"), Some("work"));
        assert_eq!(short_name("program::main::{{closure}}"), None);
        assert_eq!(short_name("alloc::boxed::Box<dyn core::ops::function::FnOnce()>"), None);
    }
}
