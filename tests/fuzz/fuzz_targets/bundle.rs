//! Law: a bundle proves something only under a server key that is trusted, and proves the same
//! each time.
#![no_main]

use ed25519_dalek::SigningKey;
use fuzz::bounds::bounded;
use libfuzzer_sys::fuzz_target;
use sync_core::bundle::verify_bundle;

fuzz_target!(|bytes: &[u8]| {
    let server = SigningKey::from_bytes(&[9; 32]).verifying_key();
    let trusted = [("2026-1".to_owned(), server)];
    let Ok(evidence) = bounded(|| verify_bundle(bytes, &trusted)) else { return };
    assert!(verify_bundle(bytes, &[]).is_err(), "nobody is trusted");
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
    assert!(verify_bundle(bytes, &[("2026-1".to_owned(), other)]).is_err(), "someone else is");
    let again = verify_bundle(bytes, &trusted).expect("it was good a moment ago");
    assert_eq!(serde_json::to_string(&evidence).ok(), serde_json::to_string(&again).ok());
});
