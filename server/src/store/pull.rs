//! What a phone lacks: everything new in its scope since a cursor, read at one moment.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection, Row};
use sync_core::admission::Attested;
use sync_core::id::{ActorId, TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::{Pull, Pulled};

use super::log::{doc_key, doc_of, logged};
use super::page::{self, InScope, Plan, Size};
use super::sql::{Arg, id, select_in, select_in_positions};
use super::{Backend, Store, StoreError};

impl Store {
    /// Reads what a phone lacks, at one moment of the database.
    ///
    /// `budget` is in encoded bytes; a page holds at least one position whatever its size.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub fn pull<'a>(
        &'a self,
        tenant: TenantId,
        pull: &'a Pull,
        budget: usize,
    ) -> BoxFuture<'a, Result<Pulled, StoreError>> {
        Box::pin(async move {
            let mut connection = self.readers().acquire().await?;
            let mut snapshot = connection.begin_with(self.snapshot()).await?;
            let pulled = self.pull_in(&mut snapshot, tenant, pull, budget).await;
            snapshot.rollback().await?;
            pulled
        })
    }

    async fn pull_in(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        pull: &Pull,
        budget: usize,
    ) -> Result<Pulled, StoreError> {
        let backend = self.backend();
        let upto = counter(connection, tenant).await?;
        let scope = scope(connection, tenant, pull.user, page::cursor(pull)).await?;
        let elsewhere = match &pull.inventory {
            Some(inventory) => {
                let out = page::elsewhere(inventory, &scope);
                fingerprints(connection, backend, tenant, &out).await?
            }
            None => BTreeMap::new(),
        };
        let plan = Plan::new(pull, upto, &scope, &elsewhere);
        let sizes = sizes(connection, backend, tenant, plan.wanted()).await?;
        let (mut pulled, positions) = plan.page(sizes, budget);
        pulled.runs = self.attested(connection, tenant, &positions).await?;
        Ok(pulled)
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

async fn scope(
    connection: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    cursor: i64,
) -> Result<BTreeMap<DocId, InScope>, StoreError> {
    let rows = sqlx::query(
        "SELECT scope.doc, scope.current, scope.since, documents.pos, documents.fingerprint \
         FROM scope JOIN documents ON documents.tenant = scope.tenant \
         AND documents.doc = scope.doc WHERE scope.tenant = $1 AND scope.user_id = $2 \
         AND (scope.current = 1 OR scope.since > $3)",
    )
    .bind(tenant.as_bytes().to_vec())
    .bind(user.as_bytes().to_vec())
    .bind(cursor)
    .fetch_all(connection)
    .await?;
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
pub(super) const SIZES: &str = "SELECT doc, pos, actor, first_seq, last_seq, LENGTH(payload) FROM runs \
                         WHERE tenant = $1 AND pos > $2 AND doc IN ({keys})";
