//! The extension module `threadwell._native`.

use pyo3::pymodule;

/// The native half of the `threadwell` package.
#[pymodule(gil_used = false)]
mod _native {}
