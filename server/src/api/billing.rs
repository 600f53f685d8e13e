//! How new jobs of the tenant are billed, over REST.

use axum::extract::State;
use serde::Deserialize;
use store::rows::tenants::{self, Billing};
use sync_core::job::TaxMode;
use utoipa::ToSchema;

use super::check;
use super::jobs::fields::{Given, given};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::{ETag, IfMatch, Json, Operation, Problem};

/// What may change. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"currency": "USD", "tax_mode": "exclusive"}))]
pub struct BillingChange {
    /// ISO 4217 code of jobs whose branch says none; `null` clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, pattern = "^[A-Z]{3}$")]
    pub currency: Given<String>,
    /// Whether prices contain their tax. Jobs that are there keep what they were made with.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = TaxMode, required = false)]
    pub tax_mode: Given<TaxMode>,
}

/// How new jobs are billed.
#[utoipa::path(
    get, path = "/v1/billing", tag = "billing", operation_id = "get_billing",
    responses((status = 200, body = Billing)),
)]
pub async fn get(State(app): State<App>, caller: Caller) -> Result<(ETag, Json<Billing>), Problem> {
    let mut connection = app.read().await?;
    let billing = tenants::billing(&mut connection, caller.tenant()).await?;
    Ok((app.tags().of_row(billing.version), Json(billing)))
}

/// Changes how new jobs are billed.
#[utoipa::path(
    patch, path = "/v1/billing", tag = "billing", operation_id = "update_billing",
    request_body = BillingChange,
    params(IfMatch),
    responses((status = 200, body = Billing)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    seen: IfMatch,
    operation: Operation,
    Json(change): Json<BillingChange>,
) -> Result<(ETag, Json<Billing>), Problem> {
    caller.at_least(Role::Administrator)?;
    let (now, tenant, tags) = (app.now(), caller.tenant(), app.tags());
    let mode = check::kept("tax_mode", change.tax_mode)?;
    let currency = match change.currency {
        Some(Some(code)) => Some(Some(check::currency("currency", &code)?)),
        other => other,
    };
    let note = caller.note("billing.update", tenant);
    let billing = app
        .store
        .write::<Billing, Problem, _>(move |tx| {
            Box::pin(async move {
                let standing = tenants::billing(tx, tenant).await?;
                if operation.has_begun() {
                    return Ok(standing);
                }
                seen.check(&tags.of_row(standing.version))?;
                let currency = currency.unwrap_or(standing.currency);
                let mode = mode.unwrap_or(standing.tax_mode);
                tenants::set_billing(tx, tenant, currency.as_deref(), mode).await?;
                note.write(tx, now).await?;
                Ok(tenants::billing(tx, tenant).await?)
            })
        })
        .await?;
    Ok((app.tags().of_row(billing.version), Json(billing)))
}
