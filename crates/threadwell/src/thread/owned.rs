//! A thread together with the result that it will leave.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::builder::ThreadBuilder;
use super::error::{JoinError, StartError};
use super::handle::{Body, ThreadHandle};
use super::hook;
use crate::park::ForkMutex;
use crate::time::Deadline;

type Payload = Box<dyn Any + Send>;

/// A thread of this crate, and the result that it will leave. `threading.Thread`.
///
/// It is created first and started later; in between it is
/// [`ThreadState::New`](crate::ThreadState::New). It lets go of its thread when it is dropped, without
/// waiting: but unless the thread is a daemon, the process waits for it when it exits.
///
/// # Examples
///
/// ```
/// use threadwell::{Thread, ThreadState};
///
/// let thread = Thread::new(|| 6 * 7);
/// assert_eq!(thread.state(), ThreadState::New);
/// thread.start()?;
/// assert_eq!(thread.join()?, 42);
/// assert_eq!(thread.state(), ThreadState::Terminated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Fork
///
/// In the child of a `fork` the threads of the parent have ended, except the one that forked.
pub struct Thread<T = ()> {
    handle: ThreadHandle,
    /// Empty until the function has ended, and again once the result is taken.
    outcome: Arc<ForkMutex<Option<Result<T, Payload>>>>,
}

impl Thread<()> {
    /// Decides on the name, the daemon flag and the stack size of a thread to be created.
    pub fn builder() -> ThreadBuilder {
        ThreadBuilder::new()
    }
}

impl<T: Send + 'static> Thread<T> {
    /// Creates a thread that is to run `f`. It does not run before [`Thread::start`].
    pub fn new(f: impl FnOnce() -> T + Send + 'static) -> Self {
        ThreadBuilder::new().build(f)
    }

    /// Creates a thread that runs `f`, and starts it.
    ///
    /// # Errors
    ///
    /// [`StartError::Os`] if the system does not give us a thread.
    pub fn spawn(f: impl FnOnce() -> T + Send + 'static) -> Result<Self, StartError> {
        ThreadBuilder::new().spawn(f)
    }

    pub(super) fn create(
        name: String,
        daemon: bool,
        stack_size: usize,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        let outcome = Arc::new(ForkMutex::new(None));
        let left = Arc::clone(&outcome);
        let body: Body = Box::new(move |thread| {
            let result = hook::run(thread, f);
            *left.lock() = Some(result);
        });
        Self { handle: ThreadHandle::ours(name, daemon, stack_size, body), outcome }
    }

    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyStarted`] the second time; [`StartError::Os`] if the system does not
    /// give us a thread: the thread is not alive then, is in no registry, and can be started later.
    pub fn start(&self) -> Result<(), StartError> {
        self.handle.reserve()?;
        self.handle.launch().map_err(|error| {
            self.handle.withdraw();
            StartError::Os(error)
        })
    }

    /// Waits until the thread has ended, and takes the result that its function returned.
    ///
    /// # Errors
    ///
    /// [`JoinError::Panicked`] with the payload if the function panicked; any other [`JoinError`] if
    /// the thread cannot be joined, or left no result.
    pub fn join(&self) -> Result<T, JoinError> {
        self.handle.join()?;
        self.take_result()
    }

    /// [`Thread::join`] until `deadline`; `None` if the thread has not ended by then.
    ///
    /// # Errors
    ///
    /// As for [`Thread::join`].
    pub fn join_until(&self, deadline: Deadline) -> Result<Option<T>, JoinError> {
        if !self.handle.join_until(deadline)? {
            return Ok(None);
        }
        self.take_result().map(Some)
    }

    /// [`Thread::join_until`] a point `timeout` from now.
    ///
    /// # Errors
    ///
    /// As for [`Thread::join`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<Option<T>, JoinError> {
        self.join_until(Deadline::after(timeout))
    }

    fn take_result(&self) -> Result<T, JoinError> {
        let outcome = self.outcome.lock().take();
        outcome.ok_or(JoinError::NoResult)?.map_err(JoinError::Panicked)
    }

    /// The thread without its result: what the registry and [`current_thread`] know of it.
    ///
    /// [`current_thread`]: crate::current_thread
    #[must_use]
    pub fn handle(&self) -> &ThreadHandle {
        &self.handle
    }
}

impl<T> Deref for Thread<T> {
    type Target = ThreadHandle;

    fn deref(&self) -> &ThreadHandle {
        &self.handle
    }
}

impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
