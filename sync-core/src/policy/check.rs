//! What each rule demands of an entry, looking at the document it goes into.

use super::room::Room;
use super::rule::Rule;
use super::{Context, Denied, KIND_UNKNOWN};
use crate::change::Entry;
use crate::id::{FactId, JobId, UserId};
use crate::job::{self, Step, WALK_UP_EPOCH};
use crate::schema::{Key, key, section};
use crate::value::{Record, Value};

impl Rule {
    pub fn check(self, context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
        let user = context.caller.user;
        match self {
            Self::Allowed => Ok(()),
            Self::Never(code, sentence) => Err(denied(code, sentence, entry, None)),
            Self::OnTheirJob => on_their_job(context, entry)?.own_correction(context, entry),
            Self::TheirStep => their_step(context, entry)?.own_correction(context, entry),
            Self::TheirSeal => match entry {
                Entry::Fact { record, .. } if kind(record) == Some("countersigned") => {
                    let sentence = "Only the server countersigns a seal.";
                    Err(denied("server_only", sentence, entry, Some(&key::KIND)))
                }
                Entry::Fact { .. } | Entry::Field { .. } | Entry::Section { .. } => {
                    Self::OnTheirJob.check(context, entry)
                }
            },
            Self::OfficeStep => office_step(entry),
            Self::OnTheirVan => {
                if drives_or_drove(context, user) {
                    return Self::Allowed.own_correction(context, entry);
                }
                let sentence = "This van is not and was not assigned to you.";
                Err(denied("van_not_yours", sentence, entry, None))
            }
            Self::TheirMovement => {
                if is_use_for_a_job(entry) {
                    return Self::Allowed.own_correction(context, entry);
                }
                Self::OnTheirVan.check(context, entry)
            }
            Self::AboutThemself => {
                if context.document.id().technician() == Some(user) {
                    return Self::Allowed.own_correction(context, entry);
                }
                let sentence = "This is another technician's record.";
                Err(denied("not_yourself", sentence, entry, None))
            }
            Self::WhoDrives => match entry {
                Entry::Field { key, .. } if *key == key::TECHNICIAN || *key == key::ACTIVE => {
                    Ok(())
                }
                Entry::Field { .. } | Entry::Fact { .. } | Entry::Section { .. } => {
                    let sentence = "A dispatcher sets only who drives the van and whether it is \
                                    in use.";
                    Err(denied("manager_only", sentence, entry, None))
                }
            },
        }
    }

    /// A technician takes back or corrects only what they recorded themself.
    fn own_correction(self, context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
        let Entry::Fact { section, record, .. } = entry else { return Ok(()) };
        for key in [key::VOIDS, key::CORRECTS] {
            let Some(value) = record.get(&key) else { continue };
            let named = value.as_bytes().and_then(|bytes| FactId::from_slice(bytes).ok());
            let known = named.and_then(|id| context.document.fact(section, &id));
            let in_change = named.is_some_and(|id| context.earlier.contains(&id));
            if !in_change && known.is_none() {
                let sentence = "It takes back a fact that is not in this section.";
                return Err(denied("fact_unknown", sentence, entry, Some(&key)));
            }
            if known.is_some_and(|fact| fact.author != Some(context.caller.user)) {
                let sentence = "Only who recorded a fact, or the office, takes it back.";
                return Err(denied("fact_not_yours", sentence, entry, Some(&key)));
            }
        }
        Ok(())
    }
}

/// Whether the entry is the walk-up fact of a job.
pub(super) fn is_walk_up(room: Room, entry: &Entry) -> bool {
    let Entry::Fact { record, .. } = entry else { return false };
    room == Room::JobStatus && kind(record) == Some(Step::WalkUp.word())
}

fn on_their_job(context: &Context<'_>, entry: &Entry) -> Result<Rule, Denied> {
    let theirs =
        context.opens_walk_up || job::is_or_was_theirs(context.document, context.caller.user);
    if theirs {
        return Ok(Rule::Allowed);
    }
    let sentence = "This job is not and was not assigned to you.";
    Err(denied("job_not_yours", sentence, entry, None))
}

fn their_step(context: &Context<'_>, entry: &Entry) -> Result<Rule, Denied> {
    let Entry::Fact { record, .. } = entry else { return Ok(Rule::Allowed) };
    let step = known_step(record, entry)?;
    if step == Step::WalkUp {
        if context.document.is_empty() && !context.opens_walk_up {
            return Ok(Rule::Allowed);
        }
        let sentence = "A walk-up opens a new job; this job exists already.";
        return Err(denied("walk_up_not_new", sentence, entry, Some(&key::KIND)));
    }
    on_their_job(context, entry)?;
    if step.is_of_office() {
        let sentence = "Only the office cancels or reopens a job; ask it to.";
        return Err(denied("office_only", sentence, entry, Some(&key::KIND)));
    }
    reason_given(step, record, entry)?;
    let epoch = epoch_of(record, entry)?;
    let own_walk_up = context.opens_walk_up && epoch == WALK_UP_EPOCH;
    if own_walk_up || job::epochs_of(context.document, context.caller.user).contains(&epoch) {
        return Ok(Rule::Allowed);
    }
    let sentence = "The step belongs to an assignment that was never yours.";
    Err(denied("epoch_not_yours", sentence, entry, Some(&key::EPOCH)))
}

fn office_step(entry: &Entry) -> Result<(), Denied> {
    let Entry::Fact { record, .. } = entry else { return Ok(()) };
    let step = known_step(record, entry)?;
    if step == Step::WalkUp {
        let sentence = "A walk-up is opened on the phone of the technician who is there.";
        return Err(denied("on_site_only", sentence, entry, Some(&key::KIND)));
    }
    reason_given(step, record, entry)?;
    if step.is_of_office() { Ok(()) } else { epoch_of(record, entry).map(|_| ()) }
}

fn known_step(record: &Record, entry: &Entry) -> Result<Step, Denied> {
    let Some(word) = kind(record) else {
        let sentence = "A status fact says which step it is.";
        return Err(denied("kind_missing", sentence, entry, Some(&key::KIND)));
    };
    Step::parse(word).ok_or_else(|| {
        let sentence = "This version does not know this step; it may be too old.";
        denied(KIND_UNKNOWN, sentence, entry, Some(&key::KIND))
    })
}

fn epoch_of(record: &Record, entry: &Entry) -> Result<i64, Denied> {
    record.get(&key::EPOCH).and_then(Value::as_int).ok_or_else(|| {
        let sentence = "A step names the epoch of the assignment it belongs to.";
        denied("epoch_missing", sentence, entry, Some(&key::EPOCH))
    })
}

fn reason_given(step: Step, record: &Record, entry: &Entry) -> Result<(), Denied> {
    let reason = record.get(&key::REASON).and_then(Value::as_text).unwrap_or_default();
    if step.needs_reason() && reason.is_empty() {
        let sentence = "Declining, ending without success and cancelling need a reason.";
        return Err(denied("reason_missing", sentence, entry, Some(&key::REASON)));
    }
    Ok(())
}

fn drives_or_drove(context: &Context<'_>, user: UserId) -> bool {
    let history = context.document.field_history(&section::DETAILS, &key::TECHNICIAN);
    history.iter().any(|value| value.value.as_bytes() == Some(user.as_bytes()))
}

fn is_use_for_a_job(entry: &Entry) -> bool {
    let Entry::Fact { record, .. } = entry else { return false };
    let job = record.get(&key::JOB).and_then(Value::as_bytes);
    kind(record) == Some("use") && job.is_some_and(|bytes| JobId::from_slice(bytes).is_ok())
}

fn kind(record: &Record) -> Option<&str> {
    record.get(&key::KIND).and_then(Value::as_text)
}

fn denied(code: &'static str, sentence: &'static str, entry: &Entry, key: Option<&Key>) -> Denied {
    let (section, own) = match entry {
        Entry::Fact { section, .. } => (section, None),
        Entry::Field { section, key, .. } => (section, Some(key)),
        Entry::Section { name } => (name, None),
    };
    let field = match key.or(own) {
        Some(key) => format!("{section}.{key}"),
        None => section.to_string(),
    };
    Denied { code, sentence, field: Some(field) }
}
