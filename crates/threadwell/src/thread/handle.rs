//! A thread as everyone may know it: what it is called, what it does, how it is started and joined.
//!
//! # When a thread has ended
//!
//! `ended` is set by a destructor of the thread's own locals, the one that runs last where that can
//! be chosen. Whoever joins then also waits for the system's thread, which has nothing left to do:
//! after a join the values of its locals are gone, and so is the thread. That wait is the system's: it
//! knows no deadline, and no signal ends it. So the joiner that comes first does it with no mutex held,
//! and raises `gone` for the others.
//!
//! A start that fails raises `ended` too, since somebody may have counted on it; the next start lowers
//! it. So whoever waited for it looks at the thread's stage once more.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{AlreadyStarted, JoinError};
use super::life::{Life, Stage};
use super::{current, hook, registry, shutdown};
use crate::park::record::{ThreadRecord, current_record};
use crate::park::{ForkMutex, OnSignal, ThreadId, WaitOutcome, resume};
use crate::primitive::{AtomicBool, AtomicUsize, Relaxed};
use crate::sync::Event;
use crate::sys;
use crate::sys::epoch;
use crate::time::Deadline;

/// What a thread runs; it is told who it is.
pub(super) type Body = Box<dyn FnOnce(&ThreadHandle) + Send>;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadState {
    /// It has not been started.
    New,
    /// It runs, or is about to.
    Running,
    /// It waits for a primitive of this crate, for another thread, or, as a timer, for its moment.
    Blocked,
    /// It has ended.
    Terminated,
}

/// Where a thread comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Ours,
    /// The thread that the process began with.
    Main,
    /// Started by someone else.
    Foreign,
}

/// A thread, known to whoever asks for it; two handles are equal if they stand for the same thread.
///
/// It says nothing about the result: that is the business of the [`Thread`](crate::Thread) that was created.
#[derive(Clone)]
pub struct ThreadHandle {
    shared: Arc<Shared>,
}

struct Shared {
    /// Counts threads as they are created; the registry's key.
    serial: usize,
    life: Life,
    origin: Origin,
    /// In the child of a `fork` made by a thread of foreign origin: it is the main thread there.
    promoted: AtomicBool,
    name: Box<str>,
    /// The name that it was given later.
    renamed: ForkMutex<Option<Box<str>>>,
    stack_size: usize,
    /// Until it runs.
    body: ForkMutex<Option<Body>>,
    /// Who it is, once it runs.
    place: ForkMutex<Option<Place>>,
    placed: Event,
    ended: Event,
    /// Locked while the thread is being started: it is here before anyone looks for it.
    os: ForkMutex<Option<OsThread>>,
    /// Raised when the joiner that has waited for the system's thread comes back.
    gone: Event,
}

struct Place {
    record: Arc<ThreadRecord>,
    native_id: u64,
}

/// The system's thread, until it is joined. Dropped in the process that started it, it detaches the
/// thread; in the child of a `fork` there is no such thread, and nothing may be done to it.
struct OsThread {
    /// `None` while a joiner waits for it.
    handle: Option<JoinHandle<()>>,
    epoch: u32,
}

impl Drop for OsThread {
    fn drop(&mut self) {
        if self.epoch != epoch::current() {
            std::mem::forget(self.handle.take());
        }
    }
}

/// Relaxed: a number needs to be different, and carries nothing else.
static CREATED: AtomicUsize = AtomicUsize::new(0);

impl ThreadHandle {
    pub(super) fn ours(name: String, daemon: bool, stack_size: usize, body: Body) -> Self {
        Self::create(Life::new(daemon), Origin::Ours, name, stack_size, Some(body))
    }

    /// The main thread, or one that was started elsewhere: alive, and not ours to start.
    pub(super) fn adopted(name: String, origin: Origin) -> Self {
        Self::create(Life::launched(origin == Origin::Foreign), origin, name, 0, None)
    }

    fn create(
        life: Life,
        origin: Origin,
        name: String,
        stack_size: usize,
        body: Option<Body>,
    ) -> Self {
        let shared = Shared {
            serial: CREATED.fetch_add(1, Relaxed),
            life,
            origin,
            promoted: AtomicBool::new(false),
            name: name.into_boxed_str(),
            renamed: ForkMutex::new(None),
            stack_size,
            body: ForkMutex::new(body),
            place: ForkMutex::new(None),
            placed: Event::new(),
            ended: Event::new(),
            os: ForkMutex::new(None),
            gone: Event::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The thread's name; after [`set_name`](Self::set_name), the new one.
    #[must_use]
    pub fn name(&self) -> String {
        let renamed = self.shared.renamed.lock();
        renamed.as_deref().unwrap_or(&self.shared.name).to_owned()
    }

    /// Renames the thread. Several threads may have the same name. The system is told if the thread
    /// renames itself; otherwise it keeps showing the old name.
    pub fn set_name(&self, name: impl Into<String>) {
        let name = name.into().into_boxed_str();
        if self.is_current() {
            sys::thread::set_name(&name);
        }
        let before = self.shared.renamed.lock().replace(name);
        drop(before);
    }

    /// Whether the process exits without waiting for this thread.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.shared.life.is_daemon()
    }

    /// Makes it a daemon thread or not, before it is started.
    ///
    /// # Errors
    ///
    /// [`AlreadyStarted`].
    pub fn set_daemon(&self, daemon: bool) -> Result<(), AlreadyStarted> {
        self.shared.life.set_daemon(daemon)
    }

    /// Whether it has been started and has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.shared.life.stage(), Stage::Reserved | Stage::Launched)
    }

    /// What the thread is doing at this moment.
    #[must_use]
    pub fn state(&self) -> ThreadState {
        match self.shared.life.stage() {
            Stage::New => ThreadState::New,
            Stage::Ended => ThreadState::Terminated,
            Stage::Reserved => ThreadState::Blocked,
            Stage::Launched => {
                let place = self.shared.place.lock();
                match place.as_ref().is_some_and(|place| place.record.is_blocked()) {
                    true => ThreadState::Blocked,
                    false => ThreadState::Running,
                }
            }
        }
    }

    /// The thread's identity inside this crate; `None` until it has a thread of the system's.
    #[must_use]
    pub fn id(&self) -> Option<ThreadId> {
        self.place(|place| place.record.id())
    }

    /// The platform's identifier, as [`get_ident`](crate::get_ident) gives it in the thread itself;
    /// `None` until it has a thread of the system's, and for a main thread that has not used this
    /// crate. It may be given to another thread once this one has ended.
    #[must_use]
    pub fn ident(&self) -> Option<u64> {
        self.place(|place| place.record.ident())
    }

    /// The kernel's identifier, as [`get_native_id`](crate::get_native_id) gives it in the thread
    /// itself; `None` as for [`ident`](Self::ident).
    #[must_use]
    pub fn native_id(&self) -> Option<u64> {
        self.place(|place| place.native_id)
    }

    fn place<R>(&self, f: impl FnOnce(&Place) -> R) -> Option<R> {
        // It is about to say who it is. The main thread may never come to that.
        if self.shared.origin == Origin::Ours && self.shared.life.stage() == Stage::Launched {
            self.shared.placed.wait();
        }
        self.shared.place.lock().as_ref().map(f)
    }

    /// Whether this is the thread that asks.
    #[must_use]
    pub fn is_current(&self) -> bool {
        current::is(self)
    }

    /// Whether this is a thread that neither this crate started nor the process began with.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.shared.origin == Origin::Foreign && !self.shared.promoted.load(Relaxed)
    }

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

    /// Begins the thread's life: it is alive, and in the registry.
    pub(crate) fn reserve(&self) -> Result<(), AlreadyStarted> {
        self.shared.life.reserve()?;
        // It is up if an earlier start has failed.
        self.shared.ended.clear();
        hook::install();
        if !self.is_daemon() {
            shutdown::prepare();
        }
        registry::insert(self.clone());
        Ok(())
    }

    /// Takes [`reserve`](Self::reserve) back. Whoever joins the thread is told: it has not ended, and
    /// nobody knows whether it ever will.
    pub(crate) fn withdraw(&self) {
        registry::remove(self);
        // Raised before the thread can be reserved again, which lowers it; and those who wait are
        // woken when they can see why.
        let wakes = self.shared.ended.set_deferred();
        self.shared.life.withdraw();
        drop(wakes);
    }

    /// Gets a thread from the system. Without success nothing has changed, and it may be tried again.
    pub(crate) fn launch(&self) -> io::Result<()> {
        let mut os = self.shared.os.lock();
        let mut builder = std::thread::Builder::new();
        let name = self.name();
        if !name.contains('\0') {
            builder = builder.name(name);
        }
        if self.shared.stack_size != 0 {
            builder = builder.stack_size(self.shared.stack_size);
        }
        let thread = self.clone();
        let handle = builder.spawn(move || thread.run())?;
        *os = Some(OsThread { handle: Some(handle), epoch: epoch::current() });
        self.shared.life.launch();
        Ok(())
    }

    fn run(self) {
        // Its starter says so as well, but may not have come to that.
        self.shared.life.launch();
        // Before any other local, so that its destructor runs last.
        current::enter(self.clone());
        self.settle();
        let body = self.shared.body.lock().take();
        if let Some(body) = body {
            // Only what drops with the body can panic here. The payload might panic again.
            let _ = hook::run(&self, || body(&self)).map_err(std::mem::forget);
        }
        current::finish();
    }

    /// Notes who the calling thread is, which is the one that this handle stands for.
    pub(super) fn settle(&self) {
        let place = Place { record: current_record(), native_id: sys::thread::native_id() };
        let before = self.shared.place.lock().replace(place);
        drop(before);
        self.shared.placed.set();
    }

    /// Ends the thread's life: it is out of the registry, and whoever joins it goes on.
    pub(super) fn end(&self) {
        registry::remove(self);
        self.shared.life.end();
        self.shared.ended.set();
    }

    /// [`end`](Self::end) for a thread in which the process exits: it does not come to its end, so
    /// nobody may wait for the system's thread.
    pub(super) fn end_in_exit(&self) {
        let detached = self.shared.os.lock().take();
        drop(detached);
        self.end();
    }

    /// [`end`](Self::end) for a thread that was reserved and is never going to be launched.
    pub(crate) fn end_unrun(&self) {
        let body = self.shared.body.lock().take();
        self.end();
        drop(body);
    }

    /// In the child of a `fork`: the calling thread, which is this one, lives on as the main thread.
    pub(super) fn survive_fork(&self) {
        let foreign = self.is_foreign();
        self.shared.life.carry_over(self.is_daemon() && !foreign);
        if foreign {
            self.shared.promoted.store(true, Relaxed);
            self.set_name(registry::MAIN_NAME);
        }
        self.settle();
    }

    pub(super) fn serial(&self) -> usize {
        self.shared.serial
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

impl PartialEq for ThreadHandle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for ThreadHandle {}

impl Hash for ThreadHandle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shared.serial.hash(state);
    }
}

impl fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("name", &self.name())
            .field("state", &self.state())
            .field("daemon", &self.is_daemon())
            .finish()
    }
}
