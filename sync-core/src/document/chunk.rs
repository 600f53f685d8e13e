//! The bytes of an Automerge change chunk, written straight from a typed change, and their hash.
//!
//! A phone's hash must be Automerge's own, but making Automerge's objects for every change was a
//! quarter of the server's work, only to hash them and throw them away. This writes the same bytes
//! (format: <https://automerge.org/automerge-binary-format-spec/>, "Change Chunk") for the few
//! shapes a typed change has. Automerge itself stays the oracle: [`super::oracle`], `verify` and the
//! tests build the same changes in Automerge and compare the hashes.

use std::borrow::Cow;

use automerge::ChangeHash;
use sha2::{Digest as _, Sha256};

use crate::change::{Change, Entry, OpId};
use crate::id::{ActorId, FactId};
use crate::value::Value;

/// Type of a change chunk.
const CHUNK_CHANGE: u8 = 1;

/// Columns of operations: number and type, in the order in which they are written.
mod column {
    pub const OBJECT_ACTOR: u64 = 0x01;
    pub const OBJECT_COUNTER: u64 = 0x02;
    pub const KEY: u64 = 0x15;
    pub const INSERT: u64 = 0x34;
    pub const ACTION: u64 = 0x42;
    pub const VALUE_META: u64 = 0x56;
    pub const VALUE: u64 = 0x57;
    pub const PRED_COUNT: u64 = 0x70;
    pub const PRED_ACTOR: u64 = 0x71;
    pub const PRED_COUNTER: u64 = 0x73;
}

const ACTION_MAKE_MAP: u64 = 0;
const ACTION_PUT: u64 = 1;

/// How many operations the entries of a change are.
pub(super) fn operations(entries: &[Entry]) -> u64 {
    let operations = entries.iter().map(|entry| match entry {
        Entry::Fact { record, .. } => 1 + record.len() as u64,
        Entry::Field { .. } | Entry::Section { .. } => 1,
    });
    operations.sum()
}

/// The hash of the Automerge change that adds these facts and sets these fields.
///
/// `sections` holds for each entry the counter of the genesis operation that made its section;
/// `deps` are sorted.
pub(super) fn hash(
    change: &Change,
    start_op: u64,
    sections: &[u64],
    deps: &[ChangeHash],
) -> ChangeHash {
    let columns = Columns::of(change, start_op, sections);
    // One room for all: the columns, what stands before them, and what stands before that.
    let mut bytes = Vec::with_capacity(192 + 32 * deps.len() + columns.room());
    let specs = columns.write(&mut bytes);
    let columns_end = bytes.len();
    unsigned(&mut bytes, deps.len() as u64);
    deps.iter().for_each(|dep| bytes.extend_from_slice(&dep.0));
    actor(&mut bytes, &change.actor);
    unsigned(&mut bytes, change.seq);
    unsigned(&mut bytes, start_op);
    signed(&mut bytes, change.time);
    // No message.
    bytes.push(0);
    unsigned(&mut bytes, columns.others.len() as u64);
    columns.others.iter().for_each(|other| actor(&mut bytes, other));
    // An empty column is not mentioned.
    let specs = specs.iter().filter(|(_, len)| *len > 0);
    unsigned(&mut bytes, specs.clone().count() as u64);
    for (spec, len) in specs {
        unsigned(&mut bytes, *spec);
        unsigned(&mut bytes, *len as u64);
    }
    let len = bytes.len();
    bytes.push(CHUNK_CHANGE);
    unsigned(&mut bytes, len as u64);
    let (rest, head) = bytes.split_at(len);
    let (columns, data) = rest.split_at(columns_end);
    let hash = Sha256::new().chain_update(head).chain_update(data).chain_update(columns);
    ChangeHash(hash.finalize().into())
}

/// The operations of a change, to be written column by column.
struct Columns<'c> {
    /// Actors named besides the author, sorted; their numbers in the columns start at 1.
    others: Cow<'static, [ActorId]>,
    operations: Vec<Operation<'c>>,
    preds: Vec<(u64, u64)>,
}

/// What the columns have in one row.
struct Operation<'c> {
    object_actor: u64,
    object_counter: u64,
    key: Name<'c>,
    /// What is put; a map is made where nothing is.
    value: Option<&'c Value>,
    /// How many values it replaces.
    preds: u64,
}

/// A key of a map: a name, or the id of a fact in 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq)]
enum Name<'c> {
    Key(&'c str),
    Fact(&'c FactId),
}

impl<'c> Columns<'c> {
    fn of(change: &'c Change, start_op: u64, sections: &[u64]) -> Self {
        let count = usize::try_from(operations(&change.entries)).unwrap_or(0);
        let operations = Vec::with_capacity(count);
        let mut columns = Self { others: others(change), operations, preds: Vec::new() };
        let genesis = columns.number(&change.actor, &ActorId::GENESIS);
        for (entry, section) in change.entries.iter().zip(sections) {
            match entry {
                Entry::Fact { id, record, .. } => {
                    let map = start_op + columns.operations.len() as u64;
                    columns.operation(genesis, *section, Name::Fact(id), None);
                    for (key, value) in record {
                        columns.operation(0, map, Name::Key(key.as_str()), Some(value));
                    }
                }
                Entry::Field { key, value, replaces, .. } => {
                    let name = Name::Key(key.as_str());
                    columns.operation(genesis, *section, name, Some(value));
                    columns.replaces(&change.actor, replaces);
                }
                // Only the genesis makes sections, and that is Automerge's own to build.
                Entry::Section { .. } => {}
            }
        }
        columns
    }

    fn operation(&mut self, actor: u64, counter: u64, key: Name<'c>, value: Option<&'c Value>) {
        let (object_actor, object_counter) = (actor, counter);
        self.operations.push(Operation { object_actor, object_counter, key, value, preds: 0 });
    }

    /// The values the last operation replaces.
    fn replaces(&mut self, author: &ActorId, replaces: &[OpId]) {
        if let Some(operation) = self.operations.last_mut() {
            operation.preds = replaces.len() as u64;
        }
        for op in replaces {
            self.preds.push((self.number(author, &op.actor), op.counter));
        }
    }

    /// About how many bytes the columns take.
    fn room(&self) -> usize {
        let values = self.operations.iter().filter_map(|row| row.value).map(Value::bytes);
        32 * self.operations.len() + values.sum::<usize>()
    }

    /// Number of an actor in the columns.
    fn number(&self, author: &ActorId, actor: &ActorId) -> u64 {
        if actor == author {
            return 0;
        }
        self.others.binary_search(actor).map_or(0, |at| at as u64 + 1)
    }

    /// Writes the columns; gives the number and type of each, and how many bytes it has.
    fn write(&self, bytes: &mut Vec<u8>) -> [(u64, usize); 10] {
        let rows = &self.operations;
        let mut specs = [(0, 0); 10];
        let mut next = specs.iter_mut();
        let mut column = |spec: u64, write: &mut dyn FnMut(&mut Vec<u8>)| {
            let before = bytes.len();
            write(bytes);
            if let Some(place) = next.next() {
                *place = (spec, bytes.len() - before);
            }
        };
        column(column::OBJECT_ACTOR, &mut |out| {
            run_lengths(out, rows, |row| row.object_actor, unsigned);
        });
        column(column::OBJECT_COUNTER, &mut |out| {
            run_lengths(out, rows, |row| row.object_counter, unsigned);
        });
        column(column::KEY, &mut |out| {
            run_lengths(out, rows, |row| row.key, |out, name| name.write(out));
        });
        // Nothing is inserted into a list: one run of false.
        column(column::INSERT, &mut |out| unsigned(out, rows.len() as u64));
        let action = |row: &Operation<'_>| match row.value {
            Some(_) => ACTION_PUT,
            None => ACTION_MAKE_MAP,
        };
        column(column::ACTION, &mut |out| run_lengths(out, rows, action, unsigned));
        column(column::VALUE_META, &mut |out| {
            run_lengths(out, rows, |row| row.value.map_or(0, meta), unsigned);
        });
        column(column::VALUE, &mut |out| {
            rows.iter().filter_map(|row| row.value).for_each(|value| scalar(out, value));
        });
        column(column::PRED_COUNT, &mut |out| run_lengths(out, rows, |row| row.preds, unsigned));
        column(column::PRED_ACTOR, &mut |out| {
            run_lengths(out, &self.preds, |(actor, _)| *actor, unsigned);
        });
        let mut last = 0;
        let deltas = self.preds.iter().map(|(_, counter)| {
            let delta = *counter as i64 - last;
            last = *counter as i64;
            delta
        });
        let deltas: Vec<i64> = deltas.collect();
        column(column::PRED_COUNTER, &mut |out| run_lengths(out, &deltas, |delta| *delta, signed));
        specs
    }
}

impl Name<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Key(name) => {
                unsigned(out, name.len() as u64);
                out.extend_from_slice(name.as_bytes());
            }
            Self::Fact(id) => {
                let mut digits = [0; uuid::fmt::Simple::LENGTH];
                uuid::Uuid::from_bytes(*id.as_bytes()).simple().encode_lower(&mut digits);
                unsigned(out, digits.len() as u64);
                out.extend_from_slice(&digits);
            }
        }
    }
}

/// Every actor the operations name besides the author, sorted: the genesis as the maker of the
/// sections, and the writers of replaced values.
fn others(change: &Change) -> Cow<'static, [ActorId]> {
    let replaced = change.entries.iter().flat_map(|entry| match entry {
        Entry::Field { replaces, .. } => replaces.as_slice(),
        Entry::Fact { .. } | Entry::Section { .. } => &[],
    });
    let others = replaced.map(|op| op.actor).filter(|actor| *actor != change.actor);
    let mut others: Vec<ActorId> = others.collect();
    if others.is_empty() {
        return Cow::Borrowed(&[ActorId::GENESIS]);
    }
    others.push(ActorId::GENESIS);
    others.sort();
    others.dedup();
    Cow::Owned(others)
}

/// Appends the bytes of a value.
fn scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Int(int) => signed(out, *int),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
    }
}

/// Type and length of a value, as the metadata column has them.
fn meta(value: &Value) -> u64 {
    let (kind, len) = match value {
        Value::Null => (0, 0),
        Value::Bool(false) => (1, 0),
        Value::Bool(true) => (2, 0),
        Value::Int(int) => (4, signed_len(*int)),
        Value::Text(text) => (6, text.len()),
        Value::Bytes(bytes) => (7, bytes.len()),
    };
    (len as u64) << 4 | kind
}

/// Run-length encoding: a run of equal values as its length and the value, values that differ
/// from their neighbours as a negative count and each of them.
fn run_lengths<T, V: PartialEq>(
    out: &mut Vec<u8>,
    rows: &[T],
    of: impl Fn(&T) -> V,
    write: impl Fn(&mut Vec<u8>, V),
) {
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let first = of(first);
        let equal = rest.iter().take_while(|row| of(row) == first).count();
        if equal > 1 {
            signed(out, equal as i64);
            write(out, first);
            rest = &rest[equal..];
            continue;
        }
        let single = rest.windows(2).position(|two| of(&two[0]) == of(&two[1]));
        let single = single.unwrap_or(rest.len());
        signed(out, -(single as i64));
        rest[..single].iter().for_each(|row| write(out, of(row)));
        rest = &rest[single..];
    }
}

fn actor(out: &mut Vec<u8>, actor: &ActorId) {
    out.push(16);
    out.extend_from_slice(actor.as_bytes());
}

/// LEB128.
fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Signed LEB128, two's complement: not the zigzag of our own frames.
fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = number as u8 & 0x7f;
        number >>= 7;
        let sign = byte & 0x40 != 0;
        if (number == 0 && !sign) || (number == -1 && sign) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// How many bytes [`signed`] writes: seven bits each, and one for the sign.
fn signed_len(number: i64) -> usize {
    let magnitude = if number < 0 { !number } else { number };
    let bits = (i64::BITS - magnitude.leading_zeros()) as usize;
    bits / 7 + 1
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::document::{Document, rebuild};
    use crate::id::JobId;
    use crate::schema::{DocId, Key, Section, section};

    fn any_actor() -> impl Strategy<Value = ActorId> {
        // Few of them, so that they repeat; some sort before and some after the author.
        (0..6u8).prop_map(|who| ActorId::new(i64::from(who % 3) * 1000, [who; 10]))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-200..200i64).prop_map(Value::Int),
            "\\PC{0,200}".prop_map(Value::Text),
            vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ]
    }

    fn any_key() -> impl Strategy<Value = Key> {
        "[a-z][a-z0-9_]{0,3}".prop_filter_map("a name", |name| Key::parse(&name))
    }

    fn any_section() -> impl Strategy<Value = Section> {
        prop_oneof![Just(section::STATUS), Just(section::INTAKE), Just(section::FEEDBACK)]
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let fact = (any_section(), any::<[u8; 10]>(), btree_map(any_key(), any_value(), 0..6))
            .prop_map(|(section, id, record)| Entry::Fact {
                section,
                id: FactId::new(1_700_000_000_000, id),
                record: record.into_iter().collect(),
            });
        let replaced =
            (1..400u64, any_actor()).prop_map(|(counter, actor)| OpId { counter, actor });
        let field = (any_section(), any_key(), any_value(), btree_set(replaced, 0..5)).prop_map(
            |(section, key, value, replaces)| {
                let replaces = replaces.into_iter().collect();
                Entry::Field { section, key, value, replaces }
            },
        );
        prop_oneof![3 => fact, 2 => field]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn the_hash_is_automerges(
            actor in any_actor(),
            seq in prop_oneof![1..200u64, any::<u32>().prop_map(|seq| u64::from(seq) + 1)],
            start_op in prop_oneof![1..300u64, 1..u64::from(u32::MAX)],
            time in any::<i64>(),
            deps in btree_set(any::<[u8; 32]>(), 0..5),
            entries in vec(any_entry(), 1..12),
        ) {
            let document = Document::new(DocId::from(JobId::new(0, [0; 10])));
            let change = Change { actor, seq, after: Vec::new(), time, entries };
            let deps: Vec<_> = deps.into_iter().map(ChangeHash).collect();
            let operations = document.operations(&change, start_op).unwrap_or_default();
            prop_assert_eq!(operations.len() as u64, super::operations(&change.entries));
            let theirs = rebuild::automerge_change(&change, start_op, deps.clone(), operations);
            let sections = document.section_counters(&change).ok().flatten().unwrap_or_default();
            prop_assert_eq!(hash(&change, start_op, &sections, &deps), theirs.hash());
        }
    }
}
