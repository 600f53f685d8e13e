//! Deciding about an exception: what phone and office did without seeing each other.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::{FactId, JobId};
use sync_core::job::{About, Job};
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin_fact};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::Staff;
use crate::desk::{check, edit};
use crate::http::{Code, Id, IfMatch, Json, Operation, Problem, ProblemBody};

/// A choice about an open exception of the job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Which kind of exception, as it stands in `exceptions`.
    pub about: String,
    /// One of its choices, such as `accept_completed`, `pay_fee`, `void`, `confirm`, `reject`.
    pub choice: String,
    /// `reference` of the exception; needed if there are several of the kind.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub reference: Option<FactId>,
    /// Why, in words.
    pub note: Option<String>,
}

/// Decides an open exception of a job.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/decisions", tag = "jobs", request_body = Choice,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = JobView),
        (status = 404, body = ProblemBody),
        (status = 409, description = "wrong_state: there is no such exception open.", body = ProblemBody),
        (status = 422, body = ProblemBody),
    )
)]
pub async fn decide(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(choice): Json<Choice>,
) -> Answer {
    let expect =
        begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::DECISIONS).await?;
    let about = About::parse(&choice.about)
        .ok_or_else(|| Problem::invalid("about", "There is no such kind of exception."))?;
    if !about.choices().contains(&choice.choice.as_str()) {
        let rule = match about.choices() {
            [] => "It is decided by setting the field.".to_owned(),
            choices => format!("One of {}.", choices.join(", ")),
        };
        return Err(Problem::invalid("choice", rule));
    }
    let text = choice.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let now = app.now();
    let detail = serde_json::json!({"about": about.word(), "choice": choice.choice});
    let note = Note::by(&caller, "job.decide", id).detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::DECISIONS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        let reference = reference(&job, about, choice.reference)?;
        let pairs = [
            (key::ABOUT, about.word().into()),
            (key::CHOICE, choice.choice.into()),
            (key::REF, reference.map_or(Value::Null, |fact| edit::raw(fact.as_bytes()))),
            (key::NOTE, text.into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::DECISIONS, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}

/// The fact the open exception names.
fn reference(job: &Job, about: About, named: Option<FactId>) -> Result<Option<FactId>, Problem> {
    let fits = |r: Option<FactId>| named.is_none() || named == r;
    let open: Vec<_> = job
        .exceptions
        .iter()
        .filter(|exception| exception.about == about && fits(exception.reference))
        .collect();
    match open.as_slice() {
        [one] => Ok(one.reference),
        [] => Err(Problem::new(Code::WrongState).detail("There is no such exception open.")),
        _ => Err(Problem::invalid("reference", "There are several; name the one that is meant.")),
    }
}
