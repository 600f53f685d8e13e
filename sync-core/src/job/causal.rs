//! What a change had seen: the question every crossing of phone and office comes down to.
//!
//! The graph of changes answers it without clocks, and the same on every replica.

use std::collections::HashMap;

use crate::change::ChangeRef;
use crate::document::Document;
use crate::id::ActorId;

/// Every change that one change follows, with itself.
#[derive(Debug, Clone)]
pub(crate) struct Past(HashMap<ActorId, u64>);

impl Past {
    /// The past of a change. One walk over the document's changes.
    pub fn of(document: &Document, change: ChangeRef) -> Self {
        Self::of_all(document, &[change])
    }

    /// The past of several changes together.
    pub fn of_all(document: &Document, changes: &[ChangeRef]) -> Self {
        let mut seen: HashMap<ActorId, u64> = HashMap::new();
        for change in changes {
            let seq = seen.entry(change.actor).or_default();
            *seq = change.seq.max(*seq);
        }
        // Each change stands after those it follows, so backwards none is reached too late.
        for (earlier, _) in document.changes().iter().rev() {
            if seen.get(&earlier.actor).is_some_and(|seq| earlier.seq <= *seq) {
                for dep in &earlier.after {
                    let seq = seen.entry(dep.actor).or_default();
                    *seq = dep.seq.max(*seq);
                }
            }
        }
        Self(seen)
    }

    /// Whether the change had been seen.
    pub fn contains(&self, change: &ChangeRef) -> bool {
        self.0.get(&change.actor).is_some_and(|seq| change.seq <= *seq)
    }
}

/// For each actor the first change that follows `change`, itself among them.
pub(crate) fn first_after(document: &Document, change: ChangeRef) -> Vec<ChangeRef> {
    let mut first: HashMap<ActorId, u64> = HashMap::from([(change.actor, change.seq)]);
    for (later, _) in document.changes() {
        let follows =
            later.after.iter().any(|dep| first.get(&dep.actor).is_some_and(|seq| dep.seq >= *seq));
        if follows {
            let seq = first.entry(later.actor).or_insert(later.seq);
            *seq = later.seq.min(*seq);
        }
    }
    first.into_iter().map(|(actor, seq)| ChangeRef { actor, seq }).collect()
}
