//! The graph of changes: hash and greatest operation of each, by actor and number, and the heads.

use std::collections::{BTreeSet, HashMap};

use automerge::ChangeHash;

use crate::change::ChangeRef;
use crate::id::ActorId;

/// What later changes need to know of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    pub hash: ChangeHash,
    pub max_op: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Graph {
    actors: HashMap<ActorId, Vec<Meta>>,
    by_hash: HashMap<ChangeHash, ChangeRef>,
    heads: BTreeSet<[u8; 32]>,
}

impl Graph {
    pub fn new(genesis: Meta) -> Self {
        let mut graph =
            Self { actors: HashMap::new(), by_hash: HashMap::new(), heads: BTreeSet::new() };
        graph.add(ActorId::GENESIS, genesis, &[]);
        graph
    }

    /// Adds the actor's next change, which follows `deps`.
    pub fn add(&mut self, actor: ActorId, meta: Meta, deps: &[ChangeHash]) {
        let line = self.actors.entry(actor).or_default();
        line.push(meta);
        let seq = line.len() as u64;
        self.by_hash.insert(meta.hash, ChangeRef { actor, seq });
        for dep in deps {
            self.heads.remove(&dep.0);
        }
        self.heads.insert(meta.hash.0);
    }

    pub fn meta(&self, change: &ChangeRef) -> Option<&Meta> {
        let index = usize::try_from(change.seq.checked_sub(1)?).ok()?;
        self.actors.get(&change.actor)?.get(index)
    }

    pub fn find(&self, hash: &ChangeHash) -> Option<&ChangeRef> {
        self.by_hash.get(hash)
    }

    pub fn seq_of(&self, actor: &ActorId) -> u64 {
        self.actors.get(actor).map_or(0, |line| line.len() as u64)
    }

    pub fn knows(&self, actor: &ActorId) -> bool {
        self.actors.contains_key(actor)
    }

    pub fn actor_count(&self) -> usize {
        self.actors.len()
    }

    /// How many heads there are after a change that follows `deps`.
    pub fn heads_with(&self, deps: &[ChangeHash]) -> usize {
        let mut followed: Vec<_> = deps.iter().filter(|d| self.heads.contains(&d.0)).collect();
        followed.sort();
        followed.dedup();
        self.heads.len() + 1 - followed.len()
    }

    pub fn heads(&self) -> Vec<ChangeHash> {
        self.heads.iter().map(|hash| ChangeHash(*hash)).collect()
    }
}
