//! Lists of jobs: the board, the inbox, the search.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::{JobSummary, State as JobState};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Staff;
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, Json, Problem, ProblemBody, Query};
use crate::store::{JobFilter, JobRow};

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobListed {
    /// `id`, `number`, `state`, `walk_up`, `branch`, `priority`, `problem`, `plate`, `caller`,
    /// `address`, `place` (degrees), `technician`, `provider`, `epoch`, `eta`, `eta_by`,
    /// `created`, `exceptions`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub summary: JobSummary,
    /// Its version; `"v` version `"` is its ETag.
    pub version: i64,
    /// When it last changed, Unix milliseconds.
    pub updated: i64,
}

impl From<JobRow> for JobListed {
    fn from(row: JobRow) -> Self {
        Self { summary: row.summary, version: row.pos, updated: row.updated }
    }
}

/// Which jobs are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only in these states, separated by commas.
    pub state: Option<String>,
    /// Only of this branch.
    #[param(value_type = Option<String>, format = Uuid)]
    pub branch: Option<BranchId>,
    /// Only of this technician.
    #[param(value_type = Option<String>, format = Uuid)]
    pub technician: Option<UserId>,
    /// Number, caller, phone, plate, VIN, vehicle or address contain this.
    pub text: Option<String>,
    /// Changed at or after this time, Unix milliseconds.
    pub updated_since: Option<i64>,
    /// With a decision waiting, or without.
    pub waiting: Option<bool>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200.
    pub limit: Option<i64>,
}

/// Jobs, newest first. Staff of one branch see its jobs, and those without one.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(Which),
    responses((status = 200, body = Page<JobListed>), (status = 400, body = ProblemBody))
)]
pub async fn list(
    State(app): State<App>,
    Staff(caller): Staff,
    Query(which): Query<Which>,
) -> Result<Json<Page<JobListed>>, Problem> {
    let page = PageQuery { cursor: which.cursor, limit: which.limit };
    let before = page.after_id::<JobId>()?;
    let filter = JobFilter {
        seen_from: caller.branch,
        branch: which.branch,
        states: states(which.state.as_deref())?,
        technician: which.technician,
        text: which.text,
        updated_since: which.updated_since,
        waiting: which.waiting,
        before,
    };
    let rows = page.rows();
    let limit = u32::try_from(rows + 1).unwrap_or(1);
    let found = app.store.jobs(caller.tenant, &filter, app.now(), limit).await?;
    let items = found.into_iter().map(JobListed::from).collect();
    let place = |job: &JobListed| Cursor { key: 0, id: job.summary.id.as_bytes().to_vec() };
    Ok(Json(Page::cut(items, rows, place)))
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
