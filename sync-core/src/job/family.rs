//! Facts that name one another: a correction replaces a fact, a void takes it back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::access::id_of;
use crate::document::{Document, Fact};
use crate::id::FactId;
use crate::schema::{Section, key};

/// A fact with everything that corrects it or takes it back. It counts once, whatever came since.
#[derive(Debug, Clone)]
pub(crate) struct Family<'a> {
    /// Id of the first fact, which the family keeps for ever.
    pub root: FactId,
    /// What it says now: the last correction; of two that did not see each other the one with
    /// the greatest id.
    pub current: &'a Fact,
    /// The fact that takes it back, if any does.
    pub voided_by: Option<FactId>,
    /// Whether several corrections stand beside each other.
    pub contested: bool,
}

/// The families of a section, by the id of their first fact.
pub(crate) fn families<'a>(document: &'a Document, section: &Section) -> Vec<Family<'a>> {
    let mut members: BTreeMap<FactId, Vec<&Fact>> = BTreeMap::new();
    let mut voids: BTreeMap<FactId, FactId> = BTreeMap::new();
    let mut replaced = BTreeSet::new();
    let mut roots = Roots { document, section, known: HashMap::new() };
    for fact in document.facts(section) {
        if let Some(voided) = id_of(fact, &key::VOIDS) {
            voids.entry(roots.of(voided)).or_insert(fact.id);
            continue;
        }
        // Hardly any fact is a correction; only those are worth a walk.
        let corrects = id_of(fact, &key::CORRECTS);
        let first = corrects.map_or(fact.id, |_| roots.of(fact.id));
        members.entry(first).or_default().push(fact);
        replaced.extend(corrects);
    }
    let of = |(root, facts): (FactId, Vec<&'a Fact>)| {
        let mut standing = facts.iter().filter(|fact| !replaced.contains(&fact.id));
        let current = standing.next_back().or(facts.last()).copied()?;
        let contested = standing.next().is_some();
        Some(Family { root, current, voided_by: voids.get(&root).copied(), contested })
    };
    members.into_iter().filter_map(of).collect()
}

/// The first fact of each chain of corrections; every link is walked once.
struct Roots<'a> {
    document: &'a Document,
    section: &'a Section,
    known: HashMap<FactId, FactId>,
}

impl Roots<'_> {
    fn of(&mut self, id: FactId) -> FactId {
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
