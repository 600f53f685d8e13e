//! The table of branches: the stores of a tenant, owned, franchised or of an outside provider.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId};

use super::columns::{self, Raw as _};
use super::list::Rows;

/// Whose store a branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BranchKind {
    /// The group's own.
    Owned,
    /// A franchisee's, under the group's standards.
    Franchised,
    /// An outside company's, with its own technicians.
    Provider,
}

impl BranchKind {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Franchised => "franchised",
            Self::Provider => "provider",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "owned" => Some(Self::Owned),
            "franchised" => Some(Self::Franchised),
            "provider" => Some(Self::Provider),
            _ => None,
        }
    }
}

const COLUMNS: &str = "id, name, kind, currency, time_zone, region, active, version, created_at";

/// Most branches of a tenant that are listed.
const MOST: i64 = 1000;

/// One store of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Branch {
    /// Id.
    pub id: BranchId,
    /// Name.
    pub name: String,
    /// Whose store it is.
    pub kind: BranchKind,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// ISO 3166 code of the country in which its people dial numbers without `+`; the server's own
    /// (`phone_region`) where there is none.
    pub region: Option<String>,
    /// Whether it takes new work.
    pub active: bool,
    /// Rises with every change; stands in the ETag.
    pub version: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// Adds a branch.
///
/// # Errors
/// When the database refuses.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    branch: &Branch,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO branches \
         (tenant, id, name, kind, currency, time_zone, active, version, created_at, region) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant.raw())
    .bind(branch.id.raw())
    .bind(branch.name.clone())
    .bind(branch.kind.as_str())
    .bind(branch.currency.clone())
    .bind(branch.time_zone.clone())
    .bind(i64::from(branch.active))
    .bind(branch.version)
    .bind(branch.created_at)
    .bind(branch.region.clone())
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes back what may change, with the next version.
///
/// # Errors
/// When the database refuses.
pub async fn update(
    tx: &mut AnyConnection,
    tenant: TenantId,
    branch: &Branch,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE branches SET name = $3, kind = $4, currency = $5, time_zone = $6, active = $7, \
         region = $8, version = version + 1 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.raw())
    .bind(branch.id.raw())
    .bind(branch.name.clone())
    .bind(branch.kind.as_str())
    .bind(branch.currency.clone())
    .bind(branch.time_zone.clone())
    .bind(i64::from(branch.active))
    .bind(branch.region.clone())
    .execute(tx)
    .await?;
    Ok(())
}

/// One branch.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: BranchId,
) -> Result<Option<Branch>, sqlx::Error> {
    let rows = Rows::of("branches", tenant).with("id =", branch.as_bytes());
    rows.one(connection, COLUMNS, read).await
}

/// One branch, which nobody else changes before this write ends.
///
/// # Errors
/// When the database refuses.
pub async fn hold(
    tx: &mut AnyConnection,
    tenant: TenantId,
    branch: BranchId,
) -> Result<Option<Branch>, sqlx::Error> {
    let lock = sqlx::query("UPDATE branches SET version = version WHERE tenant = $1 AND id = $2");
    lock.bind(tenant.raw()).bind(branch.raw()).execute(&mut *tx).await?;
    get(tx, tenant, branch).await
}

/// Every branch of a tenant.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<Vec<Branch>, sqlx::Error> {
    let list = Rows::of("branches", tenant).page(COLUMNS, "id", MOST);
    list.fetch(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Branch, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(Branch {
        id: columns::id(row, "id")?,
        name: row.try_get("name")?,
        kind: BranchKind::parse(&kind).ok_or_else(|| columns::broken("kind"))?,
        currency: row.try_get("currency")?,
        time_zone: row.try_get("time_zone")?,
        region: row.try_get("region")?,
        active: columns::flag(row, "active")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
    })
}
