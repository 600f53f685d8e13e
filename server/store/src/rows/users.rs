//! The table of people: staff and technicians of a tenant.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId, UserId};

use super::access;
use super::columns::{self, Raw as _};
use super::links;
use super::list::Rows;
use crate::sql::Statement;
use sync_core::policy::Role;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct User {
    /// Id; a technician's document has the same.
    pub id: UserId,
    /// Name at login, lower case, unique in the tenant.
    pub login: String,
    /// Name as people say it.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong; absent for those who serve all branches.
    pub branch: Option<BranchId>,
    /// BCP 47 tag of the language they read.
    pub language: String,
    /// Whether they may log in.
    pub active: bool,
    /// Since when they may not, Unix milliseconds.
    pub deactivated_at: Option<i64>,
    /// Whether they have a password; phones need none.
    pub has_password: bool,
    /// Rises with every change; stands in the ETag.
    pub version: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}

const COLUMNS: &str = "id, login, name, role, branch, language, active, deactivated_at, \
     CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password, version, created_at";

/// Adds a person.
///
/// # Errors
/// A unique violation when the login is taken.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: &User,
    password_hash: Option<String>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO users (tenant, id, login, name, role, branch, language, password_hash, \
         active, deactivated_at, version, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(tenant.raw())
    .bind(user.id.raw())
    .bind(user.login.clone())
    .bind(user.name.clone())
    .bind(user.role.as_str())
    .bind(user.branch.map(|branch| branch.raw()))
    .bind(user.language.clone())
    .bind(password_hash)
    .bind(i64::from(user.active))
    .bind(user.deactivated_at)
    .bind(user.version)
    .bind(user.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes back what may change, with the next version.
///
/// # Errors
/// A unique violation when the login is taken.
pub async fn update(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: &User,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE users SET login = $3, name = $4, role = $5, branch = $6, language = $7, \
         active = $8, deactivated_at = $9, version = version + 1, \
         recall = CASE WHEN $8 = 0 AND active = 1 THEN 1 \
         WHEN role = 'technician' AND $5 <> 'technician' THEN 1 \
         WHEN $8 = 1 AND $5 = 'technician' THEN 0 ELSE recall END \
         WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.raw())
    .bind(user.id.raw())
    .bind(user.login.clone())
    .bind(user.name.clone())
    .bind(user.role.as_str())
    .bind(user.branch.map(|branch| branch.raw()))
    .bind(user.language.clone())
    .bind(i64::from(user.active))
    .bind(user.deactivated_at)
    .execute(&mut *tx)
    .await?;
    // What changed is not known here; who may do as much as before is not disturbed by it.
    access::changed(tx, tenant, user.id).await
}

/// Whether open jobs of someone who was deactivated, or is no technician any more, still have to go back
/// to the board.
///
/// # Errors
/// When the database refuses.
pub async fn is_to_recall(
    connection: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query("SELECT recall FROM users WHERE tenant = $1 AND id = $2");
    let row = query.bind(tenant.raw()).bind(user.raw()).fetch_optional(connection).await?;
    row.map_or(Ok(false), |row| columns::flag(&row, "recall"))
}

/// Notes that they have all gone back.
///
/// # Errors
/// When the database refuses.
pub async fn recalled(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE users SET recall = 0 WHERE tenant = $1 AND id = $2");
    query.bind(tenant.raw()).bind(user.raw()).execute(tx).await?;
    Ok(())
}

/// Whether a tenant has an active administrator besides this person. It locks the rows it looks at, so
/// that two who take each other's rights away come one after the other.
///
/// # Errors
/// When the database refuses.
pub async fn has_another_administrator(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<bool, sqlx::Error> {
    // Writing locks a row on both databases; whoever waited sees it as it is then.
    sqlx::query("UPDATE tenants SET name = name WHERE id = $1")
        .bind(tenant.raw())
        .execute(&mut *tx)
        .await?;
    let sql = "SELECT 1 FROM users WHERE tenant = $1 AND id <> $2 AND active = 1 \
               AND role = 'administrator' LIMIT 1";
    let found = sqlx::query(sql).bind(tenant.raw()).bind(user.raw()).fetch_optional(tx).await?;
    Ok(found.is_some())
}

/// Sets a password and ends every session of the person, and the link by which they could set one.
///
/// # Errors
/// When the database refuses.
pub async fn set_password(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    password_hash: String,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE users SET password_hash = $3, version = version + 1 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.raw())
    .bind(user.raw())
    .bind(password_hash)
    .execute(&mut *tx)
    .await?;
    links::end(tx, tenant, user).await?;
    end_sessions(tx, tenant, user).await
}

/// Ends every session of a person, and tells the other nodes.
///
/// # Errors
/// When the database refuses.
pub async fn end_sessions(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE tenant = $1 AND user_id = $2")
        .bind(tenant.raw())
        .bind(user.raw())
        .execute(&mut *tx)
        .await?;
    access::changed(tx, tenant, user).await
}

/// One person.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<User>, sqlx::Error> {
    let rows = Rows::of("users", tenant).with("id =", user.as_bytes());
    rows.one(connection, COLUMNS, read).await
}

/// One person, whom nobody else changes before this write ends: on both databases writing locks a row.
///
/// # Errors
/// When the database refuses.
pub async fn hold(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<User>, sqlx::Error> {
    let lock = sqlx::query("UPDATE users SET version = version WHERE tenant = $1 AND id = $2");
    lock.bind(tenant.raw()).bind(user.raw()).execute(&mut *tx).await?;
    get(tx, tenant, user).await
}

/// The person with this login, and the stored form of their password.
///
/// # Errors
/// When the database refuses.
pub async fn by_login(
    connection: &mut AnyConnection,
    tenant: TenantId,
    login: &str,
) -> Result<Option<(User, Option<String>)>, sqlx::Error> {
    let rows = Rows::of("users", tenant).with("login =", login);
    let with_hash = |row: &AnyRow| Ok((read(row)?, row.try_get("password_hash")?));
    rows.one(connection, &format!("{COLUMNS}, password_hash"), with_hash).await
}

/// People of a tenant in the order of their ids, from a place on; no role is any.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    role: Option<Role>,
    after: Option<UserId>,
    rows: i64,
) -> Result<Vec<User>, sqlx::Error> {
    list_seen(connection, tenant, None, role, after, rows).await
}

/// The same as staff of `branch` see it: their own people, and those without a branch.
///
/// # Errors
/// When the database refuses.
pub async fn list_seen(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    role: Option<Role>,
    after: Option<UserId>,
    rows: i64,
) -> Result<Vec<User>, sqlx::Error> {
    let list = listing(tenant, branch, role, after, rows);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// What [`list_seen`] reads.
pub(crate) fn listing(
    tenant: TenantId,
    branch: Option<BranchId>,
    role: Option<Role>,
    after: Option<UserId>,
    rows: i64,
) -> Statement {
    let rows_of = Rows::of("users", tenant).with_any("role =", role.map(Role::as_str));
    let after = after.map_or_else(Vec::new, |user| user.raw());
    rows_of.with("id >", after).people_of(branch).page(COLUMNS, "id", rows)
}

fn read(row: &AnyRow) -> Result<User, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id: columns::id(row, "id")?,
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        role: Role::parse(&role).ok_or_else(|| columns::broken("role"))?,
        branch: columns::maybe_id(row, "branch")?,
        language: row.try_get("language")?,
        active: columns::flag(row, "active")?,
        deactivated_at: row.try_get("deactivated_at")?,
        has_password: columns::flag(row, "has_password")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
    })
}
