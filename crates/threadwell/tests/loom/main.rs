//! The protocols under loom, which explores every interleaving of a model's threads, and every
//! value that the memory model lets their loads see, up to a number of preemptions.
//!
//! Run by `ci/loom.sh`. `README.md` beside this file says for each rule of the protocols which model
//! goes red without it.

#![cfg(threadwell_loom)]
#![expect(
    clippy::arc_with_non_send_sync,
    reason = "loom's cells are shared to find races, one thread runs at a time"
)]

mod barrier;
mod condition;
mod event;
mod lock;
mod rlock;
mod semaphore;
mod timer;

use std::ops::ControlFlow;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use threadwell::model;

/// Explores `f`, with a clock that stands still and at most `preemptions` switches away from a
/// thread that could have gone on (`LOOM_MAX_PREEMPTIONS` overrides it).
///
/// Two find nearly every mistake that any number finds; models of two threads can afford three.
fn explore(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(move || {
        model::stop_clock();
        f();
    });
}

/// What only one thread at a time may touch, each after the other: loom says if two do, or if one
/// does not see what the other did.
struct Guarded(UnsafeCell<u32>);

impl Guarded {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn touch(&self) {
        self.0.with_mut(|_| ());
    }
}

/// A flag without any ordering of its own: what it is guarded by has to provide that.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn raise(&self) {
        self.0.store(true, Relaxed);
    }

    fn is_up(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A signal handler that ends the wait.
fn end() -> ControlFlow<()> {
    ControlFlow::Break(())
}

/// A signal handler that panics, quietly.
fn panic() -> ControlFlow<()> {
    std::panic::resume_unwind(Box::new("a signal handler's panic"))
}
