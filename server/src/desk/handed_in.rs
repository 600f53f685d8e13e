//! The review queue: work that revoked phones handed in, to be accepted or laid aside.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::admission::Verdict;
use sync_core::id::{DeviceId, FactId, UserId};
use sync_core::sync::{Submitted, decode_request};
use utoipa::ToSchema;

use crate::accounts::audit::Note;
use crate::accounts::devices;
use crate::accounts::sql::{self, Raw as _};
use crate::accounts::users;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, Id, Json, Problem, ProblemBody, Query};
use crate::phone_sync::hand_in::{self, Glance};
use crate::phone_sync::{Phone, admit};

/// What a list shows. Frames have up to two megabytes; none is read for a list.
const COLUMNS: &str = "id, device, user_id, received_at, changes, state, decided_at, decided_by, \
     revoked_at, documents, late";

/// One frame that was handed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandedIn {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: FactId,
    /// The phone.
    #[schema(value_type = String, format = Uuid)]
    pub device: DeviceId,
    /// The technician.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// When, Unix milliseconds.
    pub received_at: i64,
    /// Changes in it.
    pub changes: i64,
    /// `waiting`, `accepted` or `discarded`.
    pub state: String,
    /// When somebody decided, Unix milliseconds.
    pub decided_at: Option<i64>,
    /// Who.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub decided_by: Option<UserId>,
    /// Ids of the documents it is about, the first hundred of them.
    pub documents: Vec<String>,
    /// When the phone was revoked or its technician deactivated, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// Changes that say they were recorded after that. A phone's clock may be wrong; what was
    /// recorded after it for certain is refused when the rest is accepted.
    pub late: i64,
}

/// What accepting brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// `accepted`; or `waiting` while some of it cannot be judged, because what it follows is not
    /// here yet or this server is too old for it: accept it again later.
    pub state: String,
    /// Changes by verdict: `durable`, or the code of a refusal, such as
    /// `recorded_after_revocation`.
    pub verdicts: BTreeMap<String, u64>,
}

/// Work that revoked phones handed in, newest first. Staff of one branch see that of its people.
#[utoipa::path(get, path = "/v1/handed-in", tag = "devices", params(PageQuery), responses((status = 200, body = Page<HandedIn>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<HandedIn>>, Problem> {
    let before = page.after()?.map_or_else(|| vec![0xff; 16], |cursor| cursor.id);
    let rows = page.rows();
    let mut connection = app.read().await?;
    let (people, branch) = users::seen(caller.branch, 4);
    let sql = format!(
        "SELECT {COLUMNS} FROM handed_in WHERE tenant = $1 AND id < $2 AND user_id IN {people} \
         ORDER BY id DESC LIMIT $3"
    );
    let found = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(caller.tenant.raw())
        .bind(before)
        .bind(rows + 1)
        .bind(branch)
        .fetch_all(&mut *connection)
        .await?;
    let mut items = Vec::with_capacity(found.len());
    for row in &found {
        items.push(read(&mut connection, &caller, row).await?);
    }
    let place = |item: &HandedIn| Cursor { key: item.received_at, id: item.id.raw() };
    Ok(Json(Page::cut(items, rows, place)))
}

/// Takes in what was handed in, in the technician's name. A repeat changes nothing.
///
/// What of a document was all recorded after the phone was revoked, as far as its clocks make that
/// certain, is refused. Where only some of it was, the person who accepts has decided.
#[utoipa::path(
    post, path = "/v1/handed-in/{id}/accept", tag = "devices", params(("id" = String, Path)),
    responses(
        (status = 200, body = Accepted),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: it was laid aside.", body = ProblemBody),
    )
)]
pub async fn accept(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<FactId>,
) -> Result<Json<Accepted>, Problem> {
    let mut connection = app.read().await?;
    let found = find(&mut connection, &caller, id).await?.ok_or_else(Problem::not_found)?;
    let device = devices::get(&mut connection, caller.tenant, found.device).await?;
    let frame = frame(&mut connection, &caller, id).await?;
    drop(connection);
    if found.state == "discarded" {
        return Err(Problem::new(Code::WrongState).detail("It was laid aside."));
    }
    let phone = device.as_ref().and_then(Phone::recorded).ok_or_else(Problem::not_found)?;
    let request = decode_request(&frame).map_err(Problem::internal)?;
    let runs = hand_in::submitted(&phone, request)?;
    let late = |run: &Submitted| {
        found.revoked_at.is_some_and(|revoked_at| hand_in::is_all_late(run, revoked_at))
    };
    let (refused, runs): (Vec<_>, Vec<_>) = runs.into_iter().partition(late);
    let mut verdicts = BTreeMap::new();
    for run in refused {
        let changes = u64::try_from(run.run().changes.len()).unwrap_or(u64::MAX);
        *verdicts.entry("recorded_after_revocation".to_owned()).or_insert(0) += changes;
    }
    let mut state = "accepted";
    // The frame with its signature is kept as it came: that is the evidence.
    for verdict in admit(&app, &phone, runs, None).await?.iter().flatten() {
        *verdicts.entry(verdict.code().to_owned()).or_insert(0) += 1;
        if matches!(verdict, Verdict::Missing(_) | Verdict::Later { .. }) {
            state = "waiting";
        }
    }
    // An attempt that breaks off here is simply made again.
    if state == "accepted" {
        let note = Note::by(&caller, "handed_in.accept", id).detail(json!(verdicts));
        decide(&app, &caller, id, state, note).await?;
    }
    Ok(Json(Accepted { state: state.to_owned(), verdicts }))
}

/// Lays aside what was handed in; it is kept, and counts for nothing.
#[utoipa::path(
    post, path = "/v1/handed-in/{id}/discard", tag = "devices", params(("id" = String, Path)),
    responses(
        (status = 200, body = HandedIn),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: it was accepted.", body = ProblemBody),
    )
)]
pub async fn discard(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<FactId>,
) -> Result<Json<HandedIn>, Problem> {
    let mut connection = app.read().await?;
    let found = find(&mut connection, &caller, id).await?.ok_or_else(Problem::not_found)?;
    if found.state == "accepted" {
        return Err(Problem::new(Code::WrongState).detail("It was accepted."));
    }
    drop(connection);
    let note = Note::by(&caller, "handed_in.discard", id);
    decide(&app, &caller, id, "discarded", note).await?;
    let mut connection = app.read().await?;
    find(&mut connection, &caller, id).await?.map(Json).ok_or_else(Problem::not_found)
}

/// One row, if it is of somebody the caller may see.
async fn find(
    connection: &mut AnyConnection,
    caller: &Caller,
    id: FactId,
) -> Result<Option<HandedIn>, sqlx::Error> {
    let (people, branch) = users::seen(caller.branch, 3);
    let sql = format!(
        "SELECT {COLUMNS} FROM handed_in WHERE tenant = $1 AND id = $2 AND user_id IN {people}"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    let query = query.bind(caller.tenant.raw()).bind(id.raw()).bind(branch);
    match query.fetch_optional(&mut *connection).await? {
        Some(row) => read(connection, caller, &row).await.map(Some),
        None => Ok(None),
    }
}

/// What was handed in, as it came.
async fn frame(
    connection: &mut AnyConnection,
    caller: &Caller,
    id: FactId,
) -> Result<Vec<u8>, sqlx::Error> {
    let query = sqlx::query("SELECT frame FROM handed_in WHERE tenant = $1 AND id = $2");
    let query = query.bind(caller.tenant.raw()).bind(id.raw());
    query.fetch_one(connection).await?.try_get("frame")
}

async fn decide(
    app: &App,
    caller: &Caller,
    id: FactId,
    state: &'static str,
    note: Note,
) -> Result<(), Problem> {
    let (now, tenant, by) = (app.now(), caller.tenant, caller.user);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE handed_in SET state = $3, decided_at = $4, decided_by = $5 \
                     WHERE tenant = $1 AND id = $2",
                )
                .bind(tenant.raw())
                .bind(id.raw())
                .bind(state)
                .bind(now)
                .bind(by.raw())
                .execute(&mut *tx)
                .await?;
                Ok(note.write(tx, now).await?)
            })
        })
        .await
}

async fn read(
    connection: &mut AnyConnection,
    caller: &Caller,
    row: &AnyRow,
) -> Result<HandedIn, sqlx::Error> {
    let (id, revoked_at) = (sql::id(row, "id")?, row.try_get("revoked_at")?);
    let documents: Option<String> = row.try_get("documents")?;
    let late: Option<i64> = row.try_get("late")?;
    let glance = match (documents, late) {
        (Some(documents), Some(late)) => {
            let documents = documents.split_whitespace().map(str::to_owned).collect();
            Glance { documents, late }
        }
        // From before they were kept beside the frame.
        _ => {
            let frame = frame(connection, caller, id).await?;
            let request = decode_request(&frame).map_err(|_| sql::broken("frame"))?;
            Glance::of(&request, revoked_at)
        }
    };
    Ok(HandedIn {
        id,
        device: sql::id(row, "device")?,
        user: sql::id(row, "user_id")?,
        received_at: row.try_get("received_at")?,
        changes: row.try_get("changes")?,
        state: row.try_get("state")?,
        decided_at: row.try_get("decided_at")?,
        decided_by: sql::maybe_id(row, "decided_by")?,
        documents: glance.documents,
        revoked_at,
        late: glance.late,
    })
}
