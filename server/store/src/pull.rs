//! What a phone lacks: everything new in its scope since a cursor, read at one moment.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};
use sync_core::admission::Attested;
use sync_core::document::Digest;
use sync_core::id::{ActorId, TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::{Pull, Pulled};

use super::log::{doc_key, doc_of, logged};
use super::page::{self, InScope, Plan, Size};
use super::sql::{Arg, Statement, id, select_in, select_in_positions};
use super::{Backend, Store, StoreError};

impl Store {
    /// Reads what a phone lacks, at one moment of the database.
    ///
    /// `budget` is in encoded bytes; a page holds at least one position whatever its size.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub async fn pull(
        &self,
        tenant: TenantId,
        pull: &Pull,
        budget: usize,
    ) -> Result<Pulled, StoreError> {
        Ok(self.pull_counted(tenant, pull, budget).await?.0)
    }

    /// As [`Store::pull`], and how many documents had to be looked at for it.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub fn pull_counted<'a>(
        &'a self,
        tenant: TenantId,
        pull: &'a Pull,
        budget: usize,
    ) -> BoxFuture<'a, Result<(Pulled, usize), StoreError>> {
        Box::pin(async move {
            let mut connection = self.readers().acquire().await?;
            let mut snapshot = connection.begin_with(self.snapshot()).await?;
            let pulled = self.pull_in(&mut snapshot, tenant, pull, budget).await;
            snapshot.rollback().await?;
            pulled
        })
    }

    /// Whether there is anything in the scope of a technician after a position: what a pull from
    /// there would bring.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_news(
        &self,
        tenant: TenantId,
        user: UserId,
        after: i64,
    ) -> Result<bool, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let upto = counter(&mut connection, tenant).await?;
        let summary = summary(&mut connection, tenant, user).await?;
        for sql in changes(upto, after, &summary) {
            let first = format!("{sql} LIMIT 1");
            if !after_in(&mut connection, &first, tenant, user, after).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn pull_in(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        pull: &Pull,
        budget: usize,
    ) -> Result<(Pulled, usize), StoreError> {
        let backend = self.backend();
        let upto = counter(connection, tenant).await?;
        let after = page::cursor(pull);
        let (scope, digest, mut cost) = match &pull.inventory {
            Some(inventory) => {
                let scope = read(connection, WHOLE, tenant, pull.user, after).await?;
                let (digest, cost) = (page::digest(&scope), scope.len() + inventory.0.len());
                (scope, digest, cost)
            }
            None => {
                let summary = summary(connection, tenant, pull.user).await?;
                let mut scope = BTreeMap::new();
                for sql in changes(upto, after, &summary) {
                    scope.extend(read(connection, sql, tenant, pull.user, after).await?);
                }
                let looked_at = summary.documents.min(upto.saturating_sub(after)).max(0);
                let cost = scope.len() + usize::try_from(looked_at).unwrap_or(0);
                (scope, summary.digest, cost)
            }
        };
        let elsewhere = match &pull.inventory {
            Some(inventory) => {
                let out = page::elsewhere(inventory, &scope);
                fingerprints(connection, backend, tenant, &out).await?
            }
            None => BTreeMap::new(),
        };
        let plan = Plan::new(pull, upto, digest, &scope, &elsewhere);
        let sizes = sizes(connection, backend, tenant, plan.wanted()).await?;
        cost += sizes.len();
        let (mut pulled, positions) = plan.page(sizes, budget);
        pulled.runs = self.attested(connection, tenant, &positions).await?;
        Ok((pulled, cost))
    }

    async fn attested(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        positions: &[i64],
    ) -> Result<Vec<Attested>, StoreError> {
        const RUNS: &str = "SELECT pos, author_user, author_device, payload FROM runs \
                            WHERE tenant = $1 AND pos IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        let rows = select_in_positions(connection, self.backend(), RUNS, first, positions).await?;
        let mut runs = rows.iter().map(logged).collect::<Result<Vec<_>, _>>()?;
        runs.sort_by_key(|logged| logged.pos);
        Ok(runs.into_iter().map(|logged| self.attest(tenant, logged.run, logged.author)).collect())
    }
}

/// The last position of a tenant's log that is committed.
pub(crate) async fn counter(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT pos FROM counters WHERE tenant = $1")
        .bind(tenant.as_bytes().to_vec())
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

/// What is known of a technician's scope without reading it.
#[derive(Debug, Default)]
struct ScopeSummary {
    /// How many documents are in it.
    documents: i64,
    digest: Digest,
}

async fn summary(
    connection: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<ScopeSummary, StoreError> {
    let row = sqlx::query(
        "SELECT documents, high, low FROM scope_digests WHERE tenant = $1 AND user_id = $2",
    )
    .bind(tenant.as_bytes().to_vec())
    .bind(user.as_bytes().to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(ScopeSummary::default()) };
    let (high, low): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    let digest = Digest((high << 32).wrapping_add(low).cast_unsigned());
    Ok(ScopeSummary { documents: row.try_get(0)?, digest })
}

/// The statements that find what changed in a scope after a position: what came into it or left it,
/// and what was written. The second goes through the new part of the log or through the scope,
/// whichever is shorter.
fn changes(upto: i64, after: i64, summary: &ScopeSummary) -> [&'static str; 2] {
    let is_short = upto.saturating_sub(after) <= summary.documents;
    [MOVED, if is_short { WRITTEN } else { WRITTEN_IN_SCOPE }]
}

/// Documents that came into a scope or left it after a position.
pub(crate) const MOVED: &str = "SELECT scope.doc, scope.current, scope.since, documents.pos, \
    documents.fingerprint FROM scope CROSS JOIN documents WHERE scope.tenant = $1 \
    AND scope.user_id = $2 AND scope.since > $3 AND documents.tenant = scope.tenant \
    AND documents.doc = scope.doc";
/// Documents in a scope that were written after a position, found by the position.
pub(crate) const WRITTEN: &str = "SELECT scope.doc, scope.current, scope.since, documents.pos, \
    documents.fingerprint FROM documents CROSS JOIN scope WHERE documents.tenant = $1 \
    AND documents.pos > $3 AND scope.tenant = documents.tenant AND scope.user_id = $2 \
    AND scope.doc = documents.doc AND scope.current = 1";
/// The same, found by the scope.
pub(crate) const WRITTEN_IN_SCOPE: &str = "SELECT scope.doc, scope.current, scope.since, \
    documents.pos, documents.fingerprint FROM scope CROSS JOIN documents WHERE scope.tenant = $1 \
    AND scope.user_id = $2 AND scope.current = 1 AND documents.tenant = scope.tenant \
    AND documents.doc = scope.doc AND documents.pos > $3";
/// All that is in a scope, or left it after a position.
const WHOLE: &str = "SELECT scope.doc, scope.current, scope.since, documents.pos, \
    documents.fingerprint FROM scope CROSS JOIN documents WHERE scope.tenant = $1 \
    AND scope.user_id = $2 AND (scope.current = 1 OR scope.since > $3) \
    AND documents.tenant = scope.tenant AND documents.doc = scope.doc";

async fn after_in(
    connection: &mut AnyConnection,
    sql: &str,
    tenant: TenantId,
    user: UserId,
    after: i64,
) -> Result<Vec<AnyRow>, StoreError> {
    let args = vec![Arg::from(tenant.as_bytes()), Arg::from(user.as_bytes()), Arg::Int(after)];
    Ok(Statement { sql: sql.to_owned(), args }.fetch(connection).await?)
}

async fn read(
    connection: &mut AnyConnection,
    sql: &str,
    tenant: TenantId,
    user: UserId,
    after: i64,
) -> Result<BTreeMap<DocId, InScope>, StoreError> {
    let rows = after_in(connection, sql, tenant, user, after).await?;
    rows.iter()
        .map(|row| {
            let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
            let found = InScope {
                current: row.try_get::<i64, _>(1)? != 0,
                since: row.try_get(2)?,
                pos: row.try_get(3)?,
                fingerprint: row.try_get::<i64, _>(4)?.cast_unsigned(),
            };
            Ok((doc, found))
        })
        .collect()
}

/// Fingerprints of those of these documents that are here.
async fn fingerprints(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    docs: &[DocId],
) -> Result<BTreeMap<DocId, u64>, StoreError> {
    const KNOWN: &str =
        "SELECT doc, fingerprint FROM documents WHERE tenant = $1 AND doc IN ({keys})";
    let keys: Vec<_> = docs.iter().map(doc_key).collect();
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(connection, backend, KNOWN, first, &keys).await?;
    rows.iter()
        .map(|row| {
            let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
            Ok((doc, row.try_get::<i64, _>(1)?.cast_unsigned()))
        })
        .collect()
}

async fn sizes(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    wanted: [(Vec<DocId>, i64); 2],
) -> Result<Vec<Size>, StoreError> {
    let mut sizes = Vec::new();
    for (docs, after) in wanted {
        let keys: Vec<_> = docs.iter().map(doc_key).collect();
        let first = vec![Arg::from(tenant.as_bytes()), Arg::Int(after)];
        for row in select_in(connection, backend, SIZES, first, &keys).await? {
            let seqs: (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
            sizes.push(Size {
                doc: doc_of(&row.try_get::<Vec<u8>, _>(0)?)?,
                pos: row.try_get(1)?,
                actor: id(&row, 2, ActorId::of_change)?,
                seqs: (seqs.0.unsigned_abs(), seqs.1.unsigned_abs()),
                bytes: usize::try_from(row.try_get::<i64, _>(5)?).unwrap_or(0),
            });
        }
    }
    Ok(sizes)
}

/// Where and how large the runs of some documents are.
pub(crate) const SIZES: &str = "SELECT doc, pos, actor, first_seq, last_seq, LENGTH(payload) FROM runs \
                         WHERE tenant = $1 AND pos > $2 AND doc IN ({keys})";
