//! The table of phones: enrolled, waiting for their digits, or revoked.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use utoipa::ToSchema;

use super::sql::{self, Raw as _};
use super::users;
use crate::auth::Caller;

/// Where a phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// It has shown a code and a key; its digits have not been compared.
    Pending,
    /// It may log in.
    Active,
    /// It may do nothing any more.
    Revoked,
}

impl DeviceState {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "pending" => Some(Self::Pending),
            "active" => Some(Self::Active),
            "revoked" => Some(Self::Revoked),
            _ => None,
        }
    }
}

/// One enrolled phone installation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Device {
    /// Id.
    #[schema(value_type = String, format = Uuid)]
    pub id: DeviceId,
    /// The technician who works with it.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// Where it stands.
    pub state: DeviceState,
    /// What the phone calls itself.
    pub name: String,
    /// Version of the app at enrolment.
    pub app_version: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When its digits were compared.
    pub confirmed_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it last logged in.
    pub seen_at: Option<i64>,
    /// Whose tenant; known before the caller is.
    #[serde(skip)]
    #[schema(ignore)]
    pub tenant: TenantId,
    /// Ed25519 public key.
    #[serde(skip)]
    #[schema(ignore)]
    pub public_key: Vec<u8>,
    /// Digits to compare while pending.
    #[serde(skip)]
    #[schema(ignore)]
    pub digits: String,
    /// Wrong digits so far.
    #[serde(skip)]
    #[schema(ignore)]
    pub tries: i64,
}

const COLUMNS: &str = "tenant, id, user_id, state, name, app_version, public_key, digits, tries, \
     created_at, confirmed_at, revoked_at, seen_at";

/// Adds a phone that waits for its digits.
///
/// # Errors
/// A unique violation when the key is already enrolled.
pub async fn insert(tx: &mut AnyConnection, device: &Device) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO devices (tenant, id, user_id, state, name, app_version, public_key, digits, \
         tries, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 1)",
    )
    .bind(device.tenant.raw())
    .bind(device.id.raw())
    .bind(device.user.raw())
    .bind(device.state.as_str())
    .bind(device.name.clone())
    .bind(device.app_version.clone())
    .bind(device.public_key.clone())
    .bind(device.digits.clone())
    .bind(device.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// One phone of a tenant.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Option<Device>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM devices WHERE tenant = $1 AND id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.raw()).bind(device.raw());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// One phone, if its technician is somebody the caller may see.
///
/// # Errors
/// When the database refuses.
pub async fn get_seen(
    connection: &mut AnyConnection,
    caller: &Caller,
    device: DeviceId,
) -> Result<Option<Device>, sqlx::Error> {
    let Some(found) = get(connection, caller.tenant, device).await? else { return Ok(None) };
    let user = users::get(connection, caller.tenant, found.user).await?;
    Ok(user.filter(|user| caller.sees_branch(user.branch)).map(|_| found))
}

/// One phone, whatever its tenant: for its login, where the tenant is learnt from it.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    connection: &mut AnyConnection,
    device: DeviceId,
) -> Result<Option<Device>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM devices WHERE id = $1");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(device.raw());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Phones of a tenant from a place on, of one person or of all whom staff of `branch` see.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    user: Option<UserId>,
    after: Option<DeviceId>,
    rows: i64,
) -> Result<Vec<Device>, sqlx::Error> {
    let whose = if user.is_some() { "user_id = $2" } else { "user_id <> $2" };
    let (people, branch) = users::seen(branch, 5);
    let sql = format!(
        "SELECT {COLUMNS} FROM devices WHERE tenant = $1 AND {whose} AND id > $3 \
         AND user_id IN {people} ORDER BY id LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(user.map_or_else(Vec::new, |user| user.raw()))
        .bind(after.map_or_else(Vec::new, |device| device.raw()))
        .bind(rows)
        .bind(branch)
        .fetch_all(connection)
        .await?;
    rows.iter().map(read).collect()
}

/// Notes that the digits were right; nothing happens unless the phone was waiting.
///
/// # Errors
/// When the database refuses.
pub async fn confirm(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    by: UserId,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE devices SET state = 'active', digits = '', confirmed_at = $3, confirmed_by = $4, \
         version = version + 1 WHERE tenant = $1 AND id = $2 AND state = 'pending'",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(now)
    .bind(by.raw())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts wrong digits.
///
/// # Errors
/// When the database refuses.
pub async fn missed(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE devices SET tries = tries + 1 WHERE tenant = $1 AND id = $2")
        .bind(tenant.raw())
        .bind(device.raw())
        .execute(tx)
        .await?;
    Ok(())
}

/// Revokes a phone; the next request it makes is refused.
///
/// # Errors
/// When the database refuses.
pub async fn revoke(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    by: Option<UserId>,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE devices SET state = 'revoked', digits = '', revoked_at = $3, revoked_by = $4, \
         version = version + 1 WHERE tenant = $1 AND id = $2 AND state <> 'revoked'",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(now)
    .bind(by.map(|by| by.raw()))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a login.
///
/// # Errors
/// When the database refuses.
pub async fn seen(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE devices SET seen_at = $3 WHERE tenant = $1 AND id = $2")
        .bind(tenant.raw())
        .bind(device.raw())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Device, sqlx::Error> {
    let state: String = row.try_get("state")?;
    Ok(Device {
        id: sql::id(row, "id")?,
        user: sql::id(row, "user_id")?,
        state: DeviceState::parse(&state).ok_or_else(|| sql::broken("state"))?,
        name: row.try_get("name")?,
        app_version: row.try_get("app_version")?,
        created_at: row.try_get("created_at")?,
        confirmed_at: row.try_get("confirmed_at")?,
        revoked_at: row.try_get("revoked_at")?,
        seen_at: row.try_get("seen_at")?,
        tenant: sql::id(row, "tenant")?,
        public_key: row.try_get("public_key")?,
        digits: row.try_get("digits")?,
        tries: row.try_get("tries")?,
    })
}
