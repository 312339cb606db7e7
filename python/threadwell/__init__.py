"""Python's threading, rebuilt in Rust."""
