//! A meeting point for a fixed number of threads, which can break.
//!
//! # Protocol
//!
//! | State     | Meaning                                | arrive                      | leave unpicked   |
//! |-----------|----------------------------------------|-----------------------------|------------------|
//! | `FILLING` | fewer than `parties` threads are here   | count, queue up             | see below        |
//! | `ACTING`  | all are here, the last one acts         | queue up, then try again    | not allowed      |
//! | `BROKEN`  | given up                               | error                       | -                |
//!
//! The state and the count change only under the queue's mutex. The last thread to arrive picks all
//! the others with a token, so a new round can begin while they are still on their way out, and no
//! draining state is needed. While the last thread runs its action, the round is decided: nobody
//! leaves it any more, and newcomers wait for the next round.
//!
//! A thread whose deadline passes while the barrier fills breaks it, for everyone; a thread that a
//! signal handler calls away takes itself out of the count. Both are what Python does. The others get
//! their numbers when they are picked, first come first: so these are distinct whoever has left.
//!
//! `ACTING` carries the fork epoch in which it was entered. From an older one it counts as `BROKEN`:
//! the thread that acts is the parent's, or is the one that forked and passes all the same.
//!
//! # Memory ordering
//!
//! `state`, `round` and `arrived` are relaxed: the queue's mutex orders them, and readers outside of it ask
//! for a momentary value. What the parties did before they arrived is ordered through that mutex and
//! the tokens.

use std::fmt;

use super::barrier_error::BarrierError;
use crate::park::{
    Cause, OnSignal, Park, Parked, QueueGuard, Signal, Token, WaitQueue, Wakes, resume,
    without_unwinding,
};
use crate::primitive::{AtomicU32, AtomicUsize, Relaxed, const_fn};
use crate::sys::epoch;
use crate::time::Deadline;

const FILLING: u32 = 0;
const ACTING: u32 = 1;
const BROKEN: u32 = 2;
const STATE: u32 = 3;
const EPOCH_SHIFT: u32 = 2;

/// A barrier that a fixed number of threads pass together, again and again. `threading.Barrier`.
///
/// # Examples
///
/// ```
/// use threadwell::Barrier;
///
/// let barrier = Barrier::new(2);
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait().unwrap());
///     let mine = barrier.wait().unwrap();
///     assert_eq!(mine + other.join().unwrap(), 1); // 0 and 1, in some order.
/// });
/// ```
///
/// # Fork
///
/// In the child of a `fork` the barrier still counts parties that waited in the parent; they do not
/// exist there, so reset it before use. If its last party was acting at that moment, it is broken in
/// the child until it is reset, or until that party passes, if it was the one that forked.
pub struct Barrier {
    parties: usize,
    /// One of the states in its lowest bits; above them, with `ACTING`, the fork epoch.
    state: AtomicU32,
    /// How many rounds have ended, in whatever way; wraps.
    round: AtomicUsize,
    arrived: AtomicUsize,
    queue: WaitQueue,
}

/// How a thread got past [`Barrier::arrive`].
#[derive(Debug)]
#[must_use]
pub enum Arrival<'a> {
    /// The barrier was passed; this thread was the `n`th to arrive, counted from 0, of those that have
    /// passed.
    Passed(usize),
    /// This thread is the last to arrive. The others wait until it says that they may go.
    Last(LastArrival<'a>),
}

/// The right, and the duty, to let the waiting parties go. Dropping it breaks the barrier.
#[derive(Debug)]
#[must_use = "dropping it breaks the barrier"]
pub struct LastArrival<'a> {
    barrier: &'a Barrier,
    /// The round that it completes. Another may be on when it acts at last.
    round: usize,
}

impl LastArrival<'_> {
    /// Lets everyone pass, and returns this thread's number (the highest), with the waking of the
    /// others left to the caller.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`] if the barrier was aborted meanwhile.
    pub fn pass(self) -> Result<(usize, Wakes), BarrierError> {
        let (barrier, round) = (self.barrier, self.round);
        std::mem::forget(self);
        let mut queue = barrier.queue.lock();
        if barrier.round.load(Relaxed) != round {
            return Err(BarrierError::Broken);
        }
        Ok((barrier.parties - 1, barrier.release(&mut queue)))
    }
}

impl Drop for LastArrival<'_> {
    fn drop(&mut self) {
        let mut wakes = Wakes::none();
        let mut queue = self.barrier.queue.lock();
        if self.barrier.round.load(Relaxed) == self.round {
            self.barrier.give_up(&mut queue, BROKEN, &mut wakes);
        }
        drop(queue);
    }
}

/// What a thread found when it arrived.
enum Found {
    Place,
    /// The last place, in that round.
    Last(usize),
    Acting,
    Broken,
}

impl Barrier {
    const_fn! {
        /// A barrier for `parties` threads. Zero counts as one.
        #[must_use]
        pub const fn new(parties: usize) -> Self {
            Self {
                parties: if parties == 0 { 1 } else { parties },
                state: AtomicU32::new(FILLING),
                round: AtomicUsize::new(0),
                arrived: AtomicUsize::new(0),
                queue: WaitQueue::new(),
            }
        }
    }

    /// Waits until all parties are here. Returns a number that is different for each of them, from 0
    /// to `parties - 1`.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`].
    pub fn wait(&self) -> Result<usize, BarrierError> {
        self.wait_with(None, &mut resume)
    }

    /// [`Barrier::wait`] until `deadline`; if that passes, the barrier is broken for everyone.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`].
    pub fn wait_until(&self, deadline: Deadline) -> Result<usize, BarrierError> {
        self.wait_with(Some(deadline), &mut resume)
    }

    /// [`Barrier::wait`] until `deadline`, if any, or until `on_signal` ends the wait.
    ///
    /// Both count only while the barrier fills. Once the last party has arrived, the others pass when
    /// it lets them, and a thread that comes later waits for the end of its action, however long.
    ///
    /// # Errors
    ///
    /// [`BarrierError`].
    pub fn wait_with(
        &self,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<usize, BarrierError> {
        match self.arrive(deadline, on_signal)? {
            Arrival::Passed(index) => Ok(index),
            Arrival::Last(last) => last.pass().map(|(index, _)| index),
        }
    }

    /// [`Barrier::wait_with`] for an action that one thread performs while the others still wait:
    /// the last to arrive is told so, and lets the others go when it is done.
    ///
    /// # Errors
    ///
    /// [`BarrierError`].
    pub fn arrive(
        &self,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<Arrival<'_>, BarrierError> {
        without_unwinding(on_signal, |on_signal| self.arrive_inner(deadline, on_signal))
    }

    fn arrive_inner(
        &self,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Result<Arrival<'_>, BarrierError> {
        loop {
            let mut found = Found::Broken;
            let mut breaking = Wakes::none();
            let parked = self.queue.park(Park {
                front: false,
                since: 0,
                next: None,
                validate: |_: &mut QueueGuard<'_>| {
                    found = self.take_place();
                    matches!(found, Found::Place | Found::Acting)
                },
                before_sleep: || true,
                leave: |queue: &mut QueueGuard<'_>, cause: Cause| {
                    self.may_leave(queue, cause, &mut breaking)
                },
                deadline,
                on_signal: Some(&mut *on_signal),
            });
            drop(breaking);
            match (parked, found) {
                (_, Found::Last(round)) => {
                    return Ok(Arrival::Last(LastArrival { barrier: self, round }));
                }
                (Parked::Forked { ends }, found) => {
                    // The queue was lost in a `fork`: the thread arrives again, not once more.
                    if let Found::Place = found {
                        let _queue = self.queue.lock();
                        self.leave_place();
                    }
                    if ends {
                        return Err(BarrierError::Interrupted);
                    }
                }
                (Parked::Interrupted | Parked::Woken { signal: Signal::Ends, .. }, _) => {
                    return Err(BarrierError::Interrupted);
                }
                (Parked::Woken { token: Token::BROKEN, .. } | Parked::TimedOut, _)
                | (_, Found::Broken) => return Err(BarrierError::Broken),
                (Parked::Woken { token, .. }, Found::Place) => {
                    return Ok(Arrival::Passed(token.number()));
                }
                // The action of the round before is over.
                (Parked::Woken { .. }, Found::Acting) | (Parked::Refused, _) => {}
            }
        }
    }

    /// Arrives if that completes the round; `None` if the calling thread would have to wait.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`].
    pub fn try_arrive(&self) -> Option<Result<LastArrival<'_>, BarrierError>> {
        let _queue = self.queue.lock();
        match self.state() {
            FILLING if self.arrived.load(Relaxed) + 1 == self.parties => {
                let _ = self.take_place();
                Some(Ok(LastArrival { barrier: self, round: self.round.load(Relaxed) }))
            }
            BROKEN => Some(Err(BarrierError::Broken)),
            _ => None,
        }
    }

    fn state(&self) -> u32 {
        let word = self.state.load(Relaxed);
        match word & STATE {
            ACTING if word != acting() => BROKEN,
            state => state,
        }
    }

    /// Takes the next place, if there is one. The queue's mutex is held.
    fn take_place(&self) -> Found {
        match self.state() {
            FILLING => {}
            ACTING => return Found::Acting,
            _ => return Found::Broken,
        }
        let place = self.arrived.load(Relaxed);
        self.arrived.store(place + 1, Relaxed);
        if place + 1 < self.parties {
            return Found::Place;
        }
        self.state.store(acting(), Relaxed);
        Found::Last(self.round.load(Relaxed))
    }

    /// Undoes [`Barrier::take_place`]. The queue's mutex is held.
    fn leave_place(&self) {
        self.arrived.store(self.arrived.load(Relaxed).saturating_sub(1), Relaxed);
    }

    fn may_leave(&self, queue: &mut QueueGuard<'_>, cause: Cause, breaking: &mut Wakes) -> bool {
        if self.state() == ACTING {
            return false;
        }
        match cause {
            Cause::TimedOut => self.give_up(queue, BROKEN, breaking),
            Cause::Interrupted => self.leave_place(),
        }
        true
    }

    /// Ends the round and begins the next.
    fn release(&self, queue: &mut QueueGuard<'_>) -> Wakes {
        let mut wakes = Wakes::none();
        self.begin_round(FILLING);
        // Those who wait for the next round are behind the parties of this one.
        let mut number = 0;
        while queue.pick(Token::numbered(number), &mut wakes) {
            number += 1;
        }
        wakes
    }

    /// Ends the round for everyone who waits.
    fn give_up(&self, queue: &mut QueueGuard<'_>, state: u32, wakes: &mut Wakes) {
        self.begin_round(state);
        queue.pick_all(Token::BROKEN, wakes);
    }

    fn begin_round(&self, state: u32) {
        self.round.store(self.round.load(Relaxed).wrapping_add(1), Relaxed);
        self.arrived.store(0, Relaxed);
        self.state.store(state, Relaxed);
    }

    /// Returns the barrier to its first, empty state. Threads that wait get
    /// [`BarrierError::Broken`], except while the last one acts: then they are about to pass.
    pub fn reset(&self) {
        drop(self.reset_deferred());
    }

    /// [`Barrier::reset`], with the waking of the threads left to the caller.
    pub fn reset_deferred(&self) -> Wakes {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        if self.state() != ACTING {
            self.give_up(&mut queue, FILLING, &mut wakes);
        }
        wakes
    }

    /// Breaks the barrier: every wait, present and future, ends with [`BarrierError::Broken`] until
    /// [`Barrier::reset`].
    pub fn abort(&self) {
        drop(self.abort_deferred());
    }

    /// [`Barrier::abort`], with the waking of the threads left to the caller.
    pub fn abort_deferred(&self) -> Wakes {
        let mut wakes = Wakes::none();
        let mut queue = self.queue.lock();
        self.give_up(&mut queue, BROKEN, &mut wakes);
        wakes
    }

    /// How many threads have to arrive.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many threads wait at this moment for others to arrive.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match self.state() {
            BROKEN => 0,
            // The last one to arrive counts while it acts.
            _ => self.arrived.load(Relaxed),
        }
    }

    /// Whether the barrier is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state() == BROKEN
    }
}

/// `ACTING` in this process.
fn acting() -> u32 {
    ACTING | epoch::current() << EPOCH_SHIFT
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.waiting())
            .field("is_broken", &self.is_broken())
            .finish()
    }
}
