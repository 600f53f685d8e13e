//! How a job looks in a list: kept beside the document, so that a list loads no documents.

use serde::{Deserialize, Serialize};
use sync_core::document::Document;

/// A job as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobSummary {
    /// Human number within the tenant; walk-up jobs have none until the office has seen them.
    pub number: Option<String>,
}

/// The summary of a document as JSON; absent for documents no list shows.
pub(super) fn of(document: &Document) -> Option<String> {
    document.id().job()?;
    serde_json::to_string(&JobSummary::default()).ok()
}
