//! Taking back what was recorded by mistake, and letting it stand again, each with a reason: one way
//! for jobs, vans and technicians. Nothing is deleted; a fact that names the first says so.

use serde::Deserialize;
use sync_core::change::Entry;
use sync_core::document::{Document, Fact};
use sync_core::id::FactId;
use sync_core::job::voids_of;
use sync_core::schema::{Key, Section, key};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{check, edit, words};
use crate::http::{Code, Operation, Problem};

/// Facts that one operation writes at most.
const FACTS: usize = 100;

/// Why something is taken back, or stands again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TakeBack, example = json!({"reason": "wrong_job", "note": "Fitted to the car of 261123-009."}))]
pub struct Why {
    /// A word such as `mistake`, `wrong_job`, `wrong_part`, `duplicate`.
    #[schema(schema_with = words::take_back_reason)]
    pub reason: String,
    /// More, in words.
    #[schema(min_length = 1, max_length = 1000)]
    pub note: Option<String>,
}

/// Which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversal {
    /// It counts no more.
    TakeBack,
    /// It counts again.
    Restore,
}

/// The reason as facts carry it, once it was checked.
#[derive(Debug, Clone)]
pub struct Told {
    reason: String,
    note: Option<String>,
}

impl Why {
    /// Checks the reason.
    ///
    /// # Errors
    /// `invalid`.
    pub fn checked(&self) -> Result<Told, Problem> {
        let note = self.note.as_deref().map(|text| check::text("note", text, 1000)).transpose()?;
        Ok(Told { reason: check::text("reason", &self.reason, 60)?, note })
    }
}

impl Told {
    /// What a fact says that names another for this reason.
    pub fn pairs(&self, named: FactId) -> Vec<(Key, Value)> {
        vec![
            (key::VOIDS, edit::raw(named.as_bytes())),
            (key::REASON, self.reason.as_str().into()),
            (key::NOTE, self.note.clone().into()),
        ]
    }

    /// For the audit list.
    pub fn detail(&self, fact: FactId) -> serde_json::Value {
        serde_json::json!({"fact": fact, "reason": self.reason})
    }
}

/// The section that holds a fact, of those that may be taken back here.
///
/// # Errors
/// `not_found`.
pub fn section_of<'d>(
    document: &'d Document,
    sections: &[Section],
    fact: FactId,
) -> Result<(Section, &'d Fact), Problem> {
    let mut found = sections
        .iter()
        .filter_map(|section| document.fact(section, &fact).map(|fact| (section.clone(), fact)));
    found.next().ok_or_else(|| {
        let detail = "Nothing with this id can be taken back here. The timeline has the ids.";
        Problem::not_found().detail(detail)
    })
}

/// What takes a fact of a section back or lets it stand again.
///
/// # Errors
/// `wrong_state` when it stands so already, or is itself what takes another back.
pub fn entries(
    document: &Document,
    operation: &Operation,
    section: &Section,
    fact: &Fact,
    (way, told): (Reversal, &Told),
    now: i64,
) -> Result<Vec<Entry>, Problem> {
    if fact.record.contains_key(&key::VOIDS) {
        let detail = "This takes something back. Name what it took back, and restore that.";
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    let taken = voids_of(document, section, fact.id);
    let named = named(way, fact.id, taken)?;
    let each = (0..=u8::MAX).zip(named).filter_map(|(n, named)| {
        edit::fact(document, operation, n, section.clone(), now, told.pairs(named))
    });
    Ok(each.collect())
}

/// The facts to name, where these took one back.
///
/// # Errors
/// `wrong_state` when there is nothing to do.
pub fn named(way: Reversal, fact: FactId, taken: Vec<FactId>) -> Result<Vec<FactId>, Problem> {
    match (way, taken.is_empty()) {
        (Reversal::TakeBack, true) => Ok(vec![fact]),
        (Reversal::TakeBack, false) => {
            Err(Problem::new(Code::WrongState).detail("Already taken back."))
        }
        (Reversal::Restore, false) => Ok(taken.into_iter().take(FACTS).collect()),
        (Reversal::Restore, true) => {
            Err(Problem::new(Code::WrongState).detail("It was not taken back."))
        }
    }
}
