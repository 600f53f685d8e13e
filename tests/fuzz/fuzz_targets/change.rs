//! Law: whatever a hostile phone sends, the document stays one that Automerge loads and agrees
//! with, and every fold of it can be looked at.
#![no_main]

use fuzz::bounds::bounded;
use libfuzzer_sys::fuzz_target;
use sync_core::admission::replay;
use sync_core::document::{Author, Document};
use sync_core::job::{Job, timeline};
use sync_core::schema::DocKind;
use sync_core::scope::members;
use sync_core::sync::decode_request;
use sync_core::technician::Technician;
use sync_core::van::Van;

/// Values of the largest document that the oracle checks.
const CHECKED_VALUES: usize = 8192;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = decode_request(bytes) else { return };
    for sent in &request.runs {
        let taken = bounded(|| {
            let mut document = Document::new(sent.run().doc);
            // The receiver computes hashes itself; a fuzzer cannot, so the run is given its own.
            let run = document.run(sent.run().changes.clone());
            let run = run.unwrap_or_else(|| sent.run().clone());
            replay(&mut document, &run, Author::default()).is_ok().then_some(document)
        });
        let Some(document) = taken else { continue };
        bounded(|| look(&document));
        // Automerge takes seconds for what we take in a moment: large ones are checked elsewhere.
        if document.values() > CHECKED_VALUES {
            continue;
        }
        document.check_by_oracle().expect("automerge agrees with what was taken in");
    }
});

fn look(document: &Document) {
    members(document);
    match document.id().kind {
        DocKind::Job => {
            let job = Job::of(document);
            for now in [0, 1_800_000_000_000, i64::MAX, i64::MIN] {
                let summary = job.summary(now);
                serde_json::to_string(&summary).expect("it can be shown");
            }
            timeline(document);
        }
        DocKind::Van => drop(Van::of(document, &[])),
        DocKind::Technician => drop(Technician::of(document)),
        DocKind::Other(_) => {}
    }
}
