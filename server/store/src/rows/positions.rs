//! Where technicians were: a table of points, where a point that comes twice is one point.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, DeviceId, JobId, TenantId, UserId};
use sync_core::place::Place;

use super::columns::{self, Raw as _};
use super::list::seen;
use crate::sql::Statement;

/// Points in one INSERT.
const ROWS: usize = 50;
/// Most technicians whose latest point is listed.
const LATEST: i64 = 5000;
/// Channel of PostgreSQL on which nodes hear whose points came.
pub const CHANNEL: &str = "towline_positions";

/// One point.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schema(example = json!({"at": 1795000000000i64, "place": {"lat": 25.033, "lon": 121.5654}, "accuracy": 80})))]
pub struct Point {
    /// When, by the phone's clock, Unix milliseconds.
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 7258118399999i64))]
    pub at: i64,
    /// Where.
    pub place: Place,
    /// Radius of 68 % confidence, decimetres.
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 100000000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<i64>,
    /// Centimetres a second; below zero where the phone does not know it.
    #[cfg_attr(feature = "schema", schema(minimum = -1, maximum = 100000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<i64>,
    /// Degrees from north; below zero where the phone does not know it.
    #[cfg_attr(feature = "schema", schema(minimum = -1, maximum = 360))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<i64>,
    /// On the way for which job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// A point with when it was, by the server's clock as well as that is known.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The point as its phone says it.
    pub point: Point,
    /// When it was, Unix milliseconds.
    pub fixed_at: i64,
}

/// A point of someone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = Position))]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// When the server heard of it, Unix milliseconds.
    pub received_at: i64,
    /// When they were there, by the server's clock as well as that is known and never after
    /// `received_at`, Unix milliseconds.
    pub fixed_at: i64,
    /// Where and when.
    #[serde(flatten)]
    pub point: Point,
}

/// What a tenant takes up with its points, bytes: four rows by their key.
///
/// # Errors
/// When the database refuses.
pub async fn stored_bytes(tx: &mut AnyConnection, tenant: TenantId) -> Result<i64, sqlx::Error> {
    let query = sqlx::query(
        "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM usage WHERE tenant = $1 \
         AND kind IN ('log', 'quarantine', 'submissions', 'positions') AND subject = $2",
    );
    query.bind(tenant.raw()).bind(Vec::<u8>::new()).fetch_one(tx).await?.try_get(0)
}

/// Keeps points of a phone; one that is there already is left as it is.
///
/// # Errors
/// When the database refuses.
pub async fn insert(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
    points: &[Fixed],
    now: i64,
) -> Result<(), sqlx::Error> {
    for points in points.chunks(ROWS) {
        insert_rows(tx, tenant, user, device, points, now).await?;
    }
    if tx.backend_name() == "PostgreSQL" && !points.is_empty() {
        // Heard once this commits. The function gives nothing back that every driver can read.
        sqlx::query("SELECT 1 FROM pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(format!("{tenant} {user}"))
            .execute(tx)
            .await?;
    }
    Ok(())
}

async fn insert_rows(
    tx: &mut AnyConnection,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
    points: &[Fixed],
    now: i64,
) -> Result<(), sqlx::Error> {
    let mut sql = String::from(
        "INSERT INTO positions (tenant, user_id, device, received_at, fixed_at, at, lat, lon, \
         accuracy, speed, heading, job) VALUES ",
    );
    for row in 0..points.len() {
        let first = 5 + row * 8;
        let own: Vec<String> = (first..first + 8).map(|n| format!("${n}")).collect();
        let comma = if row == 0 { "" } else { ", " };
        sql.push_str(&format!("{comma}($1, $2, $3, $4, {})", own.join(", ")));
    }
    sql.push_str(" ON CONFLICT (tenant, user_id, at) DO NOTHING");
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.raw())
        .bind(user.raw())
        .bind(device.raw())
        .bind(now);
    for Fixed { point, fixed_at } in points {
        query = query
            .bind(*fixed_at)
            .bind(point.at)
            .bind(point.place.lat())
            .bind(point.place.lon())
            .bind(point.accuracy)
            .bind(point.speed)
            .bind(point.heading)
            .bind(point.job.map(|job| job.raw()));
    }
    query.execute(tx).await?;
    Ok(())
}

/// The latest point of each technician, as staff of `branch` see them.
///
/// # Errors
/// When the database refuses.
pub async fn latest(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    since: i64,
) -> Result<Vec<Seen>, sqlx::Error> {
    let list = latest_of_each(tenant, branch, since, Technicians::All, LATEST);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// The technicians whose latest point is wanted.
#[derive(Debug, Clone, Copy)]
pub enum Technicians<'a> {
    /// All of them.
    All,
    /// Those with an id after this one.
    After(UserId),
    /// These; so few that one statement can name them.
    These(&'a [UserId]),
}

/// The latest point of some technicians by their id, as staff of `branch` see them; `rows` at most.
///
/// # Errors
/// When the database refuses.
pub async fn latest_of(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    technicians: Technicians<'_>,
    rows: i64,
) -> Result<Vec<Seen>, sqlx::Error> {
    let list = latest_of_each(tenant, branch, 0, technicians, rows);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// Points of one technician after a place of their trail, oldest first, as staff of `branch` see them.
///
/// # Errors
/// When the database refuses.
pub async fn trail(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    user: UserId,
    after: After,
    rows: i64,
) -> Result<Vec<Seen>, sqlx::Error> {
    let list = trail_of(tenant, branch, user, after, rows);
    list.fetch(connection).await?.iter().map(read).collect()
}

/// A place in a trail: points after it follow.
#[derive(Debug, Clone, Copy)]
pub struct After {
    /// When the point before was, by the server's clock.
    pub fixed_at: i64,
    /// The same by the phone's clock, which tells apart points of one moment.
    pub at: i64,
}

impl After {
    /// Before the first point that is not before a moment.
    pub fn since(moment: i64) -> Self {
        Self { fixed_at: moment, at: i64::MIN }
    }
}

/// The points of one technician.
pub(crate) fn trail_of(
    tenant: TenantId,
    branch: Option<BranchId>,
    user: UserId,
    after: After,
    rows: i64,
) -> Statement {
    let mut list = Statement::default();
    let (tenant, user) = (list.bind(tenant.as_bytes()), list.bind(user.as_bytes()));
    let (fixed_at, at) = (list.bind(after.fixed_at), list.bind(after.at));
    let seen = seen("positions", branch, &mut list);
    let most = list.bind(rows);
    list.sql = format!(
        "SELECT user_id, fixed_at, at, received_at, lat, lon, accuracy, speed, heading, job \
         FROM positions WHERE tenant = {tenant} AND user_id = {user} \
         AND (fixed_at, at) > ({fixed_at}, {at}){seen} ORDER BY fixed_at, at LIMIT {most}"
    );
    list
}

/// The latest point of each technician: one look into the index for each, however many points
/// there are.
pub(crate) fn latest_of_each(
    tenant: TenantId,
    branch: Option<BranchId>,
    since: i64,
    technicians: Technicians<'_>,
    rows: i64,
) -> Statement {
    let mut list = Statement::default();
    let (tenant, since) = (list.bind(tenant.as_bytes()), list.bind(since));
    let own = branch.map(|own| list.bind(own.as_bytes()));
    let own = own.map(|own| format!("AND (users.branch IS NULL OR users.branch = {own})"));
    let which = match technicians {
        Technicians::All => String::new(),
        Technicians::After(user) => format!("AND users.id > {}", list.bind(user.as_bytes())),
        Technicians::These(users) => {
            let ids: Vec<_> = users.iter().map(|user| list.bind(user.as_bytes())).collect();
            format!("AND users.id IN ({})", ids.join(", "))
        }
    };
    let most = list.bind(rows);
    list.sql = format!(
        "SELECT p.user_id AS user_id, p.fixed_at AS fixed_at, p.at AS at, received_at, lat, lon, \
         accuracy, speed, heading, job FROM users JOIN positions p ON p.tenant = users.tenant \
         AND p.user_id = users.id AND p.at = (SELECT latest.at FROM positions latest \
         WHERE latest.tenant = users.tenant AND latest.user_id = users.id \
         AND latest.fixed_at >= {since} \
         ORDER BY latest.fixed_at DESC, latest.at DESC LIMIT 1) \
         WHERE users.tenant = {tenant} {} {which} ORDER BY users.id LIMIT {most}",
        own.unwrap_or_default()
    );
    list
}

fn read(row: &AnyRow) -> Result<Seen, sqlx::Error> {
    Ok(Seen {
        user: columns::id(row, "user_id")?,
        received_at: row.try_get("received_at")?,
        fixed_at: row.try_get("fixed_at")?,
        point: Point {
            at: row.try_get("at")?,
            place: Place::new(row.try_get("lat")?, row.try_get("lon")?)
                .map_err(|_| columns::broken("lat"))?,
            accuracy: row.try_get("accuracy")?,
            speed: row.try_get("speed")?,
            heading: row.try_get("heading")?,
            job: columns::maybe_id(row, "job")?,
        },
    })
}
