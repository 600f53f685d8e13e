//! The steps of a rescue as the technician records them, and when a step may not come.

use sync_core::document::{Document, Fact};
use sync_core::id::{FactId, JobId, UserId};
use sync_core::job::{self, AssignmentKind, Job, Step};
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
    /// end of the job, one of a job that the phone knows was given on or taken back, and setting off
    /// while out for another job are refused at once.
    pub fn step(
        &self,
        job: JobId,
        step: Step,
        details: StepDetails,
    ) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::KIND, step.as_str().into())]);
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
            still_theirs(document, maker.user, epoch)?;
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

/// Whether nothing that is here took the job from them: no later assignment, and no recall of theirs.
fn still_theirs(document: &Document, user: UserId, epoch: i64) -> Result<(), EngineError> {
    let ended = document.facts(&section::ASSIGNMENT).any(|fact| {
        let word = fact.record.get(&key::KIND).and_then(Value::as_text);
        let number = fact.record.get(&key::EPOCH).and_then(Value::as_int);
        if word != Some(AssignmentKind::Recall.as_str()) {
            return number > Some(epoch);
        }
        let named = |key| fact.record.get(&key).filter(|value| **value != Value::Null);
        let own = Value::Bytes(user.as_bytes().to_vec());
        let names_them = match (named(key::TECHNICIAN), named(key::PROVIDER)) {
            (Some(technician), _) => *technician == own,
            (None, provider) => provider.is_none(),
        };
        number >= Some(epoch) && names_them
    });
    if ended {
        let sentence = "This job is not yours any more: the office gave it to someone else or took \
                        it back. Ask the office if you have worked on it.";
        return Err(EngineError::invalid("job_given_on", "step", sentence));
    }
    Ok(())
}

/// Whether a step may come now under this epoch: not twice, and not after the technician's own
/// end of it, unless the office reopened the job since.
fn step_fits(document: &Document, step: Step, epoch: i64) -> Result<(), EngineError> {
    let step_of = |fact: &Fact| {
        let kind = fact.record.get(&key::KIND).and_then(Value::as_text);
        kind.and_then(Step::parse)
    };
    let reopened = document.facts(&section::STATUS).filter(|f| step_of(f) == Some(Step::Reopened));
    let reopened = reopened.map(Fact::rank).max();
    let since = |fact: &&Fact| reopened.is_none_or(|reopened| fact.rank() > reopened);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sync_core::admission::record;
    use sync_core::change::Entry;
    use sync_core::document::Author;
    use sync_core::id::ActorId;
    use sync_core::policy::{Principal, Role};

    use super::*;

    const NOON: i64 = 1_790_000_000_000;

    fn user(n: u8) -> UserId {
        UserId::new(NOON, [n; 10])
    }

    /// A job with these offers, assignments and recalls: word, number, of whom.
    fn given(all: &[(&str, i64, Option<u8>)]) -> Document {
        let mut document = Document::new(JobId::new(NOON, [1; 10]).into());
        let desk = Principal { user: user(100), role: Role::Dispatcher };
        for (n, (word, epoch, who)) in all.iter().enumerate() {
            let mut fact = Record::from([
                (key::KIND, Value::from(*word)),
                (key::EPOCH, (*epoch).into()),
                (key::AT, NOON.into()),
            ]);
            let bytes = who.map(|who| Value::Bytes(user(who).as_bytes().to_vec()));
            fact.extend(bytes.map(|bytes| (key::TECHNICIAN, bytes)));
            let id = FactId::new(NOON, [n as u8; 10]);
            let entry = Entry::Fact { section: section::ASSIGNMENT, id, record: fact };
            let actor = ActorId::new(NOON, [100; 10]);
            let author = Author::desk(desk.user);
            record(&mut document, actor, NOON, &desk, author, vec![entry]).unwrap();
        }
        document
    }

    #[test]
    fn a_job_that_was_given_on_or_taken_back_takes_no_more_steps_of_whom_it_was() {
        let own = ("assign", 1, Some(1));
        for (what, then, theirs) in [
            ("nothing more", vec![], true),
            ("given on", vec![("assign", 2, Some(2))], false),
            ("offered on", vec![("offer", 2, Some(2))], false),
            ("taken back", vec![("recall", 2, Some(1))], false),
            ("taken back from whoever has it", vec![("recall", 1, None)], false),
            ("taken back from another", vec![("recall", 2, Some(2))], true),
            ("given back", vec![("assign", 2, Some(2)), ("assign", 3, Some(1))], true),
        ] {
            let document = given(&[vec![own], then].concat());
            let epoch = latest_epoch(&document, user(1)).unwrap();
            let refused = still_theirs(&document, user(1), epoch).err();
            let code = refused.map(|error| error.code().to_owned());
            assert_eq!(code.is_none(), theirs, "{what}: {code:?}");
        }
    }
}
