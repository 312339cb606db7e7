//! [`RLock`]: the count is its owner's alone.

use std::sync::Arc;

use loom::thread;
use threadwell::{RLock, model};

use crate::{Guarded, explore};

fn twice_inside(shared: &(RLock, Guarded)) {
    let (lock, guarded) = shared;
    lock.acquire();
    lock.acquire();
    assert_eq!(lock.recursion_count(), 2);
    guarded.touch();
    lock.release().unwrap();
    guarded.touch();
    assert_eq!(lock.recursion_count(), 1);
    lock.release().unwrap();
}

#[test]
fn the_owner_alone_is_inside_until_its_last_release() {
    explore(3, || {
        let shared = Arc::new((RLock::new(), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || twice_inside(&shared))
        };
        twice_inside(&shared);
        other.join().unwrap();
        assert_eq!(shared.0.depth(), 0);
    });
}

#[test]
fn a_starved_waiter_is_handed_the_lock_with_a_count_of_one() {
    explore(3, || {
        model::race_clock();
        let shared = Arc::new((RLock::new(), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || twice_inside(&shared))
        };
        twice_inside(&shared);
        other.join().unwrap();
        assert_eq!(shared.0.depth(), 0);
    });
}

#[test]
fn release_all_hides_its_count_from_the_next_owner() {
    explore(3, || {
        let shared = Arc::new((RLock::new(), Guarded::new()));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || twice_inside(&shared))
        };
        shared.0.acquire();
        shared.0.acquire();
        let (count, wakes) = shared.0.release_all().unwrap();
        drop(wakes);
        assert_eq!(count, 2);
        let _ = shared.0.acquire_all(count, &mut threadwell::resume);
        shared.1.touch();
        assert_eq!(shared.0.recursion_count(), 2);
        drop(shared.0.release_all().unwrap());
        other.join().unwrap();
    });
}
