//! Seals of customers, as countersignatures for them are looked for.

use sqlx::Row as _;
use sync_core::change::ChangeRef;
use sync_core::id::{JobId, TenantId};
use sync_core::schema::DocId;

use crate::error::StoreError;
use crate::log::doc_key;
use crate::rows::columns::{self, Raw as _};
use crate::store::Store;

/// After which job the next page of [`Store::jobs_lacking_countersignatures`] begins.
#[derive(Debug, Default)]
pub struct SealCursor {
    tenant: Vec<u8>,
    job: Vec<u8>,
}

impl Store {
    /// Jobs with seals among the next `limit`, of all tenants, in which a countersignature may be
    /// missing, and where the page after it begins.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn jobs_lacking_countersignatures(
        &self,
        after: SealCursor,
        limit: i64,
    ) -> Result<(Vec<(TenantId, JobId)>, Option<SealCursor>), StoreError> {
        let mut connection = self.readers().acquire().await?;
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
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        drop(connection);
        let mut jobs = Vec::new();
        for row in &rows {
            let seals: Option<i64> = row.try_get("seals")?;
            let words: Option<i64> = row.try_get("words")?;
            // One seal has its countersignature if there is any. Of several one may have two, after a restore.
            if seals.unwrap_or(0) > 1 || seals > words {
                jobs.push((columns::id(row, "tenant")?, columns::id(row, "job")?));
            }
        }
        let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limit;
        let next = match rows.last().filter(|_| full) {
            Some(row) => {
                Some(SealCursor { tenant: row.try_get("tenant")?, job: row.try_get("job")? })
            }
            None => None,
        };
        Ok((jobs, next))
    }

    /// When the run with a change came in, Unix milliseconds; absent if there is none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn received_at(
        &self,
        tenant: TenantId,
        doc: DocId,
        change: ChangeRef,
    ) -> Result<Option<i64>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let row = sqlx::query(
            "SELECT received_at FROM runs WHERE tenant = $1 AND doc = $2 AND actor = $3 \
             AND first_seq <= $4 AND last_seq >= $4 ORDER BY pos LIMIT 1",
        )
        .bind(tenant.raw())
        .bind(doc_key(&doc))
        .bind(change.actor.raw())
        .bind(change.seq.cast_signed())
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}
