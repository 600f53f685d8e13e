//! Documents built again from the log, and the rows that follow from them.

use std::collections::BTreeMap;

use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::schema::DocId;
use sync_core::scope;

use super::{Problem, Report};
use crate::StoreError;
use crate::log::snapshot;
use crate::log::{Loaded, Logged, doc_key, take};
use crate::writer::project::{Scene, Shown, project};
use crate::writer::settle::SNAPSHOT_RUNS;
use crate::writer::tables::Projected;

/// One row of the log with what its columns say.
pub(crate) struct LogRow {
    pub logged: Logged,
    pub received_at: i64,
}

/// Builds documents of one tenant again, wherever their rows were read from.
pub(crate) struct Rebuild<'r> {
    pub report: &'r mut Report,
    pub tenant: TenantId,
    /// Which documents Automerge is asked about too.
    pub sampled: &'r mut dyn FnMut(DocId) -> bool,
}

/// Snapshots by document: up to which position, and the payload.
pub(crate) type Snapshots = BTreeMap<DocId, (i64, Vec<u8>)>;

impl Rebuild<'_> {
    /// The rows that follow from these documents' runs.
    ///
    /// # Errors
    /// If a row cannot be computed.
    pub fn documents(
        &mut self,
        by_doc: BTreeMap<DocId, Vec<LogRow>>,
        snapshots: &Snapshots,
    ) -> Result<Projected, StoreError> {
        let tenant = self.tenant;
        let mut expected = Projected::new();
        for (doc, mut rows) in by_doc {
            rows.sort_by_key(|row| row.logged.pos);
            self.report.documents += 1;
            self.report.runs += rows.len() as u64;
            let Some(document) = self.replay(doc, &rows, snapshots.get(&doc)) else { continue };
            self.report.changes += document.changes().len() as u64;
            self.report.note(tenant, &document);
            if (self.sampled)(doc)
                && let Err(error) = document.check_by_oracle()
            {
                self.report.add(tenant, Some(doc), Problem::Oracle, error);
            }
            let pos = rows.last().map_or(0, |row| row.logged.pos);
            let now = rows.last().map_or(0, |row| row.received_at);
            let first = rows.first().map_or(0, |row| row.logged.pos);
            let scene = Scene { tenant, document: &document, first, pos, now };
            project(&mut expected, &scene, &Shown::default())?;
            let snapshot = snapshots.contains_key(&doc) && !self.report.wrong.contains(&doc);
            if !snapshot
                && rows.len() > SNAPSHOT_RUNS
                && let Some(payload) = snapshot::encode(&document)
            {
                expected.snapshots.push([
                    tenant.as_bytes().into(),
                    doc_key(&doc).into(),
                    pos.into(),
                    (document.changes().len() as i64).into(),
                    payload.into(),
                ]);
            }
            for member in scope::members(&document) {
                expected.scope.push([
                    tenant.as_bytes().into(),
                    member.user.as_bytes().into(),
                    doc_key(&doc).into(),
                    i64::from(member.current).into(),
                    0_i64.into(),
                ]);
            }
        }
        Ok(expected)
    }

    /// Builds a document from its runs; absent if the log does not hold together.
    fn replay(
        &mut self,
        doc: DocId,
        rows: &[LogRow],
        snapshot: Option<&(i64, Vec<u8>)>,
    ) -> Option<Document> {
        let mut document = Document::new(doc);
        let mut compared = snapshot.is_none();
        for (index, row) in rows.iter().enumerate() {
            if let Err(error) = take(&mut document, &row.logged) {
                self.report.add(self.tenant, Some(doc), Problem::Chain, error);
                return None;
            }
            let Some((upto, payload)) = snapshot else { continue };
            let next = rows.get(index + 1).map_or(i64::MAX, |next| next.logged.pos);
            if row.logged.pos <= *upto && *upto < next {
                let restored = restore(doc, *upto, payload);
                let print = restored.map(|restored| restored.fingerprint());
                if print.ok() != Some(document.fingerprint()) {
                    let what = format!("the snapshot up to {upto}");
                    self.report.add(self.tenant, Some(doc), Problem::Snapshot, what);
                    self.report.wrong.insert(doc);
                }
                self.report.snapshots += 1;
                compared = true;
            }
        }
        if !compared {
            let what = "the snapshot is of before the log";
            self.report.add(self.tenant, Some(doc), Problem::Snapshot, what);
            self.report.wrong.insert(doc);
        }
        Some(document)
    }
}

fn restore(doc: DocId, upto: i64, payload: &[u8]) -> Result<Document, StoreError> {
    let mut loaded = Loaded::new(doc);
    for logged in snapshot::decode(upto, payload)? {
        loaded.take(&logged)?;
    }
    Ok(loaded.document)
}
