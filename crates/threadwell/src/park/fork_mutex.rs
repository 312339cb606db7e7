//! A value behind a mutex that a `fork` cannot leave locked for ever.
//!
//! A `std::sync::Mutex` that another thread holds at the moment of a `fork` stays held in the child,
//! where nobody is left to release it. Here the mutex is an [`EpochMutex`], so the first to take it
//! in the child learns that it was copied (over the futex of Linux: `sys/futex/mod.rs`):
//!
//! | At the fork    | What the child finds                                            |
//! |----------------|-----------------------------------------------------------------|
//! | free           | the value as its last holder left it                            |
//! | held           | `T::default()`; the old value is never looked at again          |
//!
//! A value that was being changed may be torn: half of it is not touched again, not even to free
//! it.
//!
//! Whoever waits for it has no deadline and hears no signal. So it is held for a few instructions,
//! and never while its holder waits for another thread, with these exceptions:
//!
//! | Held while                                   | By                                               |
//! |----------------------------------------------|--------------------------------------------------|
//! | the system is asked for a thread             | the start of a thread, of a timer, of the driver |
//! | `std` or the C library notes a hook of ours  | the first start of a thread                      |
//! | a caller's function looks at the payloads    | `TimerQueue::visit`, which says so               |

#![expect(unsafe_code, reason = "hands out the value that its mutex guards")]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::mutex::{EpochMutex, Taken};
use crate::primitive::{UnsafeCell, const_fn};

pub(crate) struct ForkMutex<T> {
    mutex: EpochMutex,
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value goes with the mutex to whichever thread has it, which `T: Send` allows.
unsafe impl<T: Send> Send for ForkMutex<T> {}
// SAFETY: a shared reference gives access to the value through a `ForkGuard` alone, which holds the
// mutex: one thread at a time, which `T: Send` allows.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T> ForkMutex<T> {
    const_fn! {
        pub(crate) const fn new(value: T) -> Self {
            Self { mutex: EpochMutex::new(), value: UnsafeCell::new(ManuallyDrop::new(value)) }
        }
    }
}

impl<T: Default> ForkMutex<T> {
    /// Waits for the mutex, and gives access to the value for as long as the guard lives.
    pub(crate) fn lock(&self) -> ForkGuard<'_, T> {
        let taken = self.mutex.lock();
        let guard = ForkGuard { owner: self };
        if taken == (Taken::Stale { held: true }) {
            let fresh = ManuallyDrop::new(T::default());
            // SAFETY:
            // - the pointer is valid for a write, and nobody else has access: the mutex is held;
            // - the old value, of which any part may be torn, is overwritten without being read or
            //   dropped.
            self.value.with_mut(|value| unsafe { value.write(fresh) });
        }
        guard
    }
}

impl<T> Drop for ForkMutex<T> {
    fn drop(&mut self) {
        if self.mutex.is_torn() {
            return;
        }
        // SAFETY:
        // - access is exclusive, so no guard is left, and the value is whole: it was not being
        //   changed when this process was forked;
        // - it is dropped here alone, and not used again;
        // - `ManuallyDrop<T>` has the layout of `T`.
        self.value.with_mut(|value| unsafe { value.cast::<T>().drop_in_place() });
    }
}

/// The right to use the value; ends with the guard.
pub(crate) struct ForkGuard<'a, T> {
    owner: &'a ForkMutex<T>,
}

impl<T> Deref for ForkGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mutex is held until the guard is dropped, and the reference does not outlive
        // the borrow of the guard: nobody else has access, and nobody mutable through this guard.
        self.owner.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ForkGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; the guard itself is borrowed mutably, so this is the only reference.
        self.owner.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ForkGuard<'_, T> {
    fn drop(&mut self) {
        self.owner.mutex.unlock();
    }
}

#[cfg(all(test, unix, not(threadwell_loom)))]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// Whether `check` holds in the child of a `fork`.
    fn holds_in_child(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child runs `check`, which allocates nothing and waits for nobody, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let status = i32::from(!check());
            // SAFETY: ends the process at once; nothing of the parent's is flushed or torn down.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: `status` is a valid place for the result.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        waited == child && status == 0
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn a_value_that_was_free_at_the_fork_is_kept() {
        let mutex = ForkMutex::new(0);
        *mutex.lock() = 7;
        assert!(holds_in_child(|| *mutex.lock() == 7));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn a_value_that_was_held_at_the_fork_is_replaced_and_not_dropped() {
        let value = Rc::new(7);
        let mutex = ForkMutex::new(Some(Rc::clone(&value)));
        let guard = mutex.lock();
        assert!(holds_in_child(|| mutex.lock().is_none() && Rc::strong_count(&value) == 2));
        drop(guard);
        assert_eq!(mutex.lock().as_deref(), Some(&7));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri cannot fork")]
    fn a_torn_value_is_not_dropped_with_its_mutex() {
        let value = Rc::new(7);
        let mutex = ForkMutex::new(Rc::clone(&value));
        std::mem::forget(mutex.lock());
        assert!(holds_in_child(|| {
            drop(mutex);
            Rc::strong_count(&value) == 2
        }));
    }

    #[test]
    fn a_whole_value_is_dropped_with_its_mutex() {
        let value = Rc::new(7);
        drop(ForkMutex::new(Rc::clone(&value)));
        assert_eq!(Rc::strong_count(&value), 1);
    }
}

#[cfg(all(test, threadwell_loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;

    /// What two threads make of a seven, to which each of them adds one.
    fn added_to(held_at_fork: bool) -> u32 {
        let value = UnsafeCell::new(ManuallyDrop::new(7));
        let mutex = ForkMutex { mutex: EpochMutex::from_before_a_fork(held_at_fork), value };
        let mutex = Arc::new(mutex);
        let other = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || *mutex.lock() += 1)
        };
        *mutex.lock() += 1;
        other.join().unwrap();
        *mutex.lock()
    }

    #[test]
    fn a_value_that_was_held_at_the_fork_is_replaced_once() {
        loom::model(|| assert_eq!(added_to(true), 2));
    }

    #[test]
    fn a_value_that_was_free_at_the_fork_is_kept_by_all() {
        loom::model(|| assert_eq!(added_to(false), 9));
    }
}
