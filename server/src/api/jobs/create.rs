//! Taking a call: a new job, with likely duplicates pointed out.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use store::Likeness;
use store::rows::numbers::{Numbering, Taken};
use store::writer::Expect;
use sync_core::document::Document;
use sync_core::id::JobId;
use sync_core::job::{Alike, Job};
use sync_core::place::Place;
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::billing;
use super::fields::{self, JobChange, NewJob, Set};
use super::list::JobListed;
use super::numbers;
use super::{JobView, shown};
use crate::api::bounded::fold;
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::created;
use crate::http::{Json, Operation, Problem};

/// A job that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Jobs that may be the same rescue: calls before walk-ups, of each the nearest first.
    pub likely_duplicates: Vec<LikelyDuplicate>,
}

/// A job that may be the same rescue.
#[derive(Debug, Serialize, ToSchema)]
pub struct LikelyDuplicate {
    /// The job.
    #[serde(flatten)]
    pub job: JobListed,
    /// Why it may be the same, and how near it is.
    #[serde(flatten)]
    pub alike: Alike,
}

/// Takes a call: makes a job.
///
/// It needs a problem, and an address or a position. With an Idempotency-Key a repeat finds the
/// job of the first attempt.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", operation_id = "create_job",
    request_body = NewJob,
    responses((status = 201, body = Created)),
)]
pub async fn create(
    State(app): State<App>,
    caller: Staff,
    operation: Operation,
    Json(new): Json<NewJob>,
) -> Result<Response, Problem> {
    let branch = caller.reach().home(new.branch);
    caller.reach().moves(None, branch)?;
    let mut connection = app.read().await?;
    let fallback = app.config.phone_region;
    let region = check::dialled(&mut connection, caller.tenant(), branch, fallback).await?;
    let mut sets = JobChange::from(new).checked(region)?;
    if let (Some(own), None) = (caller.branch(), fields::intake(&sets, &key::BRANCH)) {
        sets.push((section::INTAKE, key::BRANCH, edit::raw(own.as_bytes())));
    }
    demand_place(&sets)?;
    fields::check_branch(&mut connection, caller.tenant(), &sets).await?;
    let now = app.now();
    let (ms, random) = operation.seed(0);
    let id = JobId::new(ms, random);
    let branch = numbers::branch_of(&sets);
    billing::fill(&mut sets, billing::defaults(&mut connection, caller.tenant(), branch).await?);
    fields::check_together(&Document::new(id.into()), &sets)?;
    let numbering = Numbering::of(&mut connection, caller.tenant(), branch, id, now).await?;
    drop(connection);
    let chosen = fields::intake(&sets, &key::NUMBER).and_then(Value::as_text).map(str::to_owned);
    let mut is_new = false;
    let number = match chosen {
        None => numbers::next(&app.store, &numbering).await?,
        Some(number) => match numbers::take(&app.store, &numbering, &number).await? {
            taken @ (Taken::Now | Taken::Before) => {
                is_new = taken == Taken::Now;
                number
            }
            Taken::ByAnother(free) => return Err(numbers::refused(&number, &free)),
        },
    };
    sets.retain(|(_, key, _)| *key != key::NUMBER);
    sets.push((section::INTAKE, key::NUMBER, number.as_str().into()));
    if fields::intake(&sets, &key::SOURCE).is_none() {
        sets.push((section::INTAKE, key::SOURCE, "phone".into()));
    }
    let note = caller.note("job.create", id);
    // An earlier attempt of the same operation may have made it: then it is simply there.
    let edited = edit::edit(&app, &caller, id.into(), Expect::Any, note, move |document| {
        if !document.is_empty() {
            return Ok(Vec::new());
        }
        fields::check_together(document, &sets)?;
        Ok(fields::entries(document, sets))
    })
    .await;
    let edited = match edited {
        Ok(edited) => edited,
        Err(problem) => {
            // One that an earlier attempt took may be that of a job that was made.
            if is_new {
                numbers::give_back(&app.store, &numbering, &number).await?;
            }
            return Err(problem);
        }
    };
    let (document, tag) = edit::shared(&app, edited);
    let likeness = fold(document.clone(), |document| likeness(&Job::of(document))).await?;
    let job = shown(&app, caller.tenant(), document).await?;
    let body = Created { job, likely_duplicates: duplicates(&app, &caller, &likeness).await? };
    Ok(created(&format!("/v1/jobs/{id}"), tag, Json(body)))
}

fn demand_place(sets: &[Set]) -> Result<(), Problem> {
    if [key::ADDRESS, key::LAT].iter().any(|k| fields::intake(sets, k).is_some()) {
        return Ok(());
    }
    Err(Problem::invalid("address", "Send an address or a place."))
}

/// The jobs that may be the same rescue, of those the caller may see.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn duplicates(
    app: &App,
    caller: &Caller,
    likeness: &Likeness,
) -> Result<Vec<LikelyDuplicate>, Problem> {
    let found = app.store.duplicates(caller.tenant(), likeness, app.now()).await?;
    let found = found.into_iter().filter(|(row, _)| caller.sees_branch(row.summary.branch));
    let tags = app.tags();
    Ok(found.map(|(row, alike)| LikelyDuplicate { job: JobListed::of(row, tags), alike }).collect())
}

/// What other jobs are compared with to find those that may be the same rescue.
pub(crate) fn likeness(job: &Job) -> Likeness {
    let (intake, observed) = (&job.intake, &job.observed);
    Likeness {
        plate: observed.plate.clone().or_else(|| intake.plate.clone()),
        vin: intake.vin.clone().or_else(|| observed.vin.clone()),
        phone: intake.phone.clone(),
        place: intake.place.and_then(|place| Place::new(place.lat(), place.lon()).ok()),
        at: job.created,
        except: Some(job.id),
    }
}
