//! Rows that stand in a table against the rows the log gives.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use sync_core::id::{TenantId, UserId};
use sync_core::schema::DocKind;

use super::{Problem, Report, digests};
use crate::StoreError;
use crate::log::doc_of;
use crate::sql::{Arg, Plain, Spec, WideRows, id, select_in_text};
use crate::writer::tables::Projected;

/// Rows that were compared, by table.
#[derive(Debug, Default)]
pub(super) struct Counts {
    tables: BTreeMap<&'static str, i64>,
}

/// The rows one table should hold.
pub(crate) struct Comparison {
    pub(super) rows: WideRows,
    /// The column that names their document.
    pub key: &'static str,
    /// The kind of document, where the key is an id without its kind.
    pub kind: Option<DocKind>,
    /// Columns the log does not tell.
    pub(super) untold: &'static [&'static str],
}

impl Comparison {
    /// The table.
    pub fn spec(&self) -> Spec {
        self.rows.spec()
    }

    /// The columns that are compared.
    pub fn names(&self) -> Vec<&'static str> {
        let names = self.spec().columns.iter().copied();
        names.filter(|column| !self.untold.contains(column)).collect()
    }
}

/// What has to be compared, table by table.
pub(crate) fn plan(expected: Projected) -> [Comparison; 7] {
    let job = Some(DocKind::Job);
    let of = |rows, key, kind| Comparison { rows, key, kind, untold: &[] };
    [
        of(expected.documents.wide(), "doc", None),
        Comparison { untold: &["since"], ..of(expected.scope.wide(), "doc", None) },
        of(expected.jobs.wide(), "job", job),
        of(expected.facts.wide(), "job", job),
        of(expected.parts.wide(), "job", job),
        of(expected.seals.wide(), "job", job),
        of(expected.movements.wide(), "van", Some(DocKind::Van)),
    ]
}

/// Compares one table with what stands in it, in the columns of [`Comparison::names`].
pub(crate) fn compare(
    report: &mut Report,
    tenant: TenantId,
    comparison: Comparison,
    found: &BTreeSet<Vec<Plain>>,
) -> Result<(), StoreError> {
    let (Spec { table, columns, .. }, names) = (comparison.spec(), comparison.names());
    let (kind, untold) = (comparison.kind, comparison.untold);
    let key = names.iter().position(|name| *name == comparison.key);
    let Some(key) = key else {
        return Err(StoreError::Corrupt(format!("{table} has no column {}", comparison.key)));
    };
    let expected: BTreeSet<Vec<Plain>> = comparison
        .rows
        .plain()
        .map(|row| {
            let told = row.into_iter().zip(columns).filter(|(_, column)| !untold.contains(column));
            told.map(|(value, _)| value).collect()
        })
        .collect();
    let scene = Scene { tenant, table, names: &names, key, kind };
    scene.compare(report, &expected, found);
    report.rows += found.len() as u64;
    Ok(())
}

/// Compares the rows of these documents in every projected table.
pub(super) async fn tables(
    report: &mut Report,
    connection: &mut AnyConnection,
    tenant: TenantId,
    keys: &[Vec<u8>],
    expected: Projected,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    for comparison in plan(expected) {
        let (table, key, names) = (comparison.spec().table, comparison.key, comparison.names());
        let of_kind = comparison.kind.map(|kind| ids(keys, kind));
        let keys = of_kind.as_deref().unwrap_or(keys);
        let sql = format!(
            "SELECT {} FROM {table} WHERE tenant = $1 AND {key} IN ({{keys}})",
            names.join(", ")
        );
        let first = vec![Arg::from(tenant.as_bytes())];
        let found = select_in_text(connection, &sql, first, keys).await?;
        let found = found.iter().map(plain).collect::<Result<BTreeSet<_>, _>>()?;
        *counts.tables.entry(table).or_default() += found.len() as i64;
        compare(report, tenant, comparison, &found)?;
    }
    Ok(())
}

/// The ids of the documents of one kind.
pub(super) fn ids(keys: &[Vec<u8>], kind: DocKind) -> Vec<Vec<u8>> {
    let of_kind = keys.iter().filter(|key| key.first() == Some(&kind.code()));
    of_kind.map(|key| key.get(1..).unwrap_or_default().to_vec()).collect()
}

/// Rows that belong to no document of the log.
pub(super) async fn orphans(
    report: &mut Report,
    connection: &mut AnyConnection,
    tenant: TenantId,
    counts: &Counts,
) -> Result<(), StoreError> {
    for table in ["documents", "scope", "jobs", "job_facts", "job_parts", "seals", "movements"] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_bytes().to_vec());
        let found: i64 = row.fetch_one(&mut *connection).await?.try_get(0)?;
        let compared = counts.tables.get(table).copied().unwrap_or(0);
        if found != compared {
            let what = format!("{table}: {} rows of documents without a log", found - compared);
            report.add(tenant, None, Problem::Extra, what);
        }
    }
    Ok(())
}

/// What pulls compare with: the sums that triggers keep, against those of the rows.
pub(super) async fn digests(
    report: &mut Report,
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let mut sums = Vec::new();
    for sql in [digests::COUNTED, digests::KEPT] {
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_bytes().to_vec());
        let rows = rows.fetch_all(&mut *connection).await?;
        report.rows += rows.len() as u64;
        let sum = |row: &AnyRow| -> Result<_, StoreError> {
            let user = id(row, 0, UserId::from_slice)?;
            Ok((user, [row.try_get::<i64, _>(1)?, row.try_get(2)?, row.try_get(3)?]))
        };
        sums.push(rows.iter().map(sum).collect::<Result<BTreeMap<_, _>, _>>()?);
    }
    let [counted, kept] = sums.as_slice() else { return Ok(()) };
    let users: BTreeSet<_> = counted.keys().chain(kept.keys()).collect();
    for user in users {
        let of = |sums: &BTreeMap<_, _>| sums.get(user).copied().unwrap_or_default();
        if of(counted) != of(kept) {
            let what = format!("scope_digests: those of technician {user}");
            report.add(tenant, None, Problem::Different, what);
        }
    }
    Ok(())
}

/// One table of one tenant.
struct Scene<'a> {
    tenant: TenantId,
    table: &'a str,
    names: &'a [&'a str],
    /// Which column names the document.
    key: usize,
    /// The kind of document, where the key is an id without its kind.
    kind: Option<DocKind>,
}

impl Scene<'_> {
    fn compare(
        &self,
        report: &mut Report,
        expected: &BTreeSet<Vec<Plain>>,
        found: &BTreeSet<Vec<Plain>>,
    ) {
        let mut extra: Vec<&Vec<Plain>> = found.difference(expected).collect();
        for row in expected.difference(found) {
            // The row with the most in common is the same one, changed.
            let common = |other: &[Plain]| row.iter().zip(other).filter(|(a, b)| a == b).count();
            let nearest = (0..extra.len()).max_by_key(|index| common(extra[*index]));
            match nearest.filter(|index| common(extra[*index]) * 2 > row.len()) {
                Some(index) => {
                    let other = extra.swap_remove(index);
                    let differ = row.iter().zip(other).zip(self.names);
                    let differ = differ.filter(|((a, b), _)| a != b).map(|(_, name)| *name);
                    let columns = differ.collect::<Vec<_>>().join(", ");
                    self.add(report, row, Problem::Different, &format!(": {columns}"));
                }
                None => self.add(report, row, Problem::Missing, ""),
            }
        }
        for row in extra {
            self.add(report, row, Problem::Extra, "");
        }
    }

    fn add(&self, report: &mut Report, row: &[Plain], problem: Problem, detail: &str) {
        let doc = match row.get(self.key) {
            Some(Plain::Blob(key)) => {
                let mut whole: Vec<u8> = self.kind.iter().map(|kind| kind.code()).collect();
                whole.extend_from_slice(key);
                doc_of(&whole)
            }
            _ => Err(StoreError::Corrupt("a key".into())),
        };
        report.add(self.tenant, doc.ok(), problem, format!("{}{detail}", self.table));
    }
}

pub(super) fn plain(row: &AnyRow) -> Result<Vec<Plain>, StoreError> {
    (0..row.len()).map(|column| Plain::read(row, column)).collect()
}
