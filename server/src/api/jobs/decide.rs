//! Deciding about an exception: what phone and office did without seeing each other.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::{FactId, JobId};
use sync_core::job::{ExceptionKind, Job};
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin_fact};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Id, IfMatch, Json, MaybeIfMatch, Operation, Problem};

/// A choice about an open exception of the job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDecision, example = json!({"about": "cancelled_with_field_work", "choice": "pay_fee", "amount": 80000, "currency": "TWD"}))]
pub struct Choice {
    /// Which kind of exception, as it stands in `exceptions`.
    pub about: ExceptionKind,
    /// One of its choices, such as `accept_completed`, `pay_fee`, `void`, `confirm`, `reject`.
    pub choice: String,
    /// `reference` of the exception; needed if there are several of the kind.
    pub reference: Option<FactId>,
    /// With `pay_fee`, which needs it: the fee, minor units of `currency`.
    #[schema(minimum = 0, maximum = 100000000000i64)]
    pub amount: Option<i64>,
    /// With `pay_fee`, which needs it: ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", examples("TWD"))]
    pub currency: Option<String>,
    /// Why, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
}

/// Decides an open exception of a job.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/decisions", tag = "jobs", operation_id = "decide_exception",
    request_body = Choice,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: there is no such exception open.")),
)]
pub async fn decide(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(choice): Json<Choice>,
) -> Answer {
    let expect =
        begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::DECISIONS).await?;
    let about = choice.about;
    if !about.choices().contains(&choice.choice.as_str()) {
        let rule = match about.choices() {
            [] => "It is decided by setting the field.".to_owned(),
            choices => format!("One of {}.", choices.join(", ")),
        };
        return Err(Problem::invalid("choice", rule));
    }
    let text = choice.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
    let fee = fee(&choice)?;
    let now = app.now();
    let mut detail = serde_json::json!({"about": about.as_str(), "choice": choice.choice});
    if let Some((amount, currency)) = &fee {
        detail["fee"] = serde_json::json!({"amount": amount, "currency": currency});
    }
    let note = caller.note("job.decide", id).shown_at("jobs").detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::DECISIONS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        let reference = reference(&job, about, choice.reference)?;
        let (amount, currency) = fee.unzip();
        let pairs = [
            (key::AMOUNT, amount.into()),
            (key::CURRENCY, currency.into()),
            (key::ABOUT, about.as_str().into()),
            (key::CHOICE, choice.choice.into()),
            (key::REF, reference.map_or(Value::Null, |fact| edit::raw(fact.as_bytes()))),
            (key::NOTE, text.into()),
        ];
        let fact = edit::fact(document, &operation, 0, section::DECISIONS, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// The choice that comes with a fee.
const PAY_FEE: &str = "pay_fee";

/// The fee of a choice that has one.
fn fee(choice: &Choice) -> Result<Option<(i64, String)>, Problem> {
    if choice.choice != PAY_FEE {
        let given = [("amount", choice.amount.is_some()), ("currency", choice.currency.is_some())];
        return match given.into_iter().find(|(_, given)| *given) {
            Some((field, _)) => Err(Problem::invalid(field, "Only pay_fee has a fee.")),
            None => Ok(None),
        };
    }
    let rule = "Say what is paid: pay_fee needs amount and currency.";
    let amount = choice.amount.ok_or_else(|| Problem::invalid("amount", rule))?;
    let currency = choice.currency.as_deref().ok_or_else(|| Problem::invalid("currency", rule))?;
    let amount = check::range("amount", amount, 0..=100_000_000_000)?;
    Ok(Some((amount, check::currency("currency", currency)?)))
}

/// The fact the open exception names.
fn reference(
    job: &Job,
    about: ExceptionKind,
    named: Option<FactId>,
) -> Result<Option<FactId>, Problem> {
    let fits = |r: Option<FactId>| named.is_none() || named == r;
    let open: Vec<_> = job
        .exceptions
        .iter()
        .filter(|exception| exception.about == about && fits(exception.reference))
        .collect();
    match open.as_slice() {
        [one] => Ok(one.reference),
        [] => Err(Problem::new(Code::WrongState).detail("No such exception is open.")),
        _ => Err(Problem::invalid("reference", "There are several; name the one that is meant.")),
    }
}
