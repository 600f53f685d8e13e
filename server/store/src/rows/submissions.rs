//! Submissions of revoked phones, as they came, for a person to look at.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, FactId, TenantId, UserId};

use super::columns::{self, Raw as _};
use super::list::Rows;
use crate::random;
use crate::sql::Statement;

/// What a list shows. Frames have up to two megabytes; none is read for a list.
const COLUMNS: &str = "id, device, user_id, received_at, changes, state, decided_at, decided_by, \
     revoked_at, documents, late, refused, refused_count";

/// What a tenant takes up: three rows by their key.
const STORED: &str = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM usage WHERE tenant = $1 \
     AND kind IN ('log', 'projections', 'quarantine', 'submissions') AND subject = $2";

/// What was decided about something a revoked phone submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubmissionState {
    /// Nobody has decided, or some of it cannot be checked yet.
    Waiting,
    /// It was accepted.
    Accepted,
    /// Someone accepted it, and a rule refused some or all of it.
    PartlyAccepted,
    /// It is kept, and counts for nothing.
    Discarded,
}

impl SubmissionState {
    /// The word in the API, and the reason that a phone is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::PartlyAccepted => "partly_accepted",
            Self::Discarded => "discarded",
        }
    }

    /// Whether a person accepted it, whatever became of its changes.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::PartlyAccepted)
    }

    /// The word in the table, which counts the refused changes in a column of its own.
    fn stored(self) -> &'static str {
        match self {
            Self::PartlyAccepted => Self::Accepted.as_str(),
            Self::Waiting | Self::Accepted | Self::Discarded => self.as_str(),
        }
    }

    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let refused: Option<i64> = row.try_get("refused_count")?;
        match row.try_get::<String, _>("state")?.as_str() {
            "waiting" => Ok(Self::Waiting),
            "accepted" if refused.is_some_and(|count| count > 0) => Ok(Self::PartlyAccepted),
            "accepted" => Ok(Self::Accepted),
            "discarded" => Ok(Self::Discarded),
            _ => Err(columns::broken("state")),
        }
    }
}

/// One submission, without the frame.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Its id.
    pub id: FactId,
    /// The phone.
    pub device: DeviceId,
    /// The technician.
    pub user: UserId,
    /// When, Unix milliseconds.
    pub received_at: i64,
    /// Changes in it.
    pub changes: i64,
    /// What was decided.
    pub state: SubmissionState,
    /// When someone decided, Unix milliseconds.
    pub decided_at: Option<i64>,
    /// Who.
    pub decided_by: Option<UserId>,
    /// When the phone was revoked or its technician deactivated, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// Ids of the documents it is about, with blanks between; absent in rows of early versions.
    pub documents: Option<String>,
    /// Changes recorded after the revocation; absent in rows of early versions.
    pub late: Option<i64>,
    /// The first of the changes that were refused, JSON; absent where nothing was decided.
    pub refused: Option<String>,
    /// Changes that were refused; absent where nothing was decided.
    pub refused_count: Option<i64>,
}

/// What a person decided about a submission.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Anything but [`SubmissionState::Waiting`].
    pub state: SubmissionState,
    /// One verdict a change, in the order of the frame, as a response has them.
    pub verdicts: Vec<u8>,
    /// The first of the changes that were refused, JSON.
    pub refused: String,
    /// Changes that were refused.
    pub refused_count: i64,
}

/// A frame to be kept.
#[derive(Debug, Clone)]
pub struct NewSubmission {
    /// Whose tenant.
    pub tenant: TenantId,
    /// The phone.
    pub device: DeviceId,
    /// The technician.
    pub user: UserId,
    /// Unix milliseconds.
    pub now: i64,
    /// Changes in it.
    pub changes: i64,
    /// When the phone was revoked, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// Ids of the documents it is about, with blanks between.
    pub documents: String,
    /// Changes recorded after the revocation.
    pub late: i64,
    /// Of the work alone: the same work sent again is the same row.
    pub digest: Vec<u8>,
    /// The frame as it came.
    pub frame: Vec<u8>,
}

impl NewSubmission {
    /// Writes the row, unless it is there.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert(self, tx: &mut AnyConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO submissions \
             (tenant, id, device, user_id, received_at, digest, frame, changes, state, \
             revoked_at, documents, late) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10, $11) \
             ON CONFLICT (tenant, device, digest) DO NOTHING",
        )
        .bind(self.tenant.raw())
        .bind(FactId::new(self.now, random()).raw())
        .bind(self.device.raw())
        .bind(self.user.raw())
        .bind(self.now)
        .bind(self.digest)
        .bind(self.frame)
        .bind(self.changes)
        .bind(self.revoked_at)
        .bind(self.documents)
        .bind(self.late)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Bytes that a tenant stores, of everything that counts against its quota.
///
/// # Errors
/// When the database refuses.
pub async fn stored_bytes(tx: &mut AnyConnection, tenant: TenantId) -> Result<i64, sqlx::Error> {
    let query = sqlx::query(STORED).bind(tenant.raw()).bind(Vec::new());
    query.fetch_one(tx).await?.try_get(0)
}

/// What was decided about the same work of a phone, submitted before: the state, and one verdict a
/// change where those were kept; absent where it never was.
///
/// # Errors
/// When the database refuses.
pub async fn decided(
    connection: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
    digest: &[u8],
) -> Result<Option<(SubmissionState, Option<Vec<u8>>)>, sqlx::Error> {
    let query = sqlx::query(
        "SELECT state, refused_count, verdicts FROM submissions \
         WHERE tenant = $1 AND device = $2 AND digest = $3",
    );
    let query = query.bind(tenant.raw()).bind(device.raw()).bind(digest.to_vec());
    let row = query.fetch_optional(connection).await?;
    row.map(|row| Ok((SubmissionState::read(&row)?, row.try_get("verdicts")?))).transpose()
}

/// The verdicts of a submission that was decided about.
///
/// # Errors
/// When the database refuses.
pub async fn verdicts(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let query = sqlx::query("SELECT verdicts FROM submissions WHERE tenant = $1 AND id = $2");
    let row = query.bind(tenant.raw()).bind(id.raw()).fetch_optional(connection).await?;
    row.map_or(Ok(None), |row| row.try_get("verdicts"))
}

/// Frames of a phone that wait for a person.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(
    tx: &mut AnyConnection,
    tenant: TenantId,
    device: DeviceId,
) -> Result<i64, sqlx::Error> {
    let query = sqlx::query(
        "SELECT COUNT(*) FROM submissions WHERE tenant = $1 AND device = $2 AND state = 'waiting'",
    );
    query.bind(tenant.raw()).bind(device.raw()).fetch_one(tx).await?.try_get(0)
}

/// The newest before a place, of people whom staff of `branch` see.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    before: Vec<u8>,
    rows: i64,
) -> Result<Vec<Submission>, sqlx::Error> {
    let list = listing(tenant, branch, before, rows);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// What [`list`] reads.
pub(crate) fn listing(
    tenant: TenantId,
    branch: Option<BranchId>,
    before: Vec<u8>,
    rows: i64,
) -> Statement {
    let submissions = Rows::of("submissions", tenant).with("id <", before);
    submissions.about_people_of(branch).page(COLUMNS, "id DESC", rows)
}

/// One of them, if it is of someone whom staff of `branch` see.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    id: FactId,
) -> Result<Option<Submission>, sqlx::Error> {
    let rows = Rows::of("submissions", tenant).with("id =", id.as_bytes());
    rows.about_people_of(branch).one(connection, COLUMNS, read).await
}

/// The frame as it came.
///
/// # Errors
/// When the database refuses, or there is none.
pub async fn frame(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
) -> Result<Vec<u8>, sqlx::Error> {
    let query = sqlx::query("SELECT frame FROM submissions WHERE tenant = $1 AND id = $2");
    query.bind(tenant.raw()).bind(id.raw()).fetch_one(connection).await?.try_get("frame")
}

/// Notes what was decided, by whom and when, of a submission that waits. One that is being taken in is
/// accepted by who does that, and discarded by nobody. `false` if nothing was noted.
///
/// # Errors
/// When the database refuses.
pub async fn decide(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
    decision: Decision,
    by: UserId,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let decided = format!(
        "UPDATE submissions SET state = $3, decided_at = $4, decided_by = $5, verdicts = $7, \
         refused = $8, refused_count = $9 \
         WHERE tenant = $1 AND id = $2 AND state = 'waiting' AND ({FREE}{})",
        if decision.state.is_accepted() { OR_OWN } else { "" },
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(decided))
        .bind(tenant.raw())
        .bind(id.raw())
        .bind(decision.state.stored())
        .bind(now)
        .bind(by.raw())
        .bind(now - HELD_MS)
        .bind(decision.verdicts)
        .bind(decision.refused)
        .bind(decision.refused_count)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Holds a submission that waits for the person who takes it in, so that nobody discards it meanwhile.
/// `false` if it does not wait, or another person is at it. It ends with what was decided, with
/// [`let_go`], or after a while.
///
/// # Errors
/// When the database refuses.
pub async fn begin(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
    by: UserId,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let held = format!(
        "UPDATE submissions SET decided_at = $4, decided_by = $5 \
         WHERE tenant = $1 AND id = $2 AND state = $3 AND ({FREE}{OR_OWN})"
    );
    hold(tx, &held, tenant, id, SubmissionState::Waiting, by, now).await
}

/// Lets go of a submission that was held at `since` and cannot be taken in yet.
///
/// # Errors
/// When the database refuses.
pub async fn let_go(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
    by: UserId,
    since: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE submissions SET decided_at = NULL, decided_by = NULL WHERE tenant = $1 AND id = $2 \
         AND state = 'waiting' AND decided_by = $3 AND decided_at = $4",
    )
    .bind(tenant.raw())
    .bind(id.raw())
    .bind(by.raw())
    .bind(since)
    .execute(tx)
    .await?;
    Ok(())
}

/// That nobody takes in a submission that waits, or began it too long ago; by a clock that was ahead too.
const FREE: &str = "decided_by IS NULL OR decided_at <= $6 OR decided_at > $4 + ($4 - $6)";
/// Or that $5 does.
const OR_OWN: &str = " OR decided_by = $5";
/// How long one that takes work in may be at it, milliseconds.
const HELD_MS: i64 = 5 * 60 * 1000;

async fn hold(
    tx: &mut AnyConnection,
    sql: &str,
    tenant: TenantId,
    id: FactId,
    state: SubmissionState,
    by: UserId,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(id.raw())
        .bind(state.stored())
        .bind(now)
        .bind(by.raw())
        .bind(now - HELD_MS)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

fn read(row: &AnyRow) -> Result<Submission, sqlx::Error> {
    let state = SubmissionState::read(row)?;
    // Of one that waits the columns say who takes it in.
    let is_decided = state != SubmissionState::Waiting;
    let decided_at: Option<i64> = row.try_get("decided_at")?;
    let decided_by = columns::maybe_id(row, "decided_by")?;
    Ok(Submission {
        id: columns::id(row, "id")?,
        device: columns::id(row, "device")?,
        user: columns::id(row, "user_id")?,
        received_at: row.try_get("received_at")?,
        changes: row.try_get("changes")?,
        state,
        decided_at: decided_at.filter(|_| is_decided),
        decided_by: decided_by.filter(|_| is_decided),
        revoked_at: row.try_get("revoked_at")?,
        documents: row.try_get("documents")?,
        late: row.try_get("late")?,
        refused: row.try_get("refused")?,
        refused_count: row.try_get("refused_count")?,
    })
}
