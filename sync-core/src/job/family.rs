//! Facts that name one another: a correction replaces a fact, a void takes it back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::access::id_of;
use super::causal::in_order;
use super::undo;
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{Section, key};

/// A fact with everything that corrects it or takes it back. It counts once, whatever came since.
#[derive(Debug, Clone)]
pub(crate) struct Family<'a> {
    /// Id of the first fact, which the family keeps for ever.
    pub root: FactId,
    /// What it says now: the last correction.
    pub current: &'a Fact,
    /// The fact that takes it back, if any does.
    pub voided_by: Option<FactId>,
    /// Whether several corrections stand beside each other.
    pub contested: bool,
}

/// The families of a section in the order of their first facts: a correction takes the place of
/// what it corrects.
pub(crate) fn families<'a>(document: &'a Document, section: &Section) -> Vec<Family<'a>> {
    families_among(document, section, |_| true, |_| true)
}

/// The families of some facts of a section, as if only some could take others back.
pub(crate) fn families_among<'a>(
    document: &'a Document,
    section: &Section,
    counts: impl Fn(&Fact) -> bool,
    may_take_back: impl Fn(&Fact) -> bool,
) -> Vec<Family<'a>> {
    let mut members: HashMap<FactId, Vec<&Fact>> = HashMap::new();
    let mut order = Vec::new();
    let mut voids: BTreeMap<FactId, FactId> = BTreeMap::new();
    let mut replaced = BTreeSet::new();
    let mut roots = Roots::new(document, section);
    for fact in undo::voids_among(document, section, may_take_back) {
        if let Some(voided) = id_of(fact, &key::VOIDS) {
            voids.entry(roots.of(voided)).or_insert(fact.id);
        }
    }
    for fact in in_order(document.facts(section).filter(|fact| counts(fact))) {
        if id_of(fact, &key::VOIDS).is_some() {
            continue;
        }
        // Hardly any fact is a correction; only those are worth a walk.
        let corrects = id_of(fact, &key::CORRECTS);
        let first = corrects.map_or(fact.id, |_| roots.of(fact.id));
        let family = members.entry(first).or_default();
        if family.is_empty() {
            order.push(first);
        }
        family.push(fact);
        replaced.extend(corrects);
    }
    let of = |root: FactId| {
        let facts = members.get(&root)?;
        let mut standing = facts.iter().filter(|fact| !replaced.contains(&fact.id));
        let current = standing.next_back().or(facts.last()).copied()?;
        let contested = standing.next().is_some();
        Some(Family { root, current, voided_by: voids.get(&root).copied(), contested })
    };
    order.into_iter().filter_map(of).collect()
}

/// The same families, those of these technicians first: of several words about one thing the last
/// counts, and it is then of somebody else wherever somebody else said one.
pub(super) fn after_strangers<'a>(
    families: impl IntoIterator<Item = Family<'a>>,
    strangers: &BTreeSet<UserId>,
) -> Vec<Family<'a>> {
    let of_stranger = |family: &Family<'_>| is_by(family.current, strangers);
    let (mut ordered, others): (Vec<_>, Vec<_>) = families.into_iter().partition(of_stranger);
    ordered.extend(others);
    ordered
}

/// Whether one of these technicians wrote the fact.
pub(super) fn is_by(fact: &Fact, technicians: &BTreeSet<UserId>) -> bool {
    fact.author.is_some_and(|author| technicians.contains(&author))
}

/// The facts of a section that stand and take back this one, or another correction of the same.
pub fn voids_of(document: &Document, section: &Section, fact: FactId) -> Vec<FactId> {
    let mut roots = Roots::new(document, section);
    let root = roots.of(fact);
    let voids = undo::voids(document, section).into_iter();
    let mut of =
        |void: &&Fact| id_of(void, &key::VOIDS).is_some_and(|named| roots.of(named) == root);
    voids.filter(|void| of(void)).map(|void| void.id).collect()
}

/// The first fact of each chain of corrections; every link is walked once.
pub(super) struct Roots<'a> {
    document: &'a Document,
    section: &'a Section,
    known: HashMap<FactId, FactId>,
}

impl<'a> Roots<'a> {
    pub fn new(document: &'a Document, section: &'a Section) -> Self {
        Self { document, section, known: HashMap::new() }
    }

    /// The first fact of the chain this one is in.
    pub fn of(&mut self, id: FactId) -> FactId {
        let mut path = Vec::new();
        let mut place: HashMap<FactId, usize> = HashMap::new();
        let mut at = id;
        let root = loop {
            if let Some(root) = self.known.get(&at) {
                break *root;
            }
            // A circle of corrections has no first; its least id stands for it.
            if let Some(start) = place.get(&at) {
                break path.iter().skip(*start).min().copied().unwrap_or(at);
            }
            place.insert(at, path.len());
            path.push(at);
            let fact = self.document.fact(self.section, &at);
            match fact.and_then(|fact| id_of(fact, &key::CORRECTS)) {
                Some(earlier) => at = earlier,
                None => break at,
            }
        };
        self.known.extend(path.into_iter().map(|id| (id, root)));
        root
    }
}
