//! Stock per part and bin. A part used on a job and the movement of the same id count once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::document::{Document, Fact};
use crate::id::{FactId, JobId, VanId};
use crate::job::{Family, Past, corrected, families, int, parts, text};
use crate::schema::{key, section};

/// One part a job says was taken from a van.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Id of the first fact about it, which is the movement's id too.
    pub id: FactId,
    /// The job it was used on.
    pub job: JobId,
    /// The van it came from.
    pub van: VanId,
    /// Part number.
    pub part_no: String,
    /// Thousandths of a unit.
    pub quantity: i64,
    /// The bin it was in.
    pub bin: Option<String>,
    /// When, in server time, Unix milliseconds.
    pub at: i64,
    /// It was taken back.
    pub voided: bool,
}

/// The parts a job document says were taken from vans, voided ones among them.
pub fn usages(job: &Document) -> Vec<Usage> {
    let Some(id) = job.id().job() else { return Vec::new() };
    let usage = |part: crate::job::PartUse| {
        Some(Usage {
            id: part.id,
            job: id,
            van: part.van?,
            part_no: part.part_no?,
            quantity: part.quantity,
            bin: part.bin,
            at: part.time.at,
            voided: part.voided,
        })
    };
    parts(job).into_iter().filter_map(usage).collect()
}

/// How much of one part lies in one bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLine {
    /// Part number.
    pub part_no: String,
    /// The bin; empty for parts without one.
    pub bin: String,
    /// Thousandths of a unit; below zero when more was taken than was there.
    pub quantity: i64,
    /// More was taken than was there: kept and shown until somebody counts.
    pub oversold: bool,
    /// When it was last counted, in server time, Unix milliseconds.
    pub counted_at: Option<i64>,
}

/// What is in a van.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stock {
    /// By part number, then bin.
    pub lines: Vec<StockLine>,
}

impl Stock {
    /// Folds a van's movements and counts with what jobs took; usages of other vans are ignored.
    ///
    /// A count resets its part and bin: what its writer had seen is in it, everything else comes
    /// on top. A usage that has no movement in the van's document was seen when it was earlier.
    pub fn of(document: &Document, usages: &[Usage]) -> Self {
        let van = document.id().van();
        let usages = usages.iter().filter(|usage| Some(usage.van) == van);
        let usages: BTreeMap<_, _> = usages.map(|usage| (usage.id, usage)).collect();
        let counts = Counts::of(document);
        let mut sums: BTreeMap<Place, i128> = BTreeMap::new();
        for (place, count) in &counts.0 {
            sums.insert(place.clone(), i128::from(count.quantity));
        }
        let mut moved = BTreeSet::new();
        for family in families(document, &section::MOVEMENTS) {
            moved.insert(family.root);
            let usage = usages.get(&family.root);
            if family.voided_by.is_some() || usage.is_some_and(|usage| usage.voided) {
                continue;
            }
            let effects = match usage {
                Some(usage) => vec![taken(usage, text(family.current, &key::BIN))],
                None => effects(&family),
            };
            let first = document.fact(&section::MOVEMENTS, &family.root);
            for (place, quantity) in effects {
                let seen = counts.0.get(&place).is_some_and(|count| {
                    first.is_some_and(|first| count.past.contains(&first.change))
                });
                *sums.entry(place).or_default() += if seen { 0 } else { i128::from(quantity) };
            }
        }
        for usage in usages.values().filter(|u| !u.voided && !moved.contains(&u.id)) {
            let (place, quantity) = taken(usage, None);
            let seen = counts.0.get(&place).is_some_and(|count| usage.at <= count.at);
            *sums.entry(place).or_default() += if seen { 0 } else { i128::from(quantity) };
        }
        let line = |((part_no, bin), sum): (Place, i128)| StockLine {
            counted_at: counts.0.get(&(part_no.clone(), bin.clone())).map(|count| count.at),
            quantity: i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }),
            oversold: sum < 0,
            part_no,
            bin,
        };
        Self { lines: sums.into_iter().map(line).collect() }
    }

    /// How much of a part is in the van, over all bins; thousandths of a unit.
    pub fn quantity(&self, part_no: &str) -> i64 {
        let lines = self.lines.iter().filter(|line| line.part_no == part_no);
        lines.fold(0i64, |sum, line| sum.saturating_add(line.quantity))
    }

    /// Whether anything was taken that was not there.
    pub fn is_oversold(&self) -> bool {
        self.lines.iter().any(|line| line.oversold)
    }
}

/// Part number and bin.
type Place = (String, String);

/// The last count of each part and bin.
struct Counts(BTreeMap<Place, Count>);

struct Count {
    quantity: i64,
    at: i64,
    past: Past,
}

impl Counts {
    fn of(document: &Document) -> Self {
        let mut taken: BTreeMap<Place, Vec<(&Fact, i64)>> = BTreeMap::new();
        for family in families(document, &section::COUNTS) {
            let fact = family.current;
            let (Some(place), None) = (place(fact, &key::BIN), family.voided_by) else { continue };
            let first = document.fact(&section::COUNTS, &family.root).unwrap_or(fact);
            let quantity = int(fact, &key::QUANTITY).unwrap_or(0);
            taken.entry(place).or_default().push((first, quantity));
        }
        let last = |counts: Vec<(&Fact, i64)>| last(document, counts);
        Self(taken.into_iter().filter_map(|(place, c)| Some((place, last(c)?))).collect())
    }
}

/// The last of several counts: the one with the greatest id, unless another had seen it. Mostly
/// it had seen all others itself, and one look is enough.
fn last(document: &Document, mut counts: Vec<(&Fact, i64)>) -> Option<Count> {
    counts.sort_by_key(|(fact, _)| fact.id);
    let (mut fact, mut quantity) = counts.pop()?;
    let mut past = Past::of(document, fact.change);
    for (other, counted) in counts.into_iter().rev() {
        if past.contains(&other.change) {
            continue;
        }
        let others = Past::of(document, other.change);
        if others.contains(&fact.change) {
            (fact, quantity, past) = (other, counted, others);
        }
    }
    Some(Count { quantity, at: corrected(fact).at, past })
}

fn place(fact: &Fact, bin: &crate::schema::Key) -> Option<Place> {
    let bin = text(fact, bin).unwrap_or_default().to_owned();
    Some((text(fact, &key::PART_NO)?.to_owned(), bin))
}

fn taken(usage: &Usage, moved_from: Option<&str>) -> (Place, i64) {
    let bin = usage.bin.as_deref().or(moved_from).unwrap_or_default();
    ((usage.part_no.clone(), bin.to_owned()), usage.quantity.saturating_neg())
}

/// What a movement does to which bins; a kind a newer version knows does nothing here.
fn effects(family: &Family<'_>) -> Vec<(Place, i64)> {
    let fact = family.current;
    let quantity = int(fact, &key::QUANTITY).unwrap_or(1000);
    let at = |bin, quantity| place(fact, &bin).map(|place| (place, quantity));
    let out = quantity.saturating_neg();
    let effects = match text(fact, &key::KIND) {
        Some("load" | "return_to_stock") => [at(key::BIN, quantity), None],
        Some("unload" | "use") => [at(key::BIN, out), None],
        Some("transfer") => [at(key::FROM, out), at(key::TO, quantity)],
        _ => [None, None],
    };
    effects.into_iter().flatten().collect()
}
