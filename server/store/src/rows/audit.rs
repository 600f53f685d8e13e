//! Who did what: one row for each write of the office, beside what the change log already knows.

use serde::Serialize;
use serde_json::Value;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, FactId, TenantId, UserId};

use super::columns;
use super::list::seen;
use crate::Backend;
use crate::random;
use crate::sql::{Arg, Conflict, Statement, TableSpec};

pub(crate) static AUDIT: TableSpec<9> = TableSpec {
    table: "audit",
    key: &["tenant", "id"],
    columns: [
        "tenant",
        "id",
        "at",
        "user_id",
        "device",
        "action",
        "object",
        "request_id",
        "detail",
    ],
    conflict: Conflict::Fail,
};

/// What is written down about one write.
#[derive(Debug, Clone)]
pub struct Note {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who did it; absent for the command line.
    pub user: Option<UserId>,
    /// From which phone.
    pub device: Option<DeviceId>,
    /// Name of the token of an integration, whose id stands for the person's.
    pub token: Option<String>,
    /// What, such as `user.create`.
    pub action: &'static str,
    /// To what: an id or a part number.
    pub object: String,
    /// Names and choices, never secrets.
    pub detail: Value,
    /// Under which id the log has the request; empty for the command line.
    pub request_id: String,
    /// The key of the request, whose row says in the same transaction what was done.
    pub key: Option<Keyed>,
}

/// What the row of an `Idempotency-Key` says of its request from the moment it is committed.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// Whose key.
    pub user: UserId,
    /// The key.
    pub key: String,
    /// The path of what the answer shows; empty while there are steps to follow.
    pub done: String,
}

/// Says what a request with a key has done.
const DONE: &str = "UPDATE idempotency SET done = $4 \
                    WHERE tenant = $1 AND user_id = $2 AND key = $3";

impl Note {
    /// Adds what was chosen.
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// This write is the last of its request, whose answer shows the object as it stands at
    /// `/v1/{resource}/{object}`. So the answer can be made again.
    pub fn shown_at(mut self, resource: &str) -> Self {
        if let Some(keyed) = &mut self.key {
            keyed.done = format!("/v1/{resource}/{}", self.object);
        }
        self
    }

    /// Says in the row of the request's key, if it has one, what was done.
    pub(crate) async fn mark(&self, tx: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let Some(keyed) = &self.key else { return Ok(()) };
        let query = sqlx::query(DONE).bind(self.tenant.as_bytes().to_vec());
        let query = query.bind(keyed.user.as_bytes().to_vec());
        query.bind(keyed.key.clone()).bind(keyed.done.clone()).execute(tx).await?;
        Ok(())
    }

    /// The row, for [`AUDIT`].
    pub(crate) fn cells(&self, now: i64) -> [Arg; 9] {
        let mut detail = self.detail.clone();
        if let (Some(name), Value::Object(detail)) = (&self.token, &mut detail) {
            detail.insert("token".to_owned(), name.clone().into());
        }
        [
            self.tenant.as_bytes().into(),
            FactId::new(now, random()).as_bytes().into(),
            now.into(),
            self.user.as_ref().map(UserId::as_bytes).into(),
            self.device.as_ref().map(DeviceId::as_bytes).into(),
            self.action.to_owned().into(),
            self.object.clone().into(),
            self.request_id.clone().into(),
            detail.to_string().into(),
        ]
    }

    /// Writes the row, and says what was done in that of the request's key.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn write(&self, tx: &mut AnyConnection, now: i64) -> Result<(), sqlx::Error> {
        // Both databases read numbered marks.
        let sql = AUDIT.spec().insert(1, Backend::Postgres);
        Statement { sql, args: self.cells(now).to_vec() }.execute(&mut *tx).await?;
        self.mark(tx).await
    }
}

/// One row of the audit list.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = AuditEntry))]
pub struct Entry {
    /// Its id; newer ones are greater.
    pub id: FactId,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Who; absent for the command line. Of a token its id, and `detail` has its name as `token`.
    pub user: Option<UserId>,
    /// From which phone.
    pub device: Option<DeviceId>,
    /// What, such as `user.create`.
    pub action: String,
    /// To what.
    pub object: String,
    /// Under which id the log has the request.
    pub request_id: String,
    /// Names and choices.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub detail: Value,
}

/// Rows that one page looks at, where not everybody sees all of them.
const WINDOW: i64 = 10_000;

/// The newest rows before a place, of what people did whom staff of `branch` see, and of what was
/// done from the command line; and the place up to which the list was looked through, if that is
/// why there are not more.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    object: Option<&str>,
    before: Option<&[u8]>,
    rows: i64,
) -> Result<(Vec<Entry>, Option<FactId>), sqlx::Error> {
    let found = listing(tenant, branch, object, before, rows).fetch(&mut *connection).await?;
    let entry = |row: &sqlx::any::AnyRow| {
        Ok(Entry {
            id: columns::id(row, "id")?,
            at: row.try_get("at")?,
            user: columns::maybe_id(row, "user_id")?,
            device: columns::maybe_id(row, "device")?,
            action: row.try_get("action")?,
            object: row.try_get("object")?,
            request_id: row.try_get("request_id")?,
            detail: serde_json::from_str(&row.try_get::<String, _>("detail")?).unwrap_or_default(),
        })
    };
    let entries = found.iter().map(entry).collect::<Result<Vec<_>, sqlx::Error>>()?;
    let short = i64::try_from(entries.len()).is_ok_and(|found| found < rows);
    if !short || branch.is_none() {
        return Ok((entries, None));
    }
    let end = end(tenant, object, before).fetch(connection).await?;
    let end = end.first().map(|row| columns::id(row, "id")).transpose()?;
    Ok((entries, end))
}

/// What the list reads.
pub(crate) fn listing(
    tenant: TenantId,
    branch: Option<BranchId>,
    object: Option<&str>,
    before: Option<&[u8]>,
    rows: i64,
) -> Statement {
    let (mut list, along) = along(tenant, object, before);
    let window = list.bind(if branch.is_some() { WINDOW } else { rows });
    let seen = seen("looked_at", branch, &mut list);
    let seen = seen.strip_prefix(" AND ").map(|seen| {
        let branch = list.bind(branch.as_ref().map(BranchId::as_bytes));
        format!(
            "WHERE user_id IS NULL OR {seen} OR EXISTS (SELECT 1 FROM api_tokens \
             WHERE api_tokens.tenant = looked_at.tenant AND api_tokens.id = looked_at.user_id \
             AND (api_tokens.branch IS NULL OR api_tokens.branch = {branch}))"
        )
    });
    let rows = list.bind(rows);
    list.sql = format!(
        "SELECT id, at, user_id, device, action, object, request_id, detail FROM (SELECT * \
         FROM audit WHERE {along} ORDER BY id DESC LIMIT {window}) AS looked_at {} LIMIT {rows}",
        seen.unwrap_or_default()
    );
    list
}

/// Where the window ends, if there are as many rows.
pub(crate) fn end(tenant: TenantId, object: Option<&str>, before: Option<&[u8]>) -> Statement {
    let (mut end, along) = along(tenant, object, before);
    let skipped = end.bind(WINDOW - 1);
    end.sql =
        format!("SELECT id FROM audit WHERE {along} ORDER BY id DESC LIMIT 1 OFFSET {skipped}");
    end
}

fn along(tenant: TenantId, object: Option<&str>, before: Option<&[u8]>) -> (Statement, String) {
    let mut along = Statement::default();
    let tenant = along.bind(tenant.as_bytes());
    let object = object.filter(|object| !object.is_empty());
    let object = object.map(|object| format!(" AND object = {}", along.bind(object)));
    let before = before.map_or_else(|| vec![0xff; 16], <[u8]>::to_vec);
    let before = along.bind(before);
    let object = object.unwrap_or_default();
    (along, format!("tenant = {tenant}{object} AND id < {before}"))
}
