//! What is on the phone: jobs, one job, stock, and what the server refused.

use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, VanId};
use sync_core::schema::{DocId, DocKind};

use super::{Engine, JobSummary};
use crate::error::EngineError;
use crate::store::{docs, refused};

/// Work the server did not take, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The document it was for.
    pub doc: DocId,
    /// Stable code.
    pub code: String,
    /// Plain sentence.
    pub sentence: String,
    /// When the phone learnt of it, Unix milliseconds.
    pub at: i64,
    /// What it was, whole.
    pub entries: Vec<Entry>,
}

/// Stock of the technician's van.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockView {
    /// The van.
    pub van: VanId,
}

impl Engine {
    /// The technician's jobs, oldest first, as a list shows them. Loads no document.
    pub fn jobs(&self) -> Result<Vec<(JobId, JobSummary)>, EngineError> {
        let state = self.state();
        let rows = docs::of_kind(state.store.read(), DocKind::Job)?;
        let parse = |text: Option<String>| serde_json::from_str(&text?).ok();
        let jobs = rows
            .into_iter()
            .filter_map(|(doc, summary)| Some((doc.job()?, parse(summary).unwrap_or_default())));
        Ok(jobs.collect())
    }

    /// The document of a job, van or technician as everything saved makes it.
    pub fn document(&self, doc: DocId) -> Result<Document, EngineError> {
        Ok(self.state().document(doc)?.clone())
    }

    /// What the server refused, newest first. It is kept for 400 days.
    pub fn refused(&self) -> Result<Vec<Refused>, EngineError> {
        let state = self.state();
        let rows = refused::all(state.store.read())?;
        let refused = rows.into_iter().map(|row| Refused {
            doc: row.doc,
            code: row.code,
            sentence: row.sentence,
            at: row.at,
            entries: row.run.changes.into_iter().flat_map(|change| change.entries).collect(),
        });
        Ok(refused.collect())
    }

    /// Ids of every fact this phone holds as saved: waiting or durable, refused ones left out.
    pub fn saved_facts(&self) -> Result<Vec<(DocId, FactId)>, EngineError> {
        let state = self.state();
        let mut facts = Vec::new();
        for doc in docs::all(state.store.read())? {
            for held in crate::store::runs::of_doc(state.store.read(), doc)? {
                for entry in held.run.changes.iter().flat_map(|change| &change.entries) {
                    if let Entry::Fact { id, .. } = entry {
                        facts.push((doc, *id));
                    }
                }
            }
        }
        Ok(facts)
    }
}
