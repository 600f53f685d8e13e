//! A call that is still being taken: which jobs may be the same rescue, and which values no rule knows.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::Likeness;
use sync_core::check::{self as core_check, CheckError, Checked, Unverified};
use sync_core::id::BranchId;
use sync_core::place::Place;
use utoipa::ToSchema;

use super::create::{LikelyDuplicate, duplicates};
use crate::api::check;
use crate::api::edit::checked;
use crate::api::findings::{self, Finding};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Json, Problem, Query};

/// What was said so far.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Said {
    /// The number of the caller, as said.
    #[param(max_length = 64)]
    pub phone: Option<String>,
    /// Licence plate, as said.
    #[param(max_length = 64)]
    pub plate: Option<String>,
    /// Vehicle identification number, as said.
    #[param(max_length = 64)]
    pub vin: Option<String>,
    /// Degrees north; with `lon`.
    #[param(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// Degrees east; with `lat`.
    #[param(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// The branch in whose country numbers without `+` are dialled.
    pub branch: Option<BranchId>,
}

/// What is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimilarJobs {
    /// The number as it will be kept.
    pub phone: Option<String>,
    /// The plate as it will be kept.
    pub plate: Option<String>,
    /// The vehicle identification number as it will be kept.
    pub vin: Option<String>,
    /// Values that no rule knows: a new job keeps them as said, a place only with `as_said`.
    pub findings: Vec<Finding>,
    /// Jobs that may be the same rescue, by the rule that is used for a new job.
    pub likely_duplicates: Vec<LikelyDuplicate>,
}

/// Jobs like a call that is being taken, before a job is made of it. Nothing is written.
///
/// Values are judged as for a new job: what cannot be kept is refused, what is doubtful is a finding.
#[utoipa::path(
    get, path = "/v1/jobs/similar", tag = "jobs", operation_id = "find_similar_jobs",
    params(Said),
    responses((status = 200, body = SimilarJobs), (status = 422, description = "invalid: a value that cannot be kept, or half a place.")),
)]
pub async fn similar(
    State(app): State<App>,
    caller: Staff,
    Query(said): Query<Said>,
) -> Result<Json<SimilarJobs>, Problem> {
    let branch = said.branch.or(caller.branch());
    let mut connection = app.read().await?;
    let fallback = app.config.phone_region;
    let region = check::dialled(&mut connection, caller.tenant(), branch, fallback).await?;
    drop(connection);
    let mut found = Vec::new();
    let phone = kept(said.phone, &mut found, |text| core_check::phone(text, Some(region)))?;
    let plate = kept(said.plate, &mut found, core_check::plate)?;
    let vin = kept(said.vin, &mut found, core_check::vin)?;
    let place = match (said.lat, said.lon) {
        (Some(lat), Some(lon)) => Some(
            Place::from_degrees(lat, lon)
                .map_err(|error| Problem::invalid(error.field(), error.to_string()))?,
        ),
        (None, None) => None,
        (None, Some(_)) => return Err(Problem::invalid("lat", "Send both lat and lon.")),
        (Some(_), None) => return Err(Problem::invalid("lon", "Send both lat and lon.")),
    };
    found.extend(place.as_ref().and_then(core_check::place));
    let likeness = Likeness {
        plate: plate.clone(),
        vin: vin.clone(),
        phone: phone.clone(),
        // A place that may be nowhere is like no other.
        place: place.filter(|place| core_check::place(place).is_none()),
        at: app.now(),
        except: None,
    };
    let likely_duplicates = duplicates(&app, &caller, &likeness).await?;
    let findings = findings::unverified(found);
    Ok(Json(SimilarJobs { phone, plate, vin, findings, likely_duplicates }))
}

/// A value as it would be kept; nothing for one that is blank.
fn kept(
    said: Option<String>,
    found: &mut Vec<Unverified>,
    check: impl FnOnce(&str) -> Result<Checked, CheckError>,
) -> Result<Option<String>, Problem> {
    let Some(said) = said.filter(|said| !said.trim().is_empty()) else { return Ok(None) };
    let Checked { value, finding } = check(&said).map_err(|error| checked(&error))?;
    found.extend(finding);
    Ok(Some(value))
}
