//! The child of a fork.

#![expect(unsafe_code, reason = "promises the core that this is the child of a fork")]

use pyo3::prelude::*;

/// Make the primitives usable in the child of a fork. The package registers it with
/// `os.register_at_fork`; nothing else may call it.
#[pyfunction]
pub(crate) fn _after_fork_in_child() {
    // SAFETY: the interpreter runs these hooks in the child, in its only thread; the package
    // registers this one when it is imported, before hooks of its own that use a primitive.
    unsafe { threadwell::fork::after_in_child() };
}
