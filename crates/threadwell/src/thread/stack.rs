//! How large a thread's stack is.

use std::fmt;

use crate::primitive::{AtomicUsize, Relaxed};

/// The least that can be asked for: Python's limit, and above that of every platform.
const LEAST: usize = 32 * 1024;

/// Relaxed: a number that carries nothing else.
static STACK_SIZE: AtomicUsize = AtomicUsize::new(0);

/// A stack of this size cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StackSizeError {
    /// Less than 32 KiB, and not 0.
    TooSmall,
}

impl fmt::Display for StackSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "stack size is neither 0 nor at least 32 KiB",
        })
    }
}

impl std::error::Error for StackSizeError {}

/// The stack size of threads that do not choose their own; 0 stands for the default of `std`.
#[must_use]
pub fn stack_size() -> usize {
    STACK_SIZE.load(Relaxed)
}

/// Sets the stack size of threads that are created from now on, in bytes, and returns what it was.
/// 0 stands for the default of `std`: 2 MiB, or what the environment variable `RUST_MIN_STACK` says.
///
/// # Examples
///
/// ```
/// let before = threadwell::set_stack_size(256 * 1024).unwrap();
/// assert_eq!(before, 0);
/// assert_eq!(threadwell::stack_size(), 256 * 1024);
/// assert!(threadwell::set_stack_size(4096).is_err());
/// ```
///
/// # Errors
///
/// [`StackSizeError`] if `size` is neither 0 nor at least 32 KiB; nothing has changed then. Whether
/// the system has room for a stack of that size turns out when a thread is started.
pub fn set_stack_size(size: usize) -> Result<usize, StackSizeError> {
    Ok(STACK_SIZE.swap(checked(size)?, Relaxed))
}

pub(super) fn checked(size: usize) -> Result<usize, StackSizeError> {
    match size {
        1..LEAST => Err(StackSizeError::TooSmall),
        size => Ok(size),
    }
}
