//! Giving a job to somebody, and taking it back.

use axum::extract::State;
use serde::Deserialize;
use sync_core::document::Document;
use sync_core::id::{JobId, UserId};
use sync_core::job::{Intake, Job};
use sync_core::schema::{DocId, DocKind, key, section};
use sync_core::technician::{Technician, Unfit};
use sync_core::value::Value;
use sync_core::van;
use utoipa::ToSchema;

use super::sets::time;
use super::{Answer, JobView, answer, begin_fact, find};
use crate::accounts::audit::Note;
use crate::accounts::users;
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::desk::{check, edit};
use crate::http::{Code, Id, IfMatch, Json, Operation, Problem, ProblemBody};

/// How long an offer stays open when nobody says, milliseconds.
const OFFER_MS: i64 = 90_000;

/// Offered, which may be declined and expires, or given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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
pub struct Assign {
    /// `assign` if not given.
    #[serde(default)]
    pub kind: How,
    /// A technician; for staff of one branch one of its own, or one without a branch.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub technician: Option<UserId>,
    /// Or the name of an outsourced company.
    pub provider: Option<String>,
    /// When an offer ends, Unix milliseconds; 90 seconds from now if not given.
    pub expires: Option<i64>,
    /// Estimated arrival, Unix milliseconds.
    pub eta: Option<i64>,
    /// Whether to send them although something speaks against it (`technician_unfit`).
    #[serde(default)]
    pub anyway: bool,
}

/// Gives a job to a technician or provider, the first time or anew: each time a higher epoch.
///
/// Whoever had it before keeps what they recorded. If-Match is taken into account when sent. A
/// technician who is absent, off shift, or lacks a skill or equipment the job asks for is sent only
/// with `anyway`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/assign", tag = "jobs", request_body = Assign,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: the job is over. technician_unfit: what speaks against it is in `detail`, the first as `reason`.", body = ProblemBody),
        (status = 412, body = ProblemBody),
        (status = 422, description = "unknown_reference", body = ProblemBody),
    )
)]
pub async fn assign(
    State(app): State<App>,
    Staff(caller): Staff,
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
            Some(Sent::find(&app, &caller, technician, &Job::of(&document).intake).await?)
        }
        (None, Some(_)) => None,
        _ => return Err(Problem::invalid("technician", "Send a technician or a provider.")),
    };
    let now = app.now();
    let offer = to.kind == How::Offer;
    let eta = to.eta.map(|at| time("eta", at)).transpose()?;
    let expires = to.expires.map(|at| time("expires", at)).transpose()?;
    let expires = expires.or(offer.then_some(now + OFFER_MS)).filter(|_| offer);
    let anyway = to.anyway;
    let detail =
        serde_json::json!({"technician": to.technician, "provider": provider, "anyway": anyway});
    let note = Note::by(&caller, "job.assign", id).detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::ASSIGNMENT) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        open(&job, now)?;
        if let Some(sent) = sent.filter(|_| !anyway) {
            sent.fits(&job, now)?;
        }
        let kind = if offer { "offer" } else { "assign" };
        let technician = to.technician.map_or(Value::Null, |user| edit::raw(user.as_bytes()));
        let pairs = [
            (key::KIND, kind.into()),
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
    Ok(answer(&app, edited))
}

/// Who is sent, and with what.
struct Sent {
    technician: Technician,
    equipment: Vec<String>,
}

impl Sent {
    async fn find(app: &App, caller: &Caller, id: UserId, job: &Intake) -> Result<Self, Problem> {
        let doc = DocId::from(id);
        let record = app.store.document(caller.tenant, doc).await?;
        let record = record.map_or_else(|| Document::new(doc), |standing| standing.document);
        let mut equipment = Vec::new();
        let mut after = None;
        while !job.equipment.is_empty() {
            let page = app.store.documents(caller.tenant, DocKind::Van, after, VANS).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last.document.id().as_bytes());
            let theirs = page.iter().filter(|van| is_driven_by(&van.document, id));
            equipment.extend(theirs.flat_map(|van| van::equipment(&van.document)));
        }
        Ok(Self { technician: Technician::of(&record), equipment })
    }

    /// Whether nothing speaks against sending them.
    fn fits(&self, job: &Job, now: i64) -> Result<(), Problem> {
        let unfit = self.technician.unfit(&job.intake, &self.equipment, now);
        let Some(first) = unfit.first() else { return Ok(()) };
        let mut detail: Vec<_> = unfit.iter().map(Unfit::sentence).collect();
        detail.push("Send somebody else, or repeat it with anyway.".to_owned());
        let problem = Problem::new(Code::Unfit).field("technician").reason(first.code());
        Err(problem.detail(detail.join(" ")))
    }
}

/// Vans read at once.
const VANS: u32 = 200;

fn is_driven_by(van: &Document, user: UserId) -> bool {
    let driver = van.field(&section::DETAILS, &key::TECHNICIAN).and_then(Value::as_bytes);
    driver == Some(user.as_bytes())
}

/// Why a job is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Why, in words.
    pub note: Option<String>,
}

/// Takes a job back from whoever has it, without giving it to another.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/recall", tag = "jobs", request_body = Recall,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: nobody has it, or it is over.", body = ProblemBody),
    )
)]
pub async fn recall(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Recall>,
) -> Answer {
    let expect =
        begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::ASSIGNMENT).await?;
    let text = why.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let note = Note::by(&caller, "job.recall", id);
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
            (key::KIND, "recall".into()),
            (key::EPOCH, Value::Int(job.next_epoch)),
            (key::TECHNICIAN, technician),
            (key::PROVIDER, held.provider.clone().into()),
            (key::NOTE, text.into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::ASSIGNMENT, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}

fn open(job: &Job, now: i64) -> Result<(), Problem> {
    let state = job.state_at(now);
    if state.is_over() {
        let detail = format!("The job is {}.", state.word());
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    Ok(())
}

/// Checks that somebody is an active technician whom the caller may see.
///
/// # Errors
/// `unknown_reference`.
pub async fn check_technician(app: &App, caller: &Caller, user: UserId) -> Result<(), Problem> {
    let mut connection = app.read().await?;
    let found = users::get(&mut connection, caller.tenant, user).await?;
    let found = found.filter(|user| user.active && user.role == Role::Technician);
    match found.filter(|user| caller.sees_branch(user.branch)) {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::UnknownReference)
            .field("technician")
            .detail("There is no active technician with this id.")),
    }
}
