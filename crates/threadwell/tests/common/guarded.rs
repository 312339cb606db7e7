//! A value that nothing but the primitive under test guards.

#![expect(unsafe_code, reason = "what a primitive guards is not an atomic")]

use std::cell::UnsafeCell;

/// Plain memory, so that a sanitizer sees each access that the primitive has not ordered: one to an
/// atomic never races.
#[derive(Default)]
pub(crate) struct Guarded<T>(UnsafeCell<T>);

// SAFETY: whoever shares it uses it while the primitive under test keeps all others out, and the value
// goes from thread to thread, which `T: Send` allows. That is what is tested.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value, at which others may look as well.
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: as above, nobody changes the value meanwhile.
        unsafe { *self.0.get() }
    }

    /// Changes the value, which nobody else uses meanwhile.
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: as above; the reference ends with `f`, which does not come back to this cell.
        f(unsafe { &mut *self.0.get() })
    }
}
