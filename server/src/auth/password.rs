//! Passwords: argon2id, a bounded number at a time, and the same work when there is no account.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::http::{Code, Problem};

/// Shortest and longest password, bytes; length is the only rule (NIST SP 800-63B).
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=256;

/// Strangers that wait for something at once; more are told to come back.
const WAITING: usize = 64;
/// Longest wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a new password may be used.
///
/// # Errors
/// `weak_password`.
pub fn check_length(password: &str) -> Result<(), Problem> {
    if LENGTH.contains(&password.len()) {
        return Ok(());
    }
    let rule = format!("Use {} to {} bytes.", LENGTH.start(), LENGTH.end());
    Err(Problem::new(Code::WeakPassword).field("password").detail(rule))
}

/// Whose turn it is: strangers take turns of their own, and however many there are of them, those
/// who are known do not wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Someone who is logged in, or whose browser was.
    Known,
    /// Anybody else.
    Stranger,
}

/// Hashes and checks passwords off the async threads, one for each [`Turn`] at a time.
#[derive(Clone, Debug)]
pub struct Passwords {
    memory_kib: u32,
    known: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    /// Strangers that wait, for a turn or because many fail for the same account.
    pub(super) waiting: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Passwords {
    /// Checks that cost this much memory each.
    ///
    /// # Errors
    /// When argon2 cannot work with so much.
    pub fn new(memory_kib: u32) -> Result<Self, argon2::password_hash::Error> {
        let decoy = hash(memory_kib, "no such account")?;
        let [known, strangers] = [1, 1].map(|places| Arc::new(Semaphore::new(places)));
        let waiting = Arc::new(Semaphore::new(WAITING));
        Ok(Self { memory_kib, known, strangers, waiting, decoy: decoy.into() })
    }

    /// Makes the stored form of a new password, for someone who is known.
    ///
    /// # Errors
    /// `weak_password`, or `overloaded` when too many are at work.
    pub async fn make(&self, password: &str) -> Result<String, Problem> {
        self.make_for(password, Turn::Known).await
    }

    /// The same in someone's turn.
    ///
    /// # Errors
    /// As [`Passwords::make`].
    pub async fn make_for(&self, password: &str, turn: Turn) -> Result<String, Problem> {
        check_length(password)?;
        let (memory, password) = (self.memory_kib, password.to_owned());
        self.run(turn, move || hash(memory, &password)).await?.map_err(Problem::internal)
    }

    /// Checks a password; without a stored form the same work is done and the answer is no.
    ///
    /// # Errors
    /// `overloaded` when too many are at work.
    pub async fn check(
        &self,
        stored: Option<String>,
        password: &str,
        turn: Turn,
    ) -> Result<bool, Problem> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        // Longer than any real one: cut, so that nobody chooses how much we hash.
        let password =
            password.as_bytes().iter().take(LENGTH.end() + 1).copied().collect::<Vec<_>>();
        let fits = self.run(turn, move || verify(&stored, &password)).await?;
        Ok(fits && exists)
    }

    async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::new(Code::Overloaded).retry_after(5);
        let (slots, _waits) = match turn {
            Turn::Known => (&self.known, None),
            Turn::Stranger => {
                (&self.strangers, Some(self.waiting.try_acquire().map_err(|_| busy())?))
            }
        };
        let wait = tokio::time::timeout(PATIENCE, Arc::clone(slots).acquire_owned());
        let Ok(Ok(slot)) = wait.await else { return Err(busy()) };
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
        assert!(passwords.check(Some(stored.clone()), "correct horse", Turn::Known).await.unwrap());
        assert!(!passwords.check(Some(stored), "wrong horse", Turn::Stranger).await.unwrap());
        assert!(!passwords.check(None, "no such account", Turn::Stranger).await.unwrap());
        assert_eq!(passwords.make("short").await.unwrap_err().code(), Code::WeakPassword);
    }

    #[tokio::test]
    async fn strangers_take_no_turn_of_those_who_are_known_and_only_so_many_wait() {
        let passwords = Passwords::new(64).unwrap();
        let _strangers = passwords.strangers.clone().acquire_owned().await.unwrap();
        let _waiting = passwords.waiting.clone().acquire_many_owned(64).await.unwrap();
        let stored = passwords.make("correct horse").await.unwrap();
        let turned_away = passwords.check(None, "anything", Turn::Stranger).await;
        assert_eq!(turned_away.unwrap_err().code(), Code::Overloaded);
        assert!(passwords.check(Some(stored), "correct horse", Turn::Known).await.unwrap());
    }
}
