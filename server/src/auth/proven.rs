//! Secrets that were found good not long ago: whoever brings one waits behind no stranger, and everybody
//! else does. Whether it is still good is read for each request all the same.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

/// Secrets remembered of each of two generations.
const MOST: usize = 20_000;

/// What is remembered: hashes, in two generations, of which the older one goes when the newer is full.
#[derive(Debug, Default)]
pub struct Proven(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    newer: HashSet<[u8; 32]>,
    older: HashSet<[u8; 32]>,
}

impl Proven {
    /// Whether this secret was found good.
    pub fn has(&self, secret: &str) -> bool {
        let (hash, generations) = (hash(secret), self.lock());
        generations.newer.contains(&hash) || generations.older.contains(&hash)
    }

    /// This secret was found good.
    pub fn learn(&self, secret: &str) {
        let (hash, mut generations) = (hash(secret), self.lock());
        if generations.newer.len() >= MOST && !generations.newer.contains(&hash) {
            generations.older = std::mem::take(&mut generations.newer);
        }
        generations.newer.insert(hash);
    }

    /// This secret is good no more.
    pub fn forget(&self, secret: &str) {
        let (hash, mut generations) = (hash(secret), self.lock());
        generations.newer.remove(&hash);
        generations.older.remove(&hash);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_remembered_and_no_more_than_so_many() {
        let proven = Proven::default();
        assert!(!proven.has("mine"));
        for n in 0..5 * MOST {
            if n % (MOST / 2) == 0 {
                proven.learn("mine");
            }
            proven.learn(&n.to_string());
        }
        assert!(proven.has("mine") && !proven.has("0"));
        let generations = proven.lock();
        assert!(generations.newer.len() <= MOST && generations.older.len() <= MOST);
        drop(generations);
        proven.forget("mine");
        assert!(!proven.has("mine"));
    }
}
