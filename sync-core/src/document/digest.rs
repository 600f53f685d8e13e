//! Short fingerprints of what a replica holds, so that two can see at a glance that they agree.

use sha2::{Digest as _, Sha256};

use super::Document;
use crate::schema::DocId;

/// Eight bytes that stand for one document at its heads.
pub fn fingerprint(doc: DocId, heads: &[super::ChangeHash]) -> u64 {
    let mut sha = Sha256::new();
    sha.update(b"towline heads 1");
    sha.update([doc.kind.code()]);
    sha.update(doc.as_bytes());
    for head in heads {
        sha.update(head.0);
    }
    let bytes = sha.finalize();
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Sum of the fingerprints of a set of documents, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// Adds a document's fingerprint.
    pub fn add(&mut self, fingerprint: u64) {
        self.0 = self.0.wrapping_add(fingerprint);
    }
}

impl FromIterator<u64> for Digest {
    fn from_iter<T: IntoIterator<Item = u64>>(fingerprints: T) -> Self {
        let mut digest = Self::default();
        fingerprints.into_iter().for_each(|fingerprint| digest.add(fingerprint));
        digest
    }
}

impl Document {
    /// Fingerprint of this document at its present heads.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self.id(), &self.heads())
    }
}
