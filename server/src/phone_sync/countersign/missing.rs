//! Jobs that may hold a seal without the server's word, found page by page in the tables.

use sqlx::Row as _;

use super::Waiting;
use crate::accounts::sql;
use crate::app::Shared;
use crate::store::StoreError;

/// Jobs with signatures looked at in one query: it takes a moment, whatever the table holds.
const PAGE: i64 = 256;

/// After which job the next page begins.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    tenant: Vec<u8>,
    job: Vec<u8>,
}

/// The jobs of the next page in which a word may be missing, and where the page after it begins.
pub(super) async fn page(
    app: &Shared,
    after: Cursor,
) -> Result<(Vec<Waiting>, Option<Cursor>), StoreError> {
    let mut connection = app.store.readers().acquire().await?;
    let rows = sqlx::query(
        "SELECT page.tenant, page.job, sealed.count AS seals, signed.count AS words \
         FROM (SELECT DISTINCT tenant, job FROM seals WHERE (tenant, job) > ($1, $2) \
         ORDER BY tenant, job LIMIT $3) AS page \
         LEFT JOIN job_facts AS sealed ON sealed.tenant = page.tenant AND sealed.job = page.job \
         AND sealed.section = 'signatures' AND sealed.kind = 'seal' \
         LEFT JOIN job_facts AS signed ON signed.tenant = page.tenant AND signed.job = page.job \
         AND signed.section = 'signatures' AND signed.kind = 'countersigned' \
         ORDER BY page.tenant, page.job",
    )
    .bind(after.tenant)
    .bind(after.job)
    .bind(PAGE)
    .fetch_all(&mut *connection)
    .await?;
    drop(connection);
    let mut jobs = Vec::new();
    for row in &rows {
        let seals: Option<i64> = row.try_get("seals")?;
        let words: Option<i64> = row.try_get("words")?;
        // One seal has its word if there is any. Of several one may have two, after a restore.
        if seals.unwrap_or(0) > 1 || seals > words {
            jobs.push((sql::id(row, "tenant")?, sql::id(row, "job")?));
        }
    }
    let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= PAGE;
    let next = match rows.last().filter(|_| full) {
        Some(row) => Some(Cursor { tenant: row.try_get("tenant")?, job: row.try_get("job")? }),
        None => None,
    };
    Ok((jobs, next))
}
