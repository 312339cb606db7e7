//! The primitives.

mod barrier;
mod bounded_semaphore;
mod condition;
mod condition_lock;
mod event;
mod lock;
mod rlock;
mod semaphore;

pub use barrier::{Arrival, Barrier, BarrierError, LastArrival};
pub use bounded_semaphore::BoundedSemaphore;
pub use condition::{Condition, NotOwned, Waited};
pub use condition_lock::ConditionLock;
pub use event::Event;
pub use lock::{Lock, ReleaseError};
pub use rlock::RLock;
pub use semaphore::{Semaphore, SemaphoreError};
