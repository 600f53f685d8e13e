//! What each rule demands of an entry, looking at the document it goes into.

use super::rule::Rule;
use super::{Context, Denied};
use crate::change::Entry;
use crate::codes::{self, Code};
use crate::id::{FactId, UserId};
use crate::job::{self, WALK_UP_EPOCH};
use crate::schema::{Key, KindSpec, May, Need, key};
use crate::value::Value;

impl Rule {
    pub fn check(&self, context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
        let user = context.principal.user;
        match self.may {
            May::Write => return Ok(()),
            May::Never(code) => {
                let of_kind = code == codes::KIND_UNKNOWN;
                return Err(denied(code, entry, of_kind.then_some(&key::KIND)));
            }
            May::WriteAStep => return step_is_whole(self.kind, entry).map(|_| ()),
            May::SetWhoDrives => {
                return match entry {
                    Entry::Field { key, .. } if *key == key::TECHNICIAN || *key == key::ACTIVE => {
                        Ok(())
                    }
                    Entry::Field { .. } | Entry::Fact { .. } | Entry::Section { .. } => {
                        Err(denied(codes::MANAGER_ONLY, entry, None))
                    }
                };
            }
            May::OpenAJob => {
                if !context.document.is_empty() || context.opens_walk_up {
                    return Err(denied(codes::WALK_UP_NOT_NEW, entry, Some(&key::KIND)));
                }
            }
            May::OnTheirJob => on_their_job(context, entry)?,
            May::TakeTheirStep => their_step(self.kind, context, entry)?,
            May::OnTheirVan => on_their_van(context, user, entry)?,
            May::AboutThemself => {
                if context.document.id().technician() != Some(user) {
                    return Err(denied(codes::NOT_YOURSELF, entry, None));
                }
            }
        }
        own_correction(context, entry)
    }
}

/// A technician takes back or corrects only what they recorded themself.
fn own_correction(context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
    let Entry::Fact { section, record, .. } = entry else { return Ok(()) };
    for key in [key::VOIDS, key::CORRECTS] {
        let Some(value) = record.get(&key) else { continue };
        let named = value.as_bytes().and_then(|bytes| FactId::from_slice(bytes).ok());
        let known = named.and_then(|id| context.document.fact(section, &id));
        let in_change = named.is_some_and(|id| context.earlier.contains(&id));
        if !in_change && known.is_none() {
            return Err(denied(codes::FACT_UNKNOWN, entry, Some(&key)));
        }
        if known.is_some_and(|fact| fact.author != Some(context.principal.user)) {
            return Err(denied(codes::FACT_NOT_YOURS, entry, Some(&key)));
        }
    }
    Ok(())
}

fn on_their_job(context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
    let theirs =
        context.opens_walk_up || job::is_or_was_theirs(context.document, context.principal.user);
    if theirs { Ok(()) } else { Err(denied(codes::JOB_NOT_YOURS, entry, None)) }
}

fn their_step(kind: Option<&KindSpec>, context: &Context<'_>, entry: &Entry) -> Result<(), Denied> {
    on_their_job(context, entry)?;
    let epoch = step_is_whole(kind, entry)?;
    let own_walk_up = context.opens_walk_up && epoch == Some(WALK_UP_EPOCH);
    let theirs = |epoch| job::has_epoch(context.document, context.principal.user, epoch);
    if own_walk_up || epoch.is_some_and(theirs) {
        return Ok(());
    }
    Err(denied(codes::EPOCH_NOT_YOURS, entry, Some(&key::EPOCH)))
}

/// Whether a step says what the table asks of it by a code of its own; gives its assignment number.
fn step_is_whole(kind: Option<&KindSpec>, entry: &Entry) -> Result<Option<i64>, Denied> {
    let (Entry::Fact { record, .. }, Some(kind)) = (entry, kind) else { return Ok(None) };
    let needs =
        |key: &Key| kind.keys.iter().any(|spec| spec.key == *key && spec.need == Need::Required);
    let reason = record.get(&key::REASON).and_then(Value::as_text).unwrap_or_default();
    if needs(&key::REASON) && reason.is_empty() {
        return Err(denied(codes::REASON_MISSING, entry, Some(&key::REASON)));
    }
    let epoch = record.get(&key::EPOCH).and_then(Value::as_int);
    if needs(&key::EPOCH) && epoch.is_none() {
        return Err(denied(codes::EPOCH_MISSING, entry, Some(&key::EPOCH)));
    }
    Ok(epoch)
}

fn on_their_van(context: &Context<'_>, user: UserId, entry: &Entry) -> Result<(), Denied> {
    let drives = context.document.claims().drove(user);
    if drives { Ok(()) } else { Err(denied(codes::VAN_NOT_YOURS, entry, None)) }
}

pub(super) fn denied(code: Code, entry: &Entry, key: Option<&Key>) -> Denied {
    let (section, own) = match entry {
        Entry::Fact { section, .. } => (section, None),
        Entry::Field { section, key, .. } => (section, Some(key)),
        Entry::Section { name } => (name, None),
    };
    let field = match key.or(own) {
        Some(key) => format!("{section}.{key}"),
        None => section.to_string(),
    };
    Denied { code: code.word, sentence: code.sentence, field: Some(field) }
}
