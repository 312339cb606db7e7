//! A flag that one thread raises and any number of threads wait for.
//!
//! # Protocol
//!
//! | Bit | Name     | Meaning                                                      |
//! |-----|----------|--------------------------------------------------------------|
//! | 0   | `SET`    | the flag is up                                               |
//! | 1   | `WAITED` | threads are queued: raising the flag has to look at the queue |
//!
//! A waiter queues up, with `WAITED` set, only if under the queue's mutex the flag is down. Raising
//! the flag picks everyone who is queued at that moment, so a pulse (`set`, then `clear` at once)
//! leaves nobody asleep who was there before it. `WAITED` changes only under the queue's mutex, and
//! while it is set the flag goes up only under that mutex too: so nobody is picked who came later.
//!
//! # Memory ordering
//!
//! The release in `set` pairs with the acquire loads in `is_set` and `wait`, and with the acquire in
//! `clear`: a thread that lowers the flag and then looks for work finds all that was announced by the
//! `set` which it has undone. `clear` releases nothing, but a read-modify-write keeps alive the release
//! sequence that `set` began.

use std::fmt;

use crate::park::{
    Cause, OnSignal, Park, QueueGuard, Token, WaitOutcome, WaitQueue, Wakes, resume,
    without_unwinding,
};
use crate::primitive::{Acquire, Relaxed, Release, const_fn};
use crate::time::Deadline;

const SET: u32 = 1;
const WAITED: u32 = 2;

/// A flag that threads can wait for. `threading.Event`.
///
/// # Examples
///
/// ```
/// use threadwell::Event;
///
/// let ready = Event::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| ready.wait());
///     ready.set();
/// });
/// assert!(ready.is_set());
/// ```
///
/// # Fork
///
/// The child of a `fork` finds the flag as it was; threads of the parent that waited for it do not
/// exist there.
pub struct Event {
    queue: WaitQueue,
}

impl Event {
    const_fn! {
        /// An event whose flag is down.
        #[must_use]
        pub const fn new() -> Self {
            Self { queue: WaitQueue::new() }
        }
    }

    /// Whether the flag is up at this moment.
    #[must_use]
    #[inline]
    pub fn is_set(&self) -> bool {
        self.queue.word.load(Acquire) & SET != 0
    }

    /// Raises the flag and wakes everyone who waits for it.
    #[inline]
    pub fn set(&self) {
        drop(self.set_deferred());
    }

    /// [`Event::set`], with the waking of the threads left to the caller.
    #[inline]
    pub fn set_deferred(&self) -> Wakes {
        let mut word = self.queue.word.load(Relaxed);
        while word & WAITED == 0 {
            // Also if the flag is up: what was done before has to be visible to who sees it.
            match self.queue.word.compare_exchange_weak(word, word | SET, Release, Relaxed) {
                Ok(_) => return Wakes::none(),
                Err(seen) => word = seen,
            }
        }
        self.set_contended()
    }

    #[cold]
    fn set_contended(&self) -> Wakes {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        // One step with the picking: who comes after a `clear` of this flag is not picked for it.
        let raise = |word| Some((word | SET) & !WAITED);
        let _ = self.queue.word.fetch_update(Release, Relaxed, raise);
        queue.pick_all(Token::RETRY, &mut wakes);
        wakes
    }

    /// Lowers the flag.
    #[inline]
    pub fn clear(&self) {
        self.queue.word.fetch_and(!SET, Acquire);
    }

    /// How many threads wait at this moment. A `set` that comes next wakes each of them that does not
    /// give up first, also if a `clear` follows at once.
    ///
    /// It counts them one by one, and keeps `set` and `wait` from the queue meanwhile.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// Waits until the flag is up.
    #[inline]
    pub fn wait(&self) {
        // Without deadline or interruption there is one way out.
        let _ = self.wait_with(None, &mut resume);
    }

    /// Waits until the flag is up or `deadline` passes. Returns whether the flag went up, even if it
    /// was lowered again since.
    #[must_use]
    #[inline]
    pub fn wait_until(&self, deadline: Deadline) -> bool {
        self.wait_with(Some(deadline), &mut resume) == WaitOutcome::Ready
    }

    /// Waits for the flag until `deadline`, if any, or until `on_signal` ends the wait.
    #[inline]
    pub fn wait_with(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        if self.is_set() {
            return WaitOutcome::Ready;
        }
        without_unwinding(on_signal, |on_signal| self.wait_contended(deadline, on_signal))
    }

    #[cold]
    fn wait_contended(&self, deadline: Option<Deadline>, on_signal: OnSignal<'_>) -> WaitOutcome {
        loop {
            let parked = self.queue.park(Park {
                front: false,
                since: 0,
                next: None,
                // One step: a `set` either comes before it and is seen, or finds the mark.
                validate: |_: &mut QueueGuard<'_>| {
                    let mark = |word| (word & SET == 0).then_some(word | WAITED);
                    self.queue.word.fetch_update(Relaxed, Acquire, mark).is_ok()
                },
                before_sleep: || true,
                leave: |queue: &mut QueueGuard<'_>, _: Cause| {
                    if queue.has_one() {
                        self.queue.word.fetch_and(!WAITED, Relaxed);
                    }
                    true
                },
                deadline,
                on_signal: Some(&mut *on_signal),
            });
            if let Some(outcome) = parked.outcome() {
                return outcome;
            }
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish()
    }
}
