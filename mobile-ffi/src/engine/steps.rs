//! The steps of a rescue as the technician records them, and when a step may not come.

use sync_core::document::{Document, Fact};
use sync_core::id::{FactId, JobId, UserId};
use sync_core::job::{self, Job, Step};
use sync_core::schema::{key, section};
use sync_core::value::{Record, Value};

use super::facts::one;
use super::input::{self, Place};
use super::{Engine, State};
use crate::error::EngineError;

/// What may be told with a step; most steps need nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepDetails {
    /// Coded reason; declining and ending without success need one.
    pub reason: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// Where it happened.
    pub place: Option<Place>,
    /// Odometer reading, kilometres.
    pub odometer: Option<i64>,
    /// Where the vehicle is towed, in words.
    pub destination: Option<String>,
    /// Who received the vehicle.
    pub recipient: Option<String>,
    /// How often the customer was called, for a claim that nobody was there.
    pub attempts: Option<i64>,
}

impl Engine {
    /// Records a step of a rescue under the technician's latest assignment of the job.
    ///
    /// A step that was recorded before under the same assignment, one after the technician's own
    /// end of the job, and setting off while out for another job are refused at once.
    pub fn step(
        &self,
        job: JobId,
        step: Step,
        details: StepDetails,
    ) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::KIND, step.word().into())]);
        input::text(&mut record, key::REASON, details.reason, "reason")?;
        input::text(&mut record, key::NOTE, details.note, "note")?;
        input::text(&mut record, key::DESTINATION, details.destination, "destination")?;
        input::text(&mut record, key::RECIPIENT, details.recipient, "recipient")?;
        input::count(&mut record, key::ODOMETER, details.odometer, "odometer")?;
        input::count(&mut record, key::ATTEMPTS, details.attempts, "attempts")?;
        input::place(&mut record, details.place)?;
        let now = self.server_clock();
        self.record(|state, maker| {
            let document = state.document(job.into())?;
            let epoch = latest_epoch(document, maker.user)?;
            step_fits(document, step, epoch)?;
            if step == Step::EnRoute {
                state.free_to_set_off(job, maker.user, now)?;
            }
            record.insert(key::EPOCH, epoch.into());
            one(state, maker, job, section::STATUS, record)
        })
    }
}

impl State {
    /// A technician is out for one job at a time.
    fn free_to_set_off(&mut self, job: JobId, user: UserId, now: i64) -> Result<(), EngineError> {
        let mut out = self.jobs(now)?;
        out.retain(|(id, summary)| {
            *id != job && summary.technician == Some(user) && summary.state.is_active()
        });
        let mut busy = None;
        for (other, summary) in out {
            // The summary does not tell whether the technician has claimed an ending.
            let active = Job::of(self.document(other.into())?).active_technician;
            busy = busy.or((active == Some(user)).then_some((other, summary)));
        }
        let Some((other, summary)) = busy else { return Ok(()) };
        let name = summary.number.unwrap_or_else(|| other.to_string());
        let sentence = format!("You are still out for job {name}; end that one first.");
        Err(EngineError::invalid("another_job_active", "step", sentence))
    }
}

/// The epoch the technician's work belongs to: of the assignments that were theirs, the last.
fn latest_epoch(document: &Document, user: UserId) -> Result<i64, EngineError> {
    job::epochs_of(document, user).into_iter().max().ok_or_else(|| EngineError::Denied {
        code: "job_not_yours".to_owned(),
        sentence: "This job is not and was not assigned to you.".to_owned(),
    })
}

/// Whether a step may come now under this epoch: not twice, and not after the technician's own
/// end of it, unless the office reopened the job since.
fn step_fits(document: &Document, step: Step, epoch: i64) -> Result<(), EngineError> {
    let step_of = |fact: &Fact| {
        let kind = fact.record.get(&key::KIND).and_then(Value::as_text);
        kind.and_then(Step::parse)
    };
    let reopened = document.facts(&section::STATUS).rfind(|f| step_of(f) == Some(Step::Reopened));
    let since = |fact: &&Fact| reopened.is_none_or(|reopened| fact.id > reopened.id);
    let mine = document
        .facts(&section::STATUS)
        .filter(|fact| fact.record.get(&key::EPOCH).and_then(Value::as_int) == Some(epoch));
    let taken: Vec<Step> = mine.filter(since).filter_map(step_of).collect();
    if taken.contains(&step) {
        let sentence = "This step is recorded already.";
        return Err(EngineError::invalid("step_recorded", "step", sentence));
    }
    if taken.contains(&Step::Completed) || taken.contains(&Step::Declined) {
        let sentence = "You have ended this job; the office can reopen it.";
        return Err(EngineError::invalid("job_over", "step", sentence));
    }
    Ok(())
}
