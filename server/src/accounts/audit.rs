//! Who did what: one row for each write of the office, beside what the change log already knows.

use serde::Serialize;
use serde_json::Value;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, FactId, TenantId, UserId};
use utoipa::ToSchema;

use super::sql::{self, Raw as _};
use super::users;
use crate::auth::Caller;
use crate::clock::random;
use crate::http::{Cursor, request_id};
use crate::store::sql::Arg;

/// How a row begins.
pub(crate) const INSERT: &str =
    "INSERT INTO audit (tenant, id, at, user_id, device, action, object, request_id, detail)";

/// What is written down about one write.
#[derive(Debug, Clone)]
pub struct Note {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who did it; absent for the command line.
    pub user: Option<UserId>,
    /// From which phone.
    pub device: Option<DeviceId>,
    /// What, such as `user.create`.
    pub action: &'static str,
    /// To what: an id or a part number.
    pub object: String,
    /// Names and choices, never secrets.
    pub detail: Value,
    /// Under which id the log has the request; empty for the command line.
    pub request_id: String,
}

impl Note {
    /// A write by a caller of the API.
    pub fn by(caller: &Caller, action: &'static str, object: impl ToString) -> Self {
        Self {
            tenant: caller.tenant,
            user: Some(caller.user),
            device: caller.device,
            action,
            object: object.to_string(),
            detail: Value::Object(Default::default()),
            request_id: request_id::current(),
        }
    }

    /// Adds what was chosen.
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// The row, for [`INSERT`].
    pub(crate) fn cells(&self, now: i64) -> [Arg; 9] {
        [
            self.tenant.as_bytes().into(),
            FactId::new(now, random()).as_bytes().into(),
            now.into(),
            self.user.as_ref().map(UserId::as_bytes).into(),
            self.device.as_ref().map(DeviceId::as_bytes).into(),
            self.action.to_owned().into(),
            self.object.clone().into(),
            self.request_id.clone().into(),
            self.detail.to_string().into(),
        ]
    }

    /// Writes the row.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn write(&self, tx: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
        let sql = format!("{INSERT} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.tenant.raw())
            .bind(FactId::new(now, random()).raw())
            .bind(now)
            .bind(self.user.map(|user| user.raw()))
            .bind(self.device.map(|device| device.raw()))
            .bind(self.action)
            .bind(self.object.clone())
            .bind(self.request_id.clone())
            .bind(self.detail.to_string())
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// One row of the audit list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Its id; newer ones are greater.
    #[schema(value_type = String, format = Uuid)]
    pub id: FactId,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Who; absent for the command line.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub user: Option<UserId>,
    /// From which phone.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub device: Option<DeviceId>,
    /// What, such as `user.create`.
    pub action: String,
    /// To what.
    pub object: String,
    /// Under which id the log has the request.
    pub request_id: String,
    /// Names and choices.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// The newest rows before a place, of what people did whom staff of `branch` see, and of what was
/// done from the command line.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    object: Option<&str>,
    before: Option<&Cursor>,
    rows: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let end = before.map_or_else(|| vec![0xff; 16], |cursor| cursor.id.clone());
    let (people, branch) = users::seen(branch, 5);
    let sql = format!(
        "SELECT id, at, user_id, device, action, object, request_id, detail FROM audit \
         WHERE tenant = $1 AND id < $2 AND ($3 = '' OR object = $3) \
         AND (user_id IS NULL OR user_id IN {people}) ORDER BY id DESC LIMIT $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(end)
        .bind(object.unwrap_or("").to_owned())
        .bind(rows)
        .bind(branch)
        .fetch_all(connection)
        .await?;
    let entry = |row: &sqlx::any::AnyRow| {
        Ok(Entry {
            id: sql::id(row, "id")?,
            at: row.try_get("at")?,
            user: sql::maybe_id(row, "user_id")?,
            device: sql::maybe_id(row, "device")?,
            action: row.try_get("action")?,
            object: row.try_get("object")?,
            request_id: row.try_get("request_id")?,
            detail: serde_json::from_str(&row.try_get::<String, _>("detail")?).unwrap_or_default(),
        })
    };
    rows.iter().map(entry).collect()
}
