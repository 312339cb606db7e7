//! How a thread is waited for.
//!
//! `ended` is set by a destructor of the thread's own locals, the one that runs last where that can
//! be chosen. Whoever joins then also waits for the system's thread, which has nothing left to do:
//! after a join the values of its locals are gone, and so is the thread. That wait is the system's: it
//! knows no deadline, and no signal ends it. So the joiner that comes first does it with no mutex held,
//! and raises `gone` for the others.
//!
//! A start that fails raises `ended` too, since somebody may have counted on it; the next start lowers
//! it. So whoever waited for it looks at the thread's stage once more.

use std::ops::ControlFlow;
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::JoinError;
use super::handle::ThreadHandle;
use super::life::Stage;
use crate::park::{OnSignal, WaitOutcome, resume};
use crate::sync::Event;
use crate::sys::epoch;
use crate::time::Deadline;

/// The system's thread, until it is joined. Dropped in the process that started it, it detaches the
/// thread; in the child of a `fork` there is no such thread, and nothing may be done to it.
pub(super) struct OsThread {
    /// `None` while a joiner waits for it.
    handle: Option<JoinHandle<()>>,
    epoch: u32,
}

impl OsThread {
    pub(super) fn new(handle: JoinHandle<()>) -> Self {
        Self { handle: Some(handle), epoch: epoch::current() }
    }
}

impl Drop for OsThread {
    fn drop(&mut self) {
        if self.epoch != epoch::current() {
            std::mem::forget(self.handle.take());
        }
    }
}

impl ThreadHandle {
    /// Waits until the thread has ended, whether its function returned or panicked. Any number of
    /// threads may do so, any number of times.
    ///
    /// # Errors
    ///
    /// [`JoinError::NotStarted`], [`JoinError::Current`] or [`JoinError::Foreign`].
    pub fn join(&self) -> Result<(), JoinError> {
        self.join_with(None, &mut resume).map(|_| ())
    }

    /// [`ThreadHandle::join`] until `deadline`. Returns whether the thread has ended.
    ///
    /// # Errors
    ///
    /// As for [`ThreadHandle::join`].
    pub fn join_until(&self, deadline: Deadline) -> Result<bool, JoinError> {
        self.join_with(Some(deadline), &mut resume).map(|outcome| outcome == WaitOutcome::Ready)
    }

    /// [`ThreadHandle::join_until`] a point `timeout` from now.
    ///
    /// # Errors
    ///
    /// As for [`ThreadHandle::join`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, JoinError> {
        self.join_until(Deadline::after(timeout))
    }

    /// [`ThreadHandle::join`] until `deadline`, if any, or until `on_signal` ends the wait.
    ///
    /// When the thread has ended for this crate, the system takes it away. Of those who join, the first
    /// waits for that, too: not for long, but without deadline and `on_signal`, which the others keep.
    ///
    /// # Errors
    ///
    /// As for [`ThreadHandle::join`].
    pub fn join_with(
        &self,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<WaitOutcome, JoinError> {
        loop {
            let event = match self.shared.life.stage() {
                Stage::New => return Err(JoinError::NotStarted),
                _ if self.is_current() => return Err(JoinError::Current),
                _ if self.is_foreign() => return Err(JoinError::Foreign),
                Stage::Reserved | Stage::Launched => &self.shared.ended,
                Stage::Ended if self.reap() => return Ok(WaitOutcome::Ready),
                Stage::Ended => &self.shared.gone,
            };
            let outcome = wait_unless_forked(event, deadline, on_signal);
            if outcome != WaitOutcome::Ready {
                return Ok(outcome);
            }
            if self.shared.life.stage() == Stage::Reserved {
                // Its start has failed, and the starter is about to say so; or it is being started
                // once more, and the starter is about to lower the event.
                std::thread::yield_now();
            }
        }
    }

    /// Waits for the system's thread, which is past its last own instruction, unless another joiner
    /// does: then the result is `false`.
    fn reap(&self) -> bool {
        let mut os = self.shared.os.lock();
        let here = os.as_mut().filter(|thread| thread.epoch == epoch::current());
        let Some(thread) = here else { return true };
        let Some(handle) = thread.handle.take() else { return false };
        drop(os);
        // The body catches panics: there is nothing in the result.
        let _ = handle.join();
        *self.shared.os.lock() = None;
        self.shared.gone.set();
        true
    }
}

/// Waits for `event`. `Ready` also if a signal handler forks and the wait is to go on: in the child
/// nobody raises the event, and there are other things to find out.
fn wait_unless_forked(
    event: &Event,
    deadline: Option<Deadline>,
    on_signal: OnSignal<'_>,
) -> WaitOutcome {
    let epoch = epoch::current();
    let mut flow = ControlFlow::Continue(());
    let outcome = event.wait_with(deadline, &mut || {
        flow = on_signal();
        if epoch::current() == epoch { flow } else { ControlFlow::Break(()) }
    });
    if epoch::current() == epoch || flow.is_break() { outcome } else { WaitOutcome::Ready }
}
