//! How many rows of a kind a tenant may have, where nothing deletes them and few are enough.

use sqlx::{AnyConnection, Row as _};
use sync_core::id::TenantId;

use super::columns::Raw as _;

/// Rows that a caller can add without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// Branches.
    Branches,
    /// Phones, revoked ones too.
    Devices,
    /// Parts of the catalogue.
    Parts,
    /// API tokens, ended ones too while they are listed.
    Tokens,
    /// People, deactivated ones too.
    Users,
}

impl RowKind {
    /// Most rows of one tenant.
    pub fn most(self) -> i64 {
        match self {
            Self::Branches => 2_000,
            Self::Devices => 100_000,
            Self::Parts => 200_000,
            Self::Tokens => 10_000,
            Self::Users => 50_000,
        }
    }

    /// Its word in the table of what tenants take up.
    fn as_str(self) -> &'static str {
        match self {
            Self::Branches => "branches",
            Self::Devices => "devices",
            Self::Parts => "parts",
            Self::Tokens => "tokens",
            Self::Users => "users",
        }
    }
}

/// Whether a tenant may have one more row. Triggers count them, so it costs the same however many there are.
///
/// # Errors
/// When the database refuses.
pub async fn has_room(
    connection: &mut AnyConnection,
    tenant: TenantId,
    kind: RowKind,
) -> Result<bool, sqlx::Error> {
    let items = "SELECT items FROM usage WHERE tenant = $1 AND kind = $2 AND subject = $3";
    let query = sqlx::query(items).bind(tenant.raw()).bind(kind.as_str()).bind(Vec::new());
    let row = query.fetch_optional(connection).await?;
    let items: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    Ok(items < kind.most())
}
