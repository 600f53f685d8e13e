//! Jobs in the order in which they last changed: what a program reads that keeps a copy.
//!
//! The order is that of the log's positions, which are committed in their order, so a follower misses
//! nothing whatever the clocks of the nodes say.

use sync_core::id::{BranchId, TenantId};

use super::jobs::job_row;
use super::pull::counter;
use super::sql::Statement;
use super::{JobRow, Store, StoreError};

/// Jobs that changed after a position.
#[derive(Debug, Clone, Default)]
pub struct JobChanges {
    /// The jobs as they are now, those that changed first at the front.
    pub rows: Vec<JobRow>,
    /// The position up to which this is everything.
    pub upto: i64,
    /// Whether more has changed after it.
    pub more: bool,
}

impl Store {
    /// Jobs that changed after a position, 0 for all of them; it looks at `limit` at most. With
    /// `seen_from` only those of that branch and those that have none yet.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn job_changes(
        &self,
        tenant: TenantId,
        seen_from: Option<BranchId>,
        after: i64,
        now: i64,
        limit: u32,
    ) -> Result<JobChanges, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let rows = listing(tenant, after, limit).fetch(&mut connection).await?;
        let mut rows: Vec<JobRow> =
            rows.iter().map(|row| job_row(row, now)).collect::<Result<_, _>>()?;
        let more = rows.len() >= limit as usize;
        let upto = rows.last().map_or(after, |row| row.pos);
        let own = |branch: Option<BranchId>| {
            seen_from.is_none_or(|own| branch.is_none_or(|branch| branch == own))
        };
        rows.retain(|row| own(row.summary.branch));
        Ok(JobChanges { rows, upto, more })
    }

    /// The position of the tenant's log now: everything up to it is committed and can be read.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn log_position(&self, tenant: TenantId) -> Result<i64, StoreError> {
        let mut connection = self.readers().acquire().await?;
        counter(&mut connection, tenant).await
    }
}

/// What [`Store::job_changes`] reads.
pub(crate) fn listing(tenant: TenantId, after: i64, limit: u32) -> Statement {
    let mut query = Statement::default();
    let (tenant, after) = (query.bind(tenant.as_bytes()), query.bind(after));
    let limit = query.bind(i64::from(limit));
    query.sql = format!(
        "SELECT summary, pos, updated_at, expires, first_pos FROM jobs \
         WHERE tenant = {tenant} AND pos > {after} ORDER BY pos LIMIT {limit}"
    );
    query
}
