//! The review queue: work that revoked phones handed in, to be accepted or laid aside.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::admission::Verdict;
use sync_core::id::{DeviceId, FactId, TenantId, UserId};
use sync_core::sync::decode_request;
use utoipa::ToSchema;

use crate::accounts::audit::Note;
use crate::accounts::devices;
use crate::accounts::sql::{self, Raw as _};
use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, Id, Json, Problem, ProblemBody, Query};
use crate::phone_sync::{Phone, admit, hand_in};

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
    /// Ids of the documents it is about.
    pub documents: Vec<String>,
    #[serde(skip)]
    #[schema(ignore)]
    frame: Vec<u8>,
}

/// What accepting brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// `accepted`; or `waiting` while some of it cannot be judged, because what it follows is not
    /// here yet or this server is too old for it: accept it again later.
    pub state: String,
    /// Changes by verdict: `durable`, or the code of a refusal.
    pub verdicts: BTreeMap<String, u64>,
}

/// Work that revoked phones handed in, newest first.
#[utoipa::path(get, path = "/v1/handed-in", tag = "devices", params(PageQuery), responses((status = 200, body = Page<HandedIn>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<HandedIn>>, Problem> {
    let before = page.after()?.map_or_else(|| vec![0xff; 16], |cursor| cursor.id);
    let rows = page.rows();
    let mut connection = app.read().await?;
    let found = sqlx::query(
        "SELECT id, device, user_id, received_at, changes, state, decided_at, decided_by, frame \
         FROM handed_in WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(caller.tenant.raw())
    .bind(before)
    .bind(rows + 1)
    .fetch_all(&mut *connection)
    .await?;
    let items = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let place = |item: &HandedIn| Cursor { key: item.received_at, id: item.id.raw() };
    Ok(Json(Page::cut(items, rows, place)))
}

/// Takes in what was handed in, in the technician's name. A repeat changes nothing.
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
    let found = find(&mut connection, caller.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let device = devices::get(&mut connection, caller.tenant, found.device).await?;
    drop(connection);
    if found.state == "discarded" {
        return Err(Problem::new(Code::WrongState).detail("It was laid aside."));
    }
    let phone = device.as_ref().and_then(Phone::recorded).ok_or_else(Problem::not_found)?;
    let request = decode_request(&found.frame).map_err(Problem::internal)?;
    let runs = hand_in::submitted(&phone, request)?;
    let mut verdicts = BTreeMap::new();
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
        decide(&app, caller.tenant, caller.user, id, state, note).await?;
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
    let found = find(&mut connection, caller.tenant, id).await?.ok_or_else(Problem::not_found)?;
    if found.state == "accepted" {
        return Err(Problem::new(Code::WrongState).detail("It was accepted."));
    }
    drop(connection);
    let note = Note::by(&caller, "handed_in.discard", id);
    decide(&app, caller.tenant, caller.user, id, "discarded", note).await?;
    let mut connection = app.read().await?;
    find(&mut connection, caller.tenant, id).await?.map(Json).ok_or_else(Problem::not_found)
}

async fn find(
    connection: &mut AnyConnection,
    tenant: TenantId,
    id: FactId,
) -> Result<Option<HandedIn>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT id, device, user_id, received_at, changes, state, decided_at, decided_by, frame \
         FROM handed_in WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.raw())
    .bind(id.raw())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

async fn decide(
    app: &App,
    tenant: TenantId,
    by: UserId,
    id: FactId,
    state: &'static str,
    note: Note,
) -> Result<(), Problem> {
    let now = app.now();
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

fn read(row: &AnyRow) -> Result<HandedIn, sqlx::Error> {
    let frame: Vec<u8> = row.try_get("frame")?;
    let request = decode_request(&frame).map_err(|_| sql::broken("frame"))?;
    let ids = request.runs.iter().map(|sent| sent.run().doc);
    let mut documents: Vec<String> =
        ids.map(|doc| uuid::Uuid::from_bytes(*doc.as_bytes()).to_string()).collect();
    documents.sort();
    documents.dedup();
    Ok(HandedIn {
        id: sql::id(row, "id")?,
        device: sql::id(row, "device")?,
        user: sql::id(row, "user_id")?,
        received_at: row.try_get("received_at")?,
        changes: row.try_get("changes")?,
        state: row.try_get("state")?,
        decided_at: row.try_get("decided_at")?,
        decided_by: sql::maybe_id(row, "decided_by")?,
        documents,
        frame,
    })
}
