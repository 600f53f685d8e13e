//! Law: whatever decodes as an answer says the same after it was encoded and decoded again.
#![no_main]

use fuzz::bounds::within;
use libfuzzer_sys::fuzz_target;
use sync_core::sync::{decode_response, encode_response};

/// A phone takes whole documents from its own server, however many values they have, so an answer
/// is bounded by its 2 MiB alone.
const MEMORY: usize = 128 << 20;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = within(MEMORY, || decode_response(bytes)) {
        assert_eq!(decode_response(&encode_response(&frame)), Ok(frame));
    }
});
