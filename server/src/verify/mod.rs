//! Verifies a store: every document is built again from the log, and everything computed is compared.
//!
//! The log is checked against itself (hash chains, row columns), against Automerge, and then what
//! was computed from it (projections, scope, snapshots) against what it gives now.

mod compare;
mod report;

use std::collections::BTreeMap;

use sqlx::{AnyConnection, Connection, Row};
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::schema::DocId;
use sync_core::scope;

pub use report::{Difference, Problem, Report};

use crate::store::log::{Loaded, Logged, doc_key, doc_of, logged, take};
use crate::store::sql::{Arg, id, select_in};
use crate::store::{Backend, Store, StoreError, snapshot};
use crate::writer::project::{Scene, project};
use crate::writer::tables::Projected;
use compare::Counts;

/// Documents built at a time.
const CHUNK: i64 = 64;

/// Verifies everything, at one moment of the database, while the server may go on.
///
/// # Errors
/// Only if the database does not answer; what is wrong in it stands in the report.
pub async fn verify(store: &Store) -> Result<Report, StoreError> {
    let mut connection = store.readers().acquire().await?;
    let mut snapshot = connection.begin_with(store.snapshot()).await?;
    let mut verifier = Verifier { backend: store.backend(), report: Report::default() };
    let verified = verifier.all(&mut snapshot).await;
    snapshot.rollback().await?;
    verified?;
    Ok(verifier.report)
}

struct Verifier {
    backend: Backend,
    report: Report,
}

/// One row of the log with what its columns say.
struct LogRow {
    logged: Logged,
    received_at: i64,
}

impl Verifier {
    async fn all(&mut self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT tenant, pos FROM counters ORDER BY tenant")
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            let tenant = id(&row, 0, TenantId::from_slice)?;
            self.tenant(connection, tenant, row.try_get(1)?).await?;
            self.report.tenants += 1;
        }
        Ok(())
    }

    async fn tenant(
        &mut self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        last: i64,
    ) -> Result<(), StoreError> {
        let newest = sqlx::query("SELECT MAX(pos) FROM runs WHERE tenant = $1")
            .bind(tenant.as_bytes().to_vec())
            .fetch_one(&mut *connection)
            .await?;
        if newest.try_get::<Option<i64>, _>(0)?.is_some_and(|newest| newest > last) {
            self.report.add(tenant, None, Problem::Position, "the counter is behind the log");
        }
        let mut counts = Counts::default();
        let mut after: Vec<u8> = Vec::new();
        loop {
            let rows = sqlx::query(
                "SELECT DISTINCT doc FROM runs WHERE tenant = $1 AND doc > $2 ORDER BY doc \
                 LIMIT $3",
            )
            .bind(tenant.as_bytes().to_vec())
            .bind(after.clone())
            .bind(CHUNK)
            .fetch_all(&mut *connection)
            .await?;
            let keys: Vec<Vec<u8>> =
                rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_, StoreError>>()?;
            let Some(newest) = keys.last() else { break };
            after.clone_from(newest);
            self.documents(connection, tenant, &keys, &mut counts).await?;
        }
        compare::orphans(&mut self.report, connection, tenant, &counts).await
    }

    async fn documents(
        &mut self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        keys: &[Vec<u8>],
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        let snapshots = self.snapshots(connection, tenant, keys).await?;
        let mut by_doc: BTreeMap<DocId, Vec<LogRow>> = BTreeMap::new();
        const RUNS: &str = "SELECT pos, author_user, author_device, payload, received_at, doc, \
             actor, first_seq, last_seq, last_hash FROM runs WHERE tenant = $1 AND doc IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        for row in select_in(connection, self.backend, RUNS, first, keys).await? {
            let doc = doc_of(&row.try_get::<Vec<u8>, _>(5)?)?;
            let rows = by_doc.entry(doc).or_default();
            match logged(&row) {
                Ok(logged) => {
                    if !columns_agree(&row, &logged)? {
                        let what = format!("position {}", logged.pos);
                        self.report.add(tenant, Some(doc), Problem::Columns, what);
                    }
                    rows.push(LogRow { logged, received_at: row.try_get(4)? });
                }
                Err(error) => self.report.add(tenant, Some(doc), Problem::Payload, error),
            }
        }
        let mut expected = Projected::new();
        for (doc, mut rows) in by_doc {
            rows.sort_by_key(|row| row.logged.pos);
            self.report.documents += 1;
            self.report.runs += rows.len() as u64;
            let snapshot = snapshots.get(&doc);
            let Some(document) = self.replay(tenant, doc, &rows, snapshot) else { continue };
            self.report.changes += document.changes().len() as u64;
            if let Err(error) = document.judge() {
                self.report.add(tenant, Some(doc), Problem::Judge, error);
            }
            let pos = rows.last().map_or(0, |row| row.logged.pos);
            let now = rows.last().map_or(0, |row| row.received_at);
            project(&mut expected, &Scene { tenant, document: &document, pos, now }, 0);
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
        compare::tables(&mut self.report, connection, tenant, keys, expected, counts).await
    }

    /// Builds a document from its runs; absent if the log does not hold together.
    fn replay(
        &mut self,
        tenant: TenantId,
        doc: DocId,
        rows: &[LogRow],
        snapshot: Option<&(i64, Vec<u8>)>,
    ) -> Option<Document> {
        let mut document = Document::new(doc);
        for (index, row) in rows.iter().enumerate() {
            if let Err(error) = take(&mut document, &row.logged) {
                self.report.add(tenant, Some(doc), Problem::Chain, error);
                return None;
            }
            let Some((upto, payload)) = snapshot else { continue };
            let next = rows.get(index + 1).map_or(i64::MAX, |next| next.logged.pos);
            if row.logged.pos <= *upto && *upto < next {
                let restored = restore(doc, *upto, payload);
                let print = restored.map(|restored| restored.fingerprint());
                if print.ok() != Some(document.fingerprint()) {
                    let what = format!("the snapshot up to {upto}");
                    self.report.add(tenant, Some(doc), Problem::Snapshot, what);
                }
                self.report.snapshots += 1;
            }
        }
        Some(document)
    }

    async fn snapshots(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        keys: &[Vec<u8>],
    ) -> Result<BTreeMap<DocId, (i64, Vec<u8>)>, StoreError> {
        const SNAPSHOTS: &str =
            "SELECT doc, upto, payload FROM snapshots WHERE tenant = $1 AND doc IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        let rows = select_in(connection, self.backend, SNAPSHOTS, first, keys).await?;
        let read = rows.iter().map(|row| {
            let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
            Ok((doc, (row.try_get(1)?, row.try_get(2)?)))
        });
        read.collect()
    }
}

fn restore(doc: DocId, upto: i64, payload: &[u8]) -> Result<Document, StoreError> {
    let mut loaded = Loaded::new(doc);
    for logged in snapshot::decode(upto, payload)? {
        loaded.take(&logged)?;
    }
    Ok(loaded.document)
}

/// Whether the columns of a log row say what its payload says.
fn columns_agree(row: &sqlx::any::AnyRow, logged: &Logged) -> Result<bool, StoreError> {
    let run = &logged.run;
    Ok(row.try_get::<Vec<u8>, _>(5)? == doc_key(&run.doc)
        && row.try_get::<Vec<u8>, _>(6)? == run.actor().as_bytes()
        && row.try_get::<i64, _>(7)? == run.first_seq().cast_signed()
        && row.try_get::<i64, _>(8)? == run.last_seq().cast_signed()
        && row.try_get::<Vec<u8>, _>(9)? == run.last_hash.0)
}
