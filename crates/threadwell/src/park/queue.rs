//! A queue of threads that wait for the same thing, longest waiter first.
//!
//! The queue is a circular doubly linked list through nodes on the waiters' own stacks, so that
//! waiting allocates nothing. `README.md` beside this file tells the protocol; the rules that the
//! code below leans on are:
//!
//! 1. Links, and the list's head, are touched only under the queue's mutex.
//! 2. A node leaves the list before its token is set or its owner gives up, under the same mutex.
//!    A node that is in no list is touched by its owner alone.
//! 3. Whoever sets a token takes an `Arc` of the thread's record first: from the moment the token is
//!    set the owner may return, and its node is gone.
//! 4. A node moves from one queue to another only with both mutexes held, and says where it is.
//! 5. It moves only to a queue that its owner named, and that its owner therefore keeps alive.
//!
//! # Memory ordering
//!
//! The release store of a token pairs with the acquire load of it in `sleep`: what the waker did
//! before it picked the thread is visible to the thread. `home` is written under the mutexes of
//! both queues, and trusted only after a look under the mutex it names; its release store pairs
//! with the acquire load in `leave`, which makes the pointed-to queue's own state irrelevant.

#![expect(unsafe_code, reason = "an intrusive list through the stacks of the waiting threads")]

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::mutex::{EpochMutex, Taken, assert_nothing_held};
use super::record::{ThreadId, ThreadRecord, current_record, looks_for_signals};
use super::wakes::Wakes;
use super::{OnSignal, WaitOutcome};
use crate::primitive::{Acquire, AtomicPtr, AtomicU32, Release, UnsafeCell, const_fn};
use crate::sys::epoch;
use crate::sys::futex::FutexOutcome;
use crate::time::Deadline;

/// How long a thread that looks for signals sleeps at first. Nobody who presses Ctrl-C notices, and few
/// sleeps last as long: with a look after 1 ms, nearly each had the processor's own timer set anew.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// What a woken thread is told. Each primitive names its own; zero is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u32);

impl Token {
    /// What was waited for may be there: try again.
    pub(crate) const RETRY: Self = Self(1);
    /// What was waited for is the woken thread's already.
    pub(crate) const GRANTED: Self = Self(2);
    /// What was waited for will not come.
    pub(crate) const BROKEN: Self = Self(3);
    /// What was waited for has come; the thread is the first of several.
    const FIRST: u32 = 4;

    /// What was waited for has come, and the thread is the `n`th (from 0) of those that it came for.
    pub(crate) fn numbered(n: u32) -> Self {
        Self(Self::FIRST + n)
    }

    /// The number in a [`Token::numbered`].
    pub(crate) fn number(self) -> usize {
        (self.0 - Self::FIRST) as usize
    }
}

/// How [`WaitQueue::park`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    /// `validate` said no; the thread was never queued.
    Refused,
    /// Picked by another thread. A signal that came as well is the caller's to see to, and the
    /// wake-up the caller's to use or to pass on. `since`: when its wait had begun, in the queue that
    /// it was picked in.
    Woken { token: Token, signal: Signal, since: u64 },
    /// The deadline passed, and nobody had picked the thread.
    TimedOut,
    /// A signal ended the wait, and nobody had picked the thread. Without an [`Park::on_signal`], the
    /// handler has not run yet.
    Interrupted,
    /// The process is the child of a `fork` made during the wait, by a signal handler or by
    /// `before_sleep`, and nobody had picked the thread: the queue was the parent's. Look at the
    /// primitive again, unless whoever forked wants the wait to end.
    Forked { ends: bool },
}

impl Parked {
    /// What it means to a thread that was woken like all others. `None`: to look again.
    pub(crate) fn outcome(self) -> Option<WaitOutcome> {
        match self {
            Self::Woken { signal: Signal::Ends, .. }
            | Self::Interrupted
            | Self::Forked { ends: true } => Some(WaitOutcome::Interrupted),
            Self::Refused | Self::Woken { .. } => Some(WaitOutcome::Ready),
            Self::TimedOut => Some(WaitOutcome::TimedOut),
            Self::Forked { ends: false } => None,
        }
    }
}

/// What a thread that was picked knows of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Nothing.
    None,
    /// One came, and no handler has run.
    Unhandled,
    /// A handler ran and asked to end the wait; or the thread never meant to sleep.
    Ends,
}

/// Why a thread wants to leave a queue unpicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    TimedOut,
    Interrupted,
}

/// What a primitive adds to a wait.
pub(crate) struct Park<'a, V, S, L> {
    /// Joins before all that have not waited for longer: a thread that was woken to try again, and
    /// came too late, keeps its turn. Otherwise it joins at the back.
    pub(crate) front: bool,
    /// When the thread began to wait, in nanoseconds; what fairness is measured by.
    pub(crate) since: u64,
    /// The queue of the lock that the thread needs next: it may be moved there when it is picked.
    pub(crate) next: Option<&'a WaitQueue>,
    /// Called with the queue locked. Whether there is still a reason to wait.
    pub(crate) validate: V,
    /// Called once the thread is queued and the queue unlocked, before it sleeps. `false`: it does
    /// not sleep after all, and the wait is interrupted.
    pub(crate) before_sleep: S,
    /// Called with the queue locked and the thread still in it, when it wants to leave unpicked.
    /// `false`: it has to stay until it is picked, and goes on without deadline.
    pub(crate) leave: L,
    pub(crate) deadline: Option<Deadline>,
    /// What to do when a signal came, while the thread keeps its place: for threads that are all
    /// woken alike. `None`: it leaves the queue, because as long as it stands there it may be picked
    /// instead of another, and a handler may run for long or need what the queue is for.
    ///
    /// It must not unwind.
    pub(crate) on_signal: Option<OnSignal<'a>>,
}

/// The queue's head: the longest waiter, or null.
type Head = *const Waiter;

#[derive(Debug)]
pub struct WaitQueue {
    /// The state of the primitive that the queue belongs to; not the queue's business. It lives here
    /// because there is room for it beside the mutex: a [`Lock`](crate::Lock) is two words.
    pub(crate) word: AtomicU32,
    mutex: EpochMutex,
    head: UnsafeCell<Head>,
}

// SAFETY: `head` and the nodes it leads to are touched only under `mutex` (rule 1), and a node's
// owner outlives its stay in the list (rule 2); nodes hold nothing that is tied to a thread.
unsafe impl Send for WaitQueue {}
// SAFETY: as above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                word: AtomicU32::new(0),
                mutex: EpochMutex::new(),
                head: UnsafeCell::new(ptr::null()),
            }
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> QueueGuard<'_> {
        let guard = QueueGuard { queue: self };
        if self.mutex.lock() != Taken::Current {
            // The nodes are on the stacks of threads that do not exist in this process.
            guard.set_head(ptr::null());
        }
        guard
    }

    /// Whether threads of this process may be in the queue. Those of a `fork`'s parent do not count.
    pub(crate) fn has_been_used(&self) -> bool {
        !self.mutex.is_stale()
    }

    /// Queues the calling thread and sleeps until it is picked, `deadline` passes or a signal
    /// handler wants it to stop.
    pub(crate) fn park<V, S, L>(&self, park: Park<'_, V, S, L>) -> Parked
    where
        V: FnOnce(&mut QueueGuard<'_>) -> bool,
        S: FnOnce() -> bool,
        L: FnMut(&mut QueueGuard<'_>, Cause) -> bool,
    {
        let Park { front, since, next, validate, before_sleep, mut leave, deadline, on_signal } =
            park;
        let waiter = Waiter::new(self, next, since);
        {
            let mut guard = self.lock();
            if !validate(&mut guard) {
                return Parked::Refused;
            }
            guard.link(&waiter, front);
            waiter.queued.set(true);
        }
        let _wait = waiter.record.wait();
        assert_nothing_held();
        let stay = before_sleep();
        let began = (since != 0).then(|| Deadline::at_nanos(since));
        waiter.sleep(stay, began, &mut leave, deadline, on_signal)
    }
}

/// A waiting thread, in the list of one queue or in none. It lives on that thread's stack.
struct Waiter {
    links: UnsafeCell<Links>,
    /// The queue whose list the node is in, or was last in.
    home: AtomicPtr<WaitQueue>,
    /// Zero until the thread is picked.
    token: AtomicU32,
    /// The queue it was put into by its owner.
    origin: *const WaitQueue,
    /// The queue that it may be moved to, or null.
    next: *const WaitQueue,
    /// The fork epoch in which it was queued.
    epoch: u32,
    /// Whether it may still be in a list. Only the owner looks.
    queued: Cell<bool>,
    record: Arc<ThreadRecord>,
}

struct Links {
    previous: *const Waiter,
    next: *const Waiter,
    since: u64,
    /// The owner runs a signal handler. It is picked as usual, but not moved to a lock's queue,
    /// whose next wake-up it would sit on.
    handles_signal: bool,
}

impl Waiter {
    fn new(queue: &WaitQueue, next: Option<&WaitQueue>, since: u64) -> Self {
        Self {
            links: UnsafeCell::new(Links {
                previous: ptr::null(),
                next: ptr::null(),
                since,
                handles_signal: false,
            }),
            home: AtomicPtr::new(ptr::from_ref(queue).cast_mut()),
            token: AtomicU32::new(0),
            origin: ptr::from_ref(queue),
            next: next.map_or(ptr::null(), ptr::from_ref),
            epoch: epoch::current(),
            queued: Cell::new(false),
            record: current_record(),
        }
    }

    fn picked(&self) -> Option<Token> {
        match self.token.load(Acquire) {
            0 => None,
            token => Some(Token(token)),
        }
    }

    fn sleep(
        &self,
        mut stay: bool,
        mut began: Option<Deadline>,
        leave: &mut impl FnMut(&mut QueueGuard<'_>, Cause) -> bool,
        mut deadline: Option<Deadline>,
        mut on_signal: Option<OnSignal<'_>>,
    ) -> Parked {
        let mut signal = if stay { Signal::None } else { Signal::Ends };
        if let Some(forked) = self.forked(signal) {
            return forked;
        }
        loop {
            if let Some(token) = self.picked() {
                self.queued.set(false);
                return Parked::Woken { token, signal, since: self.since() };
            }
            let outcome = match stay {
                true => self.park(&mut began, deadline),
                false => FutexOutcome::Interrupted,
            };
            let cause = match (outcome, &mut on_signal) {
                (FutexOutcome::Woken, _) => continue,
                (FutexOutcome::TimedOut, _) => Cause::TimedOut,
                (FutexOutcome::Interrupted, _) if !stay => {
                    stay = true;
                    Cause::Interrupted
                }
                (FutexOutcome::Interrupted, _) if signal != Signal::None => continue,
                (FutexOutcome::Interrupted, Some(on_signal)) if self.begin_handling() => {
                    assert_nothing_held();
                    if on_signal().is_break() {
                        signal = Signal::Ends;
                    }
                    if let Some(forked) = self.forked(signal) {
                        return forked;
                    }
                    self.end_handling();
                    if signal == Signal::None {
                        continue;
                    }
                    Cause::Interrupted
                }
                (FutexOutcome::Interrupted, _) => {
                    signal = Signal::Unhandled;
                    Cause::Interrupted
                }
            };
            match self.leave(leave, cause) {
                Left::Yes if cause == Cause::TimedOut => return Parked::TimedOut,
                Left::Yes => return Parked::Interrupted,
                Left::Notified => {
                    return Parked::Woken { token: Token::RETRY, signal, since: self.since() };
                }
                Left::Picked | Left::MustStay => deadline = None,
            }
        }
    }

    /// Sleeps, in a wait that `began` then, or begins now. A thread that looks for signals takes itself
    /// for interrupted when it has waited for 50 ms, for 100, for 200, and so on.
    fn park(&self, began: &mut Option<Deadline>, deadline: Option<Deadline>) -> FutexOutcome {
        if !looks_for_signals() {
            return self.record.park(deadline);
        }
        let now = Deadline::now();
        let waited = now.since(*began.get_or_insert(now));
        let look = now.plus(waited.max(FIRST_LOOK));
        if deadline.is_some_and(|deadline| deadline <= look) {
            return self.record.park(deadline);
        }
        match self.record.park(Some(look)) {
            FutexOutcome::TimedOut => FutexOutcome::Interrupted,
            outcome => outcome,
        }
    }

    /// When the wait began, of a node that is in no list any more.
    fn since(&self) -> u64 {
        read(self, |links| links.since)
    }

    /// How the wait ends if the process is the child of a `fork` made since the node was queued. The
    /// queue and its list are the parent's then, and not touched any more; a token that was set
    /// before the `fork` counts.
    fn forked(&self, signal: Signal) -> Option<Parked> {
        if self.epoch == epoch::current() {
            return None;
        }
        self.queued.set(false);
        Some(match self.picked() {
            Some(token) => Parked::Woken { token, signal, since: self.since() },
            None => Parked::Forked { ends: signal == Signal::Ends },
        })
    }

    /// Marks the node as one whose owner runs a signal handler. `false` if it has got what it waited
    /// for in the queue: then it has better to do.
    fn begin_handling(&self) -> bool {
        let guard = self.lock_home();
        let waits = self.picked().is_none() && ptr::eq(guard.queue, self.origin);
        if waits {
            change(self, |links| links.handles_signal = true);
        }
        waits
    }

    fn end_handling(&self) {
        let _guard = self.lock_home();
        if self.picked().is_none() {
            change(self, |links| links.handles_signal = false);
        }
    }

    /// Takes the node out of its queue, unless it has been picked or must stay.
    fn leave(
        &self,
        may_leave: &mut impl FnMut(&mut QueueGuard<'_>, Cause) -> bool,
        cause: Cause,
    ) -> Left {
        let mut guard = self.lock_home();
        if self.picked().is_some() {
            return Left::Picked;
        }
        if !ptr::eq(guard.queue, self.origin) {
            // Moved to a lock's queue, so it has got what it waited for in the first one. There it
            // stays until it is woken, except for a signal handler. The lock's mark for its waiters
            // may now be one too many, which its next release finds out.
            if cause == Cause::TimedOut {
                return Left::MustStay;
            }
            guard.unlink(self);
            self.queued.set(false);
            return Left::Notified;
        }
        if !may_leave(&mut guard, cause) {
            return Left::MustStay;
        }
        // `may_leave` may itself have picked everybody, this thread included.
        if self.picked().is_some() {
            return Left::Picked;
        }
        guard.unlink(self);
        self.queued.set(false);
        Left::Yes
    }

    /// Locks the queue that the node is in, or was last in.
    fn lock_home(&self) -> QueueGuard<'_> {
        loop {
            let home = self.home.load(Acquire);
            // SAFETY: `home` is the queue that the thread parked on, or the one that it named to be
            // moved to (rule 5); the caller of `park` lends both until it returns.
            let guard = unsafe { &*home }.lock();
            // Moved between the load and the lock (rule 4)? Then look again.
            if ptr::eq(self.home.load(Acquire), home) {
                return guard;
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Only a panic comes here with the node still in a list.
        if self.queued.get() && self.epoch == epoch::current() {
            let mut guard = self.lock_home();
            if self.picked().is_none() {
                guard.unlink(self);
            }
        }
        // Nobody else may look at the node any more: the model checker says who does.
        #[cfg(threadwell_loom)]
        if !std::thread::panicking() {
            self.links.with_mut(|_| ());
        }
    }
}

enum Left {
    Yes,
    /// It had been moved to a lock's queue, and left that.
    Notified,
    /// Another thread picked it first.
    Picked,
    /// The primitive keeps it until it is picked.
    MustStay,
}

/// A queue whose mutex the current thread holds.
pub(crate) struct QueueGuard<'a> {
    queue: &'a WaitQueue,
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        self.queue.mutex.unlock();
    }
}

impl QueueGuard<'_> {
    fn head(&self) -> Head {
        // SAFETY: the mutex is held (rule 1).
        self.queue.head.with(|head| unsafe { *head })
    }

    fn set_head(&self, new: Head) {
        // SAFETY: the mutex is held (rule 1).
        self.queue.head.with_mut(|head| unsafe { *head = new });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head().is_null()
    }

    /// Whether exactly one thread waits.
    pub(crate) fn has_one(&self) -> bool {
        let head = self.head();
        !head.is_null() && ptr::eq(next(head), head)
    }

    /// How many threads wait. Looks at each of them.
    pub(crate) fn len(&self) -> usize {
        let head = self.head();
        if head.is_null() {
            return 0;
        }
        let others = std::iter::successors(Some(next(head)), |&node| Some(next(node)));
        1 + others.take_while(|&node| !ptr::eq(node, head)).count()
    }

    /// The longest waiter, and when it began to wait, in nanoseconds.
    pub(crate) fn front(&self) -> Option<(ThreadId, u64)> {
        let head = self.head();
        if head.is_null() {
            return None;
        }
        // SAFETY: nodes in the list are alive while the mutex is held (rule 2).
        let waiter = unsafe { &*head };
        Some((waiter.record.id(), read(head, |links| links.since)))
    }

    /// Picks the longest waiter and tells it `token`. Whoever sets `wakes` free wakes it. `false` if
    /// nobody waits.
    pub(crate) fn pick(&mut self, token: Token, wakes: &mut Wakes) -> bool {
        let head = self.head();
        if head.is_null() {
            return false;
        }
        // SAFETY: nodes in the list are alive while the mutex is held (rule 2).
        let waiter = unsafe { &*head };
        self.unlink(waiter);
        // Rule 3: the record is kept alive before the token lets the node's owner return.
        // Read through the cell, so that the model checker sees the node being used.
        let record = waiter.links.with(|_| Arc::clone(&waiter.record));
        waiter.token.store(token.0, Release);
        wakes.push(record);
        true
    }

    /// Picks everyone.
    pub(crate) fn pick_all(&mut self, token: Token, wakes: &mut Wakes) {
        while self.pick(token, wakes) {}
    }

    /// Moves the longest waiter to the back of `target`, still asleep, and sets its waiting time
    /// to begin at `since`. Both mutexes are held (rule 4). `false` if it cannot be moved: it needs
    /// another lock (rule 5), its owner is not asleep, or nobody waits.
    pub(crate) fn move_front(&mut self, target: &mut QueueGuard<'_>, since: u64) -> bool {
        let head = self.head();
        if head.is_null() {
            return false;
        }
        // SAFETY: nodes in the list are alive while the mutex is held (rule 2).
        let waiter = unsafe { &*head };
        let awake = read(head, |links| links.handles_signal);
        if awake || !ptr::eq(waiter.next, target.queue) {
            return false;
        }
        self.unlink(waiter);
        change(head, |links| links.since = since);
        target.link(waiter, false);
        waiter.home.store(ptr::from_ref(target.queue).cast_mut(), Release);
        true
    }

    fn link(&mut self, waiter: &Waiter, front: bool) {
        let node = ptr::from_ref(waiter);
        let head = self.head();
        if head.is_null() {
            change(node, |links| (links.previous, links.next) = (node, node));
            self.set_head(node);
            return;
        }
        // The node goes before `after`: at the back that is the head, the list being a circle.
        let mut after = head;
        if front {
            let since = read(node, |links| links.since);
            while read(after, |links| links.since < since) {
                after = next(after);
                if ptr::eq(after, head) {
                    break;
                }
            }
            let first = ptr::eq(after, head) && read(head, |links| links.since >= since);
            if first {
                self.set_head(node);
            }
        }
        let before = previous(after);
        change(node, |links| (links.previous, links.next) = (before, after));
        change(before, |links| links.next = node);
        change(after, |links| links.previous = node);
    }

    fn unlink(&mut self, waiter: &Waiter) {
        let node = ptr::from_ref(waiter);
        let (before, after) = (previous(node), next(node));
        if ptr::eq(after, node) {
            self.set_head(ptr::null());
            return;
        }
        change(before, |links| links.next = after);
        change(after, |links| links.previous = before);
        if ptr::eq(self.head(), node) {
            self.set_head(after);
        }
    }
}

// The functions below are called by a `QueueGuard` on nodes of its own list (rules 1 and 2).

fn read<R>(node: *const Waiter, f: impl FnOnce(&Links) -> R) -> R {
    // SAFETY: the node is in the list of a queue whose mutex is held, or in none and the caller's own:
    // it is alive, and nobody else touches its links.
    unsafe { &*node }.links.with(|links| f(unsafe { &*links }))
}

fn change(node: *const Waiter, f: impl FnOnce(&mut Links)) {
    // SAFETY: as in `read`; and no reference into the links outlives a call of these two.
    unsafe { &*node }.links.with_mut(|links| f(unsafe { &mut *links }));
}

fn next(node: *const Waiter) -> *const Waiter {
    read(node, |links| links.next)
}

fn previous(node: *const Waiter) -> *const Waiter {
    read(node, |links| links.previous)
}

#[cfg(all(test, threadwell_loom))]
mod tests {
    use std::ops::ControlFlow;

    use loom::cell::UnsafeCell as Cell;
    use loom::thread;

    use super::*;
    use crate::park::resume;
    use crate::sys::model;

    fn explore(f: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(3));
        builder.check(move || {
            model::stop_clock();
            f();
        });
    }

    /// Waits in the plainest way.
    fn wait<'a>(
        queue: &WaitQueue,
        next: Option<&'a WaitQueue>,
        deadline: Option<Deadline>,
        on_signal: Option<OnSignal<'a>>,
    ) -> Parked {
        queue.park(Park {
            front: false,
            since: 0,
            next,
            validate: |_: &mut QueueGuard<'_>| true,
            before_sleep: || true,
            leave: |_: &mut QueueGuard<'_>, _: Cause| true,
            deadline,
            on_signal,
        })
    }

    fn pick(queue: &WaitQueue) -> bool {
        let mut wakes = Wakes::none();
        queue.lock().pick(Token::RETRY, &mut wakes)
    }

    fn is_woken(parked: Parked) -> bool {
        matches!(parked, Parked::Woken { .. })
    }

    /// The waiter was picked or has left: one of the two, and both sides know which.
    fn picked_or_left(give_up: fn(&WaitQueue) -> Parked) {
        explore(move || {
            let queue = Arc::new(WaitQueue::new());
            let waiter = {
                let queue = Arc::clone(&queue);
                thread::spawn(move || is_woken(give_up(&queue)))
            };
            let picked = pick(&queue);
            assert_eq!(waiter.join().unwrap(), picked);
            assert!(queue.lock().is_empty());
        });
    }

    #[test]
    fn a_waiter_that_times_out_was_picked_or_has_left() {
        picked_or_left(|queue| wait(queue, None, Some(model::over()), Some(&mut resume)));
    }

    #[test]
    fn a_waiter_that_a_signal_takes_out_was_picked_or_has_left() {
        picked_or_left(|queue| {
            model::interrupt(1);
            wait(queue, None, None, None)
        });
    }

    #[test]
    fn a_waiter_whose_handler_ends_the_wait_was_picked_or_has_left() {
        picked_or_left(|queue| {
            model::interrupt(1);
            wait(queue, None, None, Some(&mut || ControlFlow::Break(())))
        });
    }

    #[test]
    fn what_the_waker_did_is_visible_to_the_picked_thread() {
        explore(|| {
            let shared = Arc::new((WaitQueue::new(), Cell::new(())));
            let waiter = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    if is_woken(wait(&shared.0, None, Some(model::over()), None)) {
                        shared.1.with_mut(|_| ());
                    }
                })
            };
            let mut wakes = Wakes::none();
            let mut guard = shared.0.lock();
            if !guard.is_empty() {
                shared.1.with_mut(|_| ());
                guard.pick(Token::RETRY, &mut wakes);
            }
            drop(guard);
            drop(wakes);
            waiter.join().unwrap();
        });
    }

    #[test]
    fn waiters_that_leave_at_once_keep_the_list_whole() {
        explore(|| {
            let queue = Arc::new(WaitQueue::new());
            let waiters = [0, 1].map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    is_woken(wait(&queue, None, Some(model::over()), Some(&mut resume)))
                })
            });
            let picked = pick(&queue);
            let woken = waiters.map(|waiter| usize::from(waiter.join().unwrap()));
            assert_eq!(woken.iter().sum::<usize>(), usize::from(picked));
            assert!(queue.lock().is_empty());
        });
    }

    /// A waiter may be moved to a second queue, where it is picked, while it wants to leave.
    fn moved(give_up: fn(&WaitQueue, &WaitQueue) -> Parked) {
        explore(move || {
            let queues = Arc::new((WaitQueue::new(), WaitQueue::new()));
            let waiter = {
                let queues = Arc::clone(&queues);
                thread::spawn(move || is_woken(give_up(&queues.0, &queues.1)))
            };
            let mut wakes = Wakes::none();
            let mut from = queues.0.lock();
            let mut to = queues.1.lock();
            let notified = from.move_front(&mut to, 0) || from.pick(Token::RETRY, &mut wakes);
            drop((from, to));
            let _ = pick(&queues.1);
            drop(wakes);
            assert_eq!(waiter.join().unwrap(), notified);
            assert!(queues.0.lock().is_empty());
            assert!(queues.1.lock().is_empty());
        });
    }

    #[test]
    fn a_moved_waiter_whose_deadline_passes_stays_until_it_is_picked() {
        moved(|from, to| wait(from, Some(to), Some(model::over()), Some(&mut resume)));
    }

    #[test]
    fn a_moved_waiter_that_a_signal_takes_out_has_been_woken() {
        moved(|from, to| {
            model::interrupt(1);
            wait(from, Some(to), None, Some(&mut || ControlFlow::Break(())))
        });
    }

    #[test]
    fn a_waiter_that_handles_a_signal_is_not_moved() {
        explore(|| {
            let queues = Arc::new((WaitQueue::new(), WaitQueue::new()));
            let waiter = {
                let queues = Arc::clone(&queues);
                thread::spawn(move || {
                    let mut handler = || {
                        assert!(queues.1.lock().is_empty(), "a wake-up was left to a handler");
                        ControlFlow::Break(())
                    };
                    model::interrupt(1);
                    let _ = wait(&queues.0, Some(&queues.1), None, Some(&mut handler));
                })
            };
            let mut wakes = Wakes::none();
            let mut from = queues.0.lock();
            let mut to = queues.1.lock();
            if !from.move_front(&mut to, 0) {
                from.pick(Token::RETRY, &mut wakes);
            }
            drop((from, to));
            drop(wakes);
            waiter.join().unwrap();
        });
    }

    #[test]
    fn a_queue_from_before_a_fork_is_empty() {
        for held in [true, false] {
            loom::model(move || {
                let nobody = ptr::NonNull::<Waiter>::dangling().as_ptr().cast_const();
                let mutex = EpochMutex::from_before_a_fork(held);
                let head = UnsafeCell::new(nobody);
                let queue = Arc::new(WaitQueue { word: AtomicU32::new(0), mutex, head });
                let other = {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || assert!(queue.lock().is_empty()))
                };
                assert!(queue.lock().is_empty());
                other.join().unwrap();
            });
        }
    }
}
