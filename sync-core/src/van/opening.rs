//! The balance that the next record of a van begins with: stated in changes that fit, and so that no
//! driver can crowd out what the desk knows.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::Stock;
use super::period::{OPENING, is_closed};
use super::stock::{PartInBin, openings, place};
use crate::change::Entry;
use crate::document::{Document, Owner, people};
use crate::id::{FactId, UserId};
use crate::limits::{self, Share};
use crate::schema::{key, section};
use crate::value::{Record, Value};

/// Bytes that all openings of one record may weigh; the rest of the server's share is for what comes
/// late.
pub const OPENING_BYTES: usize = limits::VAN_SERVER_SHARE.bytes / 6 * 5;
/// What one opening weighs besides its part number and bin, bytes: 45 with a small quantity.
const LINE: usize = 52;
/// Values of one opening.
const LINE_VALUES: usize = 7;
/// What a record's details weigh, bytes, about.
const DETAILS: usize = 4096;
/// Bytes and facts of the openings in one change: half of what a change may have.
const CHANGE: usize = limits::CHANGE_BYTES / 2;
const CHANGE_FACTS: usize = limits::CHANGE_ENTRIES / 2;
/// What is left of the server's share, so that the record can be closed.
const CLOSING: usize = 4096;

/// What states a balance in the next record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried {
    /// Facts of the next change. Empty when nothing more is to be stated, or there is no room.
    pub entries: Vec<Entry>,
    /// Lines that these entries do not state and that have to be stated. While there are any, the
    /// record before must not be closed.
    pub missing: usize,
    /// Lines that drivers made up beyond their part, which stay in the record before. A note says
    /// so in the next one.
    pub left_out: usize,
}

/// One change with facts that state the balance of `closing` in `next`, where it is not stated so
/// already.
///
/// What `closing` began with and what the desk wrote in it has to be stated. Lines that only a
/// driver wrote come after those, and of each driver only a sixth of [`OPENING_BYTES`].
pub fn carry(next: &Document, closing: &Document, balance: &Stock, now: i64) -> Carried {
    let stated = openings(next);
    let known = Known::of(closing);
    let (mut must, mut may) = (Vec::new(), Vec::new());
    for line in &balance.lines {
        let at = (line.part_no.clone(), line.bin.clone());
        let is_stated = stated.contains_key(&at);
        if line.quantity == 0 && !is_stated {
            continue;
        }
        match known.is_known(&at) {
            true => must.push((at, line.quantity)),
            false => may.push((!is_stated, known.driver(&at), at, line.quantity)),
        }
    }
    // A bin that is gone from the balance holds nothing.
    let has: BTreeSet<PartInBin> =
        balance.lines.iter().map(|line| (line.part_no.clone(), line.bin.clone())).collect();
    must.extend(stated.keys().filter(|at| !has.contains(*at)).map(|at| (at.clone(), 0)));
    let mut left = OPENING_BYTES;
    let (mut wanted, mut missing, mut left_out) = (Vec::new(), 0, 0);
    // What is stated may be stated again. Of the rest the desk's lines come first.
    must.sort_by_cached_key(|(at, _)| (!stated.contains_key(at), at.clone()));
    for (at, quantity) in must {
        match left.checked_sub(weight(&at)) {
            Some(rest) => left = rest,
            None if stated.contains_key(&at) => {}
            None if is_closed(closing) => {
                left_out += 1;
                continue;
            }
            None => {
                missing += 1;
                continue;
            }
        }
        wanted.push((at, quantity));
    }
    let part = OPENING_BYTES / people(next.id().kind);
    let mut of_driver: BTreeMap<Option<UserId>, usize> = BTreeMap::new();
    may.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    for (is_new, driver, at, quantity) in may {
        let (used, weight) = (of_driver.entry(driver).or_default(), weight(&at));
        if is_new && (*used + weight > part || weight > left) {
            left_out += 1;
            continue;
        }
        *used += weight;
        left = left.saturating_sub(weight);
        wanted.push((at, quantity));
    }
    wanted.retain(|(at, quantity)| stated.get(at).map_or(0, |(_, stated)| *stated) != *quantity);
    let (used, most) = (next.used(Owner::Server), Share::of(next.id().kind, Owner::Server));
    let room = most.bytes.saturating_sub(used.bytes + CLOSING + limits::CHANGE_OVERHEAD);
    let values = most.values.saturating_sub(used.values) / LINE_VALUES;
    let (mut bytes, mut entries) = (0, Vec::new());
    if missing > 0 {
        return Carried { entries, missing, left_out };
    }
    for (at, quantity) in &wanted {
        bytes += weight(at);
        if bytes > CHANGE.min(room) || entries.len() >= CHANGE_FACTS.min(values) {
            break;
        }
        entries.push(state(next, at, *quantity, stated.get(at).map(|(id, _)| *id), now));
    }
    missing = wanted.len() - entries.len();
    if missing == 0 && left_out > 0 {
        entries.extend(note(next, left_out, now));
    }
    Carried { entries, missing, left_out }
}

/// How many lines that have to be stated the next record of a van would have no room for. While there
/// are any, the present record cannot be closed.
pub fn lines_beyond(record: &Document, balance: &Stock) -> usize {
    let known = Known::of(record);
    let lines = balance.lines.iter().filter(|line| line.quantity != 0);
    let mut left = OPENING_BYTES;
    let beyond = lines.map(|line| (line.part_no.clone(), line.bin.clone())).filter(|at| {
        known.is_known(at) && left.checked_sub(weight(at)).map(|rest| left = rest).is_none()
    });
    beyond.count()
}

/// What the openings of a record took of the server's share, at most.
pub(super) fn taken(document: &Document) -> Share {
    let openings = openings(document);
    let bytes = openings.keys().map(weight).sum::<usize>();
    Share { bytes: bytes + DETAILS, values: openings.len() * LINE_VALUES + 64, actors: 0 }
}

fn weight((part_no, bin): &PartInBin) -> usize {
    LINE + part_no.len() + bin.len()
}

/// Who wrote of which parts and bins in a record.
struct Known {
    sure: BTreeSet<PartInBin>,
    drivers: BTreeMap<PartInBin, UserId>,
}

impl Known {
    fn of(document: &Document) -> Self {
        let (mut sure, mut drivers) = (BTreeSet::new(), BTreeMap::new());
        for section in [section::MOVEMENTS, section::COUNTS] {
            for fact in document.facts(&section) {
                let places = [key::BIN, key::FROM, key::TO];
                for at in places.iter().filter_map(|bin| place(fact, bin)) {
                    match (fact.author, fact.device) {
                        (Some(user), Some(_)) => {
                            drivers.entry(at).or_insert(user);
                        }
                        _ => {
                            sure.insert(at);
                        }
                    }
                }
            }
        }
        Self { sure, drivers }
    }

    fn is_known(&self, at: &PartInBin) -> bool {
        self.sure.contains(at)
    }

    /// None for what only a job says.
    fn driver(&self, at: &PartInBin) -> Option<UserId> {
        self.drivers.get(at).copied()
    }
}

fn state(
    next: &Document,
    (part_no, bin): &PartInBin,
    quantity: i64,
    last: Option<FactId>,
    now: i64,
) -> Entry {
    let id = opening_id(next, part_no, bin, quantity, last, now);
    let record: Record = [
        (key::KIND, OPENING.into()),
        (key::PART_NO, part_no.as_str().into()),
        (key::BIN, bin.as_str().into()),
        (key::QUANTITY, quantity.into()),
        (key::AT, now.into()),
    ]
    .into_iter()
    .collect();
    Entry::Fact { section: section::MOVEMENTS, id, record }
}

/// Tells the desk, once in a record, that lines were left out.
fn note(next: &Document, left_out: usize, now: i64) -> Option<Entry> {
    let said = next.facts(&section::NOTES).any(|fact| fact.author.is_none());
    if said {
        return None;
    }
    let text = format!(
        "{left_out} lines of stock that drivers added are not in this record of the van: there were \
         more than it takes. Count what is really there."
    );
    let mut sha = Sha256::new();
    sha.update(b"towline left out 1");
    sha.update(next.id().as_bytes());
    let id = FactId::new(now, digest(sha));
    let record = [(key::TEXT, Value::from(text.as_str())), (key::AT, now.into())];
    Some(Entry::Fact { section: section::NOTES, id, record: record.into_iter().collect() })
}

/// An id after that of the last statement, whatever the clocks of servers say.
fn opening_id(
    next: &Document,
    part_no: &str,
    bin: &str,
    quantity: i64,
    last: Option<FactId>,
    now: i64,
) -> FactId {
    let mut sha = Sha256::new();
    sha.update(b"towline opening 1");
    sha.update(next.id().as_bytes());
    for text in [part_no, bin] {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text);
    }
    sha.update(quantity.to_be_bytes());
    sha.update(last.map_or([0; 16], |id| *id.as_bytes()));
    let after = last.map_or(0, |id| id.unix_ms() + 1);
    FactId::new(now.max(after), digest(sha))
}

fn digest(sha: Sha256) -> [u8; 10] {
    let mut random = [0; 10];
    random.copy_from_slice(&sha.finalize()[..10]);
    random
}
