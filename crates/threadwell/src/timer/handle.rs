//! A function that is called later, in a thread of its own.
//!
//! A timer is a thread that is *reserved* when the timer is started (`thread/life.rs`): alive, in the
//! registry, waited for by joins and by the process' exit, but without a thread of the system's. It
//! is launched when the timer fires, or ended unrun when the timer is cancelled.
//!
//! | Phase       | Meaning                                               |
//! |-------------|-------------------------------------------------------|
//! | `New`       | not started                                           |
//! | `Pending`   | in the queue, or just taken out of it by the driver   |
//! | `Fired`     | too late to cancel                                    |
//! | `Cancelled` | too late to fire                                      |
//!
//! Whoever turns `Pending` into something else, under the phase's mutex, decides between the two.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::driver;
use super::queue::TimerKey;
use crate::park::ForkMutex;
use crate::thread::{StartError, Thread, ThreadHandle};
use crate::time::Deadline;

/// How long a timer that is due waits when the system has no thread for it, before it tries again.
const RETRY: Duration = Duration::from_millis(50);

/// A thread that runs its function once, some time after it is started. `threading.Timer`.
///
/// Until then it is alive and can be joined, but owns no thread of the system's: one thread waits
/// for all timers. Like every other thread it keeps the process from exiting unless it is a daemon.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadwell::{Event, Timer};
///
/// static FIRED: Event = Event::new();
///
/// let timer = Timer::new(Duration::from_millis(1), || FIRED.set());
/// timer.start()?;
/// timer.join()?;
/// assert!(FIRED.is_set());
///
/// let timer = Timer::new(Duration::from_secs(3600), || unreachable!());
/// timer.start()?;
/// assert!(timer.cancel());
/// assert!(!timer.is_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Fork
///
/// In the child of a `fork` the parent's timers do not fire: like its threads, they have ended.
pub struct Timer {
    pending: Arc<Pending>,
}

/// A timer, as the driver knows it.
pub(super) struct Pending {
    thread: ThreadHandle,
    interval: Duration,
    phase: ForkMutex<Phase>,
}

#[derive(Default)]
enum Phase {
    #[default]
    New,
    Pending(TimerKey),
    Fired,
    Cancelled,
}

impl Timer {
    /// A timer that calls `f` when `interval` has passed since its start.
    pub fn new(interval: Duration, f: impl FnOnce() + Send + 'static) -> Self {
        let thread = Thread::new(f).handle().clone();
        Self { pending: Arc::new(Pending { thread, interval, phase: ForkMutex::new(Phase::New) }) }
    }

    /// Starts the timer: from now on the time runs.
    ///
    /// One that has been cancelled already is started all the same, and ends at once.
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyStarted`] the second time; [`StartError::Os`] if there is no thread that
    /// waits for the timers, and the system does not give us one: nothing has changed then.
    pub fn start(&self) -> Result<(), StartError> {
        let thread = &self.pending.thread;
        thread.reserve()?;
        let mut phase = self.pending.phase.lock();
        if matches!(*phase, Phase::Cancelled) {
            drop(phase);
            thread.end_unrun();
            return Ok(());
        }
        let deadline = Deadline::after(self.pending.interval);
        match driver::schedule(deadline, Arc::clone(&self.pending)) {
            Ok(key) => *phase = Phase::Pending(key),
            Err(error) => {
                drop(phase);
                thread.withdraw();
                return Err(StartError::Os(error));
            }
        }
        Ok(())
    }

    /// Sees to it that the function is not called, and drops it. Returns `false` if that is too late:
    /// the function has been called, or is about to be.
    ///
    /// A pending timer has ended when this returns.
    pub fn cancel(&self) -> bool {
        let mut phase = self.pending.phase.lock();
        let key = match *phase {
            Phase::New => None,
            Phase::Pending(key) => Some(key),
            Phase::Fired => return false,
            Phase::Cancelled => return true,
        };
        *phase = Phase::Cancelled;
        drop(phase);
        if let Some(key) = key {
            // If the driver has it already, it finds that it came too late.
            driver::cancel(key);
            self.pending.thread.end_unrun();
        }
        true
    }

    /// How long after its start it fires.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.pending.interval
    }
}

impl Pending {
    /// The time has come. Called by the driver.
    pub(super) fn fire(self: &Arc<Self>) {
        let mut phase = self.phase.lock();
        if !matches!(*phase, Phase::Pending(_)) {
            return;
        }
        *phase = Phase::Fired;
        if self.thread.launch().is_err() {
            // Late rather than lost, and the others are not kept waiting.
            if let Ok(key) = driver::schedule(Deadline::after(RETRY), Arc::clone(self)) {
                *phase = Phase::Pending(key);
            }
        }
    }
}

impl Deref for Timer {
    type Target = ThreadHandle;

    fn deref(&self) -> &ThreadHandle {
        &self.pending.thread
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("thread", &self.pending.thread)
            .field("interval", &self.pending.interval)
            .finish()
    }
}
