//! Keys of phones. Ed25519 would be a sixth of a world's work, so of most phones the pushes carry a
//! keyed hash in its place; seals are always signed, and of every sixteenth phone the pushes too.

use ed25519_dalek::{Signature, SignatureError, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha512};
use sync_core::admission::DeviceKey;

/// Whether what has this number is really signed and verified.
pub fn is_signed(number: u8) -> bool {
    number.is_multiple_of(16)
}

/// What a phone signs with.
#[derive(Debug, Clone)]
pub struct PhoneKey {
    /// For seals and logins.
    pub real: SigningKey,
    public: PublicKey,
}

/// What the office knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// For seals and logins.
    pub real: VerifyingKey,
    /// What pushes are hashed with, unless they are signed.
    hashed_with: Option<[u8; 32]>,
}

impl PhoneKey {
    /// The key of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let real = SigningKey::from_bytes(seed);
        let hashed_with = (!is_signed(seed[0])).then_some(*seed);
        Self { public: PublicKey { real: real.verifying_key(), hashed_with }, real }
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }
}

impl PublicKey {
    /// Whether pushes are really signed.
    pub fn is_signing(&self) -> bool {
        self.hashed_with.is_none()
    }
}

impl Signer<Signature> for PhoneKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, SignatureError> {
        match &self.public.hashed_with {
            Some(seed) => Ok(Signature::from_bytes(&hash(seed, message))),
            None => self.real.try_sign(message),
        }
    }
}

impl DeviceKey for PublicKey {
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match &self.hashed_with {
            Some(seed) => hash(seed, message) == *signature,
            None => self.real.verifies(message, signature),
        }
    }

    fn verifies_seal(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.real.verifies(message, signature)
    }
}

fn hash(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    Sha512::new().chain_update(seed).chain_update(message).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_over_the_same_message_verifies_however_it_signs() {
        let keys = [16, 32, 1, 2].map(|first| PhoneKey::from_seed(&[first; 32]));
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(key.public().is_signing(), index < 2);
            let signature = key.sign(b"a push").to_bytes();
            for (other, of) in keys.iter().enumerate() {
                assert_eq!(of.public().verifies(b"a push", &signature), index == other);
            }
            assert!(!key.public().verifies(b"another", &signature));
        }
    }
}
