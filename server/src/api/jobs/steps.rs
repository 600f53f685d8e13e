//! Steps of a rescue that the office enters for the field, as it was told: for an outsourced company
//! without phones of its own, for a technician whose phone is dead.

use axum::extract::State;
use serde::Deserialize;
use sync_core::change::Entry;
use sync_core::id::JobId;
use sync_core::job::{Job, State as JobState, Step};
use sync_core::schema::{Key, key, lists, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::sets::time;
use super::{Answer, JobView, answer, begin_fact};
use crate::api::{check, edit, words};
use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Id, IfMatch, Json, MaybeIfMatch, Operation, Problem};

/// How far ahead of the server's clock a desk's may be, milliseconds.
const AHEAD_MS: i64 = 60_000;
/// How long before the call a step may have been, milliseconds: whoever stood there may have called.
const BEFORE_MS: i64 = 24 * 3_600_000;

/// A step that the office may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnteredStep {
    /// They take the job.
    Accepted,
    /// They do not take the job.
    Declined,
    /// They set off.
    EnRoute,
    /// They arrived.
    OnScene,
    /// They know what is wrong.
    Diagnosed,
    /// They began to work.
    Working,
    /// The vehicle is loaded and on its way.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Nobody was there.
    Goa,
    /// It could not be done.
    Unsuccessful,
}

impl EnteredStep {
    fn step(self) -> Step {
        match self {
            Self::Accepted => Step::Accepted,
            Self::Declined => Step::Declined,
            Self::EnRoute => Step::EnRoute,
            Self::OnScene => Step::OnScene,
            Self::Diagnosed => Step::Diagnosed,
            Self::Working => Step::Working,
            Self::InTow => Step::InTow,
            Self::AtDestination => Step::AtDestination,
            Self::Completed => Step::Completed,
            Self::Goa => Step::Goa,
            Self::Unsuccessful => Step::Unsuccessful,
        }
    }

    fn ends(self) -> bool {
        matches!(self, Self::Declined | Self::Completed | Self::Goa | Self::Unsuccessful)
    }
}

/// A step as the office was told of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"step": "completed", "at": 1795000000000i64, "told_by": "Mr Hsu, Rescue Co, by telephone", "reason": "no_device"}))]
pub struct NewStep {
    /// What happened.
    pub step: EnteredStep,
    /// When it happened, as told; Unix milliseconds, not in the future.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub at: i64,
    /// Who told it.
    #[schema(min_length = 1, max_length = 100)]
    pub told_by: String,
    /// Why: needed to decline, for `unsuccessful`, and for `completed` where no customer signed on a
    /// phone (`no_device`, `signed_on_paper`, `customer_refused`, `customer_absent`,
    /// `unable_to_sign`, `device_broken`).
    #[schema(schema_with = words::reason)]
    pub reason: Option<String>,
    /// More, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
    /// The odometer, kilometres.
    #[schema(minimum = 0, maximum = 100000000)]
    pub odometer: Option<i64>,
    /// Where the vehicle is towed.
    #[schema(min_length = 1, max_length = 300)]
    pub destination: Option<String>,
    /// Who received the vehicle.
    #[schema(min_length = 1, max_length = 100)]
    pub recipient: Option<String>,
    /// How often the customer was called without an answer.
    #[schema(minimum = 0, maximum = 1000)]
    pub attempts: Option<i64>,
}

/// Enters a step for whoever has the job, as the office was told of it.
///
/// It is marked as entered by the office (`by_office`, `told_by`) wherever it is shown, and carries the
/// time as told. A step that is there already is taken back first (`take-back`). `goa` and
/// `unsuccessful` are claims, which the office decides about as if a phone had sent them.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/steps", tag = "jobs", operation_id = "enter_job_step",
    request_body = NewStep,
    params(("id" = inline(JobId), Path, description = "The job."), MaybeIfMatch),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: nobody has the job, it is over, or it has this step.")),
)]
pub async fn enter(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<JobId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(new): Json<NewStep>,
) -> Answer {
    let expect = begin_fact(&app, &caller, id, seen.as_ref(), &operation, &section::STATUS).await?;
    let now = app.now();
    let at = time("at", new.at)?;
    if at > now.saturating_add(AHEAD_MS) {
        let detail = "A step that is told has happened. Send the time at which it happened.";
        return Err(Problem::invalid("at", detail));
    }
    let entered = new.step;
    let step = entered.step();
    let (mut pairs, reason) = checked(&new)?;
    pairs.push((key::KIND, step.as_str().into()));
    let detail = serde_json::json!({"step": step.as_str(), "at": at, "reason": reason});
    let note = caller.note("job.step", id).detail(detail);
    let edited = edit::edit(&app, &caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section::STATUS) {
            return Ok(Vec::new());
        }
        let job = Job::of(document);
        if at < job.created.saturating_sub(BEFORE_MS) {
            let detail = "This is more than a day before the job was taken in. Check day and year.";
            return Err(Problem::invalid("at", detail));
        }
        let number = may_enter(&job, entered, now)?;
        if entered == EnteredStep::Completed && !job.seals.iter().any(|seal| seal.sound) {
            says_why_unsigned(reason.as_deref())?;
        }
        let mut pairs = pairs;
        pairs.push((key::EPOCH, Value::Int(number)));
        let fact = edit::fact(document, &operation, 0, section::STATUS, now, pairs);
        Ok(fact.into_iter().map(|entry| told_at(entry, at)).collect())
    })
    .await?;
    answer(&app, caller.tenant(), edited).await
}

/// What a fact says.
type Pairs = Vec<(Key, Value)>;

/// What the fact says besides its kind and assignment number, and the reason among it.
fn checked(new: &NewStep) -> Result<(Pairs, Option<String>), Problem> {
    let text = |field: &str, value: &Option<String>, most| {
        value.as_deref().map(|text| check::text(field, text, most)).transpose()
    };
    let count = |field: &str, value: Option<i64>, most| {
        value.map(|count| check::range(field, count, 0..=most)).transpose()
    };
    let reason = text("reason", &new.reason, 60)?;
    if reason.is_none() && new.step.step().needs_reason() {
        let detail = "This step needs its reason, such as no_part or too_far.";
        return Err(Problem::invalid("reason", detail));
    }
    let pairs = vec![
        (key::NAME, check::text("told_by", &new.told_by, 100)?.into()),
        (key::REASON, reason.clone().into()),
        (key::NOTE, text("note", &new.note, 1000)?.into()),
        (key::DESTINATION, text("destination", &new.destination, 300)?.into()),
        (key::RECIPIENT, text("recipient", &new.recipient, 100)?.into()),
        (key::ODOMETER, count("odometer", new.odometer, 100_000_000)?.into()),
        (key::ATTEMPTS, count("attempts", new.attempts, 1000)?.into()),
    ];
    Ok((pairs, reason))
}

/// Whether the step may be entered now; gives the number of the assignment it belongs to.
fn may_enter(job: &Job, entered: EnteredStep, now: i64) -> Result<i64, Problem> {
    let wrong = |detail: String| Err(Problem::new(Code::WrongState).detail(detail));
    let state = job.state_at(now);
    let is_late_detail = state == JobState::Completed && !entered.ends();
    if state.is_over() && !is_late_detail {
        return wrong(format!("The job is {}. Reopen it first.", state.as_str()));
    }
    let Some(assignment) = job.assignment_at(now) else {
        return wrong("Nobody has this job. Assign it to whoever did it first.".to_owned());
    };
    let step = entered.step();
    if let Some(there) = job.times.get(&step).filter(|time| !time.inferred) {
        let how = if there.by_office { "entered by the office" } else { "recorded on a phone" };
        return wrong(format!(
            "The job has this step, {how}. Take it back first: its fact is {}.",
            there.fact
        ));
    }
    Ok(assignment.epoch)
}

/// Whether a completion says why there is no seal.
fn says_why_unsigned(reason: Option<&str>) -> Result<(), Problem> {
    if reason.is_some_and(|reason| lists::UNSIGNED.contains(&reason)) {
        return Ok(());
    }
    let detail = format!(
        "No customer signed on a phone. Say why, by one of {}.",
        lists::UNSIGNED.join(", ")
    );
    Err(Problem::invalid("reason", detail).reason("signature_missing"))
}

/// The fact with the time as it was told; when it was entered, its change says.
fn told_at(mut entry: Entry, at: i64) -> Entry {
    if let Entry::Fact { record, .. } = &mut entry {
        record.insert(key::AT, Value::Int(at));
    }
    entry
}
