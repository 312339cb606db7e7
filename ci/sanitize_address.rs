//! A variable that is used after its function has returned: ci/sanitize.sh wants this to be reported.

#[inline(never)]
fn gone() -> *const u32 {
    let number = std::hint::black_box(7);
    &raw const number
}

fn main() {
    // SAFETY: none. It is the use that the sanitizer has to see.
    println!("{}", unsafe { *gone() });
}
