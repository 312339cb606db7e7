//! Keeps the memory in which threads had their Python frames, for the threads that follow.
//!
//! The interpreter gives each thread a chunk of 16 KiB for its frames when it calls its first Python
//! function, straight from the system, and gives it back when the thread ends. The page faults of the
//! new memory, and the other processors' having to forget the old, are a large part of what it takes
//! to start and join a thread (`docs/design/0005-stack-chunks-are-kept.md`). It takes them from its *arena
//! allocator*, which an extension may replace (`PyObject_SetArenaAllocator`). Ours is the one that was
//! there, with a few free chunks in front of it. Memory of any other size passes through.
//!
//! Without an interpreter lock, other threads may be allocating while the allocator is replaced, and
//! nothing orders the two: there it is left as it is, and no chunks are kept.
//!
//! # Concurrency
//!
//! Both functions may be called by any thread, attached or not. A slot holds a chunk or nothing, and
//! whoever takes or fills it does so in one atomic step, so a `fork` finds each slot in one state or
//! the other; a chunk that a thread of the parent held at that moment is lost with the thread. The
//! acquire in taking a chunk pairs with the release in keeping it: its last owner is done with it.

#![expect(unsafe_code, reason = "functions that the interpreter calls for memory")]

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};

use pyo3::ffi::{PyObject_GetArenaAllocator, PyObject_SetArenaAllocator, PyObjectArenaAllocator};
use pyo3::prelude::*;

/// The size of a chunk in bytes: `DATA_STACK_CHUNK_SIZE` of the interpreter, 3.11 to 3.14. Should it
/// change, chunks pass through like everything else.
const CHUNK: usize = 16 * 1024;

/// How many chunks are kept at most, half a mebibyte: enough for threads that come and go in dozens.
const KEPT: usize = 32;

static FREE: [AtomicPtr<c_void>; KEPT] = [const { AtomicPtr::new(ptr::null_mut()) }; KEPT];

/// What was there before.
static ORIGINAL: OnceLock<Original> = OnceLock::new();

struct Original(PyObjectArenaAllocator);

// SAFETY: the interpreter itself calls these functions, with this context, from any thread.
unsafe impl Send for Original {}
// SAFETY: as above.
unsafe impl Sync for Original {}

/// Puts itself in front of the interpreter's arena allocator, once.
pub(crate) fn install(_: Python<'_>) {
    if cfg!(Py_GIL_DISABLED) {
        return;
    }
    ORIGINAL.get_or_init(|| {
        let mut original = PyObjectArenaAllocator { ctx: ptr::null_mut(), alloc: None, free: None };
        // SAFETY: it writes the three fields.
        unsafe { PyObject_GetArenaAllocator(&raw mut original) };
        Original(original)
    });
    let mut ours = PyObjectArenaAllocator {
        // The functions are given the context that the original ones expect. A detached thread that
        // reads the three fields while they are written therefore has functions that fit each other
        // and their context, old ones or new ones.
        ctx: original().ctx,
        alloc: Some(alloc),
        free: Some(free),
    };
    // SAFETY: it copies the three fields; the functions live as long as the process, as extension
    // modules are never unloaded.
    unsafe { PyObject_SetArenaAllocator(&raw mut ours) };
}

/// How many chunks are kept at this moment.
#[pyfunction]
pub(crate) fn _kept_stack_chunks() -> usize {
    FREE.iter().filter(|slot| !slot.load(Relaxed).is_null()).count()
}

fn original() -> &'static PyObjectArenaAllocator {
    let original = ORIGINAL.get();
    // SAFETY: `install` sets it before it hands these functions out.
    &unsafe { original.unwrap_unchecked() }.0
}

extern "C" fn alloc(context: *mut c_void, size: usize) -> *mut c_void {
    if size == CHUNK {
        for slot in &FREE {
            // A look first: an exchange of an empty slot would take its cache line from others.
            if slot.load(Relaxed).is_null() {
                continue;
            }
            let chunk = slot.swap(ptr::null_mut(), Acquire);
            if !chunk.is_null() {
                return chunk;
            }
        }
    }
    match original().alloc {
        Some(alloc) => alloc(context, size),
        None => ptr::null_mut(),
    }
}

extern "C" fn free(context: *mut c_void, memory: *mut c_void, size: usize) {
    if size == CHUNK {
        for slot in &FREE {
            let empty = ptr::null_mut();
            if slot.load(Relaxed).is_null()
                && slot.compare_exchange(empty, memory, Release, Relaxed).is_ok()
            {
                return;
            }
        }
    }
    if let Some(free) = original().free {
        free(context, memory, size);
    }
}
