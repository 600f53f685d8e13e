//! A proposal for the whole queue: who should take which open job now. It changes nothing; each row is accepted by
//! assigning the job.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use axum::extract::State;
use dispatch::assign::{self, Hold, OpenJob, What};
use dispatch::travel::{Air, Pace};
use serde::{Deserialize, Serialize};
use store::{JobFilter, JobRow};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::{Intake, Job, State as JobState};
use sync_core::technician::{Duty, Ineligible};
use utoipa::ToSchema;

use super::bounded::fold;
use super::roster::view::Candidate;
use super::roster::{Names, Person, Roster};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{ETag, Json, Problem, Query, Tags};

/// Open jobs that are read.
const OPEN: u32 = 1_000;
/// Jobs of a proposal, the most pressing first.
const JOBS: usize = 200;
/// Technicians of a proposal, those at work first.
const TECHNICIANS: usize = 200;
/// What it costs to take a job from its technician, seconds.
const MOVE: u32 = 15 * 60;
/// Requirements that are named for a job that nobody can do.
const NAMED: usize = 10;
/// The weight of a job that a technician has: it stays unless another can take it.
const HELD: u32 = 1_000;

/// For whom it is proposed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProposalQuery {
    /// Only jobs of this branch, and technicians of it or of none.
    pub branch: Option<BranchId>,
}

/// Who should take which open job now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposal {
    /// When this was worked out, Unix milliseconds.
    pub at: i64,
    /// A row for each job that was looked at, the most pressing first; at most 200.
    pub rows: Vec<ProposalRow>,
    /// Whether there are more open jobs, which were not looked at.
    pub more_jobs: bool,
    /// How many technicians were looked at; at most 200.
    pub technicians: usize,
    /// Whether there are more technicians, which were not looked at.
    pub more_technicians: bool,
}

/// What is proposed for one job.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalRow {
    /// The job.
    pub job: JobId,
    /// Human number within the tenant.
    pub number: Option<String>,
    /// Its ETag, with which the row is accepted.
    #[schema(value_type = String)]
    pub etag: ETag,
    /// What would be done.
    pub what: ProposedChange,
    /// Whose job it is now.
    pub before: Option<UserId>,
    /// Who should have it.
    pub after: Option<Candidate>,
    /// By how much the best proposal without this row is worse, seconds; absent where nothing else is possible.
    pub gap_seconds: Option<i64>,
    /// How many of the technicians meet its requirements.
    pub eligible: usize,
    /// Where nobody does: the requirements, with how many technicians do not meet each, most first; at most 10.
    pub unmet: Vec<UnmetCount>,
}

/// What a proposal does with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposedChange {
    /// Nobody has it, and a technician should.
    New,
    /// Another technician should have it.
    Moves,
    /// It stays with its technician.
    Keeps,
    /// It is offered to a technician, who has not answered yet.
    Offered,
    /// Nobody is left for it.
    StaysOpen,
}

/// A requirement, and how many do not meet it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmetCount {
    /// Stable word, as `what` of an unmet requirement.
    pub what: &'static str,
    /// The skill or the equipment.
    pub which: Option<String>,
    /// How many technicians do not meet it.
    pub technicians: usize,
}

/// Proposes who takes which open job now: one more job for each technician, at the least total delay.
///
/// Nothing is changed. Jobs that nobody has are given out; a job that is assigned and not yet accepted moves
/// where that is better by more than a quarter of an hour. What is accepted, offered or under way stays.
/// A row is accepted with `POST /v1/jobs/{id}/assign`, with its `etag` in `If-Match`.
#[utoipa::path(
    get, path = "/v1/proposal", tag = "jobs", operation_id = "get_proposal",
    params(ProposalQuery),
    responses((status = 200, body = Proposal)),
)]
pub async fn propose(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<ProposalQuery>,
) -> Result<Json<Proposal>, Problem> {
    let (queue, more_jobs) = queue(&app, &caller, which.branch).await?;
    let asks_equipment = queue.iter().any(|open| !open.intake.equipment.is_empty());
    let rows: HashSet<JobId> = queue.iter().map(|open| open.row.summary.id).collect();
    let tags = app.tags();
    let given_out = |job| rows.contains(&job);
    let roster = Roster::read(&app, &caller, which.branch, asks_equipment, given_out).await?;
    let answer = tokio::task::spawn_blocking(move || answer(roster, queue, more_jobs, tags));
    answer.await.map_err(Problem::internal)?.map(Json)
}

/// A job of the queue.
struct Queued {
    row: JobRow,
    intake: Intake,
}

/// The most pressing jobs that may be given to someone, and whether there are more.
async fn queue(
    app: &App,
    caller: &Caller,
    branch: Option<BranchId>,
) -> Result<(Vec<Queued>, bool), Problem> {
    let filter = JobFilter {
        seen_from: caller.branch(),
        branch,
        states: vec![JobState::Received, JobState::Offered, JobState::Assigned],
        ..JobFilter::default()
    };
    let page = app.store.jobs(caller.tenant(), &filter, app.now(), OPEN).await?;
    let mut rows: Vec<JobRow> =
        page.rows.into_iter().filter(|row| row.summary.provider.is_none()).collect();
    rows.sort_by_key(|row| {
        let job = &row.summary;
        let due = job.eta_by.or(job.eta).unwrap_or(job.created);
        (Reverse(weight(job.priority.as_deref())), due, job.id)
    });
    let more = page.next.is_some() || rows.len() > JOBS;
    rows.truncate(JOBS);
    // Of several jobs that one technician has, none moves: they are in an order already.
    let mut held: HashMap<UserId, usize> = HashMap::new();
    let given = |row: &JobRow| row.summary.technician.filter(|_| is_given(row));
    for technician in rows.iter().filter_map(given) {
        *held.entry(technician).or_default() += 1;
    }
    rows.retain(|row| given(row).is_none_or(|technician| held[&technician] == 1));
    let mut queue = Vec::with_capacity(rows.len());
    for row in rows {
        let standing = app.store.document(caller.tenant(), row.summary.id.into()).await?;
        let Some(standing) = standing else { continue };
        let document = Box::new(standing.document);
        let intake = fold(document, |document| Job::of(document).intake).await?;
        queue.push(Queued { row, intake });
    }
    Ok((queue, more))
}

fn is_given(row: &JobRow) -> bool {
    row.summary.state == JobState::Assigned
}

/// How much it counts that nobody takes a job.
fn weight(priority: Option<&str>) -> u32 {
    match priority {
        Some("urgent") => 100,
        Some("high") => 10,
        Some("low") => 1,
        _ => 2,
    }
}

fn answer(
    roster: Roster,
    queue: Vec<Queued>,
    more_jobs: bool,
    tags: Tags,
) -> Result<Proposal, Problem> {
    let (now, mut more_technicians) = (roster.now, roster.more);
    let names = Names::of(queue.iter().map(|open| &open.intake));
    let mut persons = roster.persons(&names);
    if persons.len() > TECHNICIANS {
        more_technicians = true;
        persons.sort_by_key(|one| (!is_at_work(one), one.seen.is_none(), one.user.id));
        persons.truncate(TECHNICIANS);
    }
    let index_of: HashMap<UserId, usize> =
        persons.iter().enumerate().map(|(index, one)| (one.user.id, index)).collect();
    let (mut jobs, mut shown, mut unmet) = (Vec::new(), Vec::new(), Vec::new());
    for open in queue {
        let holder = open.row.summary.technician;
        // Whom the caller does not see keeps what they have.
        let Some(hold) = hold(&open.row, holder.map(|it| index_of.get(&it).copied()), now) else {
            continue;
        };
        let (mut eligible, mut missing) = (Vec::new(), BTreeMap::new());
        for (index, person) in persons.iter().enumerate() {
            let against = person.ineligible(&open.intake, now);
            if against.is_empty() {
                eligible.push(index);
            }
            for one in against {
                *missing.entry(one).or_insert(0) += 1;
            }
        }
        let urgency = weight(open.row.summary.priority.as_deref());
        jobs.push(OpenJob {
            job: names.job(&open.intake, open.row.summary.eta_by),
            weight: if matches!(hold, Hold::Nobody) { urgency } else { HELD },
            eligible,
            hold,
        });
        unmet.push(missing);
        shown.push((open.row, open.intake));
    }
    let technicians: Vec<_> = persons.iter().map(|one| one.ranked.clone()).collect();
    let air = Air { pace: Pace::default() };
    let found = assign::propose(&jobs, &technicians, now, MOVE, &air, None);
    let found = found.map_err(Problem::internal)?;
    let rows = found.rows.iter().zip(&jobs).zip(shown.into_iter().zip(unmet));
    let rows = rows.map(|((proposed, open), ((row, intake), unmet))| {
        let what = match proposed.what {
            What::New => ProposedChange::New,
            What::Moves => ProposedChange::Moves,
            What::Fixed => ProposedChange::Offered,
            What::Keeps | What::Drops => ProposedChange::Keeps,
            What::StaysOpen { .. } => ProposedChange::StaysOpen,
        };
        let after = proposed.after.as_ref();
        ProposalRow {
            job: row.summary.id,
            number: row.summary.number,
            etag: tags.of_row(row.pos),
            what,
            before: proposed.before.map(|index| persons[index].user.id),
            after: after.map(|it| persons[it.technician].candidate(it, &names, &intake, now)),
            gap_seconds: proposed.gap,
            eligible: open.eligible.len(),
            unmet: if open.eligible.is_empty() { counted(unmet) } else { Vec::new() },
        }
    });
    let (rows, technicians) = (rows.collect(), persons.len());
    Ok(Proposal { at: now, rows, more_jobs, technicians, more_technicians })
}

fn is_at_work(person: &Person) -> bool {
    matches!(person.duty, Duty::OnShift | Duty::Unknown)
}

/// Who has a job now; none where that is someone whom the caller does not see.
fn hold(row: &JobRow, holder: Option<Option<usize>>, now: i64) -> Option<Hold> {
    Some(match holder {
        None => Hold::Nobody,
        Some(to) if is_given(row) => Hold::Given(to?),
        // The row says offered, so the offer stands now.
        Some(to) => Hold::Offered { to: to?, until: now + 1 },
    })
}

fn counted(unmet: BTreeMap<Ineligible, usize>) -> Vec<UnmetCount> {
    let mut counted: Vec<_> = unmet.into_iter().collect();
    counted.sort_by_key(|(_, technicians)| Reverse(*technicians));
    counted.truncate(NAMED);
    let counted = counted.into_iter().map(|(one, technicians)| {
        let which = match &one {
            Ineligible::Inactive | Ineligible::Absent | Ineligible::OffShift => None,
            Ineligible::SkillMissing(which)
            | Ineligible::SkillOutOfDate(which)
            | Ineligible::EquipmentMissing(which) => Some(which.clone()),
        };
        UnmetCount { what: one.code(), which, technicians }
    });
    counted.collect()
}
