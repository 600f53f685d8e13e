//! Branches, vans and parts, from the command line.

use sync_core::id::{BranchId, TenantId, UserId, VanId};
use sync_core::schema::{key, section};
use sync_core::value::Value;

use super::{AdminError, edit, note};
use crate::accounts::branches::{self, Branch};
use crate::accounts::parts::{self, Part};
use crate::clock::random;
use crate::desk::jobs::fields::entries;
use crate::store::Store;

/// Adds a branch.
///
/// # Errors
/// When the database cannot do it.
pub async fn create_branch(
    store: &Store,
    tenant: TenantId,
    branch: Branch,
) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                branches::insert(tx, tenant, &branch).await?;
                note(tx, tenant, "branch.create", branch.id, branch.created_at).await
            })
        })
        .await
}

/// Adds a part, or writes over the one with its number.
///
/// # Errors
/// When the database cannot do it.
pub async fn put_part(store: &Store, tenant: TenantId, part: Part) -> Result<(), AdminError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                parts::put(tx, tenant, &part).await?;
                let now = part.created_at;
                note(tx, tenant, "part.put", part.part_no, now).await
            })
        })
        .await
}

/// Adds a van.
///
/// # Errors
/// When the database cannot do it.
pub async fn create_van(
    store: &Store,
    now: i64,
    tenant: TenantId,
    name: &str,
    branch: Option<BranchId>,
    technician: Option<UserId>,
) -> Result<VanId, AdminError> {
    let id = VanId::new(now, random());
    let raw = |bytes: &[u8; 16]| Value::Bytes(bytes.to_vec());
    let sets = vec![
        (section::DETAILS, key::NAME, name.into()),
        (section::DETAILS, key::BRANCH, branch.map_or(Value::Null, |b| raw(b.as_bytes()))),
        (section::DETAILS, key::TECHNICIAN, technician.map_or(Value::Null, |t| raw(t.as_bytes()))),
    ];
    edit(store, now, tenant, id.into(), move |document| entries(document, sets)).await?;
    store
        .write::<(), AdminError, _>(move |tx| {
            Box::pin(async move { note(tx, tenant, "van.create", id, now).await })
        })
        .await?;
    Ok(id)
}
