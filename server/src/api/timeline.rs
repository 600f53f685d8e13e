//! A day of technicians at a glance: their shifts and absences, and their jobs as planned and as they were.

use axum::extract::State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::rows::branches;
use store::{JobFilter, JobOrder, JobRow};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::{Job, State as JobState, Step};
use utoipa::ToSchema;

use super::bounded::fold;
use super::roster::{self, UNDER_WAY, WAITING};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{Code, ETag, Json, Problem, Query};

/// Rows of lists of jobs that are looked at.
const LOOKED: u32 = 1_000;
/// Jobs of a timeline.
const JOBS: usize = 400;
/// Shifts and absences of one technician in a day, those that begin first.
const SHIFTS: usize = 20;
/// How far from today a day may be.
const DAYS: i64 = 31;
/// States in which a job is over.
const OVER: [JobState; 5] = [
    JobState::Completed,
    JobState::Goa,
    JobState::Unsuccessful,
    JobState::Cancelled,
    JobState::Closed,
];

/// Which day.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// As `2026-11-28`; today if not given. At most 31 days from today.
    #[param(min_length = 10, max_length = 10, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    pub day: Option<String>,
    /// Only jobs of this branch, and technicians of it or of none; the day is in its time zone.
    pub branch: Option<BranchId>,
}

/// A day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeline)]
pub struct Day {
    /// The day, as `2026-11-28`.
    pub day: String,
    /// IANA name of the time zone in which it is that day: the branch's, or UTC where there are several.
    pub time_zone: String,
    /// When it begins, Unix milliseconds.
    pub starts_at: i64,
    /// When it ends, Unix milliseconds, not included.
    pub ends_at: i64,
    /// Active technicians, by name; at most 1,000.
    pub technicians: Vec<DayOfTechnician>,
    /// Whether there are more technicians.
    pub more_technicians: bool,
    /// Jobs that touch the day, and open ones that nobody has; at most 400.
    pub jobs: Vec<DayOfJob>,
    /// Whether there are more jobs.
    pub more_jobs: bool,
}

/// A technician in a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineTechnician)]
pub struct DayOfTechnician {
    /// Who.
    pub technician: UserId,
    /// Their name.
    pub name: String,
    /// The branch they work for; absent for all.
    pub branch: Option<BranchId>,
    /// The outsourced company they work for.
    pub provider: Option<String>,
    /// Shifts and absences that touch the day, by their start; at most 20.
    pub shifts: Vec<DayOfShift>,
}

/// A shift or an absence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineShift)]
pub struct DayOfShift {
    /// Whether they are away.
    pub absence: bool,
    /// From, Unix milliseconds.
    pub starts_at: i64,
    /// Until, Unix milliseconds, not included.
    pub ends_at: i64,
}

/// A job in a day. Times of steps are in server time, as far as the phones told them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineJob)]
pub struct DayOfJob {
    /// The job.
    pub job: JobId,
    /// Human number within the tenant.
    pub number: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// What is wrong.
    pub problem: Option<String>,
    /// Its version: it grows with each change.
    pub version: i64,
    /// Its ETag.
    #[schema(value_type = String)]
    pub etag: ETag,
    /// Whose job it is.
    pub technician: Option<UserId>,
    /// When it was taken in, Unix milliseconds.
    pub created_at: i64,
    /// Latest promised arrival, Unix milliseconds.
    pub promised_at: Option<i64>,
    /// Estimated arrival, Unix milliseconds.
    pub estimated_at: Option<i64>,
    /// When it was given to them, Unix milliseconds.
    pub assigned_at: Option<i64>,
    /// When they set off, Unix milliseconds.
    pub set_off_at: Option<i64>,
    /// When they arrived, Unix milliseconds.
    pub arrived_at: Option<i64>,
    /// When it ended, Unix milliseconds.
    pub ended_at: Option<i64>,
}

/// Technicians with their shifts, and the jobs of a day.
///
/// Staff of one branch see its technicians and jobs, and those without a branch.
#[utoipa::path(
    get, path = "/v1/timeline", tag = "jobs", operation_id = "get_timeline",
    params(TimelineQuery),
    responses((status = 200, body = Day), (status = 422, description = "unknown_reference: there is no such branch.")),
)]
pub async fn timeline(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<TimelineQuery>,
) -> Result<Json<Day>, Problem> {
    let branch = caller.branch().or(which.branch);
    let zone = zone(&app, &caller, branch).await?;
    let span = Span::of(which.day.as_deref(), zone, app.now())?;
    let (people, more_technicians) = roster::people(&app, &caller, branch).await?;
    let mut records = roster::records(&app, &caller, &people).await?;
    let mut technicians: Vec<_> = people
        .into_iter()
        .map(|user| {
            let record = records.remove(&user.id);
            let provider = record.as_ref().and_then(|record| record.provider.clone());
            let shifts = record.map(|record| record.shifts).unwrap_or_default();
            let shifts = shifts.iter().filter(|it| span.touches(it.starts, it.ends)).take(SHIFTS);
            let shifts = shifts.map(|it| DayOfShift {
                absence: it.is_absence(),
                starts_at: it.starts,
                ends_at: it.ends,
            });
            let shifts = shifts.collect();
            let branch = user.branch;
            DayOfTechnician { technician: user.id, name: user.name, branch, provider, shifts }
        })
        .collect();
    technicians.sort_by(|a, b| (&a.name, a.technician).cmp(&(&b.name, b.technician)));
    let (rows, more_jobs) = rows(&app, &caller, which.branch, &span).await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        jobs.push(day_of(&app, &caller, row).await?);
    }
    let (day, time_zone) = (span.day.to_string(), span.zone);
    let (starts_at, ends_at) = (span.starts, span.ends);
    Ok(Json(Day {
        day,
        time_zone,
        starts_at,
        ends_at,
        technicians,
        more_technicians,
        jobs,
        more_jobs,
    }))
}

/// The zone of a branch; of the only one where none is named.
async fn zone(app: &App, caller: &Caller, branch: Option<BranchId>) -> Result<String, Problem> {
    let mut connection = app.read().await?;
    let found = match branch {
        Some(branch) => {
            let found = branches::get(&mut connection, caller.tenant(), branch).await?;
            Some(found.ok_or_else(|| {
                let detail = "There is no such branch. Leave it out for all of them.";
                Problem::new(Code::UnknownReference).field("branch").detail(detail)
            })?)
        }
        None => {
            let mut all = branches::list(&mut connection, caller.tenant()).await?;
            let is_same = all.windows(2).all(|two| two[0].time_zone == two[1].time_zone);
            all.pop().filter(|_| is_same)
        }
    };
    Ok(found.map_or_else(|| "UTC".to_owned(), |branch| branch.time_zone))
}

/// A day in a time zone.
#[derive(Debug)]
struct Span {
    day: Date,
    zone: String,
    starts: i64,
    ends: i64,
}

impl Span {
    fn of(day: Option<&str>, zone: String, now: i64) -> Result<Self, Problem> {
        let bad = |detail: &str| Problem::new(Code::BadQuery).field("day").detail(detail);
        let tz = jiff::tz::db().get(&zone).unwrap_or(TimeZone::UTC);
        let at = jiff::Timestamp::from_millisecond(now).map_err(Problem::internal)?;
        let today = tz.to_datetime(at).date();
        let day = match day {
            None => today,
            Some(text) => text
                .parse::<Date>()
                .ok()
                .filter(|day| day.to_string() == text)
                .ok_or_else(|| bad("Send a day as 2026-11-28."))?,
        };
        let apart = day.duration_since(today).as_hours() / 24;
        if apart.abs() > DAYS {
            return Err(bad("Send a day that is at most 31 days from today."));
        }
        // Midnight may not exist where clocks are set forward: the day then begins with its first moment.
        let begins = |day: Date| -> Result<i64, Problem> {
            let at = tz.to_timestamp(day.at(0, 0, 0, 0)).map_err(Problem::internal)?;
            Ok(at.as_millisecond())
        };
        let next = day.tomorrow().map_err(Problem::internal)?;
        Ok(Self { day, zone, starts: begins(day)?, ends: begins(next)? })
    }

    fn touches(&self, from: i64, until: i64) -> bool {
        from < self.ends && until > self.starts
    }
}

/// The jobs of the day, those that nobody has first, and whether there are more.
async fn rows(
    app: &App,
    caller: &Caller,
    branch: Option<BranchId>,
    span: &Span,
) -> Result<(Vec<JobRow>, bool), Problem> {
    let now = app.now();
    let seen_from = caller.branch();
    let open = [JobState::Received].into_iter().chain(WAITING).chain(UNDER_WAY);
    let open = JobFilter { seen_from, branch, states: open.collect(), ..JobFilter::default() };
    let ended = JobFilter {
        seen_from,
        branch,
        states: OVER.to_vec(),
        order: JobOrder::ChangedSince(span.starts, None),
        ..JobFilter::default()
    };
    let mut rows = Vec::new();
    let mut more = false;
    for filter in [&open, &ended] {
        let page = app.store.jobs(caller.tenant(), filter, now, LOOKED).await?;
        more |= page.next.is_some();
        rows.extend(page.rows.into_iter().filter(|row| {
            let job = &row.summary;
            let is_over = OVER.contains(&job.state);
            let until = if is_over { row.updated } else { now.max(job.eta.unwrap_or(now)) };
            let has_someone = job.technician.is_some() || (!is_over && job.provider.is_none());
            has_someone && span.touches(job.created, until.saturating_add(1))
        }));
    }
    rows.sort_by_key(|row| (row.summary.technician.is_some(), row.summary.created));
    more |= rows.len() > JOBS;
    rows.truncate(JOBS);
    Ok((rows, more))
}

async fn day_of(app: &App, caller: &Caller, row: JobRow) -> Result<DayOfJob, Problem> {
    let job = row.summary;
    let mut day = DayOfJob {
        job: job.id,
        number: job.number,
        state: job.state,
        problem: job.problem,
        version: row.pos,
        etag: app.tags().of_row(row.pos),
        technician: job.technician,
        created_at: job.created,
        promised_at: job.eta_by,
        estimated_at: job.eta,
        assigned_at: None,
        set_off_at: None,
        arrived_at: None,
        ended_at: None,
    };
    let standing = match day.technician {
        Some(_) => app.store.document(caller.tenant(), day.job.into()).await?,
        None => None,
    };
    if let Some(standing) = standing {
        let job = fold(Box::new(standing.document), Job::of).await?;
        // A time that was only concluded from a later step is no time of this one.
        let at = |step: Step| job.times.get(&step).filter(|it| !it.inferred).map(|it| it.time.at);
        day.assigned_at = job.assignment.as_ref().map(|it| it.time);
        day.set_off_at = at(Step::EnRoute);
        day.arrived_at = at(Step::OnScene);
        let ends = [Step::Completed, Step::Goa, Step::Unsuccessful];
        day.ended_at = ends.into_iter().filter_map(at).max();
    }
    if OVER.contains(&day.state) && day.ended_at.is_none() {
        day.ended_at = Some(row.updated);
    }
    Ok(day)
}
