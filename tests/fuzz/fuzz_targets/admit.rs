//! Law: whatever a hostile phone sends, the document stays one that Automerge loads and agrees with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sync_core::admission::replay;
use sync_core::document::{Author, Document};
use sync_core::sync::decode_request;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = decode_request(bytes) else { return };
    for sent in &request.runs {
        let mut document = Document::new(sent.run().doc);
        // The receiver computes hashes itself; a fuzzer cannot, so the run is given its own.
        let mut run = sent.run().clone();
        if let Some(hash) = document.expected_hash(&run) {
            run.last_hash = hash;
        }
        if replay(&mut document, &run, Author::default()).is_ok() {
            document.judge().expect("automerge agrees with what was taken in");
        }
    }
});
