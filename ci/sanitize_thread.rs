//! Two threads, one number, nothing in between: ci/sanitize.sh wants this to be reported.

fn main() {
    static mut NUMBER: u32 = 0;
    // SAFETY: none. It is the race that the sanitizer has to see.
    let add = || unsafe { NUMBER += 1 };
    let other = std::thread::spawn(add);
    add();
    other.join().unwrap();
}
