//! Python's `threading` for Rust.
