//! Jobs over REST: taken in, changed, given to someone, ended, decided about.

pub mod assign;
pub(crate) mod billing;
pub mod candidates;
pub mod changes;
pub mod create;
pub mod decide;
pub mod end;
pub mod extra;
pub mod fields;
pub mod follow_up;
pub mod list;
pub(crate) mod numbers;
pub mod one;
pub mod seals;
mod sets;
pub mod similar;
pub mod steps;
pub mod take_back;
pub mod walk_ups;

use serde::Serialize;
use serde_json::Value;
use store::writer::{Edited, Expect};
use sync_core::document::Document;
use sync_core::id::{BranchId, JobId, TenantId};
use sync_core::job::{Job, TimelineItem, taken_in, timeline};
use sync_core::schema::{Section, key};
use utoipa::ToSchema;

use super::bounded::{Cut, ListBudget, ListQuery, More, fold, page_back, page_on};
use super::edit;
use super::findings::{self, Finding, JobFacts};
use crate::app::App;
use crate::auth::Caller;
use crate::http::cursor::Page;
use crate::http::{ETag, IfMatch, Json, Operation, Problem};

/// A job with its story.
///
/// All but the timeline is computed from the job's facts and fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    /// The fold.
    #[serde(flatten)]
    pub job: Job,
    /// Everything that happened, oldest first; where that is too much, the latest of it.
    pub timeline: Vec<TimelineItem>,
    /// What a desk should look after, values kept as said among it. It refuses nothing.
    pub findings: Vec<Finding>,
    /// Lists that are longer than shown, by name: how many rows there are, and the cursor with
    /// which `/v1/jobs/{id}/list` gives the others. The latest rows are shown.
    #[serde(skip_serializing_if = "Cut::is_empty")]
    #[schema(value_type = BTreeMap<String, More>)]
    pub more: Cut,
}

impl JobView {
    /// Cuts its lists to what an answer has room for.
    fn cut(&mut self) {
        let (job, mut room) = (&mut self.job, ListBudget::default());
        room.latest("exceptions", &mut job.exceptions);
        room.latest("timeline", &mut self.timeline);
        room.latest("parts", &mut job.parts);
        room.latest("charges", &mut job.charges);
        room.first("totals", &mut job.totals);
        room.map("checklist", &mut job.checklist);
        room.first("missing", &mut job.missing);
        room.latest("work", &mut job.work);
        room.latest("attachments", &mut job.attachments);
        room.latest("notes", &mut job.notes);
        room.latest("seals", &mut job.seals);
        room.latest("feedback", &mut job.feedback);
        room.latest("superseded", &mut job.superseded);
        room.latest("decided", &mut job.decided);
        self.more = room.take_cut();
    }

    fn whole(document: &Document, now: i64) -> Self {
        let mut job = Job::of(document);
        job.state = job.state_at(now);
        let findings = findings::unverified(std::mem::take(&mut job.findings));
        Self { job, timeline: timeline(document), findings, more: Cut::new() }
    }

    /// A page of one of its lists, which are named as in `more`.
    ///
    /// # Errors
    /// `bad_cursor`; `bad_query` for a list that a job does not have.
    pub fn page(document: &Document, query: &ListQuery) -> Result<Page<Value>, Problem> {
        let Self { job, timeline, .. } = Self::whole(document, i64::MIN);
        match query.of.as_str() {
            "exceptions" => page_back(job.exceptions, query),
            "timeline" => page_back(timeline, query),
            "parts" => page_back(job.parts, query),
            "charges" => page_back(job.charges, query),
            "totals" => page_on(job.totals, query),
            "checklist" => page_on(job.checklist.into_iter().collect(), query),
            "missing" => page_on(job.missing, query),
            "work" => page_back(job.work, query),
            "attachments" => page_back(job.attachments, query),
            "notes" => page_back(job.notes, query),
            "seals" => page_back(job.seals, query),
            "feedback" => page_back(job.feedback, query),
            "superseded" => page_back(job.superseded, query),
            "decided" => page_back(job.decided, query),
            other => Err(no_list(other)),
        }
    }
}

/// The problem of a list that is not there.
pub(in crate::api) fn no_list(name: &str) -> Problem {
    Problem::invalid("of", format!("There is no list {name:?}."))
}

/// What an edit of a job answers.
pub(super) type Answer = Result<(ETag, Json<JobView>), Problem>;

/// The answer for an edit that was made.
pub(super) async fn answer(app: &App, tenant: TenantId, edited: Edited) -> Answer {
    let (document, tag) = edit::shared(app, edited);
    Ok((tag, Json(shown(app, tenant, document).await?)))
}

/// A job as it is shown now, with its findings.
pub(super) async fn shown<D>(app: &App, tenant: TenantId, document: D) -> Result<JobView, Problem>
where
    D: std::ops::Deref<Target = Document> + Send + 'static,
{
    let now = app.now();
    let folded = fold(document, move |document| {
        let mut view = JobView::whole(document, now);
        let facts = JobFacts::of(document, &view.job);
        view.cut();
        (view, facts)
    });
    let (mut view, facts) = folded.await?;
    view.findings.extend(findings::of_job(app, tenant, &facts).await?);
    Ok(view)
}

/// A job the caller may see.
///
/// # Errors
/// `not_found` for those of other tenants, and of other branches for staff of one branch.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    id: JobId,
) -> Result<(Document, i64), Problem> {
    let (document, pos) = edit::load(app, caller, id.into()).await?;
    may_see(caller, &document)?;
    Ok((document, pos))
}

/// The start of every write to a job: the caller may see it, and it stands as they saw it.
///
/// # Errors
/// `not_found`, `changed_meanwhile`.
pub(super) async fn begin(
    app: &App,
    caller: &Caller,
    id: JobId,
    seen: Option<&IfMatch>,
) -> Result<Expect, Problem> {
    let (_, pos) = find(app, caller, id).await?;
    let Some(seen) = seen else { return Ok(Expect::Existing) };
    seen.check(&app.tags().of_row(pos))?;
    // Checked again by the writer, so that nothing can come in between.
    Ok(Expect::At(pos))
}

/// As [`begin`] for an operation whose first fact belongs to `section`. The attempt whose answer
/// was lost has changed the job itself, so its repeat is not held to what was seen before that.
///
/// # Errors
/// `not_found`, `changed_meanwhile`.
pub(super) async fn begin_fact(
    app: &App,
    caller: &Caller,
    id: JobId,
    seen: Option<&IfMatch>,
    operation: &Operation,
    section: &Section,
) -> Result<Expect, Problem> {
    let (document, pos) = find(app, caller, id).await?;
    let Some(seen) = seen.filter(|_| !edit::done(&document, operation, 0, section)) else {
        return Ok(Expect::Existing);
    };
    seen.check(&app.tags().of_row(pos))?;
    Ok(Expect::At(pos))
}

/// Staff of one branch see its jobs, and those that have no branch yet.
///
/// # Errors
/// `not_found`.
fn may_see(caller: &Caller, document: &Document) -> Result<(), Problem> {
    let branch = taken_in(document, &key::BRANCH).and_then(sync_core::value::Value::as_bytes);
    let branch = branch.and_then(|bytes| BranchId::from_slice(bytes).ok());
    if caller.sees_branch(branch) { Ok(()) } else { Err(Problem::not_found()) }
}
