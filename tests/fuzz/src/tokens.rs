//! Laws of tokens: what `verify` believes has every property a token must have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;

use crate::auth::token::{Expected, LEEWAY_S, kid, verify};
use crate::bounds::bounded;

const NOW: i64 = 1_800_000_000;
const LIFE: i64 = 900;

/// Header and claims, parted by a zero byte, signed with the right key; and the same bytes as a
/// token of someone who has no key.
pub fn law(bytes: &[u8], typ: &'static str) {
    let expected =
        Expected { typ, issuer: Some("us"), audience: "us", lifetime_s: LIFE, early_s: LEEWAY_S };
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let forged = bounded(|| (kid(text).is_ok(), verify(text, &public, &expected, NOW)));
        assert!(forged.1.is_err(), "nobody signed this");
    }
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(header), Some(claims)) = (parts.next(), parts.next()) else { return };
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    let token = format!("{input}.{signature}");
    let Ok(believed) = bounded(|| verify(&token, &public, &expected, NOW)) else { return };
    let header: Value = serde_json::from_slice(header).expect("what is believed is JSON");
    let claims: Value = serde_json::from_slice(claims).expect("what is believed is JSON");
    assert_eq!((&header["alg"], &header["typ"]), (&"EdDSA".into(), &typ.into()));
    assert!(header.get("crit").is_none_or(Value::is_null), "an extension nobody knows");
    assert_eq!((&claims["iss"], &claims["aud"]), (&"us".into(), &"us".into()));
    let time = |name: &str| claims[name].as_i64().expect("every time is there, and whole");
    assert!(time("exp") + LEEWAY_S > NOW && time("nbf") - LEEWAY_S <= NOW);
    assert!(time("iat") - LEEWAY_S <= NOW && time("exp") - time("iat") <= LIFE);
    assert!(claims["sub"].is_string() && !believed.jti.is_empty());
    // The same token under another key, or bent by one bit of its signature, is nobody's.
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
    assert!(verify(&token, &other, &expected, NOW).is_err());
    let bent = URL_SAFE_NO_PAD.encode([0; 64]);
    assert!(verify(&format!("{input}.{bent}"), &public, &expected, NOW).is_err());
}
