//! Where technicians are: batches from phones, the latest and the trail for the desk.
//!
//! Positions are no documents: five thousand points would cost twenty-five times their size as
//! changes. They go into a table, and a point that comes twice is one point.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::rows::positions::{self, After, Fixed, Point, Seen};
use sync_core::id::UserId;
use sync_core::limits::POSITION_BATCH;
use sync_core::position::{BadReading, Reading};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::{Cursor, List, Page};
use crate::http::{Code, Json, Problem, Query, plain, query};

/// What a point costs of its phone's budget, bytes.
const POINT_BYTES: usize = 224;
/// Points in one page of a trail.
const TRAIL: i64 = 5000;

/// Points of one phone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PositionBatch, example = json!({"points": [{"at": 1795000000000i64, "place": {"lat": 25.033, "lon": 121.5654}, "accuracy": 80}]}))]
pub struct Batch {
    /// At most 1,000.
    #[schema(max_items = 1000, value_type = Vec<Point>)]
    points: Vec<Value>,
    /// The phone's clock when it sends this, Unix milliseconds: by how much it differs from the
    /// server's, the points differ too. Leave it out where their times are the server's already.
    sent_at: Option<i64>,
}

/// The result of the points of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PositionsTaken)]
pub struct Taken {
    /// How many are kept now, those that were there already among them.
    pub accepted: usize,
    /// The others, each with its reason: sent again they are refused again.
    pub refused: Vec<RefusedPoint>,
}

/// A point that is not kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedPoint {
    /// Which one of the batch, from 0.
    pub index: usize,
    /// Stable word.
    pub code: String,
    /// The field of the point concerned, such as `place.lat`; empty for the whole.
    pub field: String,
    /// One plain sentence.
    pub detail: String,
}

/// Takes a batch of points from a phone.
///
/// Each point gets a verdict of its own. A point that is there already is accepted and changes nothing,
/// so a batch may be sent again.
#[utoipa::path(
    post, path = "/v1/positions", tag = "positions", operation_id = "add_positions",
    request_body = Batch,
    responses((status = 200, body = Taken)),
)]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(batch): Json<Batch>,
) -> Result<Json<Taken>, Problem> {
    let device = caller
        .device()
        .ok_or_else(|| Problem::new(Code::Forbidden).detail("Only phones send positions."))?;
    let sent = batch.points.len();
    if sent > POSITION_BATCH {
        return Err(Problem::invalid("points", format!("At most {POSITION_BATCH} points.")));
    }
    let now = app.now();
    app.budgets.ask(device, now, sent * POINT_BYTES)?;
    app.budgets.ask_points(device, now, sent)?;
    let ahead = batch.sent_at.map_or(0, |sent_at| sent_at.saturating_sub(now));
    let (mut points, mut refused) = (Vec::with_capacity(sent), Vec::new());
    for (index, value) in batch.points.into_iter().enumerate() {
        match fixed(value, ahead, now) {
            Ok(point) => points.push(point),
            Err((code, field, detail)) => {
                refused.push(RefusedPoint { index, code: code.to_owned(), field, detail });
            }
        }
    }
    let accepted = points.len();
    let room = app.config.bounds.storage_bytes;
    let (tenant, user) = (caller.tenant(), caller.user());
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                if positions::stored_bytes(tx, tenant).await? >= room {
                    return Err(Problem::new(Code::Quota).retry_after(3600));
                }
                Ok(positions::insert(tx, tenant, user, device, &points, now).await?)
            })
        })
        .await?;
    app.writer().moved(tenant, user);
    Ok(Json(Taken { accepted, refused }))
}

/// A point as it is kept, of a phone whose clock is so many milliseconds ahead; or code, field and
/// reason of its refusal.
fn fixed(value: Value, ahead: i64, now: i64) -> Result<Fixed, (&'static str, String, String)> {
    let point: Point = plain::json(value).map_err(|wrong| {
        let code = if wrong.is_rule { Code::BadPlace } else { Code::Invalid };
        (code.as_str(), wrong.field, wrong.sentence)
    })?;
    let Point { at, place, accuracy, speed, heading, job } = point;
    let bad = |bad: BadReading| (bad.code(), bad.field().to_owned(), bad.to_string());
    if at < 0 {
        return Err(bad(BadReading::Time));
    }
    let reading = Reading { at: at.saturating_sub(ahead), place, accuracy, speed, heading };
    let Reading { speed, heading, at: corrected, .. } = reading.checked().map_err(bad)?;
    let point = Point { at, place, accuracy, speed, heading, job };
    Ok(Fixed { point, fixed_at: corrected.min(now) })
}

/// Whose trail is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PositionsQuery {
    /// Only this technician's, all points; otherwise the latest point of each.
    pub user: Option<UserId>,
    /// Not before, Unix milliseconds.
    #[param(minimum = 0, maximum = 253402300799999i64)]
    pub since: Option<i64>,
    /// `next` of the page before, of a trail.
    pub cursor: Option<String>,
}

/// The latest point of each technician, or the trail of one (5,000 points in a page, oldest first).
///
/// The latest is the one that was last, by the server's clock as well as that is known: a late backlog
/// moves nobody back, and a phone whose clock is ahead is nowhere in the future. Staff of one branch
/// see its technicians, and those without one.
#[utoipa::path(
    get, path = "/v1/positions", tag = "positions", operation_id = "list_positions",
    params(PositionsQuery),
    responses((status = 200, body = Page<Seen>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<PositionsQuery>,
) -> Result<Json<Page<Seen>>, Problem> {
    let since = query::time("since", which.since)?.unwrap_or(0);
    let after = which.cursor.as_deref().map(after).transpose()?;
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let mut connection = app.read().await?;
    let Some(user) = which.user else {
        if after.is_some() {
            return Err(Cursor::bad().detail("Only a trail has pages. Send the user with it."));
        }
        let items = positions::latest(&mut connection, tenant, branch, since).await?;
        return Ok(Json(Page { items, next: None }));
    };
    let after = after.unwrap_or_else(|| After::since(since));
    let items = positions::trail(&mut connection, tenant, branch, user, after, TRAIL + 1).await?;
    let place = |seen: &Seen| Cursor { key: seen.fixed_at, id: seen.point.at.to_be_bytes().into() };
    Ok(Json(Page::cut(List::Positions, items, TRAIL, place)))
}

/// The place in a trail that a cursor names.
fn after(cursor: &str) -> Result<After, Problem> {
    let Cursor { key, id } = Cursor::decode(List::Positions, cursor)?;
    let at = id.try_into().map_err(|_| Cursor::bad())?;
    Ok(After { fixed_at: key, at: i64::from_be_bytes(at) })
}
