//! One order of all facts of a document that no clock decides.
//!
//! A change counts its operations on from the greatest of everything it follows, so whoever had seen
//! a fact writes a later one. Of two facts that did not see each other the one with more operations
//! behind it is the later, and of two with as many the one whose actor has the greater random part.
//! The times in ids and changes are never asked: a clock that is ahead wins nothing, and what it
//! wrote is earlier than whatever anybody writes who has seen it.

use super::Fact;
use crate::id::ActorId;

/// Place of a fact among the facts of its document: greater is later. Every replica computes the
/// same, and no two facts have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    counter: u64,
    /// The actor's id without the time it begins with.
    random: [u8; 10],
    actor: ActorId,
}

impl Fact {
    /// Where the fact stands in the order of its document.
    pub fn rank(&self) -> Rank {
        let actor = self.op.actor;
        let mut random = [0; 10];
        random.copy_from_slice(&actor.as_bytes()[6..]);
        Rank { counter: self.op.counter, random, actor }
    }
}
