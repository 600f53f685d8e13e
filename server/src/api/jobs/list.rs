//! Lists of jobs: the board, the inbox, the search.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::rows::columns::Raw as _;
use store::{JobFilter, JobOrder, JobPlace, JobRow};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::{ExceptionKind, JobSummary, State as JobState};
use sync_core::place::Place;
use utoipa::ToSchema;

use super::changes;
use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::{Page, PageQuery};
use crate::http::query;
use crate::http::{Code, Cursor, ETag, Json, List, Problem, Query, Tags};

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobListed {
    /// The job.
    pub id: JobId,
    /// Human number within the tenant.
    pub number: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// Whether a technician opened it at the roadside.
    pub walk_up: bool,
    /// The branch that answers for it.
    pub branch: Option<BranchId>,
    /// How urgent it is.
    pub priority: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Licence plate.
    pub plate: Option<String>,
    /// Name of the caller.
    pub caller: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Where, as the pin on the map.
    pub place: Option<Place>,
    /// Whose job it is.
    pub technician: Option<UserId>,
    /// The outsourced company whose job it is.
    pub provider: Option<String>,
    /// Number of that assignment.
    pub assignment_number: Option<i64>,
    /// Estimated arrival, Unix milliseconds.
    pub eta: Option<i64>,
    /// Latest promised arrival, Unix milliseconds.
    pub eta_by: Option<i64>,
    /// When it was made, Unix milliseconds.
    pub created_at: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_at: i64,
    /// What waits for a decision.
    pub exceptions: Vec<ExceptionKind>,
    /// Its version: rises with every change, and counts again from an earlier one after a restore.
    pub version: i64,
    /// Its ETag.
    #[schema(value_type = String)]
    pub etag: ETag,
}

impl JobListed {
    /// A row as a list shows it.
    pub fn of(row: JobRow, tags: Tags) -> Self {
        let job = short(row.summary);
        Self {
            id: job.id,
            number: job.number,
            state: job.state,
            walk_up: job.walk_up,
            branch: job.branch,
            priority: job.priority,
            problem: job.problem,
            plate: job.plate,
            caller: job.caller,
            address: job.address,
            place: job.place,
            technician: job.technician,
            provider: job.provider,
            assignment_number: job.epoch,
            eta: job.eta,
            eta_by: job.eta_by,
            created_at: job.created,
            updated_at: row.updated,
            exceptions: job.exceptions,
            version: row.pos,
            etag: tags.of_row(row.pos),
        }
    }
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobPage {
    /// The page.
    #[serde(flatten)]
    pub page: Page<JobListed>,
    /// In a first page, the `cursor` for `/v1/jobs/changes` with which no change is missed: it gives whatever
    /// changed since this page was read. Read the other pages and lists of the copy before following it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// Letters of a text in a list; the job itself has the whole of it.
const LETTERS: usize = 300;
/// Most characters that are searched for.
const SEARCHED: usize = 200;
/// Exceptions of a job in a list.
const EXCEPTIONS: usize = 32;

/// A page of summaries stays small, whatever people wrote into the fields.
fn short(mut summary: JobSummary) -> JobSummary {
    let JobSummary { number, priority, problem, plate, caller, address, provider, .. } =
        &mut summary;
    let texts = [number, priority, problem, plate, caller, address, provider];
    for text in texts.into_iter().flatten() {
        if let Some((end, _)) = text.char_indices().nth(LETTERS) {
            text.truncate(end);
            text.push('…');
        }
    }
    summary.exceptions.truncate(EXCEPTIONS);
    summary
}

/// Which jobs are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobsQuery {
    /// Only in these states, separated by commas.
    #[param(value_type = Option<Vec<JobState>>, style = Form, explode = false)]
    pub state: Option<String>,
    /// Only of this branch.
    pub branch: Option<BranchId>,
    /// Only of this technician.
    pub technician: Option<UserId>,
    /// Every word of this stands in number, caller, phone, plate, VIN, vehicle, make, model or address,
    /// or all of it does without its gaps. Case, accents, width and the way a phone number is written
    /// do not matter. At most 200 characters.
    #[param(max_length = 200)]
    pub text: Option<String>,
    /// Changed at or after this time, Unix milliseconds. An offer that runs out changes nothing
    /// by itself: compare its `expires_at`.
    #[param(minimum = 0, maximum = 253402300799999i64)]
    pub updated_since: Option<i64>,
    /// With a decision waiting, or without.
    pub waiting: Option<bool>,
    /// `next` of the page before. A cursor of a list with `updated_since` is none of a list without it, and the
    /// other way round.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

/// Jobs, those the server took in last first, or with `updated_since` the last changed first.
///
/// Staff of one branch see its jobs, and those without one.
///
/// A page looks at ten thousand jobs at most. A search for what is rare may give a page with few
/// jobs or none and a `next`: it goes on from there.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    params(JobsQuery),
    responses((status = 200, body = JobPage)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(which): Query<JobsQuery>,
) -> Result<Json<JobPage>, Problem> {
    let is_first = which.cursor.is_none();
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let after = |list| page.after(list)?.map(place).transpose();
    let order = match query::time("updated_since", which.updated_since)? {
        None => JobOrder::FirstSeen(after(List::Jobs)?),
        Some(since) => JobOrder::ChangedSince(since, after(List::ChangedJobs)?),
    };
    let filter = JobFilter {
        seen_from: caller.branch(),
        branch: which.branch,
        states: states(which.state.as_deref())?,
        technician: which.technician,
        text: which.text.map(searched).transpose()?,
        waiting: which.waiting,
        order,
    };
    let rows = page.rows()?;
    let limit = u32::try_from(rows).unwrap_or(1);
    let found = app.store.jobs(caller.tenant(), &filter, app.now(), limit).await?;
    let items = found.rows.into_iter().map(|row| JobListed::of(row, app.tags())).collect();
    let next = found.next.and_then(cursor);
    let changes = is_first.then(|| changes::position(&app, found.after));
    Ok(Json(JobPage { page: Page { items, next }, changes }))
}

/// The cursor of a page; only a list in the same order takes it.
fn cursor(next: JobOrder) -> Option<String> {
    let list = match next {
        JobOrder::FirstSeen(_) => List::Jobs,
        JobOrder::ChangedSince(..) => List::ChangedJobs,
    };
    let JobPlace { key, job } = next.place()?;
    Some(Cursor { key, id: job.raw() }.encode(list))
}

fn place(cursor: Cursor) -> Result<JobPlace, Problem> {
    let job = JobId::from_raw(&cursor.id).ok_or_else(Cursor::bad)?;
    // No job is at position 0: such cursors are of the order by id, of an older version.
    if cursor.key <= 0 {
        return Err(Cursor::bad());
    }
    Ok(JobPlace { key: cursor.key, job })
}

fn states(words: Option<&str>) -> Result<Vec<JobState>, Problem> {
    let words = words.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            JobState::parse(word).ok_or_else(|| {
                let detail = format!("There is no state {word:?}.");
                Problem::new(Code::BadQuery).field("state").detail(detail)
            })
        })
        .collect()
}

/// A text to search for, of a sensible length.
fn searched(text: String) -> Result<String, Problem> {
    if text.chars().count() > SEARCHED {
        let detail = format!("Search for at most {SEARCHED} characters.");
        return Err(Problem::new(Code::BadQuery).field("text").detail(detail));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use sync_core::document::Document;
    use sync_core::job::Job;

    use super::*;

    #[test]
    fn a_row_of_a_list_is_short_whatever_its_texts_are() {
        let job = Job::of(&Document::new(JobId::new(1, [1; 10]).into()));
        let mut summary = job.summary(0);
        summary.caller = Some("林".repeat(10_000));
        summary.address = Some("Highway 5".to_owned());
        summary.exceptions = vec![ExceptionKind::FieldConflict; 5_000];
        let row = short(summary);
        let caller = row.caller.unwrap_or_default();
        assert!(caller.chars().count() == LETTERS + 1 && caller.ends_with('…'));
        assert_eq!((row.address.as_deref(), row.exceptions.len()), (Some("Highway 5"), EXCEPTIONS));
    }
}
