//! What a condition asks of the lock that it is used with.

use super::lock::Lock;
use super::rlock::RLock;

/// A lock that a [`Condition`](crate::Condition) can be used with: [`Lock`] and [`RLock`].
pub trait ConditionLock: sealed::Sealed {}

impl ConditionLock for Lock {}
impl ConditionLock for RLock {}

mod sealed {
    use super::{Lock, RLock};
    use crate::park::Wakes;

    pub trait Sealed {
        /// Whether it is held: by the calling thread, where the lock can tell.
        fn is_held(&self) -> bool;
        /// Releases it entirely; how often it had been acquired.
        fn release_all(&self) -> (usize, Wakes);
        /// [`Sealed::lock`] was just acquired; makes that `count` times.
        fn acquired_all(&self, count: usize);
        /// The lock that threads wait for.
        fn lock(&self) -> &Lock;
    }

    impl Sealed for Lock {
        fn is_held(&self) -> bool {
            self.is_locked()
        }

        fn release_all(&self) -> (usize, Wakes) {
            (1, self.release_deferred().unwrap_or_default())
        }

        fn acquired_all(&self, _: usize) {}

        fn lock(&self) -> &Lock {
            self
        }
    }

    impl Sealed for RLock {
        fn is_held(&self) -> bool {
            self.is_owned()
        }

        fn release_all(&self) -> (usize, Wakes) {
            RLock::release_all(self).unwrap_or_default()
        }

        fn acquired_all(&self, count: usize) {
            RLock::acquired_all(self, count);
        }

        fn lock(&self) -> &Lock {
            RLock::lock(self)
        }
    }
}
