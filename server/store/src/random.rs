//! Randomness of the operating system.

/// Random bytes from the operating system.
///
/// # Panics
/// If the operating system has none: nothing safe can be done without.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
