//! Verifies a store: every document is built again from the log, and everything computed is compared.
//!
//! The log is checked against itself (hash chains, row columns), against Automerge and against
//! what phones signed, and then what was computed from it (projections, scope, snapshots) against
//! what it gives now.

mod compare;
mod digests;
mod mend;
mod rebuild;
mod report;
mod signed;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Row};
use sync_core::id::TenantId;
use sync_core::schema::DocId;

pub(crate) use compare::{compare, plan};
pub use mend::{Rebuilt, rebuild};
pub(crate) use rebuild::{LogRow, Rebuild};
pub use report::{Difference, Note, Problem, Report};

use crate::log::{Logged, doc_key, doc_of, logged};
use crate::sql::{Arg, id, select_in};
use crate::{Backend, Inspected, Store, StoreError};
use compare::Counts;

/// Documents built at a time.
const CHUNK: i64 = 64;

/// Verifies everything, at one moment of the database, while the server may go on.
///
/// # Errors
/// Only if the database does not answer; what is wrong in it stands in the report.
pub fn verify(store: &Store) -> BoxFuture<'_, Result<Report, StoreError>> {
    Box::pin(check(store.readers(), store.backend(), None))
}

/// Verifies a database that is only looked at. What is computed is compared if it is of this
/// program's version; otherwise the log alone is checked, and [`Report::skipped`] says why.
///
/// # Errors
/// As [`verify`].
pub fn inspect(database: &Inspected) -> BoxFuture<'_, Result<Report, StoreError>> {
    Box::pin(check(database.readers(), database.backend(), database.outdated()))
}

async fn check(
    readers: &AnyPool,
    backend: Backend,
    skipped: Option<String>,
) -> Result<Report, StoreError> {
    let mut connection = readers.acquire().await?;
    let mut snapshot = connection.begin_with(AssertSqlSafe(beginning(backend))).await?;
    let report = Report { skipped, ..Report::default() };
    let mut verifier = Verifier { backend, report };
    let verified = verifier.all(&mut snapshot).await;
    snapshot.rollback().await?;
    verified?;
    Ok(verifier.report)
}

/// How the transaction begins. The limits of requests would end it on a busy machine, between two
/// chunks of work or even between two statements here.
fn beginning(backend: Backend) -> String {
    let begin = backend.snapshot();
    match backend {
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
        if self.report.skipped.is_none() {
            compare::orphans(&mut self.report, connection, tenant, &counts).await?;
            compare::digests(&mut self.report, connection, tenant).await?;
        }
        signed::pushes(&mut self.report, connection, tenant).await
    }

    async fn documents(
        &mut self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        keys: &[Vec<u8>],
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        let (report, backend) = (&mut self.report, self.backend);
        let compares = report.skipped.is_none();
        let snapshots = match compares {
            true => snapshots(connection, backend, tenant, keys).await?,
            false => BTreeMap::new(),
        };
        let Runs { by_doc, .. } = log(report, connection, backend, tenant, keys).await?;
        let sampled = &mut |_| true;
        let expected = Rebuild { report, tenant, sampled }.documents(by_doc, &snapshots)?;
        if !compares {
            return Ok(());
        }
        compare::tables(&mut self.report, connection, tenant, keys, expected, counts).await
    }
}

/// The log of some documents.
struct Runs {
    by_doc: BTreeMap<DocId, Vec<LogRow>>,
    /// Those of which a run does not read: what is left of them is no whole document.
    unreadable: BTreeSet<DocId>,
}

/// The log of some documents; what does not read is reported.
async fn log(
    report: &mut Report,
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    keys: &[Vec<u8>],
) -> Result<Runs, StoreError> {
    const RUNS: &str = "SELECT pos, author_user, author_device, payload, received_at, doc, \
         actor, first_seq, last_seq, last_hash FROM runs WHERE tenant = $1 AND doc IN ({keys})";
    let mut by_doc: BTreeMap<DocId, Vec<LogRow>> = BTreeMap::new();
    let mut unreadable = BTreeSet::new();
    let first = vec![Arg::from(tenant.as_bytes())];
    for row in select_in(connection, backend, RUNS, first, keys).await? {
        let doc = doc_of(&row.try_get::<Vec<u8>, _>(5)?)?;
        let rows = by_doc.entry(doc).or_default();
        match logged(&row) {
            Ok(logged) => {
                if !columns_agree(&row, &logged)? {
                    let what = format!("position {}", logged.pos);
                    report.add(tenant, Some(doc), Problem::Columns, what);
                }
                rows.push(LogRow { logged, received_at: row.try_get(4)? });
            }
            Err(error) => {
                report.add(tenant, Some(doc), Problem::Payload, error);
                unreadable.insert(doc);
            }
        }
    }
    Ok(Runs { by_doc, unreadable })
}

async fn snapshots(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    keys: &[Vec<u8>],
) -> Result<BTreeMap<DocId, (i64, Vec<u8>)>, StoreError> {
    const SNAPSHOTS: &str =
        "SELECT doc, upto, payload FROM snapshots WHERE tenant = $1 AND doc IN ({keys})";
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(connection, backend, SNAPSHOTS, first, keys).await?;
    let read = rows.iter().map(|row| {
        let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
        Ok((doc, (row.try_get(1)?, row.try_get(2)?)))
    });
    read.collect()
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
