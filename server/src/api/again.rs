//! The answer of a write that was done and whose answer is not kept, made again from what stands now.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use sync_core::id::{JobId, UserId, VanId};

use super::{jobs, technicians, vans};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{Id, Problem};

/// What a `GET` of this path shows the caller, which is what the write answered: the path is one
/// that [`store::rows::audit::Note::shown_at`] made.
///
/// # Errors
/// `not_found`, if the caller may not see it any more.
pub async fn shown(app: &App, caller: &Caller, path: &str) -> Result<Response, Problem> {
    let (app, caller) = (State(app.clone()), Staff::of(caller.clone())?);
    let place = path.strip_prefix("/v1/").and_then(|path| path.split_once('/'));
    let (resource, id) = place.ok_or_else(Problem::not_found)?;
    let lost = |_| Problem::internal("a kept path names nothing");
    Ok(match resource {
        "jobs" => {
            let id: JobId = id.parse().map_err(lost)?;
            // Without the likely duplicates, which only looking shows.
            jobs::one::answered(&app, &caller, id).await?.into_response()
        }
        "technicians" => {
            let id: UserId = id.parse().map_err(lost)?;
            technicians::get(app, caller, Id(id)).await?.into_response()
        }
        "vans" => {
            let id: VanId = id.parse().map_err(lost)?;
            vans::get(app, caller, Id(id)).await?.into_response()
        }
        _ => return Err(Problem::internal("a kept path names nothing")),
    })
}
