//! The table of branches: the stores of a tenant, owned, franchised or of an outside provider.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId};
use utoipa::ToSchema;

use super::sql::{self, Raw as _};

/// Whose store a branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// One store of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Branch {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: BranchId,
    /// Name.
    pub name: String,
    /// Whose store it is.
    pub kind: BranchKind,
    /// ISO 4217 code of its amounts.
    pub currency: String,
    /// IANA name of its time zone.
    pub time_zone: String,
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
         (tenant, id, name, kind, currency, time_zone, active, version, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
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
         version = version + 1 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.raw())
    .bind(branch.id.raw())
    .bind(branch.name.clone())
    .bind(branch.kind.as_str())
    .bind(branch.currency.clone())
    .bind(branch.time_zone.clone())
    .bind(i64::from(branch.active))
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
    let query = sqlx::query(
        "SELECT id, name, kind, currency, time_zone, active, version, created_at \
         FROM branches WHERE tenant = $1 AND id = $2",
    );
    let row = query.bind(tenant.raw()).bind(branch.raw()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// Every branch of a tenant.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<Vec<Branch>, sqlx::Error> {
    let query = sqlx::query(
        "SELECT id, name, kind, currency, time_zone, active, version, created_at \
         FROM branches WHERE tenant = $1 ORDER BY id LIMIT 1000",
    );
    query.bind(tenant.raw()).fetch_all(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Branch, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(Branch {
        id: sql::id(row, "id")?,
        name: row.try_get("name")?,
        kind: BranchKind::parse(&kind).ok_or_else(|| sql::broken("kind"))?,
        currency: row.try_get("currency")?,
        time_zone: row.try_get("time_zone")?,
        active: sql::flag(row, "active")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
    })
}
