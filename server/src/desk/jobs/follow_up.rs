//! A second attempt at a rescue that could not be helped the first time: a job linked to the first.

use axum::extract::State;
use axum::response::Response;
use sync_core::document::Document;
use sync_core::id::JobId;
use sync_core::job::{Job, taken_in};
use sync_core::schema::{Key, key, section};

use super::create::next_number;
use super::fields::{self, Set};
use super::{JobView, created, find};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::desk::edit;
use crate::http::{Code, Id, Operation, Problem, ProblemBody};
use crate::writer::Expect;

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
    post, path = "/v1/jobs/{id}/follow-up", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 201, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: the job is not over. conflict: it has a follow-up.", body = ProblemBody),
    )
)]
pub async fn follow_up(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(first): Id<JobId>,
    operation: Operation,
) -> Result<Response, Problem> {
    let (document, _) = find(&app, &caller, first).await?;
    let (ms, random) = operation.seed(0);
    let second = match Job::of(&document).intake.follow_up {
        // The link is made first. Where the job is missing, somebody was cut off in between.
        Some(linked) if is_missing(&app, &caller, linked).await? => linked,
        _ => JobId::new(ms, random),
    };
    let now = app.now();
    let note = Note::by(&caller, "job.follow_up", first)
        .detail(serde_json::json!({"follow_up": second.to_string()}));
    edit::edit(&app, &caller, first.into(), Expect::Existing, note, move |document| {
        link(document, second, now)
    })
    .await?;
    let mut sets = taken_over(&document);
    sets.push((section::INTAKE, key::SOURCE, "follow_up".into()));
    sets.push((section::INTAKE, key::FOLLOWS, edit::raw(first.as_bytes())));
    let number = next_number(&app, caller.tenant, now).await?;
    sets.push((section::INTAKE, key::NUMBER, number.into()));
    let note = Note::by(&caller, "job.create", second);
    let made = edit::edit(&app, &caller, second.into(), Expect::Any, note, move |document| {
        let made = !document.is_empty();
        Ok(if made { Vec::new() } else { fields::entries(document, sets) })
    })
    .await?;
    let (tag, body) = super::answer(&app, made);
    Ok(created(second, tag, body))
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
        let detail = format!("The job is {}; it is followed up once it is over.", state.word());
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    Ok(vec![document.set(section::INTAKE, key::FOLLOW_UP, edit::raw(second.as_bytes()))])
}

async fn is_missing(app: &App, caller: &Caller, job: JobId) -> Result<bool, Problem> {
    Ok(app.store.document(caller.tenant, job.into()).await?.is_none())
}

/// What was taken in of the first job, or seen by who opened it.
fn taken_over(document: &Document) -> Vec<Set> {
    let standing =
        |key: Key| Some((section::INTAKE, key.clone(), taken_in(document, &key)?.clone()));
    KEPT.into_iter().filter_map(standing).collect()
}
