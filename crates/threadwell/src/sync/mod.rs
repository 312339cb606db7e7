//! The primitives.

mod barrier;
mod bounded_semaphore;
mod condition;
mod event;
mod lock;
mod rlock;
mod semaphore;

pub use barrier::{Arrival, Barrier, BarrierError, LastArrival};
pub use bounded_semaphore::BoundedSemaphore;
pub use condition::{Condition, ConditionLock, NotOwned};
pub use event::Event;
pub use lock::{Lock, ReleaseError};
pub use rlock::RLock;
pub use semaphore::{Semaphore, SemaphoreError};
