//! How a job looks in a list: kept beside the document, so that a list loads no documents.

use serde::{Deserialize, Serialize};
use sync_core::document::Document;
use sync_core::job::{Job, JobSummary, State};

/// Raised whenever the same document may give another summary; older ones are made again.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Serialize, Deserialize)]
struct StoredSummary {
    version: u32,
    summary: JobSummary,
    /// When an unanswered offer ends, Unix milliseconds.
    offer_ends: Option<i64>,
}

/// The summary of a document as it is kept; absent for documents no list shows.
pub(super) fn of(document: &Document) -> Option<String> {
    document.id().job()?;
    let job = Job::of(document);
    let offer_ends = job.assignment.as_ref().and_then(|assignment| assignment.expires);
    // As if no offer ever ended: when it is read the clock has gone on.
    let summary = job.summary(i64::MIN);
    serde_json::to_string(&StoredSummary { version: VERSION, summary, offer_ends }).ok()
}

/// The summary that was kept, at `now` (Unix milliseconds); absent if it has to be made again.
pub(super) fn read(kept: &str, now: i64) -> Option<JobSummary> {
    let StoredSummary { version, mut summary, offer_ends } = serde_json::from_str(kept).ok()?;
    if version != VERSION {
        return None;
    }
    if summary.state == State::Offered && offer_ends.is_some_and(|ends| ends <= now) {
        summary.state = State::Received;
        summary.technician = None;
        summary.provider = None;
        summary.epoch = None;
    }
    Some(summary)
}
