//! Keys of this installation, one for each purpose, all made from the secret in its database.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use store::Store;

/// Makes and checks what only this installation can make. Every node of it has the same keys.
#[derive(Clone)]
pub struct Installation {
    slots: Hmac<Sha256>,
    browsers: Hmac<Sha256>,
    requests: Hmac<Sha256>,
}

impl Installation {
    /// The keys of the installation whose database this is.
    pub fn of(store: &Store) -> Self {
        Self::from_secret(store.secret())
    }

    /// The keys made from a secret.
    pub(crate) fn from_secret(secret: &[u8; 32]) -> Self {
        let key = |purpose: &[u8]| {
            let mut mac = keyed(secret);
            mac.update(b"towline key 1\n");
            mac.update(purpose);
            keyed(&mac.finalize().into_bytes().into())
        };
        Self { slots: key(b"throttle"), browsers: key(b"browser"), requests: key(b"request") }
    }

    /// A number of `bits` bits (at most 32) for something that is counted. Without the key nobody
    /// finds two things with the same number.
    pub fn slot(&self, scope: &str, what: &[&[u8]], bits: u32) -> i64 {
        let bytes = mac(&self.slots, &[&[scope.as_bytes()], what].concat());
        let [a, b, c, d, ..] = bytes;
        let number = u32::from_be_bytes([a, b, c, d]);
        i64::from(number >> (32 - bits.clamp(1, 32)))
    }

    /// What proves that a browser's cookie is ours.
    pub fn browser(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.browsers, parts)
    }

    /// What a request is recognised by when it comes again. It may have held a password, so it is
    /// of no use to those who have only the database's rows for guessing.
    pub fn request(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.requests, parts)
    }
}

impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Installation")
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // RFC 2104: a key shorter than a block is filled up with zeros.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block.into())
}

/// Every part with its length before it, so that no two lists of parts are the same bytes.
fn mac(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_depends_on_the_secret_the_purpose_and_every_part() {
        let one = Installation::from_secret(&[1; 32]);
        let other = Installation::from_secret(&[2; 32]);
        assert_eq!(one.browser(&[b"a", b"b"]), one.clone().browser(&[b"a", b"b"]));
        assert_ne!(one.browser(&[b"a", b"b"]), one.browser(&[b"ab"]));
        assert_ne!(one.browser(&[b"a"]), one.request(&[b"a"]));
        assert_ne!(one.browser(&[b"a"]), other.browser(&[b"a"]));
        assert!((0..1 << 20).contains(&one.slot("pair", &[b"a"], 20)));
    }
}
