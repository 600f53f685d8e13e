//! Who could go to a job: ranked, with what speaks for and against each, and who does not meet its requirements.
//!
//! Nothing here keeps a dispatcher from sending someone else.

use axum::extract::State;
use dispatch::candidates as rank;
use dispatch::travel::{Air, Pace};
use serde::Serialize;
use sync_core::id::{JobId, UserId};
use sync_core::job::Job;
use utoipa::ToSchema;

use super::find;
use crate::api::bounded::fold;
use crate::api::roster::view::{Candidate, Unmet};
use crate::api::roster::{Names, Person, Roster};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Id, Json, Problem};

/// Technicians for a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Candidates {
    /// When this was worked out, Unix milliseconds: arrivals and ages are as of then.
    pub at: i64,
    /// Those who meet the job's requirements, best first; at most 50.
    pub ranked: Vec<Candidate>,
    /// Those who do not, nearest first; at most 50. They are sent only with `override`.
    pub ineligible: Vec<IneligibleCandidate>,
    /// How many active technicians were looked at.
    pub considered: usize,
    /// Whether there are more than that.
    pub more: bool,
}

/// A technician who does not meet the requirements.
#[derive(Debug, Serialize, ToSchema)]
pub struct IneligibleCandidate {
    /// Who.
    pub technician: UserId,
    /// Their name.
    pub name: String,
    /// The outsourced company they work for.
    pub provider: Option<String>,
    /// The requirements they do not meet.
    pub unmet: Vec<Unmet>,
    /// Metres in a straight line, where both places are known.
    pub metres: Option<u32>,
}

/// Technicians for a job, best first, with what speaks for and against each.
///
/// Eligibility is decided as for assigning. The arrival carries the age of the position: the longer nothing
/// was heard, the wider its range. Staff of one branch see its own technicians, and those without one.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/candidates", tag = "jobs", operation_id = "list_candidates",
    params(("id" = inline(JobId), Path, description = "The job.")),
    responses((status = 200, body = Candidates)),
)]
pub async fn candidates(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
) -> Result<Json<Candidates>, Problem> {
    let (document, _) = find(&app, &caller, id).await?;
    let job = fold(Box::new(document), Job::of).await?;
    let asks_equipment = !job.intake.equipment.is_empty();
    let roster = Roster::read(&app, &caller, None, asks_equipment, |it| it == job.id).await?;
    let answer = tokio::task::spawn_blocking(move || answer(roster, &job));
    answer.await.map_err(Problem::internal)?.map(Json)
}

fn answer(roster: Roster, job: &Job) -> Result<Candidates, Problem> {
    let (now, more) = (roster.now, roster.more);
    let names = Names::of([&job.intake]);
    let (mut fit, mut ineligible) = (Vec::new(), Vec::new());
    for person in roster.persons(&names) {
        let unmet = person.ineligible(&job.intake, now);
        if unmet.is_empty() {
            fit.push(person);
            continue;
        }
        let position = person.seen.as_ref().map(|seen| seen.point.place);
        let metres = job.intake.place.zip(position).map(|(to, from)| to.distance_m(&from));
        let Person { user, provider, .. } = person;
        ineligible.push(IneligibleCandidate {
            technician: user.id,
            name: user.name,
            provider,
            unmet: unmet.iter().map(Unmet::of).collect(),
            metres: metres.map(|metres| metres.round() as u32),
        });
    }
    let considered = fit.len() + ineligible.len();
    ineligible.sort_by_key(|one| (one.metres.unwrap_or(u32::MAX), one.technician));
    ineligible.truncate(rank::NEAREST);
    let wanted = names.job(&job.intake, job.promise.eta_by);
    let technicians: Vec<_> = fit.iter().map(|person| person.ranked.clone()).collect();
    let air = Air { pace: Pace::default() };
    let ranked = rank::rank(&wanted, &technicians, now, &air, None).map_err(Problem::internal)?;
    let ranked = ranked
        .iter()
        .map(|one| fit[one.technician].candidate(one, &names, &job.intake, now))
        .collect();
    Ok(Candidates { at: now, ranked, ineligible, considered, more })
}
