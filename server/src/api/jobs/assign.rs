//! Giving a job to someone, and taking it back.

use axum::extract::State;
use serde::Deserialize;
use store::writer::Expect;
use store::{JobFilter, JobOrder, JobPage, StoreError};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId, TenantId, UserId};
use sync_core::job::{AssignmentKind, Intake, Job, State as JobState};
use sync_core::schema::{DocId, key, section};
use sync_core::technician::{Ineligible, Technician};
use sync_core::value::Value;
use sync_core::van;
use utoipa::ToSchema;

use super::sets::time;
use super::{Answer, JobView, answer, begin_fact, find};
use crate::api::bounded::fold;
use crate::api::{check, edit};
use crate::app::{App, Shared};
use crate::auth::{Caller, Staff};
use crate::clock::random;
use crate::http::{Code, Id, IfMatch, Json, JsonOrNothing, MaybeIfMatch, Operation, Problem};

/// How long an offer stays open when nobody says, milliseconds.
const OFFER_MS: i64 = 90_000;

/// Offered, which may be declined and expires, or given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AssignmentMode)]
pub enum How {
    /// Asked; it may be declined, and it expires.
    Offer,
    /// Given.
    #[default]
    Assign,
}

/// To whom a job goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"technician": "0190b1c0-0000-7000-8000-000000000001", "eta": 1795000000000i64}))]
pub struct Assign {
    /// `assign` if not given.
    #[serde(default)]
    pub kind: How,
    /// A technician; for staff of one branch one of its own, or one without a branch.
    pub technician: Option<UserId>,
    /// Or the name of an outsourced company.
    pub provider: Option<String>,
    /// When an offer ends, Unix milliseconds, in the future; 90 seconds from now if not given.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub expires_at: Option<i64>,
    /// Estimated arrival, Unix milliseconds.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub eta: Option<i64>,
    /// Whether to send them although they do not meet the job's requirements (`technician_ineligible`).
    #[serde(default, rename = "override")]
    pub override_requirements: bool,
}

/// Gives a job to a technician or provider, the first time or again: each time a higher assignment number.
///
/// Whoever had it before keeps what they recorded. If-Match is taken into account when sent. A
/// technician who is absent, off shift, or lacks a skill or equipment the job asks for is sent only
/// with `override`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/assign", tag = "jobs", operation_id = "assign_job",
    request_body = Assign,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: the job is over. technician_ineligible: the unmet requirements are in `detail`, the first as `reason`.")),
)]
pub async fn assign(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(to): Json<Assign>,
) -> Answer {
    let expect =
        begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::ASSIGNMENT).await?;
    let provider =
        to.provider.as_deref().map(|name| check::text("provider", name, 100)).transpose()?;
    let sent = match (to.technician, &provider) {
        (Some(technician), None) => {
            check_technician(&app, &caller, technician).await?;
            let (document, _) = find(&app, &caller, id).await?;
            let job = fold(Box::new(document), |document| Job::of(document).intake).await?;
            Some(Sent::find(&app, &caller, technician, &job).await?)
        }
        (None, Some(_)) => None,
        _ => return Err(Problem::invalid("technician", "Send a technician or a provider.")),
    };
    let now = app.now();
    let offer = to.kind == How::Offer;
    let eta = to.eta.map(|at| time("eta", at)).transpose()?;
    let expires = to.expires_at.map(|at| time("expires_at", at)).transpose()?;
    if expires.is_some() && !offer {
        return Err(Problem::invalid("expires_at", "Only an offer expires."));
    }
    if expires.is_some_and(|at| at <= now) {
        let detail = "The offer would have ended before it was made. Send a time in the future, or \
            leave it out for 90 seconds.";
        return Err(Problem::invalid("expires_at", detail));
    }
    let expires = expires.or(offer.then_some(now + OFFER_MS)).filter(|_| offer);
    let overridden = to.override_requirements;
    let detail = serde_json::json!({"technician": to.technician, "provider": provider, "override": overridden});
    let note = caller.note("job.assign", id).shown_at("jobs").detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::ASSIGNMENT) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        open(&job, now)?;
        if let Some(sent) = sent.filter(|_| !overridden) {
            sent.fits(&job, now)?;
        }
        let kind = if offer { AssignmentKind::Offer } else { AssignmentKind::Assign };
        let technician = to.technician.map_or(Value::Null, |user| edit::raw(user.as_bytes()));
        let pairs = [
            (key::KIND, kind.as_str().into()),
            (key::EPOCH, Value::Int(job.next_epoch)),
            (key::TECHNICIAN, technician),
            (key::PROVIDER, provider.into()),
            (key::EXPIRES, expires.into()),
            (key::ETA, eta.into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::ASSIGNMENT, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// Who is sent, and with what.
#[derive(Clone)]
struct Sent {
    technician: Technician,
    equipment: Vec<String>,
}

impl Sent {
    async fn find(app: &App, caller: &Caller, id: UserId, job: &Intake) -> Result<Self, Problem> {
        let doc = DocId::from(id);
        let record = app.store.document(caller.tenant(), doc).await?;
        let record = record.map_or_else(|| Document::new(doc), |standing| standing.document);
        let vans = match job.equipment.is_empty() {
            true => Vec::new(),
            false => app.store.driven_by(caller.tenant(), id).await?,
        };
        let equipment = vans.iter().flat_map(van::equipment).collect();
        Ok(Self { technician: fold(Box::new(record), Technician::of).await?, equipment })
    }

    /// Whether they meet the job's requirements.
    fn fits(&self, job: &Job, now: i64) -> Result<(), Problem> {
        let ineligible = self.technician.ineligible(&job.intake, &self.equipment, now);
        let Some(first) = ineligible.first() else { return Ok(()) };
        let mut detail: Vec<_> = ineligible.iter().map(Ineligible::sentence).collect();
        detail.push("Send someone else, or repeat the request with `override`.".to_owned());
        let problem = Problem::new(Code::Ineligible).field("technician").reason(first.code());
        Err(problem.detail(detail.join(" ")))
    }
}

/// Why a job is taken back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Why, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
}

/// Takes a job back from whoever has it, without giving it to another.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/recall", tag = "jobs", operation_id = "recall_job",
    request_body = Option<Recall>,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: nobody has it, or it is over.")),
)]
pub async fn recall(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    JsonOrNothing(why): JsonOrNothing<Recall>,
) -> Answer {
    let expect =
        begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::ASSIGNMENT).await?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let note = caller.note("job.recall", id).shown_at("jobs");
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::ASSIGNMENT) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        open(&job, now)?;
        let held = job
            .assignment_at(now)
            .ok_or_else(|| Problem::new(Code::WrongState).detail("Nobody has this job."))?;
        let technician = held.technician.map_or(Value::Null, |user| edit::raw(user.as_bytes()));
        let pairs = [
            (key::KIND, AssignmentKind::Recall.as_str().into()),
            (key::EPOCH, Value::Int(job.next_epoch)),
            (key::TECHNICIAN, technician),
            (key::PROVIDER, held.provider.clone().into()),
            (key::NOTE, text.into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::ASSIGNMENT, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// Takes open jobs of a technician back, as the office does when they are deactivated: a page of them.
/// Gives whether those were all; the server takes the others back by itself, and whatever failed here.
pub async fn recall_page(app: &App, caller: &Caller, technician: UserId) -> bool {
    let now = app.now();
    let found =
        open_jobs_of(app, caller.tenant(), technician, JobOrder::default(), now, PAGE).await;
    let Ok(found) = found else { return false };
    let mut all = found.next.is_none();
    for row in &found.rows {
        let (job, note) = (row.summary.id, caller.note("job.recall", row.summary.id));
        let work = move |document: &Document| Ok(recall_entries(document, technician, now));
        match edit::edit(app, caller, job.into(), Expect::Existing, note, work).await {
            Ok(_) => {}
            // One of a branch the caller does not reach goes back by the server.
            Err(problem) if problem.code() == Code::NotFound => all = false,
            Err(problem) => {
                tracing::warn!(%job, code = problem.code().as_str(), "a job was not taken back at once");
                all = false;
            }
        }
    }
    all
}

/// Jobs taken back while the desk waits.
const PAGE: u32 = 50;

/// Open jobs of a technician in an order, at most so many.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn open_jobs_of(
    app: &Shared,
    tenant: TenantId,
    technician: UserId,
    order: JobOrder,
    now: i64,
    most: u32,
) -> Result<JobPage, StoreError> {
    let states = JobState::ALL.into_iter().filter(|state| !state.is_over()).collect();
    let technician = Some(technician);
    let filter = JobFilter { technician, states, order, ..JobFilter::default() };
    app.store.jobs(tenant, &filter, now, most).await
}

/// What takes a job back from someone who was deactivated or is no technician any more, if they have it.
pub(crate) fn recall_entries(document: &Document, technician: UserId, now: i64) -> Vec<Entry> {
    let job = Job::of(document);
    let held = job.assignment_at(now).filter(|_| !job.state_at(now).is_over());
    if held.and_then(|held| held.technician) != Some(technician) {
        return Vec::new();
    }
    let record = [
        (key::KIND, AssignmentKind::Recall.as_str().into()),
        (key::EPOCH, Value::Int(job.next_epoch)),
        (key::TECHNICIAN, edit::raw(technician.as_bytes())),
        (key::NOTE, "The technician takes no jobs any more.".into()),
        (key::AT, Value::Int(now)),
    ];
    let (id, record) = (FactId::new(now, random()), record.into_iter().collect());
    vec![Entry::Fact { section: section::ASSIGNMENT, id, record }]
}

fn open(job: &Job, now: i64) -> Result<(), Problem> {
    let state = job.state_at(now);
    if state.is_over() {
        let detail = format!("The job is {}.", state.as_str());
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    Ok(())
}

/// Checks that someone is an active technician whom the caller may see.
///
/// # Errors
/// `unknown_reference`.
pub async fn check_technician(app: &App, caller: &Caller, user: UserId) -> Result<(), Problem> {
    let mut connection = app.read().await?;
    let found = check::technician(&mut connection, caller.tenant(), "technician", user).await?;
    if caller.sees_branch(found.branch) {
        return Ok(());
    }
    let detail = "There is no active technician with this id.";
    Err(Problem::new(Code::UnknownReference).field("technician").detail(detail))
}
