//! What a class's `__init__` makes, in an object that cannot be changed afterwards.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};

/// A cell that is set once, by `__init__`.
///
/// The interpreter's collector may visit an object that has been allocated, and zeroed, but not yet
/// filled in. So zeroes have to mean that nothing is there, which a `OnceLock` does not promise (a
/// zeroed one reads as set): the flag does.
pub(crate) struct InitOnce<T> {
    set: AtomicBool,
    value: OnceLock<T>,
}

impl<T> Default for InitOnce<T> {
    fn default() -> Self {
        Self { set: AtomicBool::new(false), value: OnceLock::new() }
    }
}

impl<T> From<T> for InitOnce<T> {
    fn from(value: T) -> Self {
        Self { set: AtomicBool::new(true), value: OnceLock::from(value) }
    }
}

impl<T> InitOnce<T> {
    /// The value. Not for the collector: see [`InitOnce::visit`].
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, also asked of an object that is all zeroes.
    ///
    /// The acquire load pairs with the release store in `set`.
    pub(crate) fn visit(&self) -> Option<&T> {
        if self.set.load(Acquire) { self.value.get() } else { None }
    }

    /// Sets the value, or gives it back if there is one already.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.set.store(true, Release);
        Ok(())
    }
}
