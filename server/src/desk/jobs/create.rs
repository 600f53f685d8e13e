//! Taking a call: a new job, with likely duplicates pointed out.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{JobId, TenantId};
use sync_core::job::Job;
use sync_core::place::Place;
use sync_core::schema::{key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::fields::{self, JobFields, Set};
use super::list::JobListed;
use super::{JobView, created};
use crate::accounts::audit::Note;
use crate::accounts::sql::Raw as _;
use crate::app::App;
use crate::auth::Staff;
use crate::desk::edit;
use crate::http::{Json, Operation, Problem, ProblemBody};
use crate::store::Likeness;
use crate::writer::Expect;

/// A job that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Jobs that may be the same rescue: same plate, VIN or phone, near in time and place.
    pub likely_duplicates: Vec<JobListed>,
}

/// Takes a call: makes a job.
///
/// It needs a problem, and an address or a position. With an Idempotency-Key a repeat finds the
/// job of the first attempt.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", request_body = JobFields,
    responses(
        (status = 201, body = Created),
        (status = 422, description = "bad_vin, bad_phone, bad_place, invalid", body = ProblemBody),
    )
)]
pub async fn create(
    State(app): State<App>,
    Staff(caller): Staff,
    operation: Operation,
    Json(new): Json<JobFields>,
) -> Result<Response, Problem> {
    let mut sets = new.checked(&app.config.phone_region)?;
    if let (Some(own), None) = (caller.branch, fields::intake(&sets, &key::BRANCH)) {
        sets.push((section::INTAKE, key::BRANCH, edit::raw(own.as_bytes())));
    }
    demand(&sets)?;
    let mut connection = app.read().await?;
    fields::check_branch(&mut connection, caller.tenant, &sets).await?;
    drop(connection);
    let now = app.now();
    if fields::intake(&sets, &key::NUMBER).is_none() {
        sets.retain(|(_, key, _)| *key != key::NUMBER);
        let number = next_number(&app, caller.tenant, now).await?;
        sets.push((section::INTAKE, key::NUMBER, Value::Text(number)));
    }
    if fields::intake(&sets, &key::SOURCE).is_none() {
        sets.push((section::INTAKE, key::SOURCE, "phone".into()));
    }
    let (ms, random) = operation.seed(0);
    let id = JobId::new(ms, random);
    let note = Note::by(&caller, "job.create", id);
    // An earlier attempt of the same operation may have made it: then it is simply there.
    let edited = edit::edit(&app, &caller, id.into(), Expect::Any, note, move |document| {
        let made = !document.is_empty();
        Ok(if made { Vec::new() } else { fields::entries(document, sets) })
    })
    .await?;
    let (document, tag) = edit::shared(edited);
    let likeness = likeness(&Job::of(&document));
    let alike = app.store.duplicates(caller.tenant, &likeness, now).await?;
    let alike = alike.into_iter().filter(|row| caller.sees_branch(row.summary.branch));
    let body = Created {
        job: JobView::of(&document, now),
        likely_duplicates: alike.map(JobListed::from).collect(),
    };
    Ok(created(id, tag, Json(body)))
}

fn demand(sets: &[Set]) -> Result<(), Problem> {
    if fields::intake(sets, &key::PROBLEM).is_none() {
        return Err(Problem::invalid("problem", "Say what is wrong with the vehicle."));
    }
    let somewhere = [key::ADDRESS, key::LAT].iter().any(|k| fields::intake(sets, k).is_some());
    if somewhere {
        Ok(())
    } else {
        Err(Problem::invalid("address", "Send an address, or lat and lon."))
    }
}

fn likeness(job: &Job) -> Likeness {
    let intake = &job.intake;
    Likeness {
        plate: intake.plate.clone(),
        vin: intake.vin.clone(),
        phone: intake.phone.clone(),
        place: intake.place.and_then(|place| Place::new(place.lat(), place.lon()).ok()),
        except: Some(job.id),
    }
}

/// The next human number of a tenant: the day and a count, such as `261123-007`.
pub(super) async fn next_number(app: &App, tenant: TenantId, now: i64) -> Result<String, Problem> {
    let day = day(now);
    let counted = day.clone();
    let count = app
        .store
        .write::<i64, Problem, _>(move |tx| {
            Box::pin(async move { Ok(count(tx, tenant, &counted).await?) })
        })
        .await?;
    Ok(format!("{day}-{count:03}"))
}

async fn count(tx: &mut AnyConnection, tenant: TenantId, day: &str) -> Result<i64, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO job_numbers (tenant, day, last) VALUES ($1, $2, 1) \
         ON CONFLICT (tenant, day) DO UPDATE SET last = job_numbers.last + 1 RETURNING last",
    )
    .bind(tenant.raw())
    .bind(day.to_owned())
    .fetch_one(tx)
    .await?;
    row.try_get(0)
}

/// The day in UTC as `YYMMDD` (civil date from days since 1970, after Howard Hinnant).
fn day(now: i64) -> String {
    let z = now.div_euclid(86_400_000) + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{:02}{month:02}{day:02}", year.rem_euclid(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "700101");
        assert_eq!(day(951_782_400_000), "000229");
        assert_eq!(day(1_795_392_000_000), "261123");
        assert_eq!(day(1_798_761_599_999), "261231");
    }
}
