//! Short fingerprints of what a replica holds, so that two can see at a glance that they agree.

use sha2::{Digest as _, Sha256};

use super::graph::Graph;
use super::rebuild::followed;
use super::{Document, Refusal, genesis};
use crate::change::{Change, ChangeRef};
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

    /// Fingerprint of the document that only these of its changes make, which come in an order in
    /// which each follows what it depends on; one that comes again is passed over.
    ///
    /// # Errors
    /// If one is not here, or follows what is not among them.
    pub(crate) fn fingerprint_of<'c>(
        &self,
        changes: impl Iterator<Item = &'c Change>,
    ) -> Result<u64, Refusal> {
        let mut graph = Graph::new(genesis::genesis(self.id.kind));
        for change in changes {
            if change.seq <= graph.seq_of(&change.actor) {
                continue;
            }
            let hash_of = |dep| graph.meta(&dep).map(|meta| meta.hash).ok_or(dep);
            let deps: Result<Vec<_>, ChangeRef> = followed(change).map(hash_of).collect();
            let deps = deps.map_err(|dep| Refusal::Missing(vec![dep]))?;
            let reference = ChangeRef { actor: change.actor, seq: change.seq };
            let meta = self.graph.meta(&reference);
            let meta = meta.ok_or_else(|| Refusal::Missing(vec![reference]))?;
            graph.add(change.actor, *meta, &deps);
        }
        let heads: Vec<_> = graph.heads().map(|(hash, _)| *hash).collect();
        Ok(fingerprint(self.id, &heads))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::change::Entry;
    use crate::document::Author;
    use crate::id::{ActorId, FactId, JobId};
    use crate::schema::section;
    use crate::value::Record;

    /// Brings everything of one document into another.
    fn merge(into: &mut Document, from: &Document) -> Result<(), Refusal> {
        for (change, author) in from.changes() {
            let reference = ChangeRef { actor: change.actor, seq: change.seq };
            if into.hash_of(&reference).is_none() {
                let rebuilt = into.check(change.clone())?;
                into.apply(rebuilt, *author);
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_part_of_a_document_has_the_fingerprint_it_would_have_alone(
            steps in vec((0..3usize, 0..3usize), 1..24),
        ) {
            let doc = DocId::from(JobId::new(0, [0; 10]));
            let mut copies = vec![Document::new(doc); 3];
            for (step, (writer, heard)) in steps.into_iter().enumerate() {
                let other = copies[heard].clone();
                merge(&mut copies[writer], &other)?;
                let actor = ActorId::new(1, [writer as u8; 10]);
                let id = FactId::new(1, [step as u8; 10]);
                let fact = Entry::Fact { section: section::STATUS, id, record: Record::new() };
                let rebuilt = copies[writer].author(actor, 1_700_000_000_000, vec![fact])?;
                copies[writer].apply(rebuilt, Author::default());
            }
            let mut whole = Document::new(doc);
            copies.iter().try_for_each(|copy| merge(&mut whole, copy))?;
            for copy in &copies {
                let changes = || copy.changes().iter().map(|(change, _)| change);
                prop_assert_eq!(whole.fingerprint_of(changes())?, copy.fingerprint());
                // What comes again changes nothing; what lacks its beginning is no document.
                let twice = changes().chain(changes());
                prop_assert_eq!(whole.fingerprint_of(twice)?, copy.fingerprint());
                let first = changes().next().map(|it| ChangeRef { actor: it.actor, seq: it.seq });
                let is_followed = changes().flat_map(followed).any(|it| Some(it) == first);
                prop_assert_eq!(whole.fingerprint_of(changes().skip(1)).is_err(), is_followed);
            }
        }
    }
}
