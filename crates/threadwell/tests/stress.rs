//! Every primitive under many threads, with deadlines that pass and signals that interrupt, at
//! random. What is checked: mutual exclusion, permits and items are conserved, and nothing is left
//! asleep.
//!
//! Two environment variables: `THREADWELL_STRESS_SEED` repeats the choices of a run that printed it
//! (the interleaving is the machine's), `THREADWELL_STRESS_SECONDS` says how long each test goes on
//! making new work; by default a fraction of a second.

#![cfg(not(threadwell_loom))]
#![cfg_attr(all(unix, not(miri)), expect(unsafe_code, reason = "signals are sent through libc"))]

mod common;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::guarded::Guarded;
use threadwell::{
    Barrier, BarrierError, BoundedSemaphore, Condition, ConditionLock, Deadline, Event, Lock,
    OnSignal, RLock, Semaphore, WaitOutcome,
};

const THREADS: usize = if cfg!(miri) { 4 } else { 8 };
/// How long the threads may take to end once there is no new work. Far beyond what they need.
const PATIENCE: Duration = common::LIMIT;

/// SplitMix64: small, and good enough to choose with.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Mostly soon, sometimes over.
    fn deadline(&mut self) -> Deadline {
        Deadline::after(Duration::from_micros(self.below(200)))
    }
}

/// A way to wait: without limit, or until something ends it that then is tried again.
fn wait(random: &mut Random, wait: impl Fn(Option<Deadline>, OnSignal<'_>) -> WaitOutcome) {
    loop {
        let deadline = random.one_in(3).then(|| random.deadline());
        let ends = random.one_in(2);
        let mut on_signal = || match ends {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        match wait(deadline, &mut on_signal) {
            WaitOutcome::Ready => return,
            WaitOutcome::TimedOut => assert!(deadline.is_some_and(Deadline::has_passed)),
            WaitOutcome::Interrupted => assert!(ends),
        }
    }
}

#[cfg(all(unix, not(miri)))]
mod signal {
    use std::os::unix::thread::JoinHandleExt;
    use std::thread::JoinHandle;

    extern "C" fn ignore(_: libc::c_int) {}

    /// Installs a handler that does nothing and does not restart the sleep that it interrupts.
    pub(crate) fn prepare() {
        // SAFETY: all zeroes is a valid `sigaction`.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler: extern "C" fn(libc::c_int) = ignore;
        action.sa_sigaction = handler as libc::sighandler_t;
        // SAFETY: `action` is initialised, its handler is safe in a signal's context, and the old
        // action is not asked for.
        let result =
            unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
        assert_eq!(result, 0);
    }

    pub(crate) fn send<T>(thread: &JoinHandle<T>) {
        // SAFETY: the thread is neither joined nor detached, so that its identifier is valid, and
        // the signal has a handler.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
    }
}

#[cfg(any(not(unix), miri))]
mod signal {
    pub(crate) fn prepare() {}

    pub(crate) fn send<T>(_: &std::thread::JoinHandle<T>) {}
}

/// Whether there is to be new work.
struct Clock {
    end: Instant,
}

impl Clock {
    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }
}

/// Counts its thread as ended, also if it panics.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Runs `work` in many threads, each with its number, and pelts them with signals until all of them
/// have ended. What they returned, in their order.
fn storm<R: Send + 'static>(
    name: &str,
    work: impl Fn(usize, &mut Random, &Clock) -> R + Send + Sync + 'static,
) -> Vec<R> {
    let variable = |name| std::env::var(name).ok();
    let seed = variable("THREADWELL_STRESS_SEED")
        .map_or_else(|| RandomState::new().hash_one(name), |seed| seed.parse().expect("a number"));
    let seconds = variable("THREADWELL_STRESS_SECONDS")
        .map_or(if cfg!(miri) { 0.05 } else { 0.3 }, |seconds| {
            seconds.parse().expect("a number of seconds")
        });
    println!("{name}: THREADWELL_STRESS_SEED={seed} THREADWELL_STRESS_SECONDS={seconds}");

    signal::prepare();
    let clock = Clock { end: Instant::now() + Duration::from_secs_f64(seconds) };
    let shared = Arc::new((work, clock));
    let ended = Arc::new(AtomicUsize::new(0));
    let threads: Vec<JoinHandle<R>> = (0..THREADS)
        .map(|number| {
            let (shared, ended) = (Arc::clone(&shared), Ended(Arc::clone(&ended)));
            let mut random = Random(seed ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
            thread::spawn(move || {
                let _ended = ended;
                (shared.0)(number, &mut random, &shared.1)
            })
        })
        .collect();
    let mut random = Random(seed);
    let give_up = shared.1.end + PATIENCE;
    while ended.load(Relaxed) < THREADS {
        // Signals stop with the work: whatever is left asleep then stays asleep.
        if shared.1.goes_on() {
            signal::send(&threads[random.below(THREADS as u64) as usize]);
            thread::yield_now();
            continue;
        }
        let awake = ended.load(Relaxed);
        assert!(Instant::now() < give_up, "{} of {THREADS} threads never ended", THREADS - awake);
        thread::yield_now();
    }
    threads.into_iter().map(|thread| thread.join().expect("a thread panicked")).collect()
}

/// Adds to a number that only mutual exclusion keeps right.
fn add(number: &Guarded<usize>, n: usize, random: &mut Random) {
    let before = number.get();
    if random.one_in(16) {
        thread::yield_now();
    }
    number.with_mut(|number| *number = before + n);
}

#[test]
fn lock() {
    let shared = Arc::new((Lock::new(), Guarded::new(0)));
    let inside = Arc::clone(&shared);
    let counts = storm("lock", move |_, random, clock| {
        let (lock, number) = &*inside;
        let mut count = 0;
        while clock.goes_on() {
            if !random.one_in(4) || !lock.try_acquire() {
                wait(random, |deadline, on_signal| lock.acquire_with(deadline, on_signal));
            }
            add(number, 1, random);
            count += 1;
            lock.release().unwrap();
        }
        count
    });
    assert_eq!(shared.1.get(), counts.iter().sum::<usize>());
    assert!(!shared.0.is_locked());
}

#[test]
fn rlock() {
    let shared = Arc::new((RLock::new(), Guarded::new(0)));
    let inside = Arc::clone(&shared);
    let counts = storm("rlock", move |_, random, clock| {
        let (lock, number) = &*inside;
        let mut count = 0;
        while clock.goes_on() {
            wait(random, |deadline, on_signal| lock.acquire_with(deadline, on_signal));
            let again = random.below(3) as usize;
            for _ in 0..again {
                assert!(lock.try_acquire());
            }
            add(number, 1, random);
            count += 1;
            assert_eq!(lock.recursion_count(), 1 + again);
            for _ in 0..=again {
                lock.release().unwrap();
            }
        }
        count
    });
    assert_eq!(shared.1.get(), counts.iter().sum::<usize>());
    assert_eq!(shared.0.depth(), 0);
}

#[test]
fn bounded_semaphore() {
    const PERMITS: usize = 3;
    let shared = Arc::new((BoundedSemaphore::new(PERMITS), AtomicUsize::new(0)));
    let inside = Arc::clone(&shared);
    storm("bounded_semaphore", move |_, random, clock| {
        let (semaphore, users) = &*inside;
        while clock.goes_on() {
            wait(random, |deadline, on_signal| semaphore.acquire_with(deadline, on_signal));
            let mut held = 1;
            while random.one_in(2) && semaphore.try_acquire() {
                held += 1;
            }
            assert!(users.fetch_add(held, Relaxed) + held <= PERMITS, "more users than permits");
            users.fetch_sub(held, Relaxed);
            semaphore.release_many(held).unwrap();
            assert!(semaphore.permits() <= PERMITS);
        }
    });
    assert_eq!(shared.0.permits(), PERMITS);
    assert!(shared.0.release().is_err());
}

#[test]
fn event_and_semaphore() {
    struct Shared {
        go: Event,
        done: Semaphore,
        /// One for the even rounds and one for the odd: a fast thread takes no slow one's permit.
        again: [Semaphore; 2],
        ends: Guarded<bool>,
    }
    let shared = Arc::new(Shared {
        go: Event::new(),
        done: Semaphore::new(0),
        again: [Semaphore::new(0), Semaphore::new(0)],
        ends: Guarded::new(false),
    });
    let inside = Arc::clone(&shared);
    let rounds = storm("event_and_semaphore", move |number, random, clock| {
        let Shared { go, done, again, ends } = &*inside;
        let mut rounds = 0;
        loop {
            rounds += 1;
            let again = &again[rounds % 2];
            if number == 0 {
                let last = !clock.goes_on();
                ends.with_mut(|ends| *ends = last);
                go.set();
                for _ in 1..THREADS {
                    wait(random, |deadline, on_signal| done.acquire_with(deadline, on_signal));
                }
                go.clear();
                again.release_many(THREADS - 1).unwrap();
                if last {
                    return rounds;
                }
            } else {
                wait(random, |deadline, on_signal| go.wait_with(deadline, on_signal));
                let last = ends.get();
                done.release().unwrap();
                wait(random, |deadline, on_signal| again.acquire_with(deadline, on_signal));
                if last {
                    return rounds;
                }
            }
        }
    });
    assert_eq!(rounds, [rounds[0]; THREADS]);
    let left = [&shared.done, &shared.again[0], &shared.again[1]].map(Semaphore::permits);
    assert_eq!(left, [0, 0, 0]);
}

/// Half of the threads put numbers into a small buffer, the others take them out.
fn buffer<L>(name: &str, lock: L, acquire: fn(&L), release: fn(&L))
where
    L: ConditionLock + Send + Sync + 'static,
{
    const ROOM: usize = 2;
    const PRODUCERS: usize = THREADS / 2;
    let (not_empty, not_full) = (Condition::new(), Condition::new());
    let items = Guarded::new(VecDeque::new());
    let counts = storm(name, move |number, random, clock| {
        let mut count = 0;
        let wait = |condition: &Condition, random: &mut Random, is_ready: &dyn Fn() -> bool| {
            while !is_ready() {
                let deadline = random.one_in(3).then(|| random.deadline());
                let ends = random.one_in(2);
                let mut on_signal = || match ends {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                let _ = condition.wait_with(&lock, deadline, &mut on_signal).unwrap();
            }
        };
        if number < PRODUCERS {
            let mut last = false;
            while !last {
                last = !clock.goes_on();
                acquire(&lock);
                wait(&not_full, random, &|| items.with_mut(|items| items.len()) < ROOM);
                items.with_mut(|items| items.push_back(last));
                count += 1;
                not_empty.notify(&lock, 1).unwrap();
                release(&lock);
            }
        } else {
            let mut last = false;
            while !last {
                acquire(&lock);
                wait(&not_empty, random, &|| items.with_mut(|items| !items.is_empty()));
                last = items.with_mut(VecDeque::pop_front).unwrap();
                count += 1;
                if random.one_in(8) {
                    not_full.notify_all(&lock).unwrap();
                } else {
                    not_full.notify(&lock, 1).unwrap();
                }
                release(&lock);
            }
        }
        count
    });
    let (put, taken) = counts.split_at(PRODUCERS);
    assert_eq!(put.iter().sum::<usize>(), taken.iter().sum::<usize>());
}

#[test]
fn condition_with_lock() {
    buffer("condition_with_lock", Lock::new(), Lock::acquire, |lock| lock.release().unwrap());
}

#[test]
fn condition_with_rlock() {
    let acquire = |lock: &RLock| {
        lock.acquire();
        lock.acquire();
    };
    let release = |lock: &RLock| {
        assert_eq!(lock.recursion_count(), 2);
        lock.release().unwrap();
        lock.release().unwrap();
    };
    buffer("condition_with_rlock", RLock::new(), acquire, release);
}

#[test]
fn barrier() {
    let barrier = Arc::new(Barrier::new(THREADS));
    let inside = Arc::clone(&barrier);
    let ends = Guarded::new(false);
    let passed = storm("barrier", move |_, _, clock| {
        let mut passed = vec![0; THREADS];
        loop {
            let number = inside.wait().unwrap();
            passed[number] += 1;
            // One of them decides, before the barrier, for all that come after it.
            if number == 0 {
                ends.with_mut(|ends| *ends = !clock.goes_on());
            }
            inside.wait().unwrap();
            if ends.get() {
                return passed;
            }
        }
    });
    let rounds: usize = passed[0].iter().sum();
    for number in 0..THREADS {
        assert_eq!(passed.iter().map(|passed| passed[number]).sum::<usize>(), rounds);
    }
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn barrier_that_breaks() {
    let barrier = Arc::new(Barrier::new(3));
    let inside = Arc::clone(&barrier);
    storm("barrier_that_breaks", move |_, random, clock| {
        while clock.goes_on() {
            let ends = random.one_in(2);
            let mut on_signal = || match ends {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            match inside.wait_with(Some(random.deadline()), &mut on_signal) {
                Ok(number) => assert!(number < 3),
                Err(BarrierError::Broken) if random.one_in(2) => inside.reset(),
                Err(BarrierError::Interrupted) => assert!(ends),
                Err(_) => inside.abort(),
            }
        }
    });
    barrier.reset();
    assert_eq!(barrier.waiting(), 0);
}
