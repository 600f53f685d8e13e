//! Tokens of integrations: what each may do, until when, and when it was last used.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, TenantId, UserId};

use super::columns::{self, Raw as _};
use super::list::Rows;
use crate::sql::Statement;

/// `ends_at` of a token that ends only when it is revoked: the end of the year 9999.
const NEVER: i64 = 253_402_300_799_999;
/// Shortest time between two notes that a token was used, milliseconds.
pub const NOTED_MS: i64 = 60_000;

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, which stands where a person's would: a token is the author of what it writes.
    pub id: UserId,
    /// What people call it.
    pub name: String,
    /// What it may do: words of the server, separated by spaces.
    pub scopes: String,
    /// The one branch it works for; absent for all.
    pub branch: Option<BranchId>,
    /// Who made it; absent for the command line.
    pub created_by: Option<UserId>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Until when it is good, Unix milliseconds; absent for ever.
    pub expires_at: Option<i64>,
    /// When it was revoked, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute, Unix milliseconds.
    pub last_used_at: Option<i64>,
}

impl Token {
    /// Whether its use is to be noted now; a note of a clock that was ahead does not count.
    pub fn is_to_be_noted(&self, now: i64) -> bool {
        self.last_used_at.is_none_or(|at| !(0..NOTED_MS).contains(&(now - at)))
    }
}

const COLUMNS: &str = "id, name, scopes, branch, created_by, created_at, expires_at, \
     revoked_at, last_used_at";

/// Adds a token. One with this id that was never used gets this secret instead of its own: that is
/// how a repeated request finds what its first attempt made. `false` for one that was used: its secret
/// stays.
///
/// # Errors
/// When the database refuses.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    token: &Token,
    secret_hash: Vec<u8>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO api_tokens (tenant, id, name, secret_hash, scopes, branch, created_by, \
         created_at, expires_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (tenant, id) DO UPDATE SET secret_hash = excluded.secret_hash \
         WHERE api_tokens.last_used_at IS NULL",
    )
    .bind(tenant.raw())
    .bind(token.id.raw())
    .bind(token.name.clone())
    .bind(secret_hash)
    .bind(token.scopes.clone())
    .bind(token.branch.map(|branch| branch.raw()))
    .bind(token.created_by.map(|user| user.raw()))
    .bind(token.created_at)
    .bind(token.expires_at)
    .bind(token.expires_at.unwrap_or(NEVER))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The token of which this is the hash, whether it is still good or not, and its tenant.
///
/// # Errors
/// When the database refuses.
pub async fn by_hash(
    connection: &mut AnyConnection,
    secret_hash: Vec<u8>,
) -> Result<Option<(TenantId, Token)>, sqlx::Error> {
    let sql = format!("SELECT tenant, {COLUMNS} FROM api_tokens WHERE secret_hash = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(secret_hash);
    let row = row.fetch_optional(connection).await?;
    row.map(|row| Ok((columns::id(&row, "tenant")?, read(&row)?))).transpose()
}

/// One token.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<Token>, sqlx::Error> {
    let rows = Rows::of("api_tokens", tenant).with("id =", id.as_bytes());
    rows.one(connection, COLUMNS, read).await
}

/// How many tokens of a tenant are good, `most` at most.
///
/// # Errors
/// When the database refuses.
pub async fn live(
    connection: &mut AnyConnection,
    tenant: TenantId,
    now: i64,
    most: i64,
) -> Result<usize, sqlx::Error> {
    Ok(good(tenant, now, most).fetch(connection).await?.len())
}

/// What [`live`] reads.
pub(crate) fn good(tenant: TenantId, now: i64, most: i64) -> Statement {
    Rows::of("api_tokens", tenant).with("ends_at >", now).page("id", "ends_at", most)
}

/// Tokens in the order of their ids, from a place on.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    after: Option<UserId>,
    rows: i64,
) -> Result<Vec<Token>, sqlx::Error> {
    listing(tenant, after, rows).fetch(connection).await?.iter().map(read).collect()
}

/// What [`list`] reads.
pub(crate) fn listing(tenant: TenantId, after: Option<UserId>, rows: i64) -> Statement {
    let after = after.map_or_else(Vec::new, |id| id.raw());
    Rows::of("api_tokens", tenant).with("id >", after).page(COLUMNS, "id", rows)
}

/// Revokes a token; `false` if there is none that is not revoked.
///
/// # Errors
/// When the database refuses.
pub async fn revoke(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE api_tokens SET revoked_at = $3, \
         ends_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END \
         WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL",
    )
    .bind(tenant.raw())
    .bind(id.raw())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes every token of every tenant that was not revoked; how many were good until now.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn revoke_all(tx: &mut AnyConnection, now: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE api_tokens SET revoked_at = $1, \
         ends_at = CASE WHEN ends_at < $1 THEN ends_at ELSE $1 END \
         WHERE revoked_at IS NULL AND ends_at > $1",
    )
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// Notes that a token was used. Of requests at once one writes.
///
/// # Errors
/// When the database refuses.
pub async fn used(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: UserId,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE api_tokens SET last_used_at = $3 WHERE tenant = $1 AND id = $2 AND \
         (last_used_at IS NULL OR last_used_at <= $4 OR last_used_at > $3)",
    )
    .bind(tenant.raw())
    .bind(id.raw())
    .bind(now)
    .bind(now - NOTED_MS)
    .execute(tx)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Token, sqlx::Error> {
    Ok(Token {
        id: columns::id(row, "id")?,
        name: row.try_get("name")?,
        scopes: row.try_get("scopes")?,
        branch: columns::maybe_id(row, "branch")?,
        created_by: columns::maybe_id(row, "created_by")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}
