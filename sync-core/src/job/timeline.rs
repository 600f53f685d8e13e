//! The story of a job: who did what when, with what crossed an office decision marked as late.

use serde::{Deserialize, Serialize};

use super::Step;
use super::access::text;
use super::causal::Past;
use super::times::corrected;
use crate::change::ChangeRef;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{Key, key, section};
use crate::time::Corrected;
use crate::value::Value;

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineItem {
    /// When, in server time, with its uncertainty and how far the phone's clock was off.
    #[serde(flatten)]
    pub time: Corrected,
    /// Who; absent where nobody has attested it.
    pub by: Option<UserId>,
    /// The section of the fact or field.
    pub section: String,
    /// The kind of fact, or the key of the field.
    pub what: Option<String>,
    /// The fact; absent for a field.
    pub fact: Option<FactId>,
    /// The most telling text of it: a note, a reason, a part, the new value.
    pub detail: Option<String>,
    /// It was recorded without knowledge of an assignment or cancellation that itself was made
    /// without knowledge of it: the two crossed.
    pub late: bool,
}

/// All facts and field settings, by corrected time, then id.
pub fn timeline(document: &Document) -> Vec<TimelineItem> {
    let crossings = Crossings::of(document);
    let mut items = Vec::new();
    for name in document.fact_sections() {
        items.extend(document.facts(name).map(|fact| of_fact(fact, &crossings)));
    }
    for name in document.field_sections() {
        for key in document.field_keys(name) {
            for value in document.field_history(name, key) {
                items.push(TimelineItem {
                    time: Corrected { at: value.time, uncertainty: None, skew: 0 },
                    by: value.author,
                    section: name.to_string(),
                    what: Some(key.to_string()),
                    fact: None,
                    detail: shown(&value.value),
                    late: false,
                });
            }
        }
    }
    items.sort_by(|a, b| order(a).cmp(&order(b)));
    items
}

fn order(item: &TimelineItem) -> impl Ord + use<'_> {
    (item.time.at, item.fact, &item.section, &item.what, &item.detail, item.by)
}

fn of_fact(fact: &Fact, crossings: &Crossings) -> TimelineItem {
    let what = [key::KIND, key::STEP, key::ABOUT, key::PART_NO, key::STAGE, key::ROLE];
    let detail =
        [key::TEXT, key::REASON, key::CHOICE, key::RESULT, key::DESCRIPTION, key::NOTE, key::NAME];
    let first = |keys: &[Key]| keys.iter().find_map(|key| text(fact, key)).map(str::to_owned);
    TimelineItem {
        time: corrected(fact),
        by: fact.author,
        section: fact.section.to_string(),
        what: first(&what),
        fact: Some(fact.id),
        detail: first(&detail),
        late: crossings.crossed(fact),
    }
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Int(int) => Some(int.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => match UserId::from_slice(bytes) {
            Ok(id) => Some(id.to_string()),
            Err(_) => Some(format!("{} bytes", bytes.len())),
        },
    }
}

/// Office decisions a phone can cross: assignments, cancellations, reopenings.
struct Crossings(Vec<(ChangeRef, Past, Vec<ChangeRef>)>);

impl Crossings {
    fn of(document: &Document) -> Self {
        let given = document.facts(&section::ASSIGNMENT);
        let ended = document.facts(&section::STATUS).filter(|fact| {
            let step = text(fact, &key::KIND).and_then(Step::parse);
            step.is_some_and(Step::is_of_office)
        });
        let mut changes: Vec<_> = given.chain(ended).map(|fact| fact.change).collect();
        changes.sort();
        changes.dedup();
        let past = |change: ChangeRef| {
            (change, Past::of(document, change), super::causal::first_after(document, change))
        };
        Self(changes.into_iter().map(past).collect())
    }

    fn crossed(&self, fact: &Fact) -> bool {
        self.0.iter().any(|(_, past, after)| {
            let follows = after
                .iter()
                .any(|first| first.actor == fact.change.actor && fact.change.seq >= first.seq);
            !past.contains(&fact.change) && !follows
        })
    }
}
