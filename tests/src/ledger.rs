//! An account of what was saved apart from phones and server: each fact's id and a hash of what
//! it says, written down the moment the phone said *saved*.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sync_core::id::FactId;
use sync_core::schema::{DocId, Section};
use sync_core::value::{Record, Value};

/// Names a fact wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactKey {
    /// Its document.
    pub doc: DocId,
    /// Its section.
    pub section: Section,
    /// Its id.
    pub id: FactId,
}

/// What one phone saved.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    facts: BTreeMap<FactKey, [u8; 32]>,
}

impl Ledger {
    /// Writes a saved fact down. An id that was written down before with other contents is a
    /// broken promise and named as such.
    ///
    /// # Errors
    /// A sentence that names the fact.
    pub fn saved(&mut self, key: FactKey, record: &Record) -> Result<(), String> {
        let hash = hash(&key, record);
        self.saved_as(key, hash)
    }

    /// Writes a saved fact down by the [`hash`] of what it says.
    ///
    /// # Errors
    /// As [`Ledger::saved`].
    pub fn saved_as(&mut self, key: FactKey, hash: [u8; 32]) -> Result<(), String> {
        match self.facts.insert(key.clone(), hash) {
            Some(before) if before != hash => Err(format!("fact {} changed on its phone", key.id)),
            _ => Ok(()),
        }
    }

    /// Whether the fact is written down.
    pub fn has(&self, key: &FactKey) -> bool {
        self.facts.contains_key(key)
    }

    /// Everything written down, in order.
    pub fn facts(&self) -> impl Iterator<Item = (&FactKey, &[u8; 32])> {
        self.facts.iter()
    }

    /// Whether nothing was saved.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// How many facts.
    pub fn len(&self) -> usize {
        self.facts.len()
    }
}

/// SHA-256 over a canonical form of where the fact is and what it says: every part with its
/// length, keys in order.
pub fn hash(key: &FactKey, record: &Record) -> [u8; 32] {
    let mut sha = Sha256::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        sha.update([kind]);
        sha.update((bytes.len() as u64).to_be_bytes());
        sha.update(bytes);
    };
    part(0, &[key.doc.kind.code()]);
    part(0, key.doc.as_bytes());
    part(0, key.section.as_str().as_bytes());
    part(0, key.id.as_bytes());
    for (name, value) in record {
        part(1, name.as_str().as_bytes());
        match value {
            Value::Null => part(2, &[]),
            Value::Bool(yes) => part(3, &[u8::from(*yes)]),
            Value::Int(int) => part(4, &int.to_be_bytes()),
            Value::Text(text) => part(5, text.as_bytes()),
            Value::Bytes(bytes) => part(6, bytes),
        }
    }
    sha.finalize().into()
}
