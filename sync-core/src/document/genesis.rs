//! The fixed first change of every document of a kind, the same on every replica for ever.
//!
//! All replicas share the section maps it makes, so a document can be born on a phone without
//! coverage and still merge with whatever the office knew.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::graph::Meta;
use super::rebuild;
use crate::change::{Change, Entry};
use crate::id::ActorId;
use crate::schema::{DocKind, Section};

/// The typed genesis change of a kind.
pub(super) fn change(kind: DocKind) -> Change {
    let sections = kind.genesis_sections().iter().map(|name| Section::known(name));
    Change {
        actor: ActorId::GENESIS,
        seq: 1,
        after: Vec::new(),
        time: 0,
        entries: sections.map(|name| Entry::Section { name }).collect(),
    }
}

/// Hash and greatest operation of the genesis change of a kind.
pub(super) fn genesis(kind: DocKind) -> Meta {
    static KNOWN: [OnceLock<Meta>; 4] = [const { OnceLock::new() }; 4];
    let make = || {
        let built = rebuild::genesis_change(&change(kind));
        Meta { hash: built.hash(), max_op: kind.genesis_sections().len() as u64 }
    };
    match KNOWN.get(usize::from(kind.code())) {
        Some(slot) => *slot.get_or_init(make),
        None => make(),
    }
}

/// Counter of the operation that makes each section of the genesis; every document of a kind shares
/// them.
pub(super) fn sections(kind: DocKind) -> Arc<BTreeMap<Section, u64>> {
    static KNOWN: [OnceLock<Arc<BTreeMap<Section, u64>>>; 4] = [const { OnceLock::new() }; 4];
    let make = || {
        let names = kind.genesis_sections().iter();
        Arc::new(names.zip(1u64..).map(|(name, op)| (Section::known(name), op)).collect())
    };
    match KNOWN.get(usize::from(kind.code())) {
        Some(slot) => Arc::clone(slot.get_or_init(make)),
        None => make(),
    }
}

/// The Automerge genesis change, for rebuilding a whole document in Automerge.
pub(super) fn automerge_change(kind: DocKind) -> automerge::Change {
    rebuild::genesis_change(&change(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: a phone with another genesis could never merge. A new section is a new change.
    #[test]
    fn the_genesis_hashes_never_change() {
        let hash = |kind| hex(&genesis(kind).hash);
        assert_eq!(
            hash(DocKind::Job),
            "8d02bec9d0a3b109665da2bbe036967281ebc8076f9073cf158c601ffadfac58"
        );
        assert_eq!(
            hash(DocKind::Van),
            "d438d6ef9aae4482f6c7c2e080dcc89190ee9ce18bae57990d476da2c43be997"
        );
        assert_eq!(
            hash(DocKind::Technician),
            "44cd28ac3bb6a3f19a9dbc976044081d576bb2ed5e02892f7df0fda78b81dfb6"
        );
    }

    fn hex(hash: &automerge::ChangeHash) -> String {
        hash.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}
