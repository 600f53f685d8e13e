//! What else the office adds to a job: remarks, and amounts to be paid.

use axum::extract::State;
use serde::Deserialize;
use sync_core::change::Entry;
use sync_core::id::{FactId, JobId};
use sync_core::job::{ExceptionKind, currency_of_lines, tax_entry};
use sync_core::schema::{PRICE_MOST, key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{Answer, JobView, answer, begin};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Id, Json, Operation, Problem};

/// A remark.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNote)]
pub struct Remark {
    /// The text.
    #[schema(min_length = 1, max_length = 4000)]
    pub text: String,
}

/// Adds a remark.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/notes", tag = "jobs", operation_id = "add_job_note",
    request_body = Remark,
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 200, body = JobView)),
)]
pub async fn add_note(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    operation: Operation,
    Json(remark): Json<Remark>,
) -> Answer {
    let expect = begin(&app, &caller, id, None).await?;
    let text = check::text("text", &remark.text, 4000)?;
    let now = app.now();
    let note = caller.note("job.note", id).shown_at("jobs");
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        let pairs = [(key::TEXT, text.into())];
        let fact = edit::fact(document, &operation, 0, section::NOTES, now, pairs);
        Ok(fact.into_iter().collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// An amount to be paid besides parts, with description and currency; or, with `voids` alone, one
/// that is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "Tow, 12 km", "amount": 180000, "currency": "TWD", "tax_millipercent": 5000}))]
pub struct NewCharge {
    /// What it is, in words.
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// Minor units of the currency; below zero for a discount.
    #[schema(minimum = -100000000000i64, maximum = 100000000000i64)]
    pub amount: Option<i64>,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: Option<String>,
    /// Tax, thousandths of a percent: 8.875 % is 8875. The job's `tax_mode` says whether the amount
    /// contains it.
    #[schema(minimum = 0, maximum = 100000)]
    pub tax_millipercent: Option<i64>,
    /// The same in hundredths of a percent, instead.
    #[schema(minimum = 0, maximum = 10000)]
    pub tax_rate: Option<i64>,
    /// Bill it in another currency than the job's, beside it; `false` if not given.
    pub other_currency: Option<bool>,
    /// Instead of all that: the charge that is taken back.
    pub voids: Option<FactId>,
}

/// Adds an amount to be paid, or takes one back with `voids`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/charges", tag = "jobs", operation_id = "add_job_charge",
    request_body = NewCharge,
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 200, body = JobView)),
)]
pub async fn add_charge(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    operation: Operation,
    Json(charge): Json<NewCharge>,
) -> Answer {
    let expect = begin(&app, &caller, id, None).await?;
    let pairs = match charge.voids {
        Some(_) if charge.amount.is_some() || charge.description.is_some() => {
            return Err(Problem::invalid("voids", "Send a new charge or voids, not both."));
        }
        Some(fact) => vec![(key::VOIDS, edit::raw(fact.as_bytes()))],
        None => pairs(&charge)?,
    };
    let now = app.now();
    let note = caller.note("job.charge", id).shown_at("jobs");
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if let Some(voided) = charge.voids
            && document.fact(&section::CHARGES, &voided).is_none()
        {
            let detail = "The job has no charge with this id.";
            return Err(Problem::new(Code::UnknownReference).field("voids").detail(detail));
        }
        let fact = edit::fact(document, &operation, 0, section::CHARGES, now, pairs);
        let Some(Entry::Fact { id, record, .. }) = &fact else { return Ok(Vec::new()) };
        let allowed = match (currency_of_lines(document), record.get(&key::CURRENCY)) {
            (Some(one), Some(named)) if named.as_text() != Some(one.as_str()) => {
                if charge.other_currency != Some(true) {
                    return Err(foreign(&one));
                }
                let pairs = [
                    (key::ABOUT, ExceptionKind::OtherCurrency.as_str().into()),
                    (key::CHOICE, "allow".into()),
                    (key::REF, edit::raw(id.as_bytes())),
                ];
                edit::fact(document, &operation, 1, section::DECISIONS, now, pairs)
            }
            _ => None,
        };
        Ok(fact.into_iter().chain(allowed).collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// The answer to an amount in another currency that nobody has allowed.
fn foreign(one: &str) -> Problem {
    let detail = format!(
        "This job is billed in {one}. Send the amount in {one}, or other_currency: true to bill it \
         beside the rest."
    );
    Problem::invalid("currency", detail).reason("other_currency")
}

fn pairs(charge: &NewCharge) -> Result<Vec<(sync_core::schema::Key, Value)>, Problem> {
    let missing = |field: &str| Problem::invalid(field, "A charge needs it.");
    let description = charge.description.as_deref().ok_or_else(|| missing("description"))?;
    let amount = charge.amount.ok_or_else(|| missing("amount"))?;
    let currency = charge.currency.as_deref().ok_or_else(|| missing("currency"))?;
    let tax = check::tax(charge.tax_millipercent, charge.tax_rate)?;
    let amount = check::range("amount", amount, -PRICE_MOST..=PRICE_MOST)?;
    let pairs = vec![
        (key::DESCRIPTION, check::text("description", description, 200)?.into()),
        (key::AMOUNT, amount.into()),
        (key::CURRENCY, check::currency("currency", currency)?.into()),
    ];
    Ok(pairs.into_iter().chain(tax.map(tax_entry)).collect())
}
