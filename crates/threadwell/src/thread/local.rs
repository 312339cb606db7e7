//! Data that each thread has for itself.
//!
//! The values are in the thread's own storage, one map for all [`Local`]s, so that they die with
//! their thread and need no lock. A `Local` that is dropped cannot reach the values that other
//! threads have of it: a value need not be `Send`, so only its own thread may drop it. Each thread
//! sweeps its map for such orphans whenever it has doubled.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use crate::primitive::{AtomicUsize, Relaxed};

/// Maps smaller than this are not swept.
const SMALL: usize = 16;

/// Data that each thread has for itself. `threading.local`.
///
/// Each thread gets its own value when it first asks for it, from the function that the `Local` was
/// made with. Unlike `thread_local!` it is an object: there can be any number of them, made and
/// dropped as the program goes on. What threads have to change goes into a `Cell` or `RefCell`.
///
/// A value is dropped when its thread ends; and when the `Local` is dropped: at once if it is the
/// dropping thread's own, otherwise by the thread that it belongs to, when that ends or has made
/// some more values. [`Local::with`] keeps a value alive for as long as it runs.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::sync::Arc;
/// use threadwell::{Local, Thread};
///
/// let calls = Arc::new(Local::new(|| Cell::new(0)));
/// calls.with(|calls| calls.set(calls.get() + 1));
///
/// let others = Arc::clone(&calls);
/// let thread = Thread::spawn(move || others.with(Cell::get))?;
/// assert_eq!(thread.join()?, 0);
/// assert_eq!(calls.with(Cell::get), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Local<T: 'static> {
    /// Not used again, so that it names one `Local` for ever.
    key: usize,
    /// Lives as long as the `Local`.
    alive: Arc<()>,
    init: Box<dyn Fn() -> T + Send + Sync>,
}

thread_local! {
    static VALUES: RefCell<Values> =
        const { RefCell::new(Values { slots: BTreeMap::new(), sweep_at: SMALL }) };
}

/// Values that leave it are dropped after it is no longer borrowed: their destructors may use it.
struct Values {
    slots: BTreeMap<usize, Slot>,
    sweep_at: usize,
}

struct Slot {
    value: Rc<dyn Any>,
    local: Weak<()>,
}

impl Values {
    /// Takes out the values of `Local`s that are gone, if it is time to look for them.
    fn sweep(&mut self) -> Vec<Slot> {
        if self.slots.len() < self.sweep_at {
            return Vec::new();
        }
        let is_orphan = |slot: &Slot| slot.local.strong_count() == 0;
        let keys = self.slots.iter().filter(|(_, slot)| is_orphan(slot)).map(|(&key, _)| key);
        let keys: Vec<_> = keys.collect();
        let orphans = keys.iter().filter_map(|key| self.slots.remove(key)).collect();
        self.sweep_at = SMALL.max(2 * self.slots.len());
        orphans
    }
}

/// Relaxed: a number needs to be different, and carries nothing else.
static CREATED: AtomicUsize = AtomicUsize::new(0);

impl<T: 'static> Local<T> {
    /// Data of which each thread gets its own value from `init`, when it first asks for it.
    pub fn new(init: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { key: CREATED.fetch_add(1, Relaxed), alive: Arc::new(()), init: Box::new(init) }
    }

    /// Calls `f` with the calling thread's value, which is made first if there is none.
    ///
    /// While the thread's own storage is being destroyed, that is a new value each time.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let value = self.find().unwrap_or_else(|| self.make());
        f(&value)
    }

    /// A copy of the calling thread's value, which is made first if there is none.
    #[must_use]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Gives the calling thread another value, and drops the one that it had.
    pub fn set(&self, value: T) {
        self.insert(Rc::new(value));
    }

    /// Drops the calling thread's value; it gets a new one when it next asks.
    pub fn clear(&self) {
        // Without storage there is no value either.
        let removed = VALUES.try_with(|values| values.borrow_mut().slots.remove(&self.key));
        drop(removed);
    }

    /// Whether the calling thread has a value.
    #[must_use]
    pub fn is_set(&self) -> bool {
        VALUES.try_with(|values| values.borrow().slots.contains_key(&self.key)).unwrap_or(false)
    }

    fn find(&self) -> Option<Rc<T>> {
        let find = |values: &RefCell<Values>| {
            let values = values.borrow();
            values.slots.get(&self.key).map(|slot| Rc::clone(&slot.value))
        };
        // The key stands for this `Local` alone, so the value is a `T`.
        VALUES.try_with(find).ok().flatten()?.downcast().ok()
    }

    #[cold]
    fn make(&self) -> Rc<T> {
        // Nothing is borrowed here: `init` may use this and other `Local`s.
        let value = Rc::new((self.init)());
        if let Some(earlier) = self.find() {
            return earlier;
        }
        self.insert(Rc::clone(&value));
        value
    }

    fn insert(&self, value: Rc<T>) {
        let slot = Slot { value, local: Arc::downgrade(&self.alive) };
        let insert = |values: &RefCell<Values>| {
            let mut values = values.borrow_mut();
            (values.sweep(), values.slots.insert(self.key, slot))
        };
        let removed = VALUES.try_with(insert);
        drop(removed);
    }
}

impl<T: 'static> Drop for Local<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T: Default + 'static> Default for Local<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: 'static> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("is_set", &self.is_set()).finish()
    }
}
