//! Enrolment and login of a phone: what is signed, and the six digits two people compare.
//!
//! 1. Staff create a one-time code for a technician, and tell it by voice or on a screen. The code
//!    itself never goes over the network: the phone posts to `/v1/devices/enrol` its
//!    [`CodeSecret::name`], the public half of a fresh Ed25519 key, a nonce and a
//!    [`proof_message`] signed by the key. The answer holds the device id, the audience for logins
//!    and the server's nonce.
//! 2. Both sides compute [`digits`]; the phone shows them, staff type them in. Proof and digits are
//!    made with what only those two know, so whoever sits between them can neither enrol a key of
//!    their own nor look for a nonce that would make the digits agree.
//! 3. From then on the phone logs in at `/v1/token` with an [`assertion_input`] it signed
//!    (RFC 7523), which needs no password and no stored token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::id::DeviceId;

/// Symbols of a code: Crockford's base 32, which has no I, L, O or U to misread.
pub const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols in a code without its dashes: 60 bits.
pub const CODE_SYMBOLS: usize = 12;
/// Grant type of the token request.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Seconds an assertion made by [`assertion_input`] lives.
pub const ASSERTION_SECONDS: i64 = 120;

/// A code from twelve random bytes, as it is shown: `XXXX-XXXX-XXXX`.
pub fn code(random: [u8; CODE_SYMBOLS]) -> String {
    let symbol = |byte: &u8| char::from(CODE_ALPHABET[usize::from(byte & 31)]);
    let symbols: Vec<char> = random.iter().map(symbol).collect();
    symbols.chunks(4).map(|group| group.iter().collect()).collect::<Vec<String>>().join("-")
}

/// The code as it was shown, from what someone typed: case, spaces, dashes and the usual
/// misreadings (`O` for `0`, `I` and `L` for `1`) do not matter. `None` if it is no code.
pub fn normal_code(typed: &str) -> Option<String> {
    let symbols = typed.chars().filter(|c| *c != '-' && !c.is_whitespace());
    let symbols: Option<Vec<u8>> = symbols
        .map(|c| match c.to_ascii_uppercase() {
            'O' => Some(0),
            'I' | 'L' => Some(1),
            c => CODE_ALPHABET.iter().position(|s| char::from(*s) == c).map(|p| p as u8),
        })
        .collect();
    Some(code(symbols?.try_into().ok()?))
}

/// What a code stands for: the secret that the office and one phone share until it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeSecret(pub [u8; 32]);

impl CodeSecret {
    /// The secret of a code in the form of [`normal_code`].
    pub fn of(code: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(b"towline code 1");
        sha.update(code.as_bytes());
        Self(sha.finalize().into())
    }

    /// By what the server finds the code. It tells nobody the secret: 60 random bits are behind
    /// it, and the code lives for minutes.
    pub fn name(&self) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(b"towline code name 1");
        sha.update(self.0);
        sha.finalize().into()
    }
}

impl std::fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeSecret")
    }
}

/// What the phone signs to prove that it holds the private half of `public_key` and was told the
/// code.
pub fn proof_message(
    secret: &CodeSecret,
    public_key: &[u8; 32],
    phone_nonce: &[u8; 16],
) -> Vec<u8> {
    let mut message = b"towline enrol 2".to_vec();
    message.extend(secret.0);
    message.extend(public_key);
    message.extend(phone_nonce);
    message
}

/// The six digits both sides compute and two people compare.
pub fn digits(
    secret: &CodeSecret,
    public_key: &[u8; 32],
    phone_nonce: &[u8; 16],
    server_nonce: &[u8; 16],
) -> String {
    let mut sha = Sha256::new();
    sha.update(b"towline compare 2");
    sha.update(secret.0);
    sha.update(public_key);
    sha.update(phone_nonce);
    sha.update(server_nonce);
    let number = sha.finalize().iter().take(8).fold(0u64, |n, b| (n << 8) | u64::from(*b));
    format!("{:06}", number % 1_000_000)
}

/// The bytes a phone signs to log in: header and claims of a JWT, without its signature.
///
/// `audience` is what enrolment answered, `now_s` the phone's clock in Unix seconds corrected by
/// the last server time it knew, `jti` fresh random bytes: an assertion is taken once.
pub fn assertion_input(device: DeviceId, audience: &str, now_s: i64, jti: [u8; 16]) -> String {
    let header = serde_json::json!({"alg": "EdDSA", "typ": "JWT", "kid": device.to_string()});
    let claims = serde_json::json!({
        "iss": device.to_string(),
        "sub": device.to_string(),
        "aud": audience,
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + ASSERTION_SECONDS,
        "jti": URL_SAFE_NO_PAD.encode(jti),
    });
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The finished assertion from its input and the Ed25519 signature over the input.
pub fn assertion(input: &str, signature: &[u8; 64]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_read_aloud_and_typed_badly_is_still_the_code() {
        let shown = code([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 31]);
        assert_eq!(shown, "0123-4567-89AZ");
        assert_eq!(normal_code("o l23 4567-89az").as_deref(), Some(shown.as_str()));
        assert_eq!(normal_code("0123-4567"), None);
        assert_eq!(normal_code("0123-4567-89A!"), None);
    }

    #[test]
    fn the_digits_change_with_every_value_they_are_made_of() {
        let [code, other] = ["0123-4567-89AZ", "0123-4567-89AY"].map(CodeSecret::of);
        let base = digits(&code, &[1; 32], &[2; 16], &[3; 16]);
        assert_eq!(base.len(), 6);
        assert_ne!(base, digits(&other, &[1; 32], &[2; 16], &[3; 16]));
        assert_ne!(base, digits(&code, &[9; 32], &[2; 16], &[3; 16]));
        assert_ne!(base, digits(&code, &[1; 32], &[9; 16], &[3; 16]));
        assert_ne!(base, digits(&code, &[1; 32], &[2; 16], &[9; 16]));
        assert!(code.name() != code.0 && code.name() != other.name());
    }
}
