//! What the office decided about exceptions, and which facts a decision covers.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::ExceptionKind;
use super::access::{id_of, int, text};
use super::causal::{Order, Seen, WIDTH, in_order};
use super::undo::taken_back;
use crate::change::ChangeRef;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// One choice of a person about an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Decision {
    /// The fact.
    pub id: FactId,
    /// Which kind of exception, by its word.
    pub about: String,
    /// What was chosen, by its word.
    pub choice: String,
    /// The fact the exception came from.
    pub reference: Option<FactId>,
    /// The fee that is paid, minor units of `currency`; only with `pay_fee`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// ISO 4217 code of the fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// Who decided.
    pub by: Option<UserId>,
    /// When, by the office's clock, Unix milliseconds.
    #[serde(rename = "at")]
    pub time: i64,
}

impl Decision {
    fn of(fact: &Fact) -> Option<Self> {
        Some(Self {
            id: fact.id,
            about: text(fact, &key::ABOUT)?.to_owned(),
            choice: text(fact, &key::CHOICE)?.to_owned(),
            reference: id_of(fact, &key::REF),
            amount: int(fact, &key::AMOUNT),
            currency: text(fact, &key::CURRENCY).map(str::to_owned),
            note: text(fact, &key::NOTE).map(str::to_owned),
            by: fact.author,
            time: fact.time,
        })
    }
}

/// All decisions of a job by what they are about, the first first.
pub(crate) struct Decisions<'o> {
    order: &'o Order<'o>,
    by_kind: HashMap<String, Vec<Taken>>,
}

/// The facts an exception comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause<'a> {
    pub facts: Vec<&'a Fact>,
    /// A fact that also names the exception, such as the cancellation the work crossed.
    pub also: Option<FactId>,
}

/// What was decided about one cause.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled<'a> {
    /// The decision in force: of several the last.
    pub on: Option<Decision>,
    /// Its place among all decisions of its kind.
    pub place: Option<usize>,
    /// The facts of the cause that no decision covers yet.
    pub uncovered: Vec<&'a Fact>,
}

impl Settled<'_> {
    /// Whether the decision in force chose this.
    pub fn chose(&self, choice: &str) -> bool {
        self.on.as_ref().is_some_and(|decision| decision.choice == choice)
    }
}

impl<'o> Decisions<'o> {
    pub fn of(order: &'o Order<'o>) -> Self {
        let mut by_kind: HashMap<String, Vec<_>> = HashMap::new();
        let undone = taken_back(order.document(), &section::DECISIONS);
        for fact in in_order(order.document().facts(&section::DECISIONS)) {
            if let Some(decision) = Decision::of(fact).filter(|it| !undone.contains(&it.id)) {
                let kind = by_kind.entry(decision.about.clone()).or_default();
                kind.push((decision, fact.change));
            }
        }
        Self { order, by_kind }
    }

    /// The document they are in.
    pub fn document(&self) -> &'o Document {
        self.order.document()
    }

    /// What was decided about one cause.
    pub fn about<'a>(&self, about: ExceptionKind, cause: &Cause<'a>) -> Settled<'a> {
        self.about_each(about, std::slice::from_ref(cause)).pop().unwrap_or_default()
    }

    /// What was decided about each of these causes, which have no fact in common.
    ///
    /// A decision is about a cause when it names a fact of it, or names none. It covers the fact
    /// it names, and every fact that was in the document when it was taken.
    pub fn about_each<'a>(&self, about: ExceptionKind, causes: &[Cause<'a>]) -> Vec<Settled<'a>> {
        let open =
            |cause: &Cause<'a>| Settled { on: None, place: None, uncovered: cause.facts.clone() };
        let mut settled: Vec<_> = causes.iter().map(open).collect();
        let Some(decisions) = self.by_kind.get(about.as_str()) else { return settled };
        let sorted = Sorted::of(decisions, causes);
        if !sorted.general.is_empty() {
            let seen = self.seen_by(decisions, &sorted.general);
            for (cause, settled) in causes.iter().zip(&mut settled) {
                let first = cause.facts.iter().filter_map(|fact| seen.first(&fact.change)).min();
                settled.place = first.and_then(|first| sorted.general.get(first)).copied();
                settled.uncovered.retain(|fact| !seen.contains(&fact.change));
            }
        }
        let own: Vec<(usize, Vec<Own>)> = sorted.own.into_iter().collect();
        for own in own.chunks(WIDTH) {
            let bits = own.iter().enumerate();
            let bits = bits.flat_map(|(bit, (_, own))| own.iter().map(move |own| (own.at, bit)));
            let seen = self.order.seen_by(bits.map(|(at, bit)| (decisions[at].1, bit)));
            for (bit, (at, own)) in own.iter().enumerate() {
                let (cause, settled) = (&causes[*at], &mut settled[*at]);
                let named: HashSet<_> =
                    own.iter().filter_map(|own| decisions[own.at].0.reference).collect();
                settled
                    .uncovered
                    .retain(|fact| !named.contains(&fact.id) && !seen.has(&fact.change, bit));
                settled.place = settled.place.max(self.last_of(decisions, own, cause));
            }
        }
        for settled in &mut settled {
            settled.on = settled.place.map(|at| decisions[at].0.clone());
        }
        settled
    }

    /// Of the decisions that name the cause the last that covers any fact of it.
    fn last_of(&self, decisions: &[Taken], own: &[Own], cause: &Cause<'_>) -> Option<usize> {
        let naming = own.iter().rev().find(|own| own.is_fact).map(|own| own.at);
        // Whoever names only what stands beside the cause covers nothing but what they had seen.
        let also: Vec<usize> =
            own.iter().rev().filter(|own| !own.is_fact).map(|own| own.at).collect();
        let seen = (!also.is_empty()).then(|| self.seen_by(decisions, &also));
        let first = seen
            .and_then(|seen| cause.facts.iter().filter_map(|fact| seen.first(&fact.change)).min());
        let beside = first.and_then(|first| also.get(first)).copied();
        naming.max(beside)
    }

    /// What these decisions had seen, each in its turn.
    fn seen_by(&self, decisions: &[Taken], which: &[usize]) -> Seen<'o> {
        let mut seen = self.order.seen();
        which.iter().enumerate().for_each(|(by, at)| seen.add(&decisions[*at].1, by));
        seen
    }
}

/// A decision and the change that took it.
type Taken = (Decision, ChangeRef);

/// A decision that names a cause.
struct Own {
    /// Which decision.
    at: usize,
    /// It names a fact of the cause, and not what stands beside it.
    is_fact: bool,
}

/// Decisions of one kind by what they name.
struct Sorted {
    /// Those that name nothing, the last first.
    general: Vec<usize>,
    /// Those that name a cause, by the cause, the first first.
    own: BTreeMap<usize, Vec<Own>>,
}

impl Sorted {
    fn of(decisions: &[Taken], causes: &[Cause<'_>]) -> Self {
        let mut names = HashMap::new();
        for (at, cause) in causes.iter().enumerate() {
            names.extend(cause.facts.iter().map(|fact| (fact.id, (at, true))));
        }
        for (at, cause) in causes.iter().enumerate() {
            if let Some(also) = cause.also {
                names.entry(also).or_insert((at, false));
            }
        }
        let mut sorted = Self { general: Vec::new(), own: BTreeMap::new() };
        for (at, (decision, _)) in decisions.iter().enumerate() {
            match decision.reference {
                None => sorted.general.push(at),
                Some(named) => {
                    if let Some((cause, is_fact)) = names.get(&named).copied() {
                        sorted.own.entry(cause).or_default().push(Own { at, is_fact });
                    }
                }
            }
        }
        sorted.general.reverse();
        sorted
    }
}

impl<'a> Cause<'a> {
    pub fn of(facts: Vec<&'a Fact>) -> Self {
        Self { facts, also: None }
    }
}
