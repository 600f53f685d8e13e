//! The powers the engine is given: a clock and randomness, so that a test or the demo can own both.

use std::sync::OnceLock;

/// Tells the time. The default is [`SystemClock`]; tests and the demo inject virtual time.
pub trait Clock: Send + Sync {
    /// Wall clock, Unix milliseconds. May be wrong by years; decides nothing.
    fn wall_ms(&self) -> i64;
    /// Milliseconds since the phone's boot, sleep included. Never goes back until the next boot.
    fn up_ms(&self) -> i64;
    /// Which boot this is: equal as long as `up_ms` counts from the same start.
    fn boot(&self) -> String;
}

/// Gives unpredictable bytes. The default is [`SystemRandom`].
pub trait Random: Send + Sync {
    /// Fills the slice.
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()>;
}

/// The clocks of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn up_ms(&self) -> i64 {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let id = rustix::time::ClockId::Boottime;
        // On Apple systems the monotonic clock goes on during sleep.
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let id = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(id);
        time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
    }

    /// The kernel's boot id; where it cannot be read every process counts as a boot of its own,
    /// which loses precision of late times and nothing else.
    fn boot(&self) -> String {
        static BOOT: OnceLock<String> = OnceLock::new();
        let read = || match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
            Ok(id) => id.trim().to_owned(),
            Err(_) => format!("process {} {}", std::process::id(), SystemClock.up_ms()),
        };
        BOOT.get_or_init(read).clone()
    }
}

/// The randomness of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        getrandom::fill(bytes).map_err(std::io::Error::other)
    }
}

/// Random bytes of a fixed length.
pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// Makes the parts of UUIDv7s that sort in the order in which they were drawn, even within one
/// millisecond, so that facts of one moment keep their order.
#[derive(Debug, Default)]
pub(crate) struct IdMaker {
    last: Option<(i64, [u8; 10])>,
}

impl IdMaker {
    /// Milliseconds and ten bytes for the `new` of an id type.
    pub fn next(&mut self, wall_ms: i64, random: &dyn Random) -> std::io::Result<(i64, [u8; 10])> {
        let next = match self.last {
            Some((ms, tail)) if ms == wall_ms => {
                // The last seven bytes carry no version or variant bits and can be counted up.
                let mut counter = [0; 8];
                counter[1..].copy_from_slice(&tail[3..]);
                let step = u64::from(bytes::<1>(random)?[0]) + 1;
                let counted = u64::from_be_bytes(counter) + step;
                match counted >> 56 {
                    0 => {
                        let mut tail = tail;
                        tail[3..].copy_from_slice(&counted.to_be_bytes()[1..]);
                        (ms, tail)
                    }
                    _ => (ms, bytes(random)?),
                }
            }
            _ => (wall_ms, bytes(random)?),
        };
        self.last = Some(next);
        Ok(next)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sync_core::id::FactId;

    #[test]
    fn ids_of_one_millisecond_sort_as_they_were_drawn() {
        let mut maker = IdMaker::default();
        let ids: Vec<FactId> = (0..500)
            .map(|_| maker.next(1_700_000_000_000, &SystemRandom).unwrap())
            .map(|(ms, tail)| FactId::new(ms, tail))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn the_system_clock_counts_from_boot() {
        let (first, then) = (SystemClock.up_ms(), SystemClock.up_ms());
        assert!(0 < first && first <= then);
        assert_eq!(SystemClock.boot(), SystemClock.boot());
    }
}
