//! A second attempt at a rescue that could not be helped the first time: a job linked to the first.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::rows::numbers::Numbering;
use store::writer::Expect;
use sync_core::document::Document;
use sync_core::id::JobId;
use sync_core::job::{Job, taken_in};
use sync_core::schema::{DocKind, Key, check_field, key, section};
use sync_core::value::Value;

use utoipa::ToSchema;

use super::billing;
use super::fields::{self, Set};
use super::numbers;
use super::{JobView, find};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::created;
use crate::http::{Code, Id, JsonOrNothing, Operation, Problem};

/// Why a job is followed up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// Remarks of the office on the second job.
    #[schema(min_length = 1, max_length = 4000)]
    pub remarks: Option<String>,
}

/// What the second job takes over from the first.
const KEPT: [Key; 19] = [
    key::BRANCH,
    key::PRIORITY,
    key::CALLER,
    key::PHONE,
    key::LANGUAGE,
    key::PLATE,
    key::VIN,
    key::VEHICLE,
    key::MAKE,
    key::MODEL,
    key::YEAR,
    key::COLOR,
    key::PROBLEM,
    key::ADDRESS,
    key::LAT,
    key::LON,
    key::DESTINATION,
    key::SKILLS,
    key::EQUIPMENT,
];

/// Makes a job that follows up one that is over, with what was taken in of the first.
///
/// Each names the other: `intake.follows` and `intake.follow_up`. With an Idempotency-Key a repeat
/// finds the job of the first attempt.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/follow-up", tag = "jobs", operation_id = "follow_up_job",
    request_body = Option<FollowUp>,
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 201, body = JobView), (status = 409, description = "wrong_state: the job is not over. conflict: it has a follow-up.")),
)]
pub async fn follow_up(
    State(app): State<App>,
    caller: Staff,
    Id(first): Id<JobId>,
    operation: Operation,
    JsonOrNothing(why): JsonOrNothing<FollowUp>,
) -> Result<Response, Problem> {
    let remarks =
        why.remarks.as_deref().map(|text| check::text("remarks", text, 4000)).transpose()?;
    let (document, _) = find(&app, &caller, first).await?;
    let (ms, random) = operation.seed(0);
    let second = match linked_to(&document) {
        // The link is made first. Where the job is missing, someone was cut off in between.
        Some(linked) if is_missing(&app, &caller, linked).await? => linked,
        _ => JobId::new(ms, random),
    };
    let now = app.now();
    let note = caller
        .note("job.follow_up", first)
        .detail(serde_json::json!({"follow_up": second.to_string()}));
    edit::edit(&app, &caller, first.into(), Expect::Existing, note, move |document| {
        link(document, second, now)
    })
    .await?;
    let mut sets = taken_over(&document);
    sets.push((section::INTAKE, key::SOURCE, "follow_up".into()));
    sets.push((section::INTAKE, key::FOLLOWS, edit::raw(first.as_bytes())));
    if let Some(remarks) = remarks {
        sets.push((section::INTAKE, key::REMARKS, remarks.into()));
    }
    let mut connection = app.read().await?;
    let branch = numbers::branch_of(&sets);
    billing::fill(&mut sets, billed_like(&document));
    billing::fill(&mut sets, billing::defaults(&mut connection, caller.tenant(), branch).await?);
    let numbering = Numbering::of(&mut connection, caller.tenant(), branch, second, now).await?;
    drop(connection);
    let number = numbers::next(&app.store, &numbering).await?;
    sets.push((section::INTAKE, key::NUMBER, number.into()));
    let note = caller.note("job.create", second);
    let made = edit::edit(&app, &caller, second.into(), Expect::Any, note, move |document| {
        let made = !document.is_empty();
        Ok(if made { Vec::new() } else { fields::entries(document, sets) })
    })
    .await?;
    let (tag, body) = super::answer(&app, caller.tenant(), made).await?;
    Ok(created(&format!("/v1/jobs/{second}"), tag, body))
}

/// The first job with the link to the second.
fn link(
    document: &Document,
    second: JobId,
    now: i64,
) -> Result<Vec<sync_core::change::Entry>, Problem> {
    let job = Job::of(document);
    match job.intake.follow_up {
        Some(linked) if linked == second => return Ok(Vec::new()),
        Some(linked) => {
            let detail = format!("It is followed up by {linked}.");
            return Err(Problem::new(Code::Conflict).detail(detail));
        }
        None => {}
    }
    let state = job.state_at(now);
    if !state.is_over() {
        let detail = format!("The job is {}; it is followed up once it is over.", state.as_str());
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    Ok(vec![document.set(section::INTAKE, key::FOLLOW_UP, edit::raw(second.as_bytes()))])
}

/// The job that follows this one up, if any does.
fn linked_to(document: &Document) -> Option<JobId> {
    let linked = document.field(&section::INTAKE, &key::FOLLOW_UP)?;
    JobId::from_slice(linked.as_bytes()?).ok()
}

async fn is_missing(app: &App, caller: &Caller, job: JobId) -> Result<bool, Problem> {
    Ok(app.store.document(caller.tenant(), job.into()).await?.is_none())
}

/// How the first job is billed.
fn billed_like(document: &Document) -> Vec<Set> {
    let standing = |key: Key| {
        let value = document.field(&section::PROMISE, &key)?.clone();
        check_field(DocKind::Job, &section::PROMISE, &key, &value).ok()?;
        Some((section::PROMISE, key, value)).filter(|(_, _, value)| *value != Value::Null)
    };
    [key::CURRENCY, key::TAX_MODE].into_iter().filter_map(standing).collect()
}

/// What was taken in of the first job, or seen by who opened it.
fn taken_over(document: &Document) -> Vec<Set> {
    let standing = |key: Key| {
        let value = taken_in(document, &key)?.clone();
        // An old log may hold what is let in no more.
        check_field(DocKind::Job, &section::INTAKE, &key, &value).ok()?;
        Some((section::INTAKE, key, value))
    };
    KEPT.into_iter().filter_map(standing).collect()
}
