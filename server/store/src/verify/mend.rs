//! Makes what is computed from the log again, a few documents at a time, while the server serves.
//!
//! Documents are compared without a lock. Those that differ are compared once more under the lock of
//! their tenant, which every writer takes, and there the difference is written.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use sync_core::id::TenantId;
use sync_core::schema::DocKind;

use super::compare::{self, Comparison, plain};
use super::{Rebuild, Report, Runs, plan};
use crate::sql::{Arg, Plain, Rows, Spec, WideRows, add, id, select_in, select_in_text};
use crate::writer::table_specs::{DOCUMENTS, SNAPSHOTS};
use crate::{Backend, Store, StoreError};

/// Documents looked at in one transaction, and encoded bytes of their runs after which there are no
/// more in it.
const BATCH: (i64, i64) = (64, 2 * 1024 * 1024);
/// Keys of a table looked up in the log at a time.
const KEYS: i64 = 256;

/// What a rebuild did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The tenant it is at.
    pub tenant: Option<TenantId>,
    /// Documents compared.
    pub documents: u64,
    /// Rows and snapshots written or removed.
    pub mended: u64,
    /// Documents whose log does not hold together; their rows are left as they are.
    pub damaged: u64,
}

/// Rebuilds documents, snapshots, scope, jobs, facts, parts, seals and movements of a tenant, or of
/// all. `progress` is told after each batch.
///
/// # Errors
/// If the database does not answer; what was mended before stays so.
pub async fn rebuild(
    store: &Store,
    tenant: Option<TenantId>,
    mut progress: impl FnMut(&Rebuilt),
) -> Result<Rebuilt, StoreError> {
    let mut rebuilt = Rebuilt::default();
    let mut connection = store.readers().acquire().await?;
    let rows = sqlx::query("SELECT tenant FROM counters ORDER BY tenant");
    let rows = rows.fetch_all(&mut *connection).await?;
    drop(connection);
    for row in rows {
        let found = id(&row, 0, TenantId::from_slice)?;
        if tenant.is_none_or(|tenant| tenant == found) {
            rebuilt.tenant = Some(found);
            documents(store, found, &mut rebuilt, &mut progress).await?;
            rebuilt.mended += orphans(store, found).await?;
            rebuilt.mended += digests(store, found).await?;
            progress(&rebuilt);
        }
    }
    Ok(rebuilt)
}

/// Counts again what pulls compare with, where it differs. Gives of how many technicians it did.
async fn digests(store: &Store, tenant: TenantId) -> Result<u64, StoreError> {
    store
        .write::<u64, StoreError, _>(move |tx| {
            Box::pin(async move {
                lock(&mut *tx, tenant).await?;
                let mut report = Report::default();
                compare::digests(&mut report, tx, tenant).await?;
                if report.different > 0 {
                    super::digests::mend(tx, tenant).await?;
                }
                Ok(report.different)
            })
        })
        .await
}

async fn documents(
    store: &Store,
    tenant: TenantId,
    rebuilt: &mut Rebuilt,
    progress: &mut impl FnMut(&Rebuilt),
) -> Result<(), StoreError> {
    let backend = store.backend();
    let mut after: Vec<u8> = Vec::new();
    loop {
        let mut connection = store.readers().acquire().await?;
        let mut snapshot = connection.begin_with(store.snapshot()).await?;
        let keys = batch(&mut snapshot, tenant, &after).await?;
        let Some(last) = keys.last() else { return Ok(()) };
        after.clone_from(last);
        let found = Mend::of(&mut snapshot, backend, tenant, &keys).await?;
        snapshot.rollback().await?;
        drop(connection);
        rebuilt.documents += keys.len() as u64;
        rebuilt.damaged += found.damaged;
        if !found.is_empty() {
            // Someone may have written since: only what differs under the lock is written.
            let mended = store.write::<u64, StoreError, _>(move |tx| {
                Box::pin(async move {
                    lock(&mut *tx, tenant).await?;
                    let mend = Mend::of(&mut *tx, backend, tenant, &keys).await?;
                    mend.write(tx, backend).await
                })
            });
            rebuilt.mended += mended.await?;
        }
        progress(rebuilt);
    }
}

/// Takes the lock that every writer of documents takes.
async fn lock(tx: &mut AnyConnection, tenant: TenantId) -> Result<(), StoreError> {
    let lock = sqlx::query("UPDATE counters SET pos = pos WHERE tenant = $1");
    lock.bind(tenant.as_bytes().to_vec()).execute(tx).await?;
    Ok(())
}

/// The next documents: at least one, however large.
async fn batch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    after: &[u8],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = sqlx::query(
        "SELECT doc, CAST(SUM(LENGTH(payload)) AS BIGINT) FROM runs \
         WHERE tenant = $1 AND doc > $2 GROUP BY doc ORDER BY doc LIMIT $3",
    )
    .bind(tenant.as_bytes().to_vec())
    .bind(after.to_vec())
    .bind(BATCH.0)
    .fetch_all(connection)
    .await?;
    let (mut keys, mut bytes) = (Vec::new(), 0);
    for row in &rows {
        bytes += row.try_get::<i64, _>(1)?;
        if bytes > BATCH.1 && !keys.is_empty() {
            break;
        }
        keys.push(row.try_get(0)?);
    }
    Ok(keys)
}

/// What has to be written so that the rows of some documents are what the log gives.
struct Mend {
    /// Rows that go first, by table: the values of the key.
    gone: Vec<(Spec, Vec<Plain>)>,
    rows: Vec<WideRows>,
    /// Rows to be written.
    count: u64,
    damaged: u64,
}

impl Mend {
    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.count == 0
    }

    /// Compares documents, all of them at one moment of the database.
    async fn of(
        connection: &mut AnyConnection,
        backend: Backend,
        tenant: TenantId,
        keys: &[Vec<u8>],
    ) -> Result<Self, StoreError> {
        let mut report = Report::default();
        let log = super::log(&mut report, connection, backend, tenant, keys).await?;
        let Runs { mut by_doc, unreadable } = log;
        // A run that does not read is missing in the chain; without it nothing can be said. The report
        // does not tell: it lists only so many differences.
        by_doc.retain(|doc, _| !unreadable.contains(doc));
        let snapshots = super::snapshots(connection, backend, tenant, keys).await?;
        let sampled = &mut |_| false;
        let mut expected =
            Rebuild { report: &mut report, tenant, sampled }.documents(by_doc, &snapshots)?;
        let mut mend = Self { gone: Vec::new(), rows: Vec::new(), count: 0, damaged: 0 };
        for doc in &report.wrong {
            let key = vec![Plain::from(Arg::from(tenant.as_bytes())), Plain::Blob(key_of(doc))];
            mend.gone.push((SNAPSHOTS.spec(), key));
        }
        let snapshots = std::mem::replace(&mut expected.snapshots, Rows::of(&SNAPSHOTS));
        mend.add(snapshots.wide());
        let positions = positions(&expected.documents)?;
        let whole: Vec<Vec<u8>> = positions.keys().cloned().collect();
        mend.damaged = (keys.len() - whole.len()) as u64;
        for comparison in plan(expected) {
            mend.table(connection, tenant, &whole, comparison, &positions).await?;
        }
        Ok(mend)
    }

    fn add(&mut self, rows: WideRows) {
        self.count += rows.count() as u64;
        self.rows.push(rows);
    }

    /// Adds what differs in one table.
    async fn table(
        &mut self,
        connection: &mut AnyConnection,
        tenant: TenantId,
        docs: &[Vec<u8>],
        comparison: Comparison,
        positions: &BTreeMap<Vec<u8>, i64>,
    ) -> Result<(), StoreError> {
        let Comparison { rows, key, kind, untold } = comparison;
        let spec = rows.spec();
        let of_kind = kind.map(|kind| compare::ids(docs, kind));
        let sql = format!(
            "SELECT {} FROM {} WHERE tenant = $1 AND {key} IN ({{keys}})",
            spec.columns.join(", "),
            spec.table
        );
        let first = vec![Arg::from(tenant.as_bytes())];
        let keys = of_kind.as_deref().unwrap_or(docs);
        let (key_places, untold) = (spec.places(spec.key)?, spec.places(untold)?);
        let key = |row: &[Plain]| -> Vec<Plain> {
            key_places.iter().filter_map(|place| row.get(*place).cloned()).collect()
        };
        let mut found = BTreeMap::new();
        for row in select_in_text(connection, &sql, first, keys).await? {
            let row = plain(&row)?;
            found.insert(key(&row), row);
        }
        let mut written = WideRows::of(spec);
        for mut row in rows.rows() {
            let wanted: Vec<Plain> = row.iter().cloned().map(Plain::from).collect();
            let name = key(&wanted);
            if let Some(there) = found.remove(&name) {
                let pairs = wanted.iter().zip(&there).enumerate();
                let same =
                    |(place, (a, b)): (usize, (&Plain, &Plain))| a == b || untold.contains(&place);
                if { pairs }.all(same) {
                    continue;
                }
                self.gone.push((spec, name));
            }
            // Since when someone has it the log does not tell: from now on, so that they hear of it.
            for place in &untold {
                let doc = wanted.iter().find_map(|value| match value {
                    Plain::Blob(doc) => positions.get(doc),
                    _ => None,
                });
                if let (Some(pos), Some(value)) = (doc, row.get_mut(*place)) {
                    *value = (*pos).into();
                }
            }
            written.push(row)?;
        }
        self.gone.extend(found.into_keys().map(|name| (spec, name)));
        self.add(written);
        Ok(())
    }

    /// Writes the difference. Gives how many rows it was.
    async fn write(self, tx: &mut AnyConnection, backend: Backend) -> Result<u64, StoreError> {
        let mended = self.count.max(self.gone.len() as u64);
        for (spec, values) in self.gone {
            delete(&mut *tx, spec.table, spec.key, values).await?;
        }
        for rows in self.rows {
            rows.insert(&mut *tx, backend).await?;
        }
        Ok(mended)
    }
}

/// Where the last run of each of these documents is.
fn positions(documents: &Rows<7>) -> Result<BTreeMap<Vec<u8>, i64>, StoreError> {
    let (doc, pos) = (DOCUMENTS.spec().place("doc")?, DOCUMENTS.spec().place("pos")?);
    let position = |row: &[Arg; 7]| match (&row[doc], &row[pos]) {
        (Arg::Blob(doc), Arg::Int(pos)) => Some((doc.clone(), *pos)),
        _ => None,
    };
    Ok(documents.iter().filter_map(position).collect())
}

fn key_of(doc: &sync_core::schema::DocId) -> Vec<u8> {
    crate::log::doc_key(doc)
}

async fn delete(
    tx: &mut AnyConnection,
    table: &str,
    columns: &[&str],
    values: Vec<Plain>,
) -> Result<u64, StoreError> {
    let mut arguments = AnyArguments::default();
    for value in values {
        add(&mut arguments, value.into())?;
    }
    let named = columns.iter().enumerate().map(|(index, name)| format!("{name} = ${}", index + 1));
    let sql = format!("DELETE FROM {table} WHERE {}", named.collect::<Vec<_>>().join(" AND "));
    let deleted = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(tx).await?;
    Ok(deleted.rows_affected())
}

/// Removes the rows of documents that have no log.
async fn orphans(store: &Store, tenant: TenantId) -> Result<u64, StoreError> {
    const TABLES: [(&str, &str, Option<DocKind>); 8] = [
        ("documents", "doc", None),
        ("snapshots", "doc", None),
        ("scope", "doc", None),
        ("jobs", "job", Some(DocKind::Job)),
        ("job_facts", "job", Some(DocKind::Job)),
        ("job_parts", "job", Some(DocKind::Job)),
        ("seals", "job", Some(DocKind::Job)),
        ("movements", "van", Some(DocKind::Van)),
    ];
    let mut removed = 0;
    for (table, column, kind) in TABLES {
        let mut after: Vec<u8> = Vec::new();
        loop {
            let mut connection = store.readers().acquire().await?;
            let sql = format!(
                "SELECT DISTINCT {column} FROM {table} WHERE tenant = $1 AND {column} > $2 \
                 ORDER BY {column} LIMIT $3"
            );
            let rows = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_bytes().to_vec());
            let rows = rows.bind(after.clone()).bind(KEYS).fetch_all(&mut *connection).await?;
            let keys = rows.iter().map(|row| Ok(row.try_get(0)?));
            let keys = keys.collect::<Result<Vec<Vec<u8>>, StoreError>>()?;
            let Some(last) = keys.last() else { break };
            after.clone_from(last);
            let backend = store.backend();
            let without = unlogged(&mut connection, backend, tenant, kind, keys).await?;
            drop(connection);
            if without.is_empty() {
                continue;
            }
            let write = store.write::<u64, StoreError, _>(move |tx| {
                Box::pin(async move {
                    lock(&mut *tx, tenant).await?;
                    let mut removed = 0;
                    for key in unlogged(&mut *tx, backend, tenant, kind, without).await? {
                        let key = vec![Plain::from(Arg::from(tenant.as_bytes())), Plain::Blob(key)];
                        removed += delete(&mut *tx, table, &["tenant", column], key).await?;
                    }
                    Ok(removed)
                })
            });
            removed += write.await?;
        }
    }
    Ok(removed)
}

/// Those of these documents that have no run in the log.
async fn unlogged(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    kind: Option<DocKind>,
    keys: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    const LOGGED: &str = "SELECT DISTINCT doc FROM runs WHERE tenant = $1 AND doc IN ({keys})";
    let whole = |key: &Vec<u8>| {
        let mut whole: Vec<u8> = kind.iter().map(|kind| kind.code()).collect();
        whole.extend_from_slice(key);
        whole
    };
    let docs: Vec<Vec<u8>> = keys.iter().map(whole).collect();
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(connection, backend, LOGGED, first, &docs).await?;
    let logged = rows.iter().map(|row| Ok(row.try_get(0)?));
    let logged = logged.collect::<Result<BTreeSet<Vec<u8>>, StoreError>>()?;
    Ok(keys.into_iter().filter(|key| !logged.contains(&whole(key))).collect())
}
