//! How a new job is billed: the currency of its branch or tenant, with tax as the tenant has it.

use sqlx::AnyConnection;
use store::rows::{branches, tenants};
use sync_core::id::{BranchId, TenantId};
use sync_core::schema::{key, section};

use super::fields::Set;

/// What a job of a branch records where nobody said otherwise. It stands in the job, so phones compute
/// the same amounts without coverage, and so a change of the tenant's setting changes no job.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn defaults(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
) -> Result<Vec<Set>, sqlx::Error> {
    let billing = tenants::billing(connection, tenant).await?;
    let branch = match branch {
        Some(branch) => branches::get(connection, tenant, branch).await?,
        None => None,
    };
    let currency = branch.map(|branch| branch.currency).or(billing.currency);
    let mode = (section::PROMISE, key::TAX_MODE, billing.tax_mode.as_str().into());
    let currency = currency.map(|it| (section::PROMISE, key::CURRENCY, it.into()));
    Ok(currency.into_iter().chain([mode]).collect())
}

/// Adds those of the defaults that were not set.
pub(super) fn fill(sets: &mut Vec<Set>, defaults: Vec<Set>) {
    for (section, key, value) in defaults {
        if !sets.iter().any(|(s, k, _)| *s == section && *k == key) {
            sets.push((section, key, value));
        }
    }
}
