//! Periods of a van: its record is closed before it is full, and a next one goes on from its balance.
//!
//! The first record has the van's id. Each further one is a document of its own whose id follows
//! from the van's and its number, so that every server that closes the same record opens the same
//! next one. A closed record still takes what comes late; what that does to its balance is stated
//! again in the next one.

use sha2::{Digest as _, Sha256};

use super::opening;
use crate::change::Entry;
use crate::document::{Document, Owner, people};
use crate::id::{UserId, VanId};
use crate::limits::{self, Share};
use crate::schema::{Key, key, section};
use crate::value::Value;

/// Kind of a movement that states the balance a period begins with. Of several for one part and bin
/// the last counts.
pub const OPENING: &str = "opening";

/// The van a record belongs to: the id of its first record.
pub fn van(document: &Document) -> Option<VanId> {
    let named = document.field(&section::DETAILS, &key::VAN).and_then(Value::as_bytes);
    let named = named.and_then(|bytes| VanId::from_slice(bytes).ok());
    named.or_else(|| document.id().van())
}

/// Whether this is a further record of a van, not its first.
pub fn is_further(document: &Document) -> bool {
    van(document) != document.id().van()
}

/// Of a further record its number; of the first the number of the present one. 0 while there is
/// only one.
pub fn number(document: &Document) -> u32 {
    let number = document.field(&section::DETAILS, &key::VERSION).and_then(Value::as_int);
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// The record that a further one goes on from.
pub fn before(document: &Document) -> Option<VanId> {
    let before = document.field(&section::DETAILS, &key::FOLLOWS).and_then(Value::as_bytes);
    VanId::from_slice(before?).ok().filter(|_| is_further(document))
}

/// Id of a record of a van: number 0 is the van's own.
pub fn record_id(van: VanId, number: u32) -> VanId {
    if number == 0 {
        return van;
    }
    let mut sha = Sha256::new();
    sha.update(b"towline van period 1");
    sha.update(van.as_bytes());
    sha.update(number.to_be_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&sha.finalize()[..10]);
    VanId::new(van.unix_ms(), random)
}

/// Whether the record was closed: another one goes on from it.
pub fn is_closed(document: &Document) -> bool {
    document.field(&section::DETAILS, &key::FOLLOW_UP).is_some()
}

/// Whether the record should be closed: a driver has used half of a share, the desk has no room for
/// one more large change, or the server has written half of what the opening left of its share. A
/// driver's other half is for what phones have saved and not sent yet. A record that was only opened
/// is never due, whatever its opening weighs.
pub fn is_due(document: &Document) -> bool {
    let kind = document.id().kind;
    let half = |owner, opening: Share| {
        let (used, most) = (document.used(owner), Share::of(kind, owner));
        let over = |used: usize, most: usize, opening: usize| {
            2 * used.saturating_sub(opening) > most.saturating_sub(opening)
        };
        over(used.bytes, most.bytes, opening.bytes)
            || over(used.values, most.values, opening.values)
            || over(used.actors, most.actors, opening.actors)
    };
    let (office, most) = (document.used(Owner::Office), Share::of(kind, Owner::Office));
    office.bytes + limits::ESSENTIAL.bytes + limits::CHANGE_BYTES > most.bytes
        || office.values + 2 * limits::ESSENTIAL.values > most.values
        || 2 * office.actors > most.actors
        || half(Owner::Server, opening::taken(document))
        || document.technicians().any(|user| half(Owner::Technician(user), Share::default()))
}

/// Whether the record has a share left for this driver.
pub fn has_room_for(document: &Document, driver: UserId) -> bool {
    let history = document.field_history(&section::DETAILS, &key::TECHNICIAN);
    let mut had: Vec<&[u8]> = history.iter().filter_map(|it| it.value.as_bytes()).collect();
    had.sort_unstable();
    had.dedup();
    had.contains(&&driver.as_bytes()[..]) || had.len() < people(document.id().kind)
}

/// What opens the next record, `next` as it stands, after `closing`: what the van is. Nothing if it
/// was opened before. [`super::carry`] states the balance, and only then [`hand_over`] gives it to
/// the driver.
pub fn open(next: &Document, closing: &Document, van: VanId, number: u32) -> Vec<Entry> {
    let own = [key::VAN, key::VERSION, key::FOLLOWS, key::FOLLOW_UP, key::TECHNICIAN];
    let mut set: Vec<(Key, Value)> = Vec::new();
    if next.field(&section::DETAILS, &key::VAN).is_none() {
        let name = section::DETAILS;
        let details = closing.fields(&name).filter(|(key, _)| !own.contains(key));
        set.extend(details.map(|(key, value)| (key.clone(), value.clone())));
        set.push((key::VAN, raw(van)));
        set.push((key::VERSION, i64::from(number).into()));
        set.extend(closing.id().van().map(|id| (key::FOLLOWS, raw(id))));
    }
    set.into_iter().map(|(key, value)| next.set(section::DETAILS, key, value)).collect()
}

/// What gives the next record, which states the whole balance, to the driver of the one that is
/// closed. Nothing if someone has said before who drives it.
pub fn hand_over(next: &Document, closing: &Document) -> Vec<Entry> {
    let driver = closing.field(&section::DETAILS, &key::TECHNICIAN).cloned();
    let driver = driver.filter(|it| *it != Value::Null);
    let is_given = !next.field_history(&section::DETAILS, &key::TECHNICIAN).is_empty();
    let given = driver.filter(|_| !is_given && !is_closed(next));
    given.map(|driver| next.set(section::DETAILS, key::TECHNICIAN, driver)).into_iter().collect()
}

/// What closes a record that the next one has taken the place of: nobody drives it any more.
pub fn close(closing: &Document, next: VanId) -> Vec<Entry> {
    let mut entries = Vec::new();
    let follow_up = closing.field(&section::DETAILS, &key::FOLLOW_UP).and_then(Value::as_bytes);
    // The first one names the present one instead.
    if follow_up.is_none() || (is_further(closing) && follow_up != Some(next.as_bytes())) {
        entries.push(closing.set(section::DETAILS, key::FOLLOW_UP, raw(next)));
    }
    if closing.field(&section::DETAILS, &key::TECHNICIAN).is_some() {
        entries.push(closing.set(section::DETAILS, key::TECHNICIAN, Value::Null));
    }
    entries
}

/// What has the first record name the present one.
pub fn point(first: &Document, van: VanId, present: u32) -> Vec<Entry> {
    if number(first) >= present {
        return Vec::new();
    }
    vec![
        first.set(section::DETAILS, key::FOLLOW_UP, raw(record_id(van, present))),
        first.set(section::DETAILS, key::VERSION, i64::from(present).into()),
    ]
}

fn raw(van: VanId) -> Value {
    Value::Bytes(van.as_bytes().to_vec())
}
