//! The table of phones: enrolled, waiting for their digits, or revoked.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, TenantId, UserId};
use sync_core::policy::Role;

use super::access;
use super::columns::{self, Raw as _};
use super::list::Rows;
use crate::connect::Backend;
use crate::error::StoreError;
use crate::sql::{Arg, Statement, select_in};

/// Where a phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// The technician who works with it.
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
    /// Since when it waits, after a restore, until an administrator lets it sync again.
    pub held_at: Option<i64>,
    /// Whose tenant; known before the caller is.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub tenant: TenantId,
    /// Ed25519 public key.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub public_key: Vec<u8>,
    /// Digits to compare while pending.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub digits: String,
    /// Wrong digits so far.
    #[serde(skip)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub tries: i64,
}

const COLUMNS: &str = "tenant, id, user_id, state, name, app_version, public_key, digits, tries, \
     created_at, confirmed_at, revoked_at, seen_at, held_at";

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
    let rows = Rows::of("devices", tenant).with("id =", device.as_bytes());
    rows.one(connection, COLUMNS, read).await
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
    let list = listing(tenant, branch, user, after, rows);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// What [`list`] reads.
pub(crate) fn listing(
    tenant: TenantId,
    branch: Option<BranchId>,
    user: Option<UserId>,
    after: Option<DeviceId>,
    rows: i64,
) -> Statement {
    let user = user.map(|user| user.raw());
    let rows_of = Rows::of("devices", tenant).with_any("user_id =", user);
    let after = after.map_or_else(Vec::new, |device| device.raw());
    rows_of.with("id >", after).about_people_of(branch).page(COLUMNS, "id", rows)
}

/// A phone that may sync, as the sync of it needs it.
#[derive(Debug, Clone)]
pub struct Syncing {
    /// Ed25519 public key.
    pub public_key: Vec<u8>,
    /// Every phone its technician ever had, this one among them.
    pub devices: Vec<DeviceId>,
    /// Whether it waits until an administrator lets it sync again.
    pub held: bool,
}

/// A phone of a technician, if both may still sync.
///
/// # Errors
/// When the database refuses.
pub async fn syncing(
    connection: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    user: UserId,
) -> Result<Option<Syncing>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT devices.public_key, others.id, devices.held_at FROM devices \
         JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id \
         JOIN devices AS others ON others.tenant = devices.tenant \
         AND others.user_id = devices.user_id \
         WHERE devices.tenant = $1 AND devices.id = $2 AND devices.user_id = $3 \
         AND devices.state = 'active' AND users.active = 1 AND users.role = 'technician'",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(user.raw())
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let public_key = first.try_get("public_key")?;
    let held = first.try_get::<Option<i64>, _>("held_at")?.is_some();
    let devices = rows.iter().map(|row| columns::id(row, "id")).collect::<Result<_, _>>()?;
    Ok(Some(Syncing { public_key, devices, held }))
}

/// Which of these phones may still sync.
///
/// # Errors
/// When the database does not answer.
pub async fn still_syncing(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    devices: &[DeviceId],
) -> Result<Vec<DeviceId>, StoreError> {
    const STILL: &str = "SELECT devices.id AS id FROM devices \
         JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id \
         WHERE devices.tenant = $1 AND devices.state = 'active' AND users.active = 1 \
         AND users.role = 'technician' AND devices.id IN ({keys})";
    let keys: Vec<_> = devices.iter().map(|device| device.raw()).collect();
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(connection, backend, STILL, first, &keys).await?;
    Ok(rows.iter().map(|row| columns::id(row, "id")).collect::<Result<_, _>>()?)
}

/// Whether a phone of a technician may log in: it is active, and so is the technician, who is one
/// still. Absent if there is no such phone.
///
/// # Errors
/// When the database refuses.
pub async fn may_log_in(
    connection: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    user: UserId,
) -> Result<Option<bool>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT state, role, active FROM devices \
         JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id \
         WHERE devices.tenant = $1 AND devices.id = $2 AND user_id = $3",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(user.raw())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (state, role): (String, String) = (row.try_get("state")?, row.try_get("role")?);
    let technician = Role::parse(&role) == Some(Role::Technician);
    Ok(Some(state == "active" && technician && columns::flag(&row, "active")?))
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

/// Revokes a phone: every node is told, and the next request it makes is refused.
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
    let row = sqlx::query(
        "UPDATE devices SET state = 'revoked', digits = '', revoked_at = $3, revoked_by = $4, \
         version = version + 1 WHERE tenant = $1 AND id = $2 AND state <> 'revoked' \
         RETURNING user_id",
    )
    .bind(tenant.raw())
    .bind(device.raw())
    .bind(now)
    .bind(by.map(|by| by.raw()))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    access::changed(tx, tenant, columns::id(&row, "user_id")?).await?;
    Ok(true)
}

/// Has every phone wait that may sync; how many. What they hold stays on them meanwhile.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn hold_all(tx: &mut AnyConnection, now: i64) -> Result<u64, sqlx::Error> {
    let hold = sqlx::query("UPDATE devices SET held_at = $1 WHERE state = 'active'").bind(now);
    Ok(hold.execute(tx).await?.rows_affected())
}

/// Lets a phone sync again that was held. `false` if it was not.
///
/// # Errors
/// When the database refuses.
pub async fn release(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE devices SET held_at = NULL, version = version + 1 \
         WHERE tenant = $1 AND id = $2 AND held_at IS NOT NULL",
    )
    .bind(tenant.raw())
    .bind(device.raw())
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
        id: columns::id(row, "id")?,
        user: columns::id(row, "user_id")?,
        state: DeviceState::parse(&state).ok_or_else(|| columns::broken("state"))?,
        name: row.try_get("name")?,
        app_version: row.try_get("app_version")?,
        created_at: row.try_get("created_at")?,
        confirmed_at: row.try_get("confirmed_at")?,
        revoked_at: row.try_get("revoked_at")?,
        seen_at: row.try_get("seen_at")?,
        held_at: row.try_get("held_at")?,
        tenant: columns::id(row, "tenant")?,
        public_key: row.try_get("public_key")?,
        digits: row.try_get("digits")?,
        tries: row.try_get("tries")?,
    })
}
