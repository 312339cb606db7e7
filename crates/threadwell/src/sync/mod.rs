//! The primitives.

mod barrier;
mod condition;
mod event;
mod lock;
mod rlock;
mod semaphore;

pub use barrier::{Arrival, Barrier, BarrierError, LastArrival};
pub use condition::{Condition, ConditionLock, NotOwned};
pub use event::Event;
pub use lock::{Lock, ReleaseError};
pub use rlock::RLock;
pub use semaphore::{BoundedSemaphore, Semaphore, SemaphoreError};
