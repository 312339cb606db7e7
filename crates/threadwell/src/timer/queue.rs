//! What is pending, earliest first, and the one thread that waits for it.
//!
//! # Protocol
//!
//! One thread, the *driver*, waits for the earliest deadline with [`TimerQueue::wait_due`] and deals
//! with what is due. The queue starts no thread itself. It knows whether there is a driver, and asks
//! whoever schedules something to start one ([`Scheduled::needs_driver`]); when there has been
//! nothing to wait for during a given time, it sends the driver home ([`Due::Idle`]). Both decisions
//! are made under the queue's mutex, so there is a driver whenever something is pending, and one
//! only.
//!
//! The driver says how long it is going to sleep (`sleeps_until`) and lowers the event `wake` before
//! it lets go of the mutex. Whoever adds an earlier deadline sees that under the mutex, and raises
//! the event afterwards: it cannot fall between the look and the sleep. A later deadline wakes
//! nobody, and neither does a cancellation (the driver finds out when it next looks), except that of
//! the last pending timer if the driver would sleep past its time to go home.
//!
//! Payloads are not ours. They are dropped by whoever takes them out, after the mutex is released.
//!
//! # Cost
//!
//! The pending timers are in a B-tree by deadline: scheduling and cancelling take O(log n), and
//! there are 16 bytes of key for each, in nodes that are at least half full.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::park::{ForkGuard, ForkMutex, OnSignal, WaitOutcome};
use crate::primitive::const_fn;
use crate::sync::Event;
use crate::sys::epoch;
use crate::time::Deadline;

/// The driver is given at most this much at once, so that the mutex is held for a short time.
const BATCH: usize = 64;

/// Payloads that wait for their deadlines, and the means for one thread to wait for all of them.
///
/// The thread is the caller's: see [`TimerQueue::schedule`] and [`TimerQueue::wait_due`]. All
/// methods may be called from any thread. Payloads are dropped, and returned, with no lock held.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadwell::{Deadline, Due, TimerQueue, resume};
///
/// let queue = TimerQueue::new();
/// let late = queue.schedule(Deadline::after(Duration::from_secs(60)), "late");
/// queue.schedule(Deadline::now(), "now");
/// assert!(late.needs_driver); // Below, that is this thread.
/// assert_eq!(queue.cancel(late.key), Some("late"));
/// assert_eq!(queue.wait_due(Duration::ZERO, &mut resume), Due::Batch(vec!["now"]));
/// assert_eq!(queue.wait_due(Duration::ZERO, &mut resume), Due::Idle);
/// ```
///
/// # Fork
///
/// The child of a `fork` finds what was pending, but no driver: it is free to
/// [`drain`](TimerQueue::drain) the queue or to go on, and the next [`schedule`](TimerQueue::schedule)
/// asks for a driver. If another thread was changing the queue at that moment, it is empty, and the
/// payloads are never dropped.
pub struct TimerQueue<T> {
    state: ForkMutex<State<T>>,
    /// Ends the driver's sleep.
    wake: Event,
}

struct State<T> {
    pending: BTreeMap<TimerKey, T>,
    issued: u64,
    /// The fork epoch in which the driver lives, if there is one, or somebody is starting it.
    driver: Option<u32>,
    /// How long the driver sleeps; `None` if it is awake, and going to look again.
    sleeps_until: Option<Deadline>,
    /// How long the driver waits for something to do.
    idle: Duration,
    /// Whether the driver deals with what it was given last.
    busy: bool,
    /// The earliest time to go home that there can be, as long as the driver sleeps.
    home_from: Deadline,
    /// When the driver goes home, if nothing has been scheduled since it found nothing to do.
    home_at: Option<Deadline>,
}

/// Names something that is, or was, pending in a [`TimerQueue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey {
    /// First, so that keys are in the order of their deadlines.
    deadline: Deadline,
    /// Second: of equal deadlines, the one that was scheduled first comes first.
    order: u64,
}

impl TimerKey {
    /// What it waits for.
    #[must_use]
    pub fn deadline(self) -> Deadline {
        self.deadline
    }
}

/// What [`TimerQueue::schedule`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a driver may have to be started"]
pub struct Scheduled {
    /// Cancels it again.
    pub key: TimerKey,
    /// There is no driver, and the caller has to start a thread that calls
    /// [`TimerQueue::wait_due`] until that says [`Due::Idle`]. Nobody else is asked to, unless the
    /// caller says that it cannot ([`TimerQueue::retire`]).
    pub needs_driver: bool,
}

/// What [`TimerQueue::wait_due`] waited for.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Due<T> {
    /// These are due, the earliest first. There may be more.
    Batch(Vec<T>),
    /// There was nothing to wait for during the given time: the driver is no longer the driver.
    Idle,
    /// A signal handler ended the wait. The driver is still the driver.
    Interrupted,
}

impl<T> TimerQueue<T> {
    const_fn! {
        /// A queue with nothing in it.
        #[must_use]
        pub const fn new() -> Self {
            Self { state: ForkMutex::new(State::new()), wake: Event::new() }
        }
    }

    /// Adds a payload that is due at `deadline`, and not before.
    pub fn schedule(&self, deadline: Deadline, payload: T) -> Scheduled {
        let mut state = self.state.lock();
        let key = state.issue(deadline);
        self.add(state, key, payload)
    }

    /// [`TimerQueue::schedule`] if there is a driver.
    ///
    /// A caller to whom the start of one takes a while can so prepare it before anyone counts on it.
    ///
    /// # Errors
    ///
    /// The payload, if there is none; nothing has changed then.
    pub fn schedule_with_driver(&self, deadline: Deadline, payload: T) -> Result<TimerKey, T> {
        let mut state = self.state.lock();
        if state.driver != Some(epoch::current()) {
            return Err(payload);
        }
        let key = state.issue(deadline);
        Ok(self.add(state, key, payload).key)
    }

    /// Puts back what [`TimerQueue::cancel`] has taken out under that key.
    pub fn restore(&self, key: TimerKey, payload: T) -> Scheduled {
        self.add(self.state.lock(), key, payload)
    }

    fn add(&self, mut state: ForkGuard<'_, State<T>>, key: TimerKey, payload: T) -> Scheduled {
        state.pending.insert(key, payload);
        state.home_at = None;
        if state.driver != Some(epoch::current()) {
            state.driver = Some(epoch::current());
            state.sleeps_until = None;
            state.busy = false;
            return Scheduled { key, needs_driver: true };
        }
        // One wake-up is enough: from now on the driver counts as awake.
        let wake = state.sleeps_until.take_if(|until| key.deadline < *until).is_some();
        drop(state);
        if wake {
            self.wake.set();
        }
        Scheduled { key, needs_driver: false }
    }

    /// Takes out what `schedule` put in, unless the driver has got it, or it was cancelled before.
    pub fn cancel(&self, key: TimerKey) -> Option<T> {
        let mut state = self.state.lock();
        let payload = state.pending.remove(&key)?;
        let wake = state.pending.is_empty() && state.oversleeps();
        drop(state);
        if wake {
            self.wake.set();
        }
        Some(payload)
    }

    /// Waits until something is due, and takes it out. To be called by the driver alone, which is
    /// sent home ([`Due::Idle`]) when nothing has been pending for the time `idle`.
    ///
    /// `on_signal` is called when a signal handler may have run in the calling thread, and may end
    /// the wait.
    pub fn wait_due(&self, idle: Duration, on_signal: OnSignal<'_>) -> Due<T> {
        loop {
            let until = {
                let mut state = self.state.lock();
                match state.next(idle) {
                    Next::Due(batch) => return Due::Batch(batch),
                    Next::Idle => return Due::Idle,
                    Next::Sleep(until) => {
                        // Under the mutex: whoever raises it from here on does so after a look at
                        // `sleeps_until`.
                        self.wake.clear();
                        until
                    }
                }
            };
            if self.wake.wait_with(Some(until), on_signal) == WaitOutcome::Interrupted {
                return Due::Interrupted;
            }
        }
    }

    /// Says that there is no driver: it could not be started, or ends for a reason of its own.
    ///
    /// What is pending stays, and waits for the driver that the next [`schedule`](Self::schedule)
    /// asks for.
    pub fn retire(&self) {
        self.state.lock().dismiss();
    }

    /// Sends the driver home at once if nothing is pending and it has nothing to do, as before a
    /// `fork`, which is safest with few threads.
    ///
    /// Returns whether it did. Then [`wait_due`](Self::wait_due) says [`Due::Idle`], unless something
    /// is scheduled first.
    pub fn send_home(&self) -> bool {
        let mut state = self.state.lock();
        if state.driver != Some(epoch::current()) || state.busy || !state.pending.is_empty() {
            return false;
        }
        state.home_at = Some(Deadline::now());
        // One that is awake is going to look.
        let wake = state.sleeps_until.take().is_some();
        drop(state);
        if wake {
            self.wake.set();
        }
        true
    }

    /// Whether there is a driver, or somebody has been asked to start one.
    #[must_use]
    pub fn has_driver(&self) -> bool {
        self.state.lock().driver == Some(epoch::current())
    }

    /// How much is pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().pending.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.lock().pending.is_empty()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.state.lock().pending.keys().next().map(|key| key.deadline)
    }

    /// Takes everything out, the earliest first.
    #[must_use = "the payloads are dropped; `clear` says so"]
    pub fn drain(&self) -> Vec<T> {
        let mut state = self.state.lock();
        let wake = state.oversleeps();
        let pending = std::mem::take(&mut state.pending);
        drop(state);
        if wake {
            self.wake.set();
        }
        pending.into_values().collect()
    }

    /// Cancels everything.
    pub fn clear(&self) {
        drop(self.drain());
    }

    /// Calls `f` with every pending payload, the earliest first.
    ///
    /// The queue is locked meanwhile. So `f` must not use the queue, wait for anyone, or run code
    /// that might: it is for a garbage collector that marks the payloads, or for copying references.
    /// If it panics, the queue is as it was.
    pub fn visit(&self, mut f: impl FnMut(TimerKey, &T)) {
        for (&key, payload) in &self.state.lock().pending {
            f(key, payload);
        }
    }
}

enum Next<T> {
    Due(Vec<T>),
    Sleep(Deadline),
    Idle,
}

impl<T> State<T> {
    const fn new() -> Self {
        Self {
            pending: BTreeMap::new(),
            issued: 0,
            driver: None,
            sleeps_until: None,
            busy: false,
            idle: Duration::ZERO,
            home_from: Deadline::PAST,
            home_at: None,
        }
    }

    fn issue(&mut self, deadline: Deadline) -> TimerKey {
        let key = TimerKey { deadline, order: self.issued };
        self.issued += 1;
        key
    }

    /// What the driver is to do now.
    fn next(&mut self, idle: Duration) -> Next<T> {
        self.idle = idle;
        self.sleeps_until = None;
        let now = Deadline::now();
        let batch = self.take_due(now);
        self.busy = !batch.is_empty();
        if self.busy {
            return Next::Due(batch);
        }
        let until = match self.pending.keys().next() {
            Some(earliest) => earliest.deadline,
            None => *self.home_at.get_or_insert_with(|| Deadline::after(idle)),
        };
        if self.pending.is_empty() && until <= Deadline::now() {
            self.dismiss();
            return Next::Idle;
        }
        self.sleeps_until = Some(until);
        self.home_from = now.plus(idle);
        Next::Sleep(until)
    }

    fn take_due(&mut self, now: Deadline) -> Vec<T> {
        let mut batch = Vec::new();
        while let Some(earliest) = self.pending.first_entry()
            && earliest.key().deadline <= now
            && batch.len() < BATCH
        {
            batch.push(earliest.remove());
        }
        batch
    }

    /// Whether the driver sleeps beyond the time to go home, if nothing else comes.
    fn oversleeps(&self) -> bool {
        // Most often the first comparison says it, without a look at the clock.
        self.sleeps_until
            .is_some_and(|until| until > self.home_from && until > Deadline::after(self.idle))
    }

    fn dismiss(&mut self) {
        self.driver = None;
        self.sleeps_until = None;
        self.busy = false;
        self.home_at = None;
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Default for TimerQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for TimerQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerQueue")
            .field("len", &self.len())
            .field("has_driver", &self.has_driver())
            .finish()
    }
}
