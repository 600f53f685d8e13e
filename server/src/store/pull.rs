//! What a phone lacks: everything new in its scope since a cursor, in the order of the log.
//!
//! Each run has the position at which the phone has to hear of it: its own, or, for a document
//! that came into scope later, the position where it did. A page is cut between two such
//! positions, so nothing is left out and nothing is sent twice.

use std::collections::{BTreeMap, HashSet};

use sqlx::{AnyConnection, Connection, Row};
use sync_core::admission::Attested;
use sync_core::document::Digest;
use sync_core::id::{TenantId, UserId};
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::sync::{Inventory, Pull, Pulled, PushedRange, Repair};

use super::log::{Logged, doc_key, doc_of, logged};
use super::sql::{Arg, select_in, select_in_positions};
use super::{Backend, Store, StoreError};

/// One document in a technician's scope.
#[derive(Debug, Clone, Copy)]
struct InScope {
    current: bool,
    /// Where that began.
    since: i64,
    /// Its last run.
    pos: i64,
    fingerprint: u64,
}

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
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        let pulled = self.pull_in(&mut snapshot, tenant, pull, budget).await;
        snapshot.rollback().await?;
        pulled
    }

    async fn pull_in(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        pull: &Pull,
        budget: usize,
    ) -> Result<Pulled, StoreError> {
        let backend = self.backend();
        let cursor = match &pull.inventory {
            Some(_) => 0,
            None => i64::try_from(pull.cursor).unwrap_or(i64::MAX),
        };
        let upto = counter(connection, tenant).await?;
        let scope = scope(connection, tenant, pull.user, cursor).await?;
        let current = scope.values().filter(|document| document.current);
        let digest: Digest = current.map(|document| document.fingerprint).collect();
        let mut pulled = Pulled { cursor: upto.unsigned_abs(), digest, ..Pulled::default() };
        let repair = match &pull.inventory {
            Some(inventory) => {
                Some(self.compare(connection, tenant, inventory, &scope, &mut pulled).await?)
            }
            None => None,
        };
        let wanted: BTreeMap<DocId, InScope> = scope
            .iter()
            .filter(|(doc, found)| match &repair {
                Some(repair) => repair.whole.binary_search(doc).is_ok(),
                None => found.current && (found.pos > cursor || found.since > cursor),
            })
            .map(|(doc, found)| (*doc, *found))
            .collect();
        let released = scope.iter().filter(|(_, found)| !found.current);
        let released: BTreeMap<DocId, i64> = match repair {
            // A phone that compares everything hears at once of what is not its any more.
            Some(repair) => repair.released.into_iter().map(|doc| (doc, 0)).collect(),
            None => released.map(|(doc, found)| (*doc, found.since)).collect(),
        };
        let sizes = sizes(connection, backend, tenant, &wanted, cursor).await?;
        // Against an inventory documents go out whole, with what this request brought.
        let left_out = |run: &Size| pull.inventory.is_none() && is_pushed(run, &pull.pushed);
        let (brought, sizes): (Vec<_>, Vec<_>) = sizes.into_iter().partition(left_out);
        let brought: HashSet<DocId> = brought.iter().map(|run| run.doc).collect();
        let mut events: BTreeMap<i64, (usize, Vec<i64>)> = BTreeMap::new();
        for run in sizes {
            let since = wanted.get(&run.doc).map_or(0, |found| found.since);
            let event = if since > cursor { run.pos.max(since) } else { run.pos };
            let (bytes, positions) = events.entry(event).or_default();
            *bytes += run.bytes;
            positions.push(run.pos);
        }
        let mut bytes = 0;
        let mut runs = 0;
        let mut positions = Vec::new();
        let mut cut = upto;
        let mut before = cursor;
        for (event, (size, at)) in events {
            let full = bytes + size > budget || runs + at.len() > limits::PAGE_RUNS;
            if full && !positions.is_empty() {
                cut = before;
                pulled.more = true;
                break;
            }
            bytes += size;
            runs += at.len();
            positions.extend(at);
            before = event;
        }
        pulled.cursor = cut.unsigned_abs();
        pulled.released =
            released.into_iter().filter(|(_, since)| *since <= cut).map(|(doc, _)| doc).collect();
        let whole = wanted.iter().filter(|(doc, found)| {
            found.since > cursor && found.pos <= cut && !brought.contains(doc)
        });
        pulled.whole = whole.map(|(doc, _)| *doc).collect();
        pulled.runs = self.attested(connection, tenant, &positions).await?;
        Ok(pulled)
    }

    async fn compare(
        &self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        inventory: &Inventory,
        scope: &BTreeMap<DocId, InScope>,
        pulled: &mut Pulled,
    ) -> Result<Repair, StoreError> {
        let current = scope.iter().filter(|(_, found)| found.current);
        let in_scope: BTreeMap<DocId, u64> =
            current.map(|(doc, found)| (*doc, found.fingerprint)).collect();
        let held = inventory.0.iter().map(|(doc, _)| *doc);
        let out: Vec<DocId> = held.filter(|doc| !in_scope.contains_key(doc)).collect();
        let elsewhere = fingerprints(connection, self.backend(), tenant, &out).await?;
        let repair = inventory.compare(&in_scope, &elsewhere);
        pulled.unknown.clone_from(&repair.unknown);
        Ok(repair)
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
        Ok(runs.into_iter().map(|logged| self.attest(tenant, logged)).collect())
    }

    /// A run of the log with the server's receipt.
    pub fn attest(&self, tenant: TenantId, logged: Logged) -> Attested {
        let Logged { run, author, .. } = logged;
        let receipt = self.meta().receipt(tenant, &run, &author);
        Attested { run, author, receipt }
    }
}

/// Where and how large a run is.
struct Size {
    doc: DocId,
    pos: i64,
    actor: Vec<u8>,
    seqs: (u64, u64),
    bytes: usize,
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
    wanted: &BTreeMap<DocId, InScope>,
    cursor: i64,
) -> Result<Vec<Size>, StoreError> {
    const SIZES: &str = "SELECT doc, pos, actor, first_seq, last_seq, LENGTH(payload) FROM runs \
                         WHERE tenant = $1 AND pos > $2 AND doc IN ({keys})";
    let (new, old): (Vec<&DocId>, Vec<&DocId>) =
        wanted.keys().partition(|doc| wanted.get(*doc).is_some_and(|found| found.since > cursor));
    let mut sizes = Vec::new();
    for (docs, after) in [(new, 0), (old, cursor)] {
        let keys: Vec<_> = docs.into_iter().map(doc_key).collect();
        let first = vec![Arg::from(tenant.as_bytes()), Arg::Int(after)];
        for row in select_in(connection, backend, SIZES, first, &keys).await? {
            let seqs: (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
            sizes.push(Size {
                doc: doc_of(&row.try_get::<Vec<u8>, _>(0)?)?,
                pos: row.try_get(1)?,
                actor: row.try_get(2)?,
                seqs: (seqs.0.unsigned_abs(), seqs.1.unsigned_abs()),
                bytes: usize::try_from(row.try_get::<i64, _>(5)?).unwrap_or(0),
            });
        }
    }
    Ok(sizes)
}

/// Whether the phone brought this very run in the same exchange.
fn is_pushed(run: &Size, pushed: &[PushedRange]) -> bool {
    pushed.iter().any(|range| {
        range.doc == run.doc
            && range.actor.as_bytes()[..] == run.actor[..]
            && range.seqs.contains(&run.seqs.0)
            && range.seqs.contains(&run.seqs.1)
    })
}
