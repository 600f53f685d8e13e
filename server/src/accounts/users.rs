//! The table of people: staff and technicians of a tenant.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId, UserId};
use utoipa::ToSchema;

use super::sql::{self, Raw as _};
use crate::auth::Role;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    /// Id; a technician's document has the same.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Name at login, lower case, unique in the tenant.
    pub login: String,
    /// Name as people say it.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they belong; absent for those who serve all branches.
    #[schema(value_type = Option<String>, format = Uuid)]
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
         active = $8, deactivated_at = $9, version = version + 1 WHERE tenant = $1 AND id = $2",
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
    .execute(tx)
    .await?;
    Ok(())
}

/// Sets a password and ends every session of the person.
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
    end_sessions(tx, tenant, user).await
}

/// Ends every session of a person.
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
        .execute(tx)
        .await?;
    Ok(())
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
    let sql = format!("SELECT {COLUMNS} FROM users WHERE tenant = $1 AND id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.raw()).bind(user.raw());
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
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
    let sql =
        format!("SELECT {COLUMNS}, password_hash FROM users WHERE tenant = $1 AND login = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.raw()).bind(login.to_owned());
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(|row| Ok((read(row)?, row.try_get("password_hash")?))).transpose()
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
    let (people, branch) = seen(branch, 5);
    let sql = format!(
        "SELECT {COLUMNS} FROM users WHERE tenant = $1 AND ($2 = '' OR role = $2) AND id > $3 \
         AND id IN {people} ORDER BY id LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(role.map_or("", Role::as_str))
        .bind(after.map_or_else(Vec::new, |user| user.raw()))
        .bind(rows)
        .bind(branch)
        .fetch_all(connection)
        .await?;
    rows.iter().map(read).collect()
}

/// [`Caller::sees_branch`](crate::auth::Caller::sees_branch) in SQL: a subquery with the people of
/// the tenant bound as `$1` whom staff of `branch` see, and what to bind as `$number`.
pub fn seen(branch: Option<BranchId>, number: u8) -> (String, Vec<u8>) {
    // No branch has an empty id: who has none of their own sees those unequal to it, which is all.
    let compare = if branch.is_some() { "=" } else { "<>" };
    let people = format!(
        "(SELECT id FROM users WHERE tenant = $1 AND (branch IS NULL OR branch {compare} ${number}))"
    );
    (people, branch.map_or_else(Vec::new, |branch| branch.raw()))
}

fn read(row: &AnyRow) -> Result<User, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id: sql::id(row, "id")?,
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        role: Role::parse(&role).ok_or_else(|| sql::broken("role"))?,
        branch: sql::maybe_id(row, "branch")?,
        language: row.try_get("language")?,
        active: sql::flag(row, "active")?,
        deactivated_at: row.try_get("deactivated_at")?,
        has_password: sql::flag(row, "has_password")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
    })
}
