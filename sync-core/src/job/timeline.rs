//! The story of a job: who did what when, with what crossed an office decision marked as late.

use serde::{Deserialize, Serialize};

use super::Step;
use super::access::{id_of, text};
use super::causal::Order;
use super::claimed_times::ClaimedTimes;
use super::times::{corrected, is_by_office};
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{Key, key, section};
use crate::time::Corrected;
use crate::value::Value;

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// The fact that this one takes back, or lets stand again where that itself takes one back.
    pub takes_back: Option<FactId>,
    /// The most telling text of it: a note, a reason, a part, the new value.
    pub detail: Option<String>,
    /// The note beside it, where it is not the detail itself.
    pub note: Option<String>,
    /// Someone at a desk wrote it; no phone did.
    pub by_office: bool,
    /// It was recorded without knowledge of an assignment or cancellation that itself was made
    /// without knowledge of it: the two crossed.
    pub late: bool,
    /// The time that its phone claims cannot be: it is more than a day before what the phone had seen
    /// of the office and the server, or more than ten minutes after the first act of theirs that had
    /// seen this.
    #[serde(default)]
    pub impossible: bool,
}

/// All facts and field settings, by corrected time, then id.
pub fn timeline(document: &Document) -> Vec<TimelineItem> {
    let order = Order::of(document);
    let (crossings, claimed) = (Crossings::of(&order), ClaimedTimes::of(&order));
    let mut items = Vec::new();
    for name in document.fact_sections() {
        items.extend(document.facts(name).map(|fact| of_fact(fact, &crossings, &claimed)));
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
                    takes_back: None,
                    detail: shown(&value.value),
                    note: None,
                    by_office: value.author.is_some(),
                    late: false,
                    impossible: false,
                });
            }
        }
    }
    items.sort_by(|a, b| place(a).cmp(&place(b)));
    items
}

fn place(item: &TimelineItem) -> impl Ord + use<'_> {
    (item.time.at, item.fact, &item.section, &item.what, &item.detail, item.by)
}

fn of_fact(fact: &Fact, crossings: &Crossings<'_>, claimed: &ClaimedTimes<'_>) -> TimelineItem {
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
        takes_back: id_of(fact, &key::VOIDS),
        note: first(&[key::NOTE]).filter(|note| Some(note) != first(&detail).as_ref()),
        detail: first(&detail),
        by_office: is_by_office(fact),
        late: crossings.crossed(fact),
        impossible: claimed.impossible_by(fact).is_some(),
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

/// Which changes crossed an office decision a phone can cross: an assignment, a cancellation, a
/// reopening.
struct Crossings<'d> {
    document: &'d Document,
    crossed: Vec<bool>,
}

impl<'d> Crossings<'d> {
    fn of(order: &Order<'d>) -> Self {
        let document = order.document();
        let given = document.facts(&section::ASSIGNMENT);
        let ended = document.facts(&section::STATUS).filter(|fact| {
            let step = text(fact, &key::KIND).and_then(Step::parse);
            step.is_some_and(Step::is_of_office)
        });
        let mut changes: Vec<_> = given.chain(ended).map(|fact| fact.change).collect();
        changes.sort();
        changes.dedup();
        Self { document, crossed: order.crossed(&changes) }
    }

    fn crossed(&self, fact: &Fact) -> bool {
        let place = self.document.place_of(&fact.change);
        place.and_then(|place| self.crossed.get(place)).copied().unwrap_or(false)
    }
}
