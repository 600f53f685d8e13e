//! What a node keeps between groups, and what each group needs of the store beyond it.
//!
//! Nothing here reads or writes. A driver takes the positions, asks what is missing, reads that
//! from wherever its rows are, hands it to the group, and tells the node once all is committed.

use std::collections::{BTreeMap, HashMap};

use sync_core::admission::RefusedBefore;
use sync_core::id::{ActorId, DeviceId, TenantId};
use sync_core::schema::DocId;

use super::cache::{Cache, CachedDocument};
use super::group::{Group, Needs, Positions};
use super::usage::{Bounds, TurnedAway};
use crate::log::{Loaded, Logged};
use crate::{Meta, StoreError};

/// Actor owners kept in memory.
const ACTOR_OWNERS: usize = 50_000;

/// One process that writes, whatever its store is.
#[derive(Debug)]
pub(crate) struct Node {
    pub meta: Meta,
    /// The actor of this process.
    pub actor: ActorId,
    /// What tenants and phones may take up.
    pub bounds: Bounds,
    /// What was turned away so far.
    pub turned_away: TurnedAway,
    cache: Cache,
    actor_owners: HashMap<(TenantId, ActorId), DeviceId>,
    tenants: BTreeMap<TenantId, Tenant>,
}

/// What this node knows of a tenant's log.
#[derive(Debug, Clone, Copy, Default)]
struct Tenant {
    /// The counter as this node left it.
    seen: i64,
    /// The last position up to which other nodes may have written.
    foreign: i64,
}

/// What a group needs of one tenant that the node does not hold.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// Actors whose device has to be read, if they have one.
    pub actors: Vec<ActorId>,
    /// Documents that have to be loaded, as of position `upto`.
    pub docs: Vec<DocId>,
    /// The last position before the group.
    pub upto: i64,
    /// Documents in memory to which others may have written after `stale_after`.
    pub stale: Vec<DocId>,
    /// See `stale`.
    pub stale_after: i64,
}

impl Node {
    /// A node that has just started. `cache` is the estimated memory of the documents it keeps.
    pub fn new(meta: Meta, actor: ActorId, cache: usize) -> Self {
        let (actor_owners, tenants) = Default::default();
        let (bounds, turned_away) = Default::default();
        Self { meta, actor, bounds, turned_away, cache: Cache::new(cache), actor_owners, tenants }
    }

    /// Begins a group's work on one tenant, whose counter now stands at `end` and whose log grows at
    /// `at`, and says what has to be read. What is in memory goes into the group.
    pub fn begin(
        &mut self,
        group: &mut Group<'_>,
        tenant: TenantId,
        needs: &Needs,
        end: i64,
        at: i64,
    ) -> Missing {
        let last = end - needs.positions;
        group.bounds = self.bounds;
        group.positions.insert(tenant, Positions { first: last, last, end, at });
        let known = self.tenants.entry(tenant).or_default();
        if known.seen != last {
            known.foreign = last;
        }
        let foreign = known.foreign;
        let mut missing = Missing { upto: last, stale_after: i64::MAX, ..Missing::default() };
        for actor in &needs.actors {
            match self.actor_owners.get(&(tenant, *actor)) {
                Some(device) => drop(group.actor_owners.insert((tenant, *actor), *device)),
                None => missing.actors.push(*actor),
            }
        }
        for doc in &needs.docs {
            match self.cache.take(tenant, *doc) {
                Some(held) => {
                    if held.as_of < foreign {
                        missing.stale.push(*doc);
                        missing.stale_after = missing.stale_after.min(held.as_of);
                    }
                    group.docs.insert((tenant, *doc), held);
                }
                None => missing.docs.push(*doc),
            }
        }
        missing
    }

    /// After the commit: what the group made of the documents is what they are.
    pub fn keep(&mut self, group: Group<'_>) {
        for (tenant, positions) in &group.positions {
            self.tenants.entry(*tenant).or_default().seen = positions.end;
        }
        for ((tenant, _), mut held) in group.docs {
            held.as_of = group.positions.get(&tenant).map_or(held.as_of, |p| p.end);
            self.cache.put(tenant, held);
        }
        self.turned_away.refusals_not_kept.inc_by(group.refusals_not_kept);
        self.turned_away.over_quota.inc_by(group.over_quota);
        if self.actor_owners.len() > ACTOR_OWNERS {
            self.actor_owners.clear();
        }
        self.actor_owners.extend(group.new_actor_owners);
    }

    /// What was kept may not have been committed: everything is read again.
    pub fn forget(&mut self) {
        self.cache.clear();
        self.actor_owners.clear();
        self.tenants.clear();
    }

    /// Estimated memory of the documents kept, bytes, and how many documents had to make room.
    pub fn memory(&self) -> (usize, u64) {
        self.cache.memory()
    }
}

impl Group<'_> {
    /// Takes in an actor owner that was read.
    pub fn actor_owned(&mut self, tenant: TenantId, actor: ActorId, device: DeviceId) {
        self.actor_owners.insert((tenant, actor), device);
        self.new_actor_owners.push(((tenant, actor), device));
    }

    /// Takes in documents that were read, as of the position they were read at.
    pub fn loaded(
        &mut self,
        tenant: TenantId,
        loaded: impl IntoIterator<Item = (DocId, Loaded)>,
        mut refused: HashMap<DocId, RefusedBefore>,
        upto: i64,
    ) {
        for (doc, loaded) in loaded {
            let held = CachedDocument::new(loaded, upto, refused.remove(&doc).unwrap_or_default());
            self.docs.insert((tenant, doc), held);
        }
    }

    /// Another node wrote since these documents were looked at: takes its runs on top, which are
    /// in the order of the log.
    pub fn bring_forward(
        &mut self,
        tenant: TenantId,
        stale: &[DocId],
        runs: Vec<Logged>,
        mut refused: HashMap<DocId, RefusedBefore>,
    ) -> Result<(), StoreError> {
        for logged in runs {
            let Some(held) = self.docs.get_mut(&(tenant, logged.run.doc)) else { continue };
            if logged.pos <= held.pos {
                continue;
            }
            held.take(&logged)?;
        }
        for doc in stale {
            if let Some(held) = self.docs.get_mut(&(tenant, *doc)) {
                held.refused.extend(refused.remove(doc).unwrap_or_default());
            }
        }
        Ok(())
    }
}
