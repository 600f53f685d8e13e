//! The compact encoding of a run: a table of actors, then each change as differences.
//!
//! What follows from the run (the actor, consecutive numbers, the own previous change as
//! dependency, the operation counters) is not written. `docs/protocol.md` gives it byte by byte.

use std::collections::HashMap;

use automerge::ChangeHash;

use super::{Change, ChangeRef, Entry, OpId, Run};
use crate::dictionary::{Coding, Key, NUMBERED_SECTIONS, Section, word};
use crate::id::{ActorId, FactId, uuid_ms};
use crate::limits;
use crate::schema::{DocId, DocKind};
use crate::value::{Record, Value};
use crate::wire::{Reader, WireError, Writer};

const ENTRY_FACT: u8 = 0;
const ENTRY_FIELD: u8 = 1;
const ENTRY_SECTION: u8 = 2;

const VALUE_NULL: u8 = 0;
const VALUE_FALSE: u8 = 1;
const VALUE_TRUE: u8 = 2;
const VALUE_INT: u8 = 3;
const VALUE_TEXT: u8 = 4;
const VALUE_BYTES: u8 = 5;
const VALUE_WORD: u8 = 6;
const VALUE_BYTES_16: u8 = 7;
const VALUE_BYTES_32: u8 = 8;

/// Appends a run.
pub fn encode_run(writer: &mut Writer, run: &Run) {
    let actors = ActorTable::of(&run.changes);
    writer.u8(run.doc.kind.code());
    writer.raw(run.doc.as_bytes());
    writer.uint(actors.list.len() as u64);
    for actor in &actors.list {
        writer.raw(actor.as_bytes());
    }
    writer.uint(run.first_seq());
    writer.uint(run.changes.len() as u64);
    let mut deltas = Deltas::default();
    for change in &run.changes {
        encode_change(writer, change, &actors, &mut deltas);
    }
    writer.raw(&run.last_hash.0);
}

/// Bytes of a change that is alone in a run, without what the run adds.
pub(super) fn change_len(change: &Change) -> usize {
    let mut writer = Writer::new();
    let actors = ActorTable::of(std::slice::from_ref(change));
    encode_change(&mut writer, change, &actors, &mut Deltas::default());
    writer.into_bytes().len()
}

/// Takes a run off the reader, within [`limits`].
pub fn decode_run(reader: &mut Reader<'_>) -> Result<Run, WireError> {
    let kind = DocKind::from_code(reader.u8()?);
    let doc = DocId::new(kind, reader.array()?).map_err(|_| WireError::Malformed("document id"))?;
    let count = reader.count("actors of a run", limits::DOCUMENT_ACTORS)?;
    let mut actors = Vec::with_capacity(count);
    for _ in 0..count {
        let actor = ActorId::of_change(&reader.array::<16>()?);
        actors.push(actor.map_err(|_| WireError::Malformed("actor"))?);
    }
    let author = *actors.first().ok_or(WireError::Malformed("actors of a run"))?;
    let first_seq = reader.uint()?;
    let count = reader.count("changes of a run", limits::RUN_CHANGES)?;
    if count == 0 || first_seq == 0 || first_seq.checked_add(count as u64).is_none() {
        return Err(WireError::Malformed("changes of a run"));
    }
    let mut changes = Vec::with_capacity(count);
    let mut deltas = Deltas::default();
    for index in 0..count {
        let before = reader.left();
        let mut change = decode_change(reader, &actors, &mut deltas)?;
        if before - reader.left() > limits::CHANGE_BYTES_READ {
            return Err(WireError::TooLarge("change"));
        }
        change.actor = author;
        change.seq = first_seq + index as u64;
        changes.push(change);
    }
    let run = Run { doc, changes, last_hash: ChangeHash(reader.array()?) };
    // One encoding only: the table lists just the actors used, in order of first use.
    if ActorTable::of(&run.changes).list != actors {
        return Err(WireError::Malformed("actors of a run"));
    }
    Ok(run)
}

/// Actors that are looked for in the list itself: most runs name two or three, which takes less
/// than to hash one.
const FEW: usize = 8;

/// Actors a run names, its own first, the others in order of first use.
struct ActorTable {
    list: Vec<ActorId>,
    /// Their numbers, once there are more than [`FEW`].
    index: HashMap<ActorId, u64>,
}

impl ActorTable {
    fn of(changes: &[Change]) -> Self {
        let mut table = Self { list: Vec::new(), index: HashMap::new() };
        for change in changes {
            table.add(change.actor);
            for dep in &change.after {
                table.add(dep.actor);
            }
            for entry in &change.entries {
                if let Entry::Field { replaces, .. } = entry {
                    replaces.iter().for_each(|op| table.add(op.actor));
                }
            }
        }
        table
    }

    fn add(&mut self, actor: ActorId) {
        if self.find(&actor).is_some() {
            return;
        }
        self.list.push(actor);
        if self.list.len() > FEW {
            let indexed = self.index.len();
            self.index.extend(self.list.iter().copied().zip(0..).skip(indexed));
        }
    }

    fn find(&self, actor: &ActorId) -> Option<u64> {
        if self.list.len() > FEW {
            return self.index.get(actor).copied();
        }
        self.list.iter().position(|known| known == actor).map(|at| at as u64)
    }

    fn number(&self, actor: &ActorId) -> u64 {
        self.find(actor).unwrap_or(0)
    }
}

/// Last values seen in this run, for the differences.
#[derive(Default)]
struct Deltas {
    time: i64,
    /// By key; only a handful are coded like this.
    keys: Vec<(Key, i64)>,
}

impl Deltas {
    fn base(&self, key: &Key) -> i64 {
        match key.coding() {
            Coding::Time => self.time,
            Coding::Delta => {
                let last = self.keys.iter().find(|(known, _)| known == key);
                last.map_or(0, |(_, value)| *value)
            }
            Coding::Plain | Coding::Word => 0,
        }
    }

    fn seen(&mut self, key: &Key, value: i64) {
        if key.coding() != Coding::Delta {
            return;
        }
        match self.keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, last)) => *last = value,
            None => self.keys.push((key.clone(), value)),
        }
    }
}

fn encode_change(writer: &mut Writer, change: &Change, actors: &ActorTable, deltas: &mut Deltas) {
    writer.int(change.time.wrapping_sub(deltas.time));
    deltas.time = change.time;
    // One number for both counts: nearly every change has no further dependency and few entries.
    writer.uint((change.entries.len() as u64) << 1 | u64::from(!change.after.is_empty()));
    if !change.after.is_empty() {
        writer.uint(change.after.len() as u64);
        for dep in &change.after {
            writer.uint(actors.number(&dep.actor));
            writer.uint(dep.seq);
        }
    }
    for entry in &change.entries {
        encode_entry(writer, entry, actors, deltas);
    }
}

fn decode_change(
    reader: &mut Reader<'_>,
    actors: &[ActorId],
    deltas: &mut Deltas,
) -> Result<Change, WireError> {
    reader.value()?;
    let time = deltas.time.wrapping_add(reader.int()?);
    deltas.time = time;
    let counts = reader.uint()?;
    let mut after = Vec::new();
    if counts & 1 == 1 {
        let count = reader.count("dependencies", limits::CHANGE_DEPS)?;
        for _ in 0..count {
            reader.value()?;
            after.push(ChangeRef { actor: actor(reader, actors)?, seq: reader.uint()? });
        }
        if after.is_empty() || !after.is_sorted_by(|a, b| a < b) {
            return Err(WireError::Malformed("dependencies"));
        }
    }
    let count = usize::try_from(counts >> 1).map_err(|_| WireError::TooLarge("entries"))?;
    if count > limits::CHANGE_ENTRIES {
        return Err(WireError::TooLarge("entries"));
    }
    if count == 0 {
        return Err(WireError::Malformed("entries"));
    }
    let mut entries = Vec::with_capacity(count.min(reader.left()));
    for _ in 0..count {
        entries.push(decode_entry(reader, actors, deltas)?);
    }
    Ok(Change { actor: ActorId::GENESIS, seq: 0, after, time, entries })
}

fn encode_entry(writer: &mut Writer, entry: &Entry, actors: &ActorTable, deltas: &mut Deltas) {
    match entry {
        Entry::Fact { section, id, record } => {
            encode_section(writer, section, ENTRY_FACT);
            // A fact id is mostly made in the millisecond of its change.
            writer.int(id.unix_ms().wrapping_sub(deltas.time));
            writer.raw(&id.as_bytes()[6..]);
            writer.uint(record.len() as u64);
            for (key, value) in record {
                encode_key(writer, key);
                encode_value(writer, key, value, deltas);
            }
        }
        Entry::Field { section, key, value, replaces } => {
            encode_section(writer, section, ENTRY_FIELD);
            encode_key(writer, key);
            encode_value(writer, key, value, deltas);
            writer.uint(replaces.len() as u64);
            for op in replaces {
                writer.uint(op.counter);
                writer.uint(actors.number(&op.actor));
            }
        }
        Entry::Section { name } => encode_section(writer, name, ENTRY_SECTION),
    }
}

fn decode_entry(
    reader: &mut Reader<'_>,
    actors: &[ActorId],
    deltas: &mut Deltas,
) -> Result<Entry, WireError> {
    reader.value()?;
    let (section, tag) = decode_section(reader)?;
    match tag {
        ENTRY_FACT => {
            let id = decode_fact_id(reader, deltas.time)?;
            let count = reader.count("keys of a fact", limits::RECORD_KEYS)?;
            let mut record = Record::with_capacity(count);
            for _ in 0..count {
                reader.value()?;
                let key = decode_key(reader)?;
                let value = decode_value(reader, &key, deltas)?;
                let in_order = record.last_key_value().is_none_or(|(last, _)| *last < key);
                if !in_order || value == Value::Null {
                    return Err(WireError::Malformed("keys of a fact"));
                }
                record.insert(key, value);
            }
            Ok(Entry::Fact { section, id, record })
        }
        ENTRY_FIELD => {
            let key = decode_key(reader)?;
            let value = decode_value(reader, &key, deltas)?;
            let count = reader.count("replaced values", limits::FIELD_REPLACES)?;
            let mut replaces = Vec::with_capacity(count);
            for _ in 0..count {
                reader.value()?;
                replaces.push(OpId { counter: reader.uint()?, actor: actor(reader, actors)? });
            }
            if !replaces.is_sorted_by(|a, b| a < b) {
                return Err(WireError::Malformed("replaced values"));
            }
            Ok(Entry::Field { section, key, value, replaces })
        }
        ENTRY_SECTION => Ok(Entry::Section { name: section }),
        _ => Err(WireError::Malformed("entry")),
    }
}

fn encode_section(writer: &mut Writer, section: &Section, tag: u8) {
    match NUMBERED_SECTIONS.iter().position(|known| known == section) {
        Some(number) => writer.uint((number as u64 + 1) << 2 | u64::from(tag)),
        None => {
            writer.uint(u64::from(tag));
            writer.text(section.as_str());
        }
    }
}

fn decode_section(reader: &mut Reader<'_>) -> Result<(Section, u8), WireError> {
    let number = reader.uint()?;
    let tag = (number & 3) as u8;
    let section = match number >> 2 {
        0 => {
            let name = reader.text("section", limits::NAME_BYTES)?;
            let spelled = Section::parse(name).filter(|s| !NUMBERED_SECTIONS.contains(s));
            spelled.ok_or(WireError::Malformed("section"))?
        }
        number => {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            NUMBERED_SECTIONS.get(index).cloned().ok_or(WireError::Malformed("section"))?
        }
    };
    Ok((section, tag))
}

fn decode_fact_id(reader: &mut Reader<'_>, time: i64) -> Result<FactId, WireError> {
    let ms = time.wrapping_add(reader.int()?);
    let tail: [u8; 10] = reader.array()?;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&tail);
    let fits = uuid_ms(&bytes) == ms;
    FactId::from_bytes(bytes).ok().filter(|_| fits).ok_or(WireError::Malformed("fact id"))
}

fn encode_key(writer: &mut Writer, key: &Key) {
    match key.code() {
        Some(code) => writer.uint(code + 1),
        None => {
            writer.uint(0);
            writer.text(key.as_str());
        }
    }
}

fn decode_key(reader: &mut Reader<'_>) -> Result<Key, WireError> {
    let key = match reader.uint()? {
        0 => Key::parse(reader.text("key", limits::NAME_BYTES)?).filter(|key| key.code().is_none()),
        code => Key::from_code(code - 1),
    };
    key.ok_or(WireError::Malformed("key"))
}

fn encode_value(writer: &mut Writer, key: &Key, value: &Value, deltas: &mut Deltas) {
    match value {
        Value::Null => writer.u8(VALUE_NULL),
        Value::Bool(false) => writer.u8(VALUE_FALSE),
        Value::Bool(true) => writer.u8(VALUE_TRUE),
        Value::Int(int) => {
            writer.u8(VALUE_INT);
            writer.int(int.wrapping_sub(deltas.base(key)));
            deltas.seen(key, *int);
        }
        Value::Text(text) => match word::code(text) {
            Some(code) => {
                writer.u8(VALUE_WORD);
                writer.uint(code);
            }
            None => {
                writer.u8(VALUE_TEXT);
                writer.text(text);
            }
        },
        Value::Bytes(bytes) => match bytes.len() {
            16 => {
                writer.u8(VALUE_BYTES_16);
                writer.raw(bytes);
            }
            32 => {
                writer.u8(VALUE_BYTES_32);
                writer.raw(bytes);
            }
            _ => {
                writer.u8(VALUE_BYTES);
                writer.bytes(bytes);
            }
        },
    }
}

fn decode_value(
    reader: &mut Reader<'_>,
    key: &Key,
    deltas: &mut Deltas,
) -> Result<Value, WireError> {
    Ok(match reader.u8()? {
        VALUE_NULL => Value::Null,
        VALUE_FALSE => Value::Bool(false),
        VALUE_TRUE => Value::Bool(true),
        VALUE_INT => {
            let int = deltas.base(key).wrapping_add(reader.int()?);
            deltas.seen(key, int);
            Value::Int(int)
        }
        VALUE_TEXT => {
            let text = reader.text("text", limits::VALUE_BYTES)?;
            if word::code(text).is_some() {
                return Err(WireError::Malformed("text"));
            }
            Value::Text(text.to_owned())
        }
        VALUE_BYTES => {
            let bytes = reader.bytes("bytes", limits::VALUE_BYTES)?;
            if matches!(bytes.len(), 16 | 32) {
                return Err(WireError::Malformed("bytes"));
            }
            Value::Bytes(bytes.to_vec())
        }
        VALUE_WORD => {
            let word = word::name(reader.uint()?).ok_or(WireError::Malformed("word"))?;
            Value::Text(word.to_owned())
        }
        VALUE_BYTES_16 => Value::Bytes(reader.raw(16)?.to_vec()),
        VALUE_BYTES_32 => Value::Bytes(reader.raw(32)?.to_vec()),
        _ => return Err(WireError::Malformed("value")),
    })
}

fn actor(reader: &mut Reader<'_>, actors: &[ActorId]) -> Result<ActorId, WireError> {
    let index = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
    actors.get(index).copied().ok_or(WireError::Malformed("actor number"))
}
