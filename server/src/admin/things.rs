//! Branches, vans and parts, from the command line.

use store::Store;
use store::rows::branches::{self, Branch};
use store::rows::parts::{self, Part};
use sync_core::id::{BranchId, TenantId, UserId, VanId};

use super::{AdminError, by_cli, edit, note};
use crate::api::check;
use crate::api::jobs::fields::entries;
use crate::api::parts::checked as checked_part;
use crate::api::vans::{VanChange, checked_fields as checked_van};
use crate::clock::random;

/// Adds a branch.
///
/// # Errors
/// When a value breaks a rule, or the database cannot do it.
pub async fn create_branch(
    store: &Store,
    tenant: TenantId,
    branch: Branch,
) -> Result<(), AdminError> {
    let branch = Branch {
        name: check::text("name", &branch.name, 100)?,
        currency: check::currency("currency", &branch.currency)?,
        time_zone: check::time_zone("time_zone", &branch.time_zone)?,
        region: branch.region.as_deref().map(check::region).transpose()?,
        ..branch
    };
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
/// When a value breaks a rule, or the database cannot do it.
pub async fn put_part(store: &Store, tenant: TenantId, part: Part) -> Result<(), AdminError> {
    let part = checked_part(part)?;
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

/// A van to be added.
#[derive(Debug, Clone, Default)]
pub struct NewVan {
    /// Name on the board.
    pub name: String,
    /// Licence plate.
    pub plate: Option<String>,
    /// Branch it belongs to.
    pub branch: Option<BranchId>,
    /// Who drives it.
    pub technician: Option<UserId>,
    /// What it carries besides stock.
    pub equipment: Vec<String>,
}

/// Adds a van.
///
/// # Errors
/// As [`add_van`].
pub async fn create_van(
    store: &Store,
    now: i64,
    tenant: TenantId,
    name: &str,
    branch: Option<BranchId>,
    technician: Option<UserId>,
) -> Result<VanId, AdminError> {
    let new = NewVan { name: name.to_owned(), branch, technician, ..NewVan::default() };
    add_van(store, now, tenant, new).await
}

/// Adds a van.
///
/// # Errors
/// What REST refuses too, in the same words: a value that breaks a rule, a branch or an active
/// technician that is not there.
pub async fn add_van(
    store: &Store,
    now: i64,
    tenant: TenantId,
    new: NewVan,
) -> Result<VanId, AdminError> {
    let change = VanChange {
        name: Some(Some(new.name)),
        plate: new.plate.map(Some),
        branch: new.branch.map(Some),
        technician: new.technician.map(Some),
        equipment: Some(Some(new.equipment)),
        active: None,
    };
    let mut connection = store.readers().acquire().await?;
    let sets = checked_van(&mut connection, tenant, change).await?;
    drop(connection);
    let id = VanId::new(now, random());
    let note = Some(by_cli(tenant, "van.create", id));
    edit(store, (now, note), tenant, id.into(), move |document| entries(document, sets)).await?;
    Ok(id)
}
