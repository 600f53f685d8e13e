//! Rows of the change log, and documents built from them.

pub(crate) mod snapshot;

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use sync_core::admission::{RefusedBefore, replay};
use sync_core::change::{Run, decode_run, encode_run};
use sync_core::document::{Author, Document};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::schema::{DocId, DocKind};
use sync_core::wire::{Reader, Writer as Bytes};

use crate::sql::{Arg, maybe_id, select_in};
use crate::{Backend, StoreError};

/// A run as the log holds it.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its position in the tenant's log.
    pub pos: i64,
    /// The changes.
    pub run: Run,
    /// Who made them.
    pub author: Author,
    /// Size of the stored row's payload, bytes.
    pub bytes: usize,
}

/// A document read back from the log.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub document: Document,
    /// Position of its last run; 0 if there is none.
    pub pos: i64,
    /// Encoded size of its runs.
    pub bytes: usize,
    /// Runs since the snapshot.
    pub runs: usize,
}

impl Loaded {
    pub fn new(doc: DocId) -> Self {
        Self { document: Document::new(doc), pos: 0, bytes: 0, runs: 0 }
    }

    /// Takes a run of the log on top.
    pub fn take(&mut self, logged: &Logged) -> Result<(), StoreError> {
        take(&mut self.document, logged)?;
        self.pos = self.pos.max(logged.pos);
        self.bytes += logged.bytes;
        self.runs += 1;
        Ok(())
    }
}

/// Takes a run of the log into a document.
pub(crate) fn take(document: &mut Document, logged: &Logged) -> Result<(), StoreError> {
    let doc = document.id();
    replay(document, &logged.run, logged.author).map(drop).map_err(|refusal| {
        StoreError::Corrupt(format!("{doc:?} at position {}: {}", logged.pos, refusal.code()))
    })
}

/// The seventeen bytes under which a document is stored.
pub fn doc_key(doc: &DocId) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.push(doc.kind.code());
    key.extend_from_slice(doc.as_bytes());
    key
}

/// The document of a stored key.
pub fn doc_of(key: &[u8]) -> Result<DocId, StoreError> {
    let corrupt = || StoreError::Corrupt("a document id".to_owned());
    let (kind, id) = key.split_first().ok_or_else(corrupt)?;
    let id = id.try_into().map_err(|_| corrupt())?;
    DocId::new(DocKind::from_code(*kind), id).map_err(|_| corrupt())
}

/// The bytes of a run.
pub(crate) fn encode(run: &Run) -> Vec<u8> {
    let mut writer = Bytes::new();
    encode_run(&mut writer, run);
    writer.into_bytes()
}

/// Reads a row of `pos, author_user, author_device, payload`.
pub(crate) fn logged(row: &AnyRow) -> Result<Logged, StoreError> {
    let pos: i64 = row.try_get(0)?;
    let author = Author {
        user: maybe_id(row, 1, UserId::from_slice)?,
        device: maybe_id(row, 2, DeviceId::from_slice)?,
    };
    read_run(pos, author, &row.try_get::<Vec<u8>, _>(3)?)
}

/// A run from what its row holds.
pub(crate) fn read_run(pos: i64, author: Author, payload: &[u8]) -> Result<Logged, StoreError> {
    let mut reader = Reader::new(payload);
    let run = decode_run(&mut reader).and_then(|run| reader.finish().map(|()| run));
    let run = run.map_err(|e| StoreError::Corrupt(format!("the run at {pos}: {e}")))?;
    Ok(Logged { pos, run, author, bytes: payload.len() })
}

/// Builds documents from snapshot and log, at most up to position `upto`.
///
/// Every document asked for is in the answer; one that nobody wrote to is empty.
pub(crate) async fn load(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    docs: &[DocId],
    upto: i64,
) -> Result<HashMap<DocId, Loaded>, StoreError> {
    let loaded: HashMap<_, _> = docs.iter().map(|doc| (*doc, Loaded::new(*doc))).collect();
    let keys: Vec<_> = docs.iter().map(doc_key).collect();
    let first = vec![Arg::from(tenant.as_bytes()), Arg::Int(upto)];
    const SNAPSHOTS: &str = "SELECT doc, upto, payload FROM snapshots \
                             WHERE tenant = $1 AND upto <= $2 AND doc IN ({keys})";
    let mut stored = Stored { snapshots: Vec::new(), runs: Vec::new() };
    for row in select_in(connection, backend, SNAPSHOTS, first.clone(), &keys).await? {
        let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
        stored.snapshots.push((doc, row.try_get(1)?, row.try_get(2)?));
    }
    for row in select_in(connection, backend, SINCE_SNAPSHOT, first, &keys).await? {
        let author = Author {
            user: maybe_id(&row, 1, UserId::from_slice)?,
            device: maybe_id(&row, 2, DeviceId::from_slice)?,
        };
        stored.runs.push((row.try_get(0)?, author, row.try_get(3)?));
    }
    if stored.bytes() < SMALL_BYTES {
        return stored.build(loaded);
    }
    // Large ones take long enough that no other request should wait for them.
    let built = tokio::task::spawn_blocking(move || stored.build(loaded));
    built.await.map_err(|_| StoreError::Panicked)?
}

/// Documents with fewer values are folded where they are.
pub(super) const SMALL: usize = 2_000;
/// Rows with fewer bytes are decoded where they are.
const SMALL_BYTES: usize = 64 * 1024;

/// Rows as they were read.
struct Stored {
    snapshots: Vec<(DocId, i64, Vec<u8>)>,
    runs: Vec<(i64, Author, Vec<u8>)>,
}

impl Stored {
    fn bytes(&self) -> usize {
        let snapshots = self.snapshots.iter().map(|(_, _, payload)| payload.len());
        snapshots.chain(self.runs.iter().map(|(_, _, payload)| payload.len())).sum()
    }

    fn build(
        mut self,
        mut loaded: HashMap<DocId, Loaded>,
    ) -> Result<HashMap<DocId, Loaded>, StoreError> {
        for (doc, upto, payload) in self.snapshots {
            let Some(document) = loaded.get_mut(&doc) else { continue };
            for logged in snapshot::decode(upto, &payload)? {
                document.take(&logged)?;
            }
            document.runs = 0;
        }
        self.runs.sort_by_key(|(pos, _, _)| *pos);
        for (pos, author, payload) in self.runs {
            let logged = read_run(pos, author, &payload)?;
            if let Some(document) = loaded.get_mut(&logged.run.doc) {
                document.take(&logged)?;
            }
        }
        Ok(loaded)
    }
}

/// Runs of documents after their snapshots. Sorted by us: asked for the order, SQLite reads the
/// whole log of the tenant in it, to find a few documents.
const SINCE_SNAPSHOT: &str = "SELECT pos, author_user, author_device, payload FROM runs \
    WHERE tenant = $1 AND pos <= $2 AND doc IN ({keys}) AND pos > COALESCE((SELECT upto \
    FROM snapshots WHERE snapshots.tenant = runs.tenant AND snapshots.doc = runs.doc \
    AND snapshots.upto <= $2), 0)";

fn in_order(rows: &[AnyRow]) -> Result<Vec<Logged>, StoreError> {
    let mut runs = rows.iter().map(logged).collect::<Result<Vec<_>, _>>()?;
    runs.sort_by_key(|logged| logged.pos);
    Ok(runs)
}

/// Runs of these documents after a position, in the order of the log.
pub(crate) async fn runs_after(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    docs: &[DocId],
    after: i64,
) -> Result<Vec<Logged>, StoreError> {
    let keys: Vec<_> = docs.iter().map(doc_key).collect();
    let first = vec![Arg::from(tenant.as_bytes()), Arg::Int(after)];
    in_order(&select_in(connection, backend, AFTER, first, &keys).await?)
}

const AFTER: &str = "SELECT pos, author_user, author_device, payload FROM runs \
                     WHERE tenant = $1 AND pos > $2 AND doc IN ({keys})";

/// The position of the last run of each of these documents that is there.
pub(crate) async fn positions(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    docs: &[DocId],
) -> Result<HashMap<DocId, i64>, StoreError> {
    let keys: Vec<_> = docs.iter().map(doc_key).collect();
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(connection, backend, POSITIONS, first, &keys).await?;
    let position = |row: &AnyRow| Ok((doc_of(&row.try_get::<Vec<u8>, _>(0)?)?, row.try_get(1)?));
    rows.iter().map(position).collect()
}

pub(crate) const POSITIONS: &str =
    "SELECT doc, pos FROM documents WHERE tenant = $1 AND doc IN ({keys})";

/// Verdicts of refusal given before, by document.
pub(crate) async fn refused(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    docs: &[DocId],
    after: i64,
) -> Result<HashMap<DocId, RefusedBefore>, StoreError> {
    let keys: Vec<_> = docs.iter().map(doc_key).collect();
    let first = vec![Arg::from(tenant.as_bytes()), Arg::Int(after)];
    let mut refused: HashMap<DocId, RefusedBefore> = HashMap::new();
    for row in select_in(connection, backend, QUARANTINE, first, &keys).await? {
        let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
        let hash: Vec<u8> = row.try_get(1)?;
        let hash = hash.try_into().map_err(|_| StoreError::Corrupt("a change hash".into()))?;
        let verdict = (row.try_get(2)?, row.try_get(3)?);
        refused.entry(doc).or_default().insert(hash, verdict);
    }
    Ok(refused)
}

/// Refusals of some documents: a hundred of each at most are kept.
pub(crate) const QUARANTINE: &str = "SELECT doc, hash, code, sentence FROM quarantine \
                                     WHERE tenant = $1 AND pos > $2 AND doc IN ({keys})";

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::sql::fill;
    use crate::{Store, pull};

    /// A server with years of log must find a few documents as fast as a new one.
    #[test]
    fn no_query_for_some_documents_walks_through_the_log() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let folder = std::env::temp_dir().join(format!("towline-plans-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let url = format!("sqlite://{}", folder.join("plans.db").display());
        runtime.expect("a runtime").block_on(async {
            let store = Store::open(&url).await.expect("it opens");
            let mut connection = store.readers().acquire().await.expect("a connection");
            for text in [SINCE_SNAPSHOT, AFTER, pull::SIZES] {
                for size in [1, 8, 64, 256] {
                    let sql = format!("EXPLAIN QUERY PLAN {}", fill(text, 2, size));
                    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(vec![0u8; 16]).bind(1i64);
                    for _ in 0..size {
                        query = query.bind(vec![1u8; 17]);
                    }
                    let rows = query.fetch_all(&mut *connection).await.expect("a plan");
                    let steps: Vec<String> = rows.iter().map(|row| row.get(3)).collect();
                    let runs = steps.iter().find(|step| step.contains(" runs ")).expect("a step");
                    assert!(
                        runs.contains("runs_of_document (tenant=? AND doc=?"),
                        "{text}: {runs}"
                    );
                }
            }
            drop(connection);
            store.close().await;
        });
        std::fs::remove_dir_all(&folder).ok();
    }
}
