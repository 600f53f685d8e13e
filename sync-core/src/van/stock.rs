//! Stock per part and bin. A part used on a job and the movement of the same id count once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::change::ChangeRef;
use crate::document::{Document, Fact};
use crate::id::{FactId, JobId, UserId, VanId};
use crate::job::{
    Family, Order, QUESTIONS, corrected, families, families_among, in_order, int, parts, text,
};
use crate::limits::PARTS_IN_STOCK;
use crate::schema::{key, section};

use super::closing::Closings;
use super::drives::Drives;

/// Characters of a part number in stock; longer ones are cut.
const PART_NO_CHARS: usize = 60;
/// Characters of a bin in stock; longer ones are cut.
const BIN_CHARS: usize = 40;

/// One part a job says was taken from a van.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// The technician who says so on a phone; absent where the office says it.
    #[serde(default)]
    pub by: Option<UserId>,
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
            by: part.technician,
        })
    };
    // Nothing is taken by a quantity that is not above zero; old logs hold such.
    let parts = parts(job).into_iter().take(PARTS_IN_STOCK);
    parts.filter(|part| part.quantity > 0).filter_map(usage).collect()
}

/// A part number and a bin as stock has them: longer ones than a desk may write are cut.
pub fn stock_names<'a>(
    part_no: &'a str,
    bin: Option<&'a str>,
) -> (Cow<'a, str>, Option<Cow<'a, str>>) {
    (bounded(part_no, PART_NO_CHARS), bin.map(|bin| bounded(bin, BIN_CHARS)))
}

/// How much of one part lies in one bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockLine {
    /// Part number.
    pub part_no: String,
    /// The bin; empty for parts without one.
    pub bin: String,
    /// Thousandths of a unit; below zero when more was taken than was there.
    pub quantity: i64,
    /// More was taken than was there: kept and shown until someone counts.
    pub oversold: bool,
    /// When it was last counted, in server time, Unix milliseconds.
    pub counted_at: Option<i64>,
}

/// What is in a van.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stock {
    /// By part number, then bin.
    pub lines: Vec<StockLine>,
    /// Parts that jobs say were taken from this van by technicians who never drove it. They change no
    /// line until someone corrects the job or lends them the van.
    #[serde(default)]
    pub unassigned: Vec<Usage>,
    /// Counts of technicians who did not drive the van any more, or were not known to when it was
    /// given to the next one or its record was closed. They are kept and set nothing.
    #[serde(default)]
    pub late_counts: Vec<LateCount>,
}

/// A count that sets nothing, because it came after its technician's time in the van, or after the
/// record was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LateCount {
    /// The fact.
    pub id: FactId,
    /// Part number.
    pub part_no: String,
    /// The bin; empty for parts without one.
    pub bin: String,
    /// What was counted, thousandths of a unit.
    pub quantity: i64,
    /// Who counted.
    pub by: Option<UserId>,
    /// When, in server time, Unix milliseconds.
    pub at: i64,
}

impl Stock {
    /// Folds a van's movements and counts with what jobs took; usages of other vans are ignored, and
    /// so are those of technicians who never drove this one.
    ///
    /// A count resets its part and bin: what its writer had seen is in it, everything else comes
    /// on top. A usage that has no movement in the van's document was seen when it was earlier.
    pub fn of(document: &Document, usages: &[Usage]) -> Self {
        let mut balance = Balance::of(document, usages);
        for usage in balance.usages.values().filter(|usage| !usage.voided) {
            if balance.moved.contains(&(usage.id, usage.job)) {
                continue;
            }
            let (place, quantity) = taken(usage, None);
            let seen = balance.is_counted(&place, usage.at);
            *balance.sums.entry(place).or_default() += if seen { 0 } else { i128::from(quantity) };
        }
        balance.lines()
    }

    /// The same from what a store has added up, so that it need not hold every use in memory.
    pub fn of_taken(document: &Document, used: &Taken) -> Self {
        let mut balance = Balance::of(document, &used.each);
        for (place, quantity) in &used.sums {
            *balance.sums.entry(place.clone()).or_default() -= i128::from(*quantity);
        }
        // Those that the document has movements of are in the sums as well.
        for usage in balance.usages.values().filter(|usage| !usage.voided) {
            let (place, quantity) = taken(usage, None);
            let twice = balance.moved.contains(&(usage.id, usage.job));
            if twice && !balance.is_counted(&place, usage.at) {
                *balance.sums.entry(place).or_default() -= i128::from(quantity);
            }
        }
        balance.lines()
    }

    /// The counts that came into the record before this one after that was closed, of parts and bins
    /// that nobody has counted since: they set nothing, and a person may want to count.
    pub fn late_counts_of(&self, before: &Document) -> Vec<LateCount> {
        let order = Order::of(before);
        let closings = Closings::of(&order);
        let counted: BTreeMap<_, _> = self
            .lines
            .iter()
            .map(|line| ((line.part_no.as_str(), line.bin.as_str()), line.counted_at))
            .collect();
        let mut late = Counts::of(&order).1;
        late.retain(|count| {
            let since = counted.get(&(count.part_no.as_str(), count.bin.as_str()));
            let fact = before.fact(&section::COUNTS, &count.id);
            let is_of_closed = fact.is_some_and(|fact| !closings.knew(fact));
            is_of_closed && since.copied().flatten().is_none_or(|since| since <= count.at)
        });
        late
    }

    /// How much of a part is in the van, over all bins; thousandths of a unit.
    pub fn quantity(&self, part_no: &str) -> i64 {
        let part_no = bounded(part_no, PART_NO_CHARS);
        let lines = self.lines.iter().filter(|line| line.part_no == part_no);
        lines.fold(0i64, |sum, line| sum.saturating_add(line.quantity))
    }

    /// Whether anything was taken that was not there.
    pub fn is_oversold(&self) -> bool {
        self.lines.iter().any(|line| line.oversold)
    }
}

/// Stock while it is added up.
struct Balance<'u> {
    sums: BTreeMap<PartInBin, i128>,
    counts: Counts,
    /// Uses of the van by those who drive it or drove it.
    usages: BTreeMap<(FactId, JobId), &'u Usage>,
    /// Those by technicians who never did, as far as they stand.
    unassigned: Vec<&'u Usage>,
    /// Those of them that the document has movements of: they are in the sums.
    moved: BTreeSet<(FactId, JobId)>,
}

impl<'u> Balance<'u> {
    /// What the document says, and the uses it has movements of.
    fn of(document: &Document, usages: &'u [Usage]) -> Self {
        let van = document.id().van();
        let drivers = drivers(document);
        let drove = |usage: &&Usage| usage.by.is_none_or(|user| drivers.contains(&user));
        let (usages, mut unassigned): (Vec<&Usage>, Vec<&Usage>) =
            usages.iter().filter(|usage| Some(usage.van) == van).partition(drove);
        unassigned.retain(|usage| !usage.voided);
        unassigned.sort_by_key(|usage| (usage.id, usage.job));
        unassigned.dedup();
        // Two jobs may have used one fact id: each took its part.
        let usages: BTreeMap<_, _> =
            usages.into_iter().map(|usage| ((usage.id, usage.job), usage)).collect();
        let order = Order::of(document);
        let counts = Counts::of(&order);
        let mut sums: BTreeMap<PartInBin, i128> = BTreeMap::new();
        for (place, count) in &counts.0 {
            sums.insert(place.clone(), i128::from(count.quantity));
        }
        // Of the balance that was stated a count holds what its writer had seen.
        let mut seen: BTreeMap<PartInBin, i64> = BTreeMap::new();
        let stated = stated(document).map(|(place, fact, balance)| Effect {
            place,
            quantity: balance,
            first: Some(fact.change),
        });
        for (effect, counted) in counts.seen(&order, stated.collect()) {
            if counted {
                seen.insert(effect.place, effect.quantity);
            }
        }
        for (place, (_, balance)) in openings(document) {
            let counted = seen.get(&place).copied().unwrap_or(0);
            *sums.entry(place).or_default() += i128::from(balance) - i128::from(counted);
        }
        let mut moved = BTreeSet::new();
        let mut effects = Vec::new();
        for family in families(document, &section::MOVEMENTS) {
            let first = document.fact(&section::MOVEMENTS, &family.root);
            let usage = usage_of(&usages, &family.root, first);
            moved.extend(usage.map(|usage| (usage.id, usage.job)));
            if family.voided_by.is_some() || usage.is_some_and(|usage| usage.voided) {
                continue;
            }
            let first = first.map(|first| first.change);
            let of = |(place, quantity)| Effect { place, quantity, first };
            match usage {
                Some(usage) => {
                    effects.push(of(taken(usage, text(family.current, &key::BIN))));
                }
                None => effects.extend(effects_of(&family).map(of)),
            }
        }
        for (effect, seen) in counts.seen(&order, effects) {
            let quantity = if seen { 0 } else { i128::from(effect.quantity) };
            *sums.entry(effect.place).or_default() += quantity;
        }
        Self { sums, counts, usages, unassigned, moved }
    }

    /// Whether the last count of a place holds what was taken at a time.
    fn is_counted(&self, place: &PartInBin, at: i64) -> bool {
        self.counts.0.get(place).is_some_and(|count| at <= count.at)
    }

    fn lines(self) -> Stock {
        let counts = self.counts;
        let line = |((part_no, bin), sum): (PartInBin, i128)| StockLine {
            counted_at: counts.0.get(&(part_no.clone(), bin.clone())).map(|count| count.at),
            quantity: i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }),
            oversold: sum < 0,
            part_no,
            bin,
        };
        let lines = self.sums.into_iter().map(line).collect();
        let unassigned = self.unassigned.into_iter().cloned().collect();
        Stock { lines, unassigned, late_counts: counts.1 }
    }
}

/// What a store has to look up to know what is in a van.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Everybody who drives the van or drove it: whoever did not takes nothing from it.
    pub drivers: BTreeSet<UserId>,
    /// Uses the document has movements of, which are wanted one by one.
    pub moved: BTreeSet<(FactId, JobId)>,
    /// When each part and bin was counted last, in server time, Unix milliseconds.
    pub counted: BTreeMap<(String, String), i64>,
}

impl Question {
    /// What to look up for a van's document.
    pub fn of(document: &Document) -> Self {
        let use_of = |family: Family<'_>| {
            let first = document.fact(&section::MOVEMENTS, &family.root)?;
            Some((family.root, used_on(first)?))
        };
        let counts = Counts::of(&Order::of(document)).0;
        Self {
            drivers: drivers(document),
            moved: families(document, &section::MOVEMENTS).into_iter().filter_map(use_of).collect(),
            counted: counts.into_iter().map(|(place, count)| (place, count.at)).collect(),
        }
    }
}

/// What jobs took from a van, as a store answers a [`Question`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The uses that were asked for one by one, and some of technicians who never drove the van.
    pub each: Vec<Usage>,
    /// What all uses that stand took since the last count, by part number and bin; thousandths of a
    /// unit.
    pub sums: BTreeMap<(String, String), i64>,
}

/// Everybody who drives this van or drove it.
fn drivers(document: &Document) -> BTreeSet<UserId> {
    let history = document.field_history(&section::DETAILS, &key::TECHNICIAN).iter();
    history.filter_map(|it| UserId::from_slice(it.value.as_bytes()?).ok()).collect()
}

/// The use of a part that a movement is about: the one on the job that it names. What another kind of
/// movement says no job can change.
fn usage_of<'u>(
    usages: &BTreeMap<(FactId, JobId), &'u Usage>,
    id: &FactId,
    movement: Option<&Fact>,
) -> Option<&'u Usage> {
    usages.get(&(*id, used_on(movement?)?)).copied()
}

/// The job that a movement of use names.
fn used_on(movement: &Fact) -> Option<JobId> {
    let movement = Some(movement).filter(|fact| text(fact, &key::KIND) == Some("use"))?;
    JobId::from_slice(movement.record.get(&key::JOB)?.as_bytes()?).ok()
}

/// Part number and bin.
pub(super) type PartInBin = (String, String);

/// What a movement does to one bin.
struct Effect {
    place: PartInBin,
    quantity: i64,
    /// The change with the movement's first fact.
    first: Option<ChangeRef>,
}

/// The last count of each part and bin, and counts that came too late to set anything.
struct Counts(BTreeMap<PartInBin, Count>, Vec<LateCount>);

struct Count {
    quantity: i64,
    at: i64,
    change: ChangeRef,
}

impl Counts {
    fn of(order: &Order<'_>) -> Self {
        let document = order.document();
        let (mut last, mut late) = (BTreeMap::new(), Vec::new());
        let (drives, closings) = (Drives::of(order), Closings::of(order));
        let in_time = |fact: &Fact| closings.knew(fact) && drives.counted_in_time(fact);
        let first_of = |family: &Family<'_>| document.fact(&section::COUNTS, &family.root);
        // The families come in order: of several counts of one place the last stays.
        for family in families_among(document, &section::COUNTS, in_time, in_time) {
            let fact = family.current;
            let (Some(place), None) = (place(fact, &key::BIN), family.voided_by) else { continue };
            let first = first_of(&family).unwrap_or(fact);
            let quantity = int(fact, &key::QUANTITY).unwrap_or(0);
            last.insert(place, Count { quantity, at: corrected(first).at, change: first.change });
        }
        for family in families_among(document, &section::COUNTS, |fact| !in_time(fact), |_| true) {
            let fact = family.current;
            let (Some(place), None) = (place(fact, &key::BIN), family.voided_by) else { continue };
            // A late correction of a count that was in time sets nothing either.
            let first = first_of(&family).filter(|first| !in_time(first)).unwrap_or(fact);
            let quantity = int(fact, &key::QUANTITY).unwrap_or(0);
            let ((part_no, bin), by, at) = (place, first.author, corrected(first).at);
            late.push(LateCount { id: first.id, part_no, bin, quantity, by, at });
        }
        Self(last, late)
    }

    /// For each effect whether the last count of its part and bin had seen it.
    fn seen(&self, order: &Order<'_>, effects: Vec<Effect>) -> Vec<(Effect, bool)> {
        // One question for each change with a count that another actor's movement is asked of.
        let mut asked: BTreeMap<ChangeRef, Vec<usize>> = BTreeMap::new();
        let mut seen = vec![false; effects.len()];
        for (at, effect) in effects.iter().enumerate() {
            let count = self.0.get(&effect.place);
            let (Some(count), Some(first)) = (count, effect.first) else { continue };
            match first.actor == count.change.actor {
                true => seen[at] = first.seq <= count.change.seq,
                false => asked.entry(count.change).or_default().push(at),
            }
        }
        let asked: Vec<_> = asked.into_iter().collect();
        for asked in asked.chunks(QUESTIONS) {
            let marks = order.seen_by(asked.iter().map(|(count, _)| *count).zip(0..));
            for (bit, (_, effects_at)) in asked.iter().enumerate() {
                for at in effects_at {
                    let first = effects[*at].first;
                    seen[*at] = first.is_some_and(|first| marks.has(&first, bit));
                }
            }
        }
        effects.into_iter().zip(seen).collect()
    }
}

pub(super) fn place(fact: &Fact, bin: &crate::schema::Key) -> Option<PartInBin> {
    Some(named(text(fact, &key::PART_NO)?, text(fact, bin).unwrap_or_default()))
}

/// A part and bin by the names that stock goes by: longer ones than a desk may write are cut and
/// told apart by a digest, so that every line can be stated in one change.
fn named(part_no: &str, bin: &str) -> PartInBin {
    (bounded(part_no, PART_NO_CHARS).into_owned(), bounded(bin, BIN_CHARS).into_owned())
}

fn bounded(name: &str, most: usize) -> Cow<'_, str> {
    if name.chars().nth(most).is_none() {
        return name.into();
    }
    let digest = Sha256::digest(name);
    let mut cut: String = name.chars().take(most - 13).collect();
    cut.push('~');
    cut.extend(digest.iter().take(6).map(|byte| format!("{byte:02x}")));
    cut.into()
}

/// The balance a period began with, by part and bin, as it was stated last, and where.
pub(super) fn openings(document: &Document) -> BTreeMap<PartInBin, (FactId, i64)> {
    stated(document).map(|(place, fact, balance)| (place, (fact.id, balance))).collect()
}

/// Every statement of the balance a period began with, in order: the last one counts. Only the
/// server makes them.
fn stated(document: &Document) -> impl Iterator<Item = (PartInBin, &Fact, i64)> {
    let facts = document.facts(&section::MOVEMENTS).filter(|fact| fact.author.is_none());
    let facts =
        in_order(facts.filter(|fact| text(fact, &key::KIND) == Some(super::period::OPENING)));
    facts.into_iter().filter_map(|fact| {
        Some((place(fact, &key::BIN)?, fact, int(fact, &key::QUANTITY).unwrap_or(0)))
    })
}

fn taken(usage: &Usage, moved_from: Option<&str>) -> (PartInBin, i64) {
    let bin = usage.bin.as_deref().or(moved_from).unwrap_or_default();
    (named(&usage.part_no, bin), usage.quantity.saturating_neg())
}

/// What a movement does to which bins; a kind a newer version knows does nothing here.
fn effects_of(family: &Family<'_>) -> impl Iterator<Item = (PartInBin, i64)> + use<> {
    let fact = family.current;
    let quantity = int(fact, &key::QUANTITY).unwrap_or(1000);
    if quantity <= 0 {
        return [None, None].into_iter().flatten();
    }
    let at = |bin, quantity| place(fact, &bin).map(|place| (place, quantity));
    let out = quantity.saturating_neg();
    let effects = match text(fact, &key::KIND) {
        Some("load" | "return_to_stock") => [at(key::BIN, quantity), None],
        Some("unload" | "use") => [at(key::BIN, out), None],
        Some("transfer") => [at(key::FROM, out), at(key::TO, quantity)],
        _ => [None, None],
    };
    effects.into_iter().flatten()
}
