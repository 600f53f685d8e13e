//! Law: whatever decodes as an answer says the same after it was encoded and decoded again.
#![no_main]

use fuzz::bounds::bounded;
use libfuzzer_sys::fuzz_target;
use sync_core::sync::{decode_response, encode_response};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = bounded(|| decode_response(bytes)) {
        assert_eq!(decode_response(&encode_response(&frame)), Ok(frame));
    }
});
