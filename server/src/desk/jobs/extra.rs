//! What else the office adds to a job: remarks, and amounts to be paid.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::{FactId, JobId};
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::Staff;
use crate::desk::{check, edit};
use crate::http::{Code, Id, Json, Operation, Problem, ProblemBody};

/// A remark.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// The text.
    pub text: String,
}

/// Adds a remark.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/notes", tag = "jobs", request_body = Remark,
    params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = ProblemBody))
)]
pub async fn add_note(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    operation: Operation,
    Json(remark): Json<Remark>,
) -> Answer {
    let expect = begin(&app, &caller, id, None).await?;
    let text = check::text("text", &remark.text, 4000)?;
    let now = app.now();
    let note = Note::by(&caller, "job.note", id);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        let pairs = [(key::TEXT, text.into())];
        let fact = edit::fact(document, &operation, 0, section::NOTES, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}

/// An amount to be paid besides parts, or one that is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// What it is, in words.
    pub description: Option<String>,
    /// Minor units of the currency; below zero for a discount.
    pub amount: Option<i64>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Tax, hundredths of a percent.
    pub tax_rate: Option<i64>,
    /// Instead of all that: the charge that is taken back.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub voids: Option<FactId>,
}

/// Adds an amount to be paid, or takes one back with `voids`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/charges", tag = "jobs", request_body = NewCharge,
    params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn add_charge(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<JobId>,
    operation: Operation,
    Json(charge): Json<NewCharge>,
) -> Answer {
    let expect = begin(&app, &caller, id, None).await?;
    let pairs = match charge.voids {
        Some(fact) => vec![(key::VOIDS, edit::raw(fact.as_bytes()))],
        None => pairs(&charge)?,
    };
    let now = app.now();
    let note = Note::by(&caller, "job.charge", id);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if let Some(voided) = charge.voids
            && document.fact(&section::CHARGES, &voided).is_none()
        {
            let detail = "The job has no charge with this id.";
            return Err(Problem::new(Code::UnknownReference).field("voids").detail(detail));
        }
        let fact = edit::fact(document, &operation, 0, section::CHARGES, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    Ok(answer(&app, edited))
}

fn pairs(charge: &NewCharge) -> Result<Vec<(sync_core::schema::Key, Value)>, Problem> {
    let missing = |field: &str| Problem::invalid(field, "A charge needs it.");
    let description = charge.description.as_deref().ok_or_else(|| missing("description"))?;
    let amount = charge.amount.ok_or_else(|| missing("amount"))?;
    let currency = charge.currency.as_deref().ok_or_else(|| missing("currency"))?;
    let tax = charge.tax_rate.map(|rate| check::range("tax_rate", rate, 0..=10_000)).transpose()?;
    let most = 100_000_000_000;
    Ok(vec![
        (key::DESCRIPTION, check::text("description", description, 200)?.into()),
        (key::AMOUNT, check::range("amount", amount, -most..=most)?.into()),
        (key::CURRENCY, check::currency("currency", currency)?.into()),
        (key::TAX_RATE, tax.into()),
    ])
}
