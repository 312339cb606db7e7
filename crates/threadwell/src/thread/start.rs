//! A thread's way from its start to its end.
//!
//! It is *reserved* first: alive, and in the registry. Then it is launched, if the system has a thread
//! for it; a timer, when it fires. What ends it is a local of its own (`current.rs`).

use std::io;

use super::error::AlreadyStarted;
use super::handle::{Place, ThreadHandle};
use super::join::OsThread;
use super::{current, hook, registry, shutdown};
use crate::park::record::current_record;
use crate::primitive::Relaxed;
use crate::sys;

impl ThreadHandle {
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

    /// Takes [`reserve`](Self::reserve) back. Whoever joins the thread learns that it is not started.
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
        *os = Some(OsThread::new(handle));
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
}
