//! Evidence of what a customer signed, as a file that can be checked without a server.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use ed25519_dalek::Signer as _;
use sync_core::bundle::export;
use sync_core::id::{FactId, JobId};
use sync_core::schema::section;
use sync_core::seal::{Countersignature, Seal, Statement, is_seal};

use super::find;
use crate::api::bounded::fold;
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Problem};

/// Seconds after which a seal that just came in is countersigned.
const RETRY_S: u64 = 2;
const WAIT: &str = "The server has not countersigned this seal yet. Ask again in a moment; if it stays so, the seal is not by its phone's key.";

/// The evidence bundle of a seal; `towline verify-seal FILE` checks it anywhere.
///
/// It holds the job as it is now, with the server's signed statement of the whole. Before the server countersigned the seal: 409 `wrong_state`, reason `seal_not_countersigned`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/seals/{seal}", tag = "jobs", operation_id = "get_seal",
    params(("id" = inline(JobId), Path, description = "The job."), ("seal" = inline(FactId), Path, description = "The seal: the id of its fact.")),
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub async fn evidence(
    State(app): State<App>,
    caller: Staff,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Problem> {
    let Path((job, seal)) = path.map_err(|_| Problem::not_found())?;
    let job: JobId = job.parse().map_err(|_| Problem::not_found())?;
    let seal: FactId = seal.parse().map_err(|_| Problem::not_found())?;
    let (document, _) = find(&app, &caller, job).await?;
    let fact = document.fact(&section::SIGNATURES, &seal).filter(|fact| is_seal(&fact.record));
    let sound = Seal::of(job, fact.ok_or_else(Problem::not_found)?);
    if Countersignature::all_of(&document, seal).next().is_none() {
        let problem = Problem::new(Code::WrongState).reason("seal_not_countersigned");
        return Err(match sound {
            Ok(_) => problem.detail(WAIT).retry_after(RETRY_S),
            Err(error) => problem.detail(format!("There is no evidence of this seal: {error}.")),
        });
    }
    let own = app.keys.current().ok_or_else(|| Problem::internal("there is no key that signs"))?;
    let (tenant, now) = (caller.tenant(), app.now());
    let made = fold(Box::new(document), move |document| {
        let sign = |message: &[u8]| own.signing.sign(message).to_bytes();
        export(document, seal, Statement::of(document, tenant, now, &own.kid, sign)?)
    });
    let made = made.await?;
    let bytes = made.map_err(|error| {
        Problem::new(Code::WrongState).reason(error.code()).detail(error.to_string())
    })?;
    let name = format!("attachment; filename=\"seal-{seal}.json\"");
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    let media = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, media), (header::CONTENT_DISPOSITION, name)], bytes)
        .into_response())
}
