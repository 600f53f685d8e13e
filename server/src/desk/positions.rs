//! Where technicians are: batches from phones, the latest and the trail for the desk.
//!
//! Positions are no documents: five thousand points would cost twenty-five times their size as
//! changes. They go into a table, and a point that comes twice is one point.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{DeviceId, JobId, TenantId, UserId};
use utoipa::ToSchema;

use super::check;
use crate::accounts::sql::{self, Raw as _};
use crate::accounts::users;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::Page;
use crate::http::{Code, Json, Problem, ProblemBody, Query};

/// Most points in one batch.
const BATCH: usize = 1000;
/// Points in one INSERT.
const ROWS: usize = 50;
/// Most points in one trail.
const TRAIL: i64 = 5000;

/// One point.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When, by the phone's clock, Unix milliseconds.
    pub at: i64,
    /// 1e-7 degrees north.
    pub lat: i64,
    /// 1e-7 degrees east.
    pub lon: i64,
    /// Radius of 68 % confidence, decimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<i64>,
    /// Centimetres a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<i64>,
    /// Degrees from north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<i64>,
    /// On the way for which job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub job: Option<JobId>,
}

/// Points of one phone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// At most 1,000.
    pub points: Vec<Point>,
}

/// A point of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Seen {
    /// Who.
    #[schema(value_type = String, format = Uuid)]
    pub user: UserId,
    /// When the server heard of it, Unix milliseconds.
    pub received_at: i64,
    /// Where and when.
    #[serde(flatten)]
    pub point: Point,
}

/// Takes a batch of points from a phone.
#[utoipa::path(
    post, path = "/v1/positions", tag = "positions", request_body = Batch,
    responses((status = 204), (status = 403, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(batch): Json<Batch>,
) -> Result<StatusCode, Problem> {
    let device = caller
        .device
        .ok_or_else(|| Problem::new(Code::Forbidden).detail("Only phones say where they are."))?;
    if batch.points.len() > BATCH {
        return Err(Problem::invalid("points", format!("At most {BATCH} points.")));
    }
    for (index, point) in batch.points.iter().enumerate() {
        check_point(index, point)?;
    }
    let now = app.now();
    app.store
        .write::<(), Problem, _>(move |tx| {
            Box::pin(async move {
                for points in batch.points.chunks(ROWS) {
                    insert(tx, caller.tenant, caller.user, device, points, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose trail is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only this technician's, all points; otherwise the latest point of each.
    #[param(value_type = Option<String>, format = Uuid)]
    pub user: Option<UserId>,
    /// Not before, Unix milliseconds.
    pub since: Option<i64>,
}

/// The latest point of each technician, or the trail of one (at most 5,000 points, oldest first).
///
/// The latest is the one the server heard of last: a phone's clock may be years ahead. Staff of one
/// branch see its technicians, and those without one.
#[utoipa::path(get, path = "/v1/positions", tag = "positions", params(Which), responses((status = 200, body = Page<Seen>)))]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(which): Query<Which>,
) -> Result<Json<Page<Seen>>, Problem> {
    let mut connection = app.read().await?;
    let (people, branch) = users::seen(caller.branch, 3);
    let sql = match which.user {
        Some(_) => format!(
            "SELECT user_id, at, received_at, lat, lon, accuracy, speed, heading, job \
             FROM positions WHERE tenant = $1 AND at >= $2 AND user_id IN {people} \
             AND user_id = $5 ORDER BY at LIMIT $4"
        ),
        // One look into the index for each technician, however many points there are.
        None => format!(
            "SELECT p.user_id AS user_id, p.at AS at, received_at, lat, lon, accuracy, speed, \
             heading, job FROM users JOIN positions p ON p.tenant = users.tenant \
             AND p.user_id = users.id AND p.at = (SELECT latest.at FROM positions latest \
             WHERE latest.tenant = users.tenant AND latest.user_id = users.id AND latest.at >= $2 \
             ORDER BY latest.received_at DESC, latest.at DESC LIMIT 1) \
             WHERE users.tenant = $1 AND users.id IN {people} ORDER BY users.id LIMIT $4"
        ),
    };
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(caller.tenant.raw())
        .bind(which.since.unwrap_or(0))
        .bind(branch)
        .bind(TRAIL);
    if let Some(user) = which.user {
        query = query.bind(user.raw());
    }
    let rows = query.fetch_all(&mut *connection).await?;
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next: None }))
}

fn check_point(index: usize, point: &Point) -> Result<(), Problem> {
    let field = |name: &str| format!("points[{index}].{name}");
    let on_earth =
        point.lat.unsigned_abs() <= 900_000_000 && point.lon.unsigned_abs() <= 1_800_000_000;
    if !on_earth {
        return Err(Problem::new(Code::BadPlace).field(field("lat")));
    }
    if !sync_core::limits::TIME_RANGE.contains(&point.at) {
        return Err(Problem::invalid(
            field("at"),
            "Unix milliseconds of this or the next century.",
        ));
    }
    check::range(&field("accuracy"), point.accuracy.unwrap_or(0), 0..=100_000_000)?;
    check::range(&field("speed"), point.speed.unwrap_or(0), 0..=100_000)?;
    check::range(&field("heading"), point.heading.unwrap_or(0), 0..=360)?;
    Ok(())
}

async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
    points: &[Point],
    now: i64,
) -> Result<(), sqlx::Error> {
    let mut sql = String::from(
        "INSERT INTO positions (tenant, user_id, device, received_at, at, lat, lon, accuracy, \
         speed, heading, job) VALUES ",
    );
    for row in 0..points.len() {
        let first = 5 + row * 7;
        let own: Vec<String> = (first..first + 7).map(|n| format!("${n}")).collect();
        let comma = if row == 0 { "" } else { ", " };
        sql.push_str(&format!("{comma}($1, $2, $3, $4, {})", own.join(", ")));
    }
    sql.push_str(" ON CONFLICT (tenant, user_id, at) DO NOTHING");
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(user.raw())
        .bind(device.raw())
        .bind(now);
    for point in points {
        query = query
            .bind(point.at)
            .bind(point.lat)
            .bind(point.lon)
            .bind(point.accuracy)
            .bind(point.speed)
            .bind(point.heading)
            .bind(point.job.map(|job| job.raw()));
    }
    query.execute(tx).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Seen, sqlx::Error> {
    Ok(Seen {
        user: sql::id(row, "user_id")?,
        received_at: row.try_get("received_at")?,
        point: Point {
            at: row.try_get("at")?,
            lat: row.try_get("lat")?,
            lon: row.try_get("lon")?,
            accuracy: row.try_get("accuracy")?,
            speed: row.try_get("speed")?,
            heading: row.try_get("heading")?,
            job: sql::maybe_id(row, "job")?,
        },
    })
}
