//! Jobs in the order in which they last changed: what a program reads that keeps a copy.
//!
//! The order is that of the log's positions, which are committed in their order, so a follower misses
//! nothing whatever the clocks of the nodes say.

use sqlx::Row as _;
use sync_core::id::{BranchId, JobId, TenantId};

use super::jobs::job_row;
use super::pull::counter;
use super::sql::Statement;
use super::writer::NO_BRANCH;
use super::{JobRow, Store, StoreError};

/// Jobs that changed after a position.
#[derive(Debug, Clone, Default)]
pub struct JobChanges {
    /// The jobs as they are now, those that changed first at the front.
    pub rows: Vec<JobRow>,
    /// Jobs of other branches that the reader has seen before. They may come again.
    pub left: Vec<JobId>,
    /// The position up to which this is everything.
    pub upto: i64,
    /// Whether more has changed after it.
    pub more: bool,
}

impl Store {
    /// Jobs that changed after a position, 0 for all of them; it looks at `limit` at most. With
    /// `seen_from` only those of that branch and those that have none yet; of those that were so and are not
    /// now, the ids.
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
        let found = listing(tenant, after, limit).fetch(&mut connection).await?;
        let more = found.len() >= limit as usize;
        let mut changes = JobChanges { upto: after, more, ..JobChanges::default() };
        for row in &found {
            let former: Option<Vec<u8>> = row.try_get("former")?;
            let row = job_row(row, now)?;
            changes.upto = row.pos;
            if sees(seen_from, row.summary.branch) {
                changes.rows.push(row);
            } else if seen_from.is_some_and(|own| was_seen(own, &former.unwrap_or_default())) {
                changes.left.push(row.summary.id);
            }
        }
        Ok(changes)
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

/// Whether staff of one branch, or of all, see a job of this one.
fn sees(seen_from: Option<BranchId>, branch: Option<BranchId>) -> bool {
    seen_from.is_none_or(|own| branch.is_none_or(|branch| branch == own))
}

/// Whether staff of a branch saw a job that has been of these: of theirs, or of none.
fn was_seen(own: BranchId, former: &[u8]) -> bool {
    former.chunks(NO_BRANCH.len()).any(|id| id == own.as_bytes() || id == NO_BRANCH)
}

/// What [`Store::job_changes`] reads.
pub(crate) fn listing(tenant: TenantId, after: i64, limit: u32) -> Statement {
    let mut query = Statement::default();
    let (tenant, after) = (query.bind(tenant.as_bytes()), query.bind(after));
    let limit = query.bind(i64::from(limit));
    query.sql = format!(
        "SELECT summary, pos, updated_at, expires, first_pos, former FROM jobs \
         WHERE tenant = {tenant} AND pos > {after} ORDER BY pos LIMIT {limit}"
    );
    query
}
