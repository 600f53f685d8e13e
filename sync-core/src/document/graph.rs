//! The graph of changes: hash and greatest operation of each, by actor and number, and the heads.
//!
//! Few people write to one document and few changes are its heads, so both are short sorted lists,
//! which are made faster than maps when a document is loaded.

use automerge::ChangeHash;

use crate::change::ChangeRef;
use crate::id::ActorId;

/// What later changes need to know of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    pub hash: ChangeHash,
    pub max_op: u64,
}

/// A change, and how many were added before it.
#[derive(Debug, Clone, Copy)]
struct Placed {
    meta: Meta,
    place: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Graph {
    /// The changes of each actor in their order, by actor.
    lines: Vec<(ActorId, Vec<Placed>)>,
    /// How many changes were added.
    count: usize,
    /// The changes nothing follows yet, by hash.
    heads: Vec<(ChangeHash, ChangeRef)>,
}

impl Graph {
    pub fn new(genesis: Meta) -> Self {
        let mut graph = Self { lines: Vec::new(), count: 0, heads: Vec::new() };
        graph.add(ActorId::GENESIS, genesis, &[]);
        graph
    }

    /// Adds the actor's next change, which follows `deps`.
    pub fn add(&mut self, actor: ActorId, meta: Meta, deps: &[ChangeHash]) {
        let at = self.place(&actor).unwrap_or_else(|at| {
            self.lines.insert(at, (actor, Vec::new()));
            at
        });
        let (_, line) = &mut self.lines[at];
        line.push(Placed { meta, place: self.count });
        self.count += 1;
        let seq = line.len() as u64;
        for dep in deps {
            if let Ok(at) = self.head(dep) {
                self.heads.remove(at);
            }
        }
        let at = self.heads.partition_point(|(head, _)| *head < meta.hash);
        self.heads.insert(at, (meta.hash, ChangeRef { actor, seq }));
    }

    pub fn meta(&self, change: &ChangeRef) -> Option<&Meta> {
        self.placed(change).map(|placed| &placed.meta)
    }

    /// How many changes were added before this one; 0 is the genesis.
    pub fn place_of(&self, change: &ChangeRef) -> Option<usize> {
        self.placed(change).map(|placed| placed.place)
    }

    /// Looks at every change; by its number one is found faster.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.lines.iter().flat_map(|(_, line)| line).any(|placed| placed.meta.hash == *hash)
    }

    pub fn seq_of(&self, actor: &ActorId) -> u64 {
        self.line(actor).map_or(0, |line| line.len() as u64)
    }

    pub fn knows(&self, actor: &ActorId) -> bool {
        self.line(actor).is_some()
    }

    pub fn actor_count(&self) -> usize {
        self.lines.len()
    }

    /// How many heads there are after a change that follows `deps`.
    pub fn heads_with(&self, deps: &[ChangeHash]) -> usize {
        let mut followed: Vec<_> = deps.iter().filter_map(|dep| self.head(dep).ok()).collect();
        followed.sort_unstable();
        followed.dedup();
        self.heads.len() - followed.len() + 1
    }

    /// The heads, by hash.
    pub fn heads(&self) -> impl Iterator<Item = &(ChangeHash, ChangeRef)> {
        self.heads.iter()
    }

    fn placed(&self, change: &ChangeRef) -> Option<&Placed> {
        crate::cost::step();
        let index = usize::try_from(change.seq.checked_sub(1)?).ok()?;
        self.line(&change.actor)?.get(index)
    }

    fn head(&self, hash: &ChangeHash) -> Result<usize, usize> {
        self.heads.binary_search_by(|(head, _)| head.cmp(hash))
    }

    fn line(&self, actor: &ActorId) -> Option<&Vec<Placed>> {
        let at = self.place(actor).ok()?;
        self.lines.get(at).map(|(_, line)| line)
    }

    fn place(&self, actor: &ActorId) -> Result<usize, usize> {
        self.lines.binary_search_by(|(known, _)| known.cmp(actor))
    }
}
