//! Verifies a store: every document is built again from the log, and everything computed is compared.
//!
//! The log is checked against itself (hash chains, row columns), against Automerge and against
//! what phones signed, and then what was computed from it (projections, scope, snapshots) against
//! what it gives now.

mod compare;
mod rebuild;
mod report;
mod signed;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use sync_core::id::TenantId;
use sync_core::schema::DocId;

pub(crate) use compare::{compare, plan};
pub(crate) use rebuild::{LogRow, Rebuild};
pub use report::{Difference, Problem, Report};

use crate::store::log::{Logged, doc_key, doc_of, logged};
use crate::store::sql::{Arg, id, select_in};
use crate::store::{Backend, Store, StoreError};
use compare::Counts;

/// Documents built at a time.
const CHUNK: i64 = 64;

/// Verifies everything, at one moment of the database, while the server may go on.
///
/// # Errors
/// Only if the database does not answer; what is wrong in it stands in the report.
pub fn verify(store: &Store) -> BoxFuture<'_, Result<Report, StoreError>> {
    Box::pin(async move {
        let mut connection = store.readers().acquire().await?;
        let mut snapshot = connection.begin_with(AssertSqlSafe(beginning(store))).await?;
        let mut verifier = Verifier { backend: store.backend(), report: Report::default() };
        let verified = verifier.all(&mut snapshot).await;
        snapshot.rollback().await?;
        verified?;
        Ok(verifier.report)
    })
}

/// How the transaction begins. The limits of requests would end it on a busy machine, between two
/// chunks of work or even between two statements here.
fn beginning(store: &Store) -> String {
    let begin = store.snapshot();
    match store.backend() {
        Backend::Sqlite => begin.to_owned(),
        Backend::Postgres => format!(
            "{begin}; SET LOCAL idle_in_transaction_session_timeout = 0; \
             SET LOCAL statement_timeout = 0"
        ),
    }
}

struct Verifier {
    backend: Backend,
    report: Report,
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
        compare::orphans(&mut self.report, connection, tenant, &counts).await?;
        signed::pushes(&mut self.report, connection, tenant).await
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
        let expected = Rebuild { report: &mut self.report, tenant, judge: &mut |_| true }
            .documents(by_doc, &snapshots);
        compare::tables(&mut self.report, connection, tenant, keys, expected, counts).await
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

/// Whether the columns of a log row say what its payload says.
fn columns_agree(row: &sqlx::any::AnyRow, logged: &Logged) -> Result<bool, StoreError> {
    let run = &logged.run;
    Ok(row.try_get::<Vec<u8>, _>(5)? == doc_key(&run.doc)
        && row.try_get::<Vec<u8>, _>(6)? == run.actor().as_bytes()
        && row.try_get::<i64, _>(7)? == run.first_seq().cast_signed()
        && row.try_get::<i64, _>(8)? == run.last_seq().cast_signed()
        && row.try_get::<Vec<u8>, _>(9)? == run.last_hash.0)
}
