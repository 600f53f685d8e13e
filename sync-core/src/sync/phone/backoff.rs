//! When to try again: full jitter over a doubling window, so that a thousand phones coming out
//! of one tunnel do not come back in one second.
//!
//! The scheme is "full jitter" of M. Brooker, *Exponential Backoff And Jitter*, 2015.

/// First window, milliseconds.
const BASE_MS: u64 = 1_000;
/// Widest window, milliseconds.
const CAP_MS: u64 = 5 * 60 * 1_000;
/// How long a phone that is up to date waits before it looks again, milliseconds.
const IDLE_MS: u64 = 5 * 60 * 1_000;

/// Milliseconds to wait after so many failures in a row.
pub(super) fn delay(failures: u32, random: u64) -> u64 {
    let window = BASE_MS.saturating_mul(1 << failures.min(16)).min(CAP_MS);
    1 + random % window
}

/// At least what the server asked for, at most half as much again.
pub(super) fn after(asked_ms: u64, random: u64) -> u64 {
    let asked = asked_ms.min(24 * 60 * 60 * 1_000);
    asked + random % (asked / 2 + 1)
}

/// Milliseconds until the next look when there is nothing to do.
pub(super) fn idle(random: u64) -> u64 {
    IDLE_MS / 2 + random % IDLE_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_never_passes_the_cap_and_never_undercuts_the_server(
            failures: u32, random: u64, asked in 0u64..1_000_000,
        ) {
            prop_assert!((1..=CAP_MS).contains(&delay(failures, random)));
            prop_assert!(after(asked, random) >= asked);
        }
    }
}
