//! Evidence of what a customer signed, as a file that can be checked without a server.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use sync_core::id::{FactId, JobId};
use sync_core::seal::bundle;

use super::find;
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Problem, ProblemBody};

/// The evidence bundle of a seal; `towline verify-seal FILE` checks it anywhere.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/seals/{seal}", tag = "jobs",
    params(("id" = String, Path), ("seal" = String, Path, description = "The seal's fact.")),
    responses(
        (status = 200, body = Object, content_type = "application/json"),
        (status = 404, body = ProblemBody),
    )
)]
pub async fn evidence(
    State(app): State<App>,
    Staff(caller): Staff,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Problem> {
    let Path((job, seal)) = path.map_err(|_| Problem::not_found())?;
    let job: JobId = job.parse().map_err(|_| Problem::not_found())?;
    let seal: FactId = seal.parse().map_err(|_| Problem::not_found())?;
    let (document, _) = find(&app, &caller, job).await?;
    if document.fact(&sync_core::schema::section::SIGNATURES, &seal).is_none() {
        return Err(Problem::not_found());
    }
    let bytes = bundle(&document, seal).map_err(|error| {
        Problem::new(Code::WrongState).reason(error.code()).detail(error.to_string())
    })?;
    let name = format!("attachment; filename=\"seal-{seal}.json\"");
    let name = HeaderValue::from_str(&name).map_err(Problem::internal)?;
    let media = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, media), (header::CONTENT_DISPOSITION, name)], bytes)
        .into_response())
}
