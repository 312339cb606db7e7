//! Atomics and cells: the standard library's, or the model checker's under `cfg(threadwell_loom)`.
//!
//! Every protocol of this crate is written against these names, so that the code that loom
//! explores is the code that runs.

#[cfg(not(threadwell_loom))]
mod chosen {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

    /// `std`'s cell behind loom's interface, which sees each access begin and end.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(threadwell_loom)]
mod chosen {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
}

pub(crate) use chosen::*;
pub(crate) use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Declares functions that are `const`, except under loom, whose atomics need a running model.
macro_rules! const_fn {
    ($($(#[$meta:meta])* $vis:vis const fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block)*) => {$(
        #[cfg(not(threadwell_loom))]
        $(#[$meta])*
        $vis const fn $name($($arg: $ty),*) -> $ret $body

        #[cfg(threadwell_loom)]
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) -> $ret $body
    )*};
}
pub(crate) use const_fn;
