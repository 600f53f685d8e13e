//! What is asked now and then and for no request: records of vans, jobs that are over, totals.

use std::collections::BTreeSet;

use sqlx::Row as _;
use sync_core::id::{JobId, TenantId, UserId, VanId};
use sync_core::schema::DocKind;

use crate::error::StoreError;
use crate::log::{doc_key, doc_of};
use crate::rows::columns::{self, Raw as _};
use crate::sql::{Arg, select_in};
use crate::store::Store;

/// Jobs of which it is asked at once which vans they took from.
const AT_ONCE: usize = 64;

/// What a tenant takes up of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenUp {
    /// Whose.
    pub tenant: TenantId,
    /// `log`, `quarantine`, `submissions` or `decisions`.
    pub kind: String,
    /// Rows.
    pub items: i64,
    /// Bytes.
    pub bytes: i64,
}

impl Store {
    /// Every tenant that has ever written anything.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn writing_tenants(&self) -> Result<BTreeSet<TenantId>, StoreError> {
        let sql = "SELECT tenant FROM counters";
        let rows = sqlx::query(sql).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(columns::id(row, "tenant")?)).collect()
    }

    /// Records of vans of a tenant by id after `after`, at most so many.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn van_records(
        &self,
        tenant: TenantId,
        after: Option<VanId>,
        most: usize,
    ) -> Result<Vec<VanId>, StoreError> {
        let kind = DocKind::Van.code();
        let mut first = vec![kind];
        first.extend(after.map(|van| *van.as_bytes()).unwrap_or_default());
        let rows = sqlx::query(VAN_RECORDS)
            .bind(tenant.raw())
            .bind(first)
            .bind(vec![kind + 1])
            .bind(bounded(most))
            .fetch_all(self.readers())
            .await?;
        let vans = rows.iter().map(|row| Ok(doc_of(&row.try_get::<Vec<u8>, _>("doc")?)?.van()));
        let vans = vans.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(vans.into_iter().flatten().collect())
    }

    /// Tenants with jobs from the roadside that have no human number yet.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unnumbered_tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let rows = sqlx::query(UNNUMBERED_TENANTS).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(columns::id(row, "tenant")?)).collect()
    }

    /// Jobs from the roadside of a tenant without a human number: of each technician the oldest, at
    /// most so many of one, and of all in turn.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unnumbered_jobs(
        &self,
        tenant: TenantId,
        most_of_one: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let mut of_each = Vec::new();
        // From one technician to the next by the index, however many jobs each has.
        let mut after = Vec::new();
        loop {
            let next = sqlx::query(UNNUMBERED_TECHNICIAN).bind(tenant.raw()).bind(after);
            let Some(row) = next.fetch_optional(&mut *connection).await? else { break };
            after = row.try_get("technician")?;
            let oldest = sqlx::query(UNNUMBERED).bind(tenant.raw()).bind(after.clone());
            of_each.push(oldest.bind(bounded(most_of_one)).fetch_all(&mut *connection).await?);
        }
        let nobodys = sqlx::query(UNNUMBERED_OF_NOBODY).bind(tenant.raw());
        of_each.push(nobodys.bind(bounded(most_of_one)).fetch_all(&mut *connection).await?);
        in_turn(of_each).iter().map(|row| Ok(columns::id(row, "job")?)).collect()
    }

    /// The records of vans from which jobs of their drivers took parts. A phone can name any id: one
    /// that is no van, or one that its technician never drove, costs no more than being asked about.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn vans_of_jobs(
        &self,
        tenant: TenantId,
        jobs: impl Iterator<Item = JobId>,
    ) -> Result<BTreeSet<VanId>, StoreError> {
        const TAKEN: &str = "SELECT DISTINCT van, by_user FROM job_parts \
            WHERE tenant = $1 AND van IS NOT NULL AND job IN ({keys})";
        const THERE: &str = "SELECT doc FROM documents WHERE tenant = $1 AND doc IN ({keys})";
        const DRIVERS: &str =
            "SELECT doc, user_id FROM scope WHERE tenant = $1 AND doc IN ({keys})";
        let backend = self.backend();
        let jobs: Vec<Vec<u8>> = jobs.map(|job| job.raw()).collect();
        let mut connection = self.readers().acquire().await?;
        let first = || vec![Arg::from(tenant.as_bytes())];
        let mut vans = BTreeSet::new();
        for jobs in jobs.chunks(AT_ONCE) {
            let taken = select_in(&mut connection, backend, TAKEN, first(), jobs).await?;
            let mut named = BTreeSet::new();
            for row in &taken {
                let (van, by): (Vec<u8>, Option<Vec<u8>>) = (row.try_get(0)?, row.try_get(1)?);
                if let Ok(van) = VanId::from_slice(&van) {
                    named.insert((doc_key(&van.into()), by));
                }
            }
            let docs: BTreeSet<Vec<u8>> = named.iter().map(|(doc, _)| doc.clone()).collect();
            let docs: Vec<Vec<u8>> = docs.into_iter().collect();
            let mut there = BTreeSet::new();
            for row in select_in(&mut connection, backend, THERE, first(), &docs).await? {
                there.insert((row.try_get::<Vec<u8>, _>(0)?, None));
            }
            for row in select_in(&mut connection, backend, DRIVERS, first(), &docs).await? {
                there.insert((row.try_get(0)?, Some(row.try_get(1)?)));
            }
            for (doc, _) in named.intersection(&there) {
                vans.extend(doc_of(doc)?.van());
            }
        }
        Ok(vans)
    }

    /// Jobs of a tenant, by id after `after`, that a phone has to hold and that nobody has changed
    /// since a time, Unix milliseconds. At most so many are looked at: gives those found, and where to
    /// go on unless that was the end.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn quiet_jobs(
        &self,
        tenant: TenantId,
        since: i64,
        after: Option<JobId>,
        most: usize,
    ) -> Result<(Vec<JobId>, Option<JobId>), StoreError> {
        let kind = DocKind::Job.code();
        let mut first = vec![kind];
        first.extend(after.map(|job| *job.as_bytes()).unwrap_or_default());
        let rows = sqlx::query(QUIET)
            .bind(tenant.raw())
            .bind(first)
            .bind(vec![kind + 1])
            .bind(bounded(most))
            .fetch_all(self.readers())
            .await?;
        let (mut quiet, mut last) = (Vec::new(), None);
        for row in &rows {
            let Some(job) = doc_of(&row.try_get::<Vec<u8>, _>("doc")?)?.job() else { continue };
            last = Some(job);
            if row.try_get::<i64, _>("held")? != 0 && row.try_get::<i64, _>("updated_at")? <= since
            {
                quiet.push(job);
            }
        }
        Ok((quiet, last.filter(|_| rows.len() >= most)))
    }

    /// People who were deactivated and whose open jobs still have to go back to the board, of all
    /// tenants after one person, at most so many.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn to_recall(
        &self,
        after: Option<(TenantId, UserId)>,
    ) -> Result<Vec<(TenantId, UserId)>, StoreError> {
        let (tenant, user) =
            after.map_or_else(Default::default, |(tenant, user)| (tenant.raw(), user.raw()));
        let rows = sqlx::query(TO_RECALL).bind(tenant).bind(user).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok((columns::id(row, "tenant")?, columns::id(row, "id")?))).collect()
    }

    /// What each tenant takes up, of each kind: a few rows for each, kept by triggers.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn taken_up(&self) -> Result<Vec<TakenUp>, StoreError> {
        let rows = sqlx::query(
            "SELECT tenant, kind, CAST(SUM(items) AS BIGINT) AS items, \
             CAST(SUM(bytes) AS BIGINT) AS bytes FROM usage \
             WHERE subject = $1 OR kind = 'audit' GROUP BY tenant, kind",
        )
        .bind(Vec::new())
        .fetch_all(self.readers())
        .await?;
        let taken_up = |row: &sqlx::any::AnyRow| {
            Ok(TakenUp {
                tenant: columns::id(row, "tenant")?,
                kind: row.try_get("kind")?,
                items: row.try_get("items")?,
                bytes: row.try_get("bytes")?,
            })
        };
        rows.iter().map(taken_up).collect()
    }
}

const VAN_RECORDS: &str = "SELECT doc FROM documents WHERE tenant = $1 AND doc > $2 AND doc < $3 \
    ORDER BY doc LIMIT $4";
const UNNUMBERED_TENANTS: &str = "SELECT tenant FROM counters WHERE EXISTS (SELECT 1 FROM jobs \
    WHERE jobs.tenant = counters.tenant AND jobs.unnumbered = 1)";
pub(crate) const UNNUMBERED_TECHNICIAN: &str = "SELECT technician FROM jobs WHERE tenant = $1 \
    AND technician > $2 AND unnumbered = 1 ORDER BY technician LIMIT 1";
pub(crate) const UNNUMBERED: &str = "SELECT job FROM jobs WHERE tenant = $1 AND technician = $2 \
    AND unnumbered = 1 ORDER BY first_pos, job LIMIT $3";
pub(crate) const UNNUMBERED_OF_NOBODY: &str = "SELECT job FROM jobs WHERE tenant = $1 \
    AND technician IS NULL AND unnumbered = 1 ORDER BY first_pos, job LIMIT $2";
pub(crate) const QUIET: &str = "SELECT doc, updated_at, CASE WHEN EXISTS (SELECT 1 FROM scope \
    WHERE scope.tenant = documents.tenant AND scope.doc = documents.doc AND scope.current = 1) \
    THEN 1 ELSE 0 END AS held FROM documents WHERE tenant = $1 AND doc > $2 AND doc < $3 \
    ORDER BY doc LIMIT $4";
const TO_RECALL: &str = "SELECT tenant, id FROM users WHERE recall = 1 AND (tenant, id) > ($1, $2) \
    ORDER BY tenant, id LIMIT 1000";

fn bounded(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The first of each, then the second of each, and so on.
pub fn in_turn<T>(of_each: Vec<Vec<T>>) -> Vec<T> {
    let mut left: Vec<_> = of_each.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    while !left.is_empty() {
        left.retain_mut(|one| match one.next() {
            Some(next) => {
                all.push(next);
                true
            }
            None => false,
        });
    }
    all
}
