//! Passwords: argon2id, a bounded number at a time, and the same work when there is no account.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::http::{Code, Problem};

/// Shortest and longest password, bytes; length is the only rule (NIST SP 800-63B).
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=256;

/// Hashes and checks passwords off the async threads, two at a time.
#[derive(Clone, Debug)]
pub struct Passwords {
    memory_kib: u32,
    slots: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Checks that cost this much memory each.
    ///
    /// # Errors
    /// When argon2 cannot work with so much.
    pub fn new(memory_kib: u32) -> Result<Self, argon2::password_hash::Error> {
        let decoy = hash(memory_kib, "no such account")?;
        Ok(Self { memory_kib, slots: Arc::new(Semaphore::new(2)), decoy: decoy.into() })
    }

    /// Makes the stored form of a new password.
    ///
    /// # Errors
    /// `weak_password`, or `overloaded` when too many are at work.
    pub async fn make(&self, password: &str) -> Result<String, Problem> {
        if !LENGTH.contains(&password.len()) {
            let rule = format!("Use {} to {} bytes.", LENGTH.start(), LENGTH.end());
            return Err(Problem::new(Code::WeakPassword).field("password").detail(rule));
        }
        let (memory, password) = (self.memory_kib, password.to_owned());
        self.run(move || hash(memory, &password)).await?.map_err(Problem::internal)
    }

    /// Checks a password; without a stored form the same work is done and the answer is no.
    ///
    /// # Errors
    /// `overloaded` when too many are at work.
    pub async fn check(&self, stored: Option<String>, password: &str) -> Result<bool, Problem> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        // Longer than any real one: cut, so that nobody chooses how much we hash.
        let password =
            password.as_bytes().iter().take(LENGTH.end() + 1).copied().collect::<Vec<_>>();
        let fits = self.run(move || verify(&stored, &password)).await?;
        Ok(fits && exists)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(5), async {
            Arc::clone(&self.slots).acquire_owned().await
        });
        let Ok(Ok(slot)) = wait.await else {
            return Err(Problem::new(Code::Overloaded).retry_after(5));
        };
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        });
        done.await.map_err(Problem::internal)
    }
}

/// Makes the stored form of a password without waiting for a turn; for the command line.
///
/// # Errors
/// When argon2 cannot work with the memory given.
pub fn hash(memory_kib: u32, password: &str) -> Result<String, argon2::password_hash::Error> {
    let params = Params::new(memory_kib, 2, 1, None)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon.hash_password(password.as_bytes())?.to_string())
}

fn verify(stored: &str, password: &[u8]) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else { return false };
    Argon2::default().verify_password(password, &parsed).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_stored_form_only() {
        let passwords = Passwords::new(64).unwrap();
        let stored = passwords.make("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(passwords.check(Some(stored.clone()), "correct horse").await.unwrap());
        assert!(!passwords.check(Some(stored), "wrong horse").await.unwrap());
        assert!(!passwords.check(None, "no such account").await.unwrap());
        assert_eq!(passwords.make("short").await.unwrap_err().code(), Code::WeakPassword);
    }
}
