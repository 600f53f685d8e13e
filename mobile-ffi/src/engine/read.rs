//! What is on the phone: jobs, one job, stock, and what the server refused.

use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId};
use sync_core::job::{Job, JobSummary, TimelineItem, timeline};
use sync_core::schema::{DocId, DocKind};
use sync_core::van::{Van, usages};

use super::{Engine, State, summary};
use crate::error::EngineError;
use crate::store::{docs, refused, runs};

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

impl Engine {
    /// The technician's jobs, oldest first, as a list shows them. Loads no document unless the
    /// list was kept by an older version.
    pub fn jobs(&self) -> Result<Vec<(JobId, JobSummary)>, EngineError> {
        let now = self.server_clock();
        self.state().jobs(now)
    }

    /// One job with everything that follows from its facts, what completing it still wants among
    /// it (`missing`): to be shown before the technician leaves the scene.
    pub fn job(&self, job: JobId) -> Result<Job, EngineError> {
        Ok(Job::of(self.state().document(job.into())?))
    }

    /// The story of a job, oldest first.
    pub fn timeline(&self, job: JobId) -> Result<Vec<TimelineItem>, EngineError> {
        Ok(timeline(self.state().document(job.into())?))
    }

    /// The server's clock as well as this phone can tell, else its own, Unix milliseconds.
    pub fn server_clock(&self) -> i64 {
        let clock = self.clock();
        self.state().server_now(clock).unwrap_or_else(|| clock.wall_ms())
    }

    /// The technician's van with its stock, as the movements on this phone and the parts of the
    /// jobs on it make it; absent where the technician drives none.
    pub fn stock(&self) -> Result<Option<Van>, EngineError> {
        let mut state = self.state();
        let user = state.identity.as_ref().ok_or(EngineError::NotEnrolled)?.user;
        let Some(van) = state.van_of(user)? else { return Ok(None) };
        let State { store, cache, .. } = &mut *state;
        let mut used = Vec::new();
        for (doc, _) in docs::of_kind(store.read(), DocKind::Job)? {
            used.extend(usages(cache.get(store.read(), doc)?.document()));
        }
        Ok(Some(Van::of(cache.get(store.read(), van.into())?.document(), &used)))
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
            for held in runs::of_doc(state.store.read(), doc)? {
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

impl State {
    /// The jobs as a list shows them at `now`.
    pub(super) fn jobs(&mut self, now: i64) -> Result<Vec<(JobId, JobSummary)>, EngineError> {
        let rows = docs::of_kind(self.store.read(), DocKind::Job)?;
        let mut jobs = Vec::with_capacity(rows.len());
        for (doc, kept) in rows {
            let Some(id) = doc.job() else { continue };
            let summary = match kept.and_then(|kept| summary::read(&kept, now)) {
                Some(summary) => summary,
                None => {
                    let document = self.cache.get(self.store.read(), doc)?.document();
                    let (summary, kept) = (Job::of(document).summary(now), summary::of(document));
                    self.store.write(|tx| docs::set_summary(tx, doc, kept.as_deref()))?;
                    summary
                }
            };
            jobs.push((id, summary));
        }
        Ok(jobs)
    }
}
