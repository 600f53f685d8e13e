//! Law: whatever decodes as a request says the same after it was encoded and decoded again.
#![no_main]

use fuzz::bounds::bounded;
use libfuzzer_sys::fuzz_target;
use sync_core::sync::{decode_request, encode_request};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = bounded(|| decode_request(bytes)) {
        assert_eq!(decode_request(&encode_request(&request)), Ok(request));
    }
});
