//! A thread as everyone may know it: who it is, and what it does.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::current;
use super::error::AlreadyStarted;
use super::join::OsThread;
use super::life::{Life, Stage};
use crate::park::record::ThreadRecord;
use crate::park::{ForkMutex, ThreadId};
use crate::primitive::{AtomicBool, AtomicUsize, Relaxed};
use crate::sync::Event;
use crate::sys;

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
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// Counts threads as they are created; the registry's key.
    serial: usize,
    pub(super) life: Life,
    origin: Origin,
    /// In the child of a `fork` made by a thread of foreign origin: it is the main thread there.
    pub(super) promoted: AtomicBool,
    name: Box<str>,
    /// The name that it was given later.
    renamed: ForkMutex<Option<Box<str>>>,
    pub(super) stack_size: usize,
    /// Until it runs.
    pub(super) body: ForkMutex<Option<Body>>,
    /// Who it is, once it runs.
    pub(super) place: ForkMutex<Option<Place>>,
    pub(super) placed: Event,
    pub(super) ended: Event,
    /// Locked while the thread is being started: it is here before anyone looks for it.
    pub(super) os: ForkMutex<Option<OsThread>>,
    /// Raised when the joiner that has waited for the system's thread comes back.
    pub(super) gone: Event,
}

pub(super) struct Place {
    pub(super) record: Arc<ThreadRecord>,
    pub(super) native_id: u64,
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

    pub(super) fn serial(&self) -> usize {
        self.shared.serial
    }
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
