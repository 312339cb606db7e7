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
//!
//! # Memory ordering
//!
//! The release store of a token pairs with the acquire load of it in `sleep`: what the waker did
//! before it picked the thread is visible to the thread. `home` is written under the mutexes of
//! both queues, and trusted only after a look under the mutex it names; its release store pairs
//! with the acquire load in `leave`, which makes the pointed-to queue's own state irrelevant.

#![expect(unsafe_code, reason = "an intrusive list through the stacks of the waiting threads")]

use std::cell::Cell;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;

use super::OnSignal;
use super::mutex::{EpochMutex, Taken};
use super::record::{ThreadId, ThreadRecord, current_record};
use super::wakes::Wakes;
use crate::primitive::{Acquire, AtomicPtr, AtomicU32, Release, UnsafeCell, const_fn};
use crate::sys::epoch;
use crate::sys::futex::FutexOutcome;
use crate::time::Deadline;

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
}

/// How [`WaitQueue::park`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    /// `validate` said no; the thread was never queued.
    Refused,
    /// Picked by another thread. `interrupted`: a signal handler asked to end the wait, too late
    /// to give the wake-up back; the caller has to pass it on or to make use of it.
    Woken { token: Token, interrupted: bool },
    /// The deadline passed, and nobody had picked the thread.
    TimedOut,
    /// A signal handler asked to end the wait, and nobody had picked the thread.
    Interrupted,
    /// The process is the child of a `fork` made by a signal handler during the wait: the queue
    /// was the parent's. Look at the primitive again.
    Forked,
}

/// Why a thread wants to leave a queue unpicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    TimedOut,
    Interrupted,
}

/// What a primitive adds to a wait.
pub(crate) struct Park<'a, V, S, L> {
    /// Joins at the front: a thread that was woken to try again, and came too late, keeps its turn.
    pub(crate) front: bool,
    /// When the thread began to wait, in nanoseconds; what fairness is measured by.
    pub(crate) since: u64,
    /// Called with the queue locked. Whether there is still a reason to wait.
    pub(crate) validate: V,
    /// Called once the thread is queued and the queue unlocked, before it sleeps. `false`: it does
    /// not sleep after all, and the wait is interrupted.
    pub(crate) before_sleep: S,
    /// Called with the queue locked and the thread still in it, when it wants to leave unpicked.
    /// `false`: it has to stay until it is picked, and goes on without deadline.
    pub(crate) leave: L,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) on_signal: OnSignal<'a>,
}

/// The queue's head: the longest waiter, or null.
type Head = *const Waiter;

#[derive(Debug)]
pub(crate) struct WaitQueue {
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

    /// Queues the calling thread and sleeps until it is picked, `deadline` passes or a signal
    /// handler wants it to stop.
    pub(crate) fn park<V, S, L>(&self, park: Park<'_, V, S, L>) -> Parked
    where
        V: FnOnce(&mut QueueGuard<'_>) -> bool,
        S: FnOnce() -> bool,
        L: FnMut(&mut QueueGuard<'_>, Cause) -> bool,
    {
        let Park { front, since, validate, before_sleep, mut leave, deadline, on_signal } = park;
        let waiter = Waiter::new(self, since);
        {
            let mut guard = self.lock();
            if !validate(&mut guard) {
                return Parked::Refused;
            }
            guard.link(&waiter, front);
            waiter.queued.set(true);
        }
        waiter.record.waiting();
        let stay = before_sleep();
        let parked = waiter.sleep(stay, &mut leave, deadline, on_signal);
        waiter.record.waited();
        parked
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
}

impl Waiter {
    fn new(queue: &WaitQueue, since: u64) -> Self {
        Self {
            links: UnsafeCell::new(Links { previous: ptr::null(), next: ptr::null(), since }),
            home: AtomicPtr::new(ptr::from_ref(queue).cast_mut()),
            token: AtomicU32::new(0),
            origin: ptr::from_ref(queue),
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
        leave: &mut impl FnMut(&mut QueueGuard<'_>, Cause) -> bool,
        deadline: Option<Deadline>,
        on_signal: OnSignal<'_>,
    ) -> Parked {
        let mut deadline = deadline;
        let mut interrupted = false;
        loop {
            if let Some(token) = self.picked() {
                self.queued.set(false);
                return Parked::Woken { token, interrupted };
            }
            let outcome = match stay {
                true => self.record.park(deadline),
                false => FutexOutcome::Interrupted,
            };
            let cause = match outcome {
                FutexOutcome::Woken => continue,
                FutexOutcome::TimedOut => Cause::TimedOut,
                FutexOutcome::Interrupted if interrupted => continue,
                FutexOutcome::Interrupted if !stay => {
                    stay = true;
                    Cause::Interrupted
                }
                FutexOutcome::Interrupted => {
                    let flow = on_signal();
                    if self.epoch != epoch::current() {
                        self.queued.set(false);
                        return Parked::Forked;
                    }
                    match flow {
                        ControlFlow::Continue(()) => continue,
                        ControlFlow::Break(()) => Cause::Interrupted,
                    }
                }
            };
            match (self.leave(leave, cause), cause) {
                (Left::Yes, Cause::TimedOut) => return Parked::TimedOut,
                (Left::Yes, Cause::Interrupted) => return Parked::Interrupted,
                (Left::MustStay, Cause::TimedOut) => deadline = None,
                (Left::MustStay, Cause::Interrupted) => {
                    interrupted = true;
                    deadline = None;
                }
                (Left::Picked, Cause::TimedOut) => {}
                (Left::Picked, Cause::Interrupted) => interrupted = true,
            }
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
        // A node that was moved to another queue has got what it waited for in the first one.
        if !ptr::eq(guard.queue, self.origin) || !may_leave(&mut guard, cause) {
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
            // SAFETY: `home` is the queue that the thread parked on, or one that it was moved to;
            // the caller of `park` keeps both alive until it returns.
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
        // Only a panic in a signal handler's code comes here with the node still in a list.
        if self.queued.get() && self.epoch == epoch::current() {
            let mut guard = self.lock_home();
            if self.picked().is_none() {
                guard.unlink(self);
            }
        }
    }
}

enum Left {
    Yes,
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

    /// Picks the longest waiter and tells it `token`. Whoever sets `wakes` free wakes it.
    pub(crate) fn pick(&mut self, token: Token, wakes: &mut Wakes) -> Option<ThreadId> {
        let head = self.head();
        if head.is_null() {
            return None;
        }
        // SAFETY: nodes in the list are alive while the mutex is held (rule 2).
        let waiter = unsafe { &*head };
        self.unlink(waiter);
        // Rule 3: the record is kept alive before the token lets the node's owner return.
        let record = Arc::clone(&waiter.record);
        waiter.token.store(token.0, Release);
        let id = record.id();
        wakes.push(record);
        Some(id)
    }

    /// Picks everyone.
    pub(crate) fn pick_all(&mut self, token: Token, wakes: &mut Wakes) {
        while self.pick(token, wakes).is_some() {}
    }

    /// Moves the longest waiter to the back of `target`, still asleep, and sets its waiting time
    /// to begin at `since`. Both mutexes are held (rule 4).
    pub(crate) fn move_front(&mut self, target: &mut QueueGuard<'_>, since: u64) -> bool {
        let head = self.head();
        if head.is_null() {
            return false;
        }
        // SAFETY: nodes in the list are alive while the mutex is held (rule 2).
        let waiter = unsafe { &*head };
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
        let tail = previous(head);
        change(node, |links| (links.previous, links.next) = (tail, head));
        change(tail, |links| links.next = node);
        change(head, |links| links.previous = node);
        if front {
            self.set_head(node);
        }
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
    // SAFETY: the node is in the list of a queue whose mutex is held: it is alive, and nobody else
    // touches its links.
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
