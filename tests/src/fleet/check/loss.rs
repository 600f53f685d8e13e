//! What was called saved is somewhere, and what was promised is in the log.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId};
use sync_core::schema::{DocId, section};
use sync_core::sync::StoredRun;

use super::super::ledger::{By, Name, Saved};
use super::super::phone::Handset;
use super::super::world::World;
use super::ids;

impl World {
    /// After a phone stored an answer, everything up to its cursor must be on it.
    pub(in crate::fleet) fn check_cursor(
        &mut self,
        phone: usize,
        must_hold: &[(DocId, ActorId, u64)],
    ) {
        let it = &mut self.phones[phone];
        let (epoch, cursor) = it.store.tables().position;
        if it.doubtful || epoch != self.site.database.epoch() || cursor == 0 {
            return;
        }
        for (doc, actor, seq) in must_hold {
            let has = it.look(*doc).document().seq_of(actor);
            if has < *seq {
                let said = format!(
                    "phone {phone} stands at {cursor} and has {has} of {seq} of {actor} in {doc:?}"
                );
                return self.fail("cursors never skip", said);
            }
        }
    }

    /// Before someone loses something, and after a phone started again: everything saved is
    /// still somewhere.
    pub(in crate::fleet) fn about_to_lose(&mut self) {
        if let Some((tenant, doc, id)) = self.missing().first() {
            let said = format!("{id} of {doc:?} in tenant {tenant} is nowhere");
            self.fail("nothing saved on a living phone is lost", said);
        }
    }

    /// What only a lost phone or server held is gone with it. No phone that is still the same may
    /// have had it: it keeps what it stored for as long as a restored server may need it (35 days;
    /// no plan is as long).
    pub(in crate::fleet) fn forget_what_is_gone(&mut self) {
        for name in self.missing() {
            let (tenant, doc, id) = name;
            let had = |it: &Handset| it.tenant == tenant && it.stored.contains(&(doc, id));
            if let Some(phone) = self.phones.iter().position(had) {
                let said = format!("{id} of {doc:?} in tenant {tenant} was on phone {phone}");
                return self.fail("nothing saved on a living phone is lost", said);
            }
            self.counts.met("facts lost with their only holder");
            self.ledger.saved.remove(&name);
        }
    }

    /// Saved facts that no phone holds, that no phone was told are refused, and that the server
    /// did not promise.
    fn missing(&mut self) -> Vec<Name> {
        let refused = self.refused();
        let Self { ledger, phones, .. } = self;
        let mut missing = Vec::new();
        for (name, saved) in &ledger.saved {
            if ledger.promised.facts.contains(name) || refused.contains(name) {
                continue;
            }
            let (tenant, doc, id) = name;
            let holds = phones.iter_mut().filter(|phone| phone.tenant == *tenant).any(|phone| {
                phone.store.tables().docs.contains_key(doc)
                    && (phone.look(*doc).document().fact(&saved.section, id).is_some()
                        || phone.look(*doc).held().iter().any(|row| is_orphaned(row, id)))
            });
            if !holds {
                missing.push(*name);
            }
        }
        missing
    }

    /// Facts that a phone was rightly told are refused.
    fn refused(&self) -> BTreeSet<Name> {
        let mut refused = BTreeSet::new();
        for phone in &self.phones {
            for (doc, work) in &phone.store.tables().refused {
                for id in ids(&work.change.entries) {
                    let name = (phone.tenant, *doc, id);
                    let saved = self.ledger.saved.get(&name);
                    if saved.is_some_and(|saved| is_refusable(saved, &work.code)) {
                        refused.insert(name);
                    }
                }
            }
        }
        refused
    }

    /// After the database came back: what it promised is in its log.
    pub(in crate::fleet) fn check_promises(&mut self) {
        let Some(node) = self.site.places.iter().find_map(|place| place.node.as_ref()) else {
            return;
        };
        let mut last: BTreeMap<(u8, DocId, ActorId), u64> = BTreeMap::new();
        let docs: BTreeSet<(u8, DocId)> =
            self.ledger.promised.changes.keys().map(|(tenant, doc, _)| (*tenant, *doc)).collect();
        for (tenant, doc) in docs {
            for line in node.lines(self.tenants[usize::from(tenant)], doc).unwrap_or_default() {
                let seq = last.entry((tenant, doc, line.actor)).or_default();
                *seq = (*seq).max(line.last_seq);
            }
        }
        let promised = self.ledger.promised.changes.iter();
        let lost = promised.clone().find(|(name, seq)| last.get(name).is_none_or(|has| has < seq));
        if let Some(((tenant, doc, actor), seq)) = lost {
            let said = format!("{actor} {seq} of {doc:?} in tenant {tenant} was answered durable");
            self.fail("nothing acknowledged is lost", said);
        }
    }

    pub(super) fn check_facts(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let refused = self.refused();
        let mut wrong = None;
        for ((tenant, doc, id), saved) in &self.ledger.saved {
            let there = documents.get(&(*tenant, *doc));
            match there.and_then(|document| document.fact(&saved.section, id)) {
                Some(fact) if fact.record == saved.record => {}
                Some(_) => wrong = Some(("no fact changes", *id, *doc)),
                None if refused.contains(&(*tenant, *doc, *id)) => {}
                None => wrong = Some(("nothing saved on a living phone is lost", *id, *doc)),
            }
        }
        for (tenant, doc, id) in self.forged.keys() {
            let there = documents.get(&(*tenant, *doc));
            if there.is_some_and(|document| stands(document, id)) {
                wrong = Some(("a hostile phone writes only what it may", *id, *doc));
            }
        }
        for (tenant, doc, pair) in &self.either {
            let there = documents.get(&(*tenant, *doc));
            if there.is_some_and(|document| pair.iter().all(|id| stands(document, id))) {
                wrong = Some(("one number means one change", pair[0], *doc));
            }
        }
        if let Some((invariant, id, doc)) = wrong {
            self.fail(invariant, format!("{id} of {doc:?}"));
        }
    }
}

/// Whether a server may refuse this fact with this code. Technicians' late work is taken in even on
/// jobs and vans they lost, and a number that someone took is re-authored; so only this is:
///
/// 1. an amount that a careless app saved: only the office charges.
fn is_refusable(saved: &Saved, code: &str) -> bool {
    let careless = saved.section == section::CHARGES && saved.by != By::Desk;
    careless && code == "office_only"
}

/// Whether a row that waits beside its document has this fact.
fn is_orphaned(row: &StoredRun, id: &FactId) -> bool {
    let has = |entry: &Entry| matches!(entry, Entry::Fact { id: own, .. } if own == id);
    let mut entries = row.run.changes.iter().flat_map(|change| &change.entries);
    !row.status.is_in_document() && entries.any(has)
}

fn stands(document: &Document, id: &FactId) -> bool {
    let mut sections = document.fact_sections();
    sections.any(|name| document.fact(name, id).is_some())
}
