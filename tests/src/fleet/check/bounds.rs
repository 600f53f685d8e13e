//! Nothing grows beyond what was put in: a node's memory, a phone's rows, what is kept of refusals.

use std::collections::{BTreeMap, BTreeSet};

use store::in_memory::Node;
use sync_core::document::Document;
use sync_core::id::{ActorId, TenantId};
use sync_core::schema::DocId;
use sync_core::sync::Replica;

use super::super::ledger::Name;
use super::super::world::World;
use super::ids;
use super::replicas::difference;

/// Documents as they were loaded from the disks of phones.
pub(super) type Disks = BTreeMap<(usize, DocId), Replica>;

impl World {
    /// A node ends: what it held is weighed, not asked for.
    pub(in crate::fleet) fn weigh(&mut self, node: Node) {
        let every = self.jobs.iter().copied();
        let vans = (0..2_u8).flat_map(|tenant| {
            self.crew[usize::from(tenant)].iter().map(move |(_, van)| (tenant, *van))
        });
        let mut names: BTreeMap<TenantId, BTreeSet<DocId>> = BTreeMap::new();
        for (tenant, doc) in every.chain(vans) {
            names.entry(self.tenants[usize::from(tenant)]).or_default().insert(doc);
        }
        let (told, limit) = (node.done().memory, self.site.cache());
        let held = node.weigh(names);
        if held > told || held > limit {
            let said = format!("a node holds {held} bytes of documents, says {told}, may {limit}");
            self.fail("memory is bounded", said);
        }
    }

    /// Each row of a phone brought something new, and nothing the server does not have; its disk
    /// says what its memory says; each refusal is kept once, on phones and on servers.
    pub(super) fn check_bounds(
        &mut self,
        documents: &BTreeMap<(u8, DocId), Document>,
        disks: &mut Disks,
    ) {
        let mut before = std::mem::take(disks);
        let mut wrong = None;
        for (index, phone) in self.phones.iter_mut().enumerate() {
            let tenant = phone.tenant;
            let mut rows: BTreeMap<DocId, BTreeSet<(ActorId, u64)>> = BTreeMap::new();
            for row in phone.store.tables().rows.values() {
                let changes = rows.entry(row.run.doc).or_default();
                let before = changes.len();
                changes.extend(row.run.changes.iter().map(|change| (change.actor, change.seq)));
                if changes.len() == before {
                    wrong = Some(format!("phone {index}: {:?} is held twice", row.run));
                }
            }
            for (doc, changes) in rows {
                let stored = phone.on_disk(doc, before.remove(&(index, doc)));
                let here = phone.look(doc).document();
                let there = documents.get(&(tenant, doc));
                let lacks = |(actor, seq): &&(ActorId, u64)| {
                    there.is_none_or(|there| there.seq_of(actor) < *seq)
                };
                let more = changes.len() != here.changes().len();
                let odd = difference(here, stored.document()).or(more.then_some("number"));
                if let Some(odd) = odd {
                    wrong = Some(format!("phone {index}: rows of {doc:?} differ in their {odd}"));
                }
                if let Some((actor, seq)) = changes.iter().find(lacks) {
                    wrong = Some(format!("phone {index} alone has {actor} {seq} of {doc:?}"));
                }
                disks.insert((index, doc), stored);
            }
            let mut told: BTreeSet<Name> = BTreeSet::new();
            for (doc, work) in &phone.store.tables().refused {
                for id in ids(&work.change.entries) {
                    if !told.insert((tenant, *doc, id)) {
                        wrong = Some(format!("phone {index}: {id} of {doc:?} is refused twice"));
                    }
                }
            }
        }
        let node = self.site.places[0].node.as_ref().expect("it was started");
        for (tenant, id) in self.tenants.iter().enumerate() {
            let kept = node.refused(*id).expect("the database answers").len();
            let most = self.ledger.refusals(tenant as u8);
            if kept > most {
                wrong = Some(format!("{kept} refusals are kept of {most} changes"));
            }
        }
        if let Some(wrong) = wrong {
            self.fail("memory is bounded", wrong);
        }
    }
}
