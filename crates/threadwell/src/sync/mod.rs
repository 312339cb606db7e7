//! The primitives.

mod barrier;
mod barrier_error;
mod bounded_semaphore;
mod condition;
mod condition_lock;
mod event;
mod lock;
mod rlock;
mod semaphore;

pub use barrier::{Arrival, Barrier, LastArrival};
pub use barrier_error::BarrierError;
pub use bounded_semaphore::BoundedSemaphore;
pub use condition::{Condition, NotOwned, Waited};
pub use condition_lock::ConditionLock;
pub use event::Event;
pub use lock::{Lock, ReleaseError};
pub use rlock::RLock;
pub use semaphore::{Semaphore, SemaphoreError};
