//! The invariants: what must hold whenever something is lost, and once everything is mended.

use std::collections::{BTreeMap, BTreeSet};

use server::memory::Judged;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId, TenantId, UserId};
use sync_core::schema::{DocId, DocKind, key, section};
use sync_core::seal::{Seal, bundle, verify_bundle};
use sync_core::sync::Inbox;
use sync_core::value::{Record, Value};

use super::ledger::Name;
use super::site::Site;
use super::taint;
use super::world::World;

/// Memory a node may use beyond its cache's limit: the document in hand.
const IN_HAND: usize = 1 << 20;

/// What an answer shows that this technician may not see, if anything.
pub(super) fn leak(
    site: &Site,
    tenants: &[TenantId; 2],
    tenant: u8,
    user: UserId,
    inbox: &Inbox,
) -> Option<String> {
    // An answer that was under way while the server was restored is of a scope that is gone.
    if inbox.runs.is_empty() || inbox.epoch != site.database.epoch() {
        return None;
    }
    let node = site.places.iter().find_map(|place| place.node.as_ref())?;
    let scope = node.scope(tenants[usize::from(tenant)], user).unwrap_or_default();
    for attested in &inbox.runs {
        let doc = attested.run.doc;
        // A database that does not answer right now cannot say what the scope is.
        if !scope.is_empty() && !scope.iter().any(|row| row.doc == doc) {
            return Some(format!("{user} got {doc:?}, which never was theirs"));
        }
        for entry in attested.run.changes.iter().flat_map(|change| &change.entries) {
            if let Some(text) = foreign(tenant, Some(doc), entry) {
                return Some(format!("{user} of tenant {tenant} got {text:?} in {doc:?}"));
            }
        }
    }
    None
}

/// A text of an entry that belongs elsewhere.
fn foreign(tenant: u8, doc: Option<DocId>, entry: &Entry) -> Option<String> {
    let odd = |value: &Value| {
        let text = value.as_text()?;
        (!taint::may_stand(tenant, doc, text)).then(|| text.to_owned())
    };
    match entry {
        Entry::Fact { record, .. } => record.values().find_map(odd),
        Entry::Field { value, .. } => odd(value),
        Entry::Section { .. } => None,
    }
}

impl World {
    /// After a phone stored an answer, everything up to its cursor must be on it.
    pub(super) fn check_cursor(&mut self, phone: usize, must_hold: &[(DocId, ActorId, u64)]) {
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

    /// A phone started again: nothing it called saved may be gone.
    pub(super) fn check_phone(&mut self, _phone: usize) {
        self.about_to_lose();
    }

    /// Before somebody loses something: everything saved is still somewhere.
    pub(super) fn about_to_lose(&mut self) {
        if let Some((tenant, doc, id)) = self.missing().first() {
            let said = format!("{id} of {doc:?} in tenant {tenant} is nowhere");
            self.fail("nothing saved on a living phone is lost", said);
        }
    }

    /// What only a lost phone or server held is gone with it.
    pub(super) fn forget_what_is_gone(&mut self) {
        for name in self.missing() {
            self.counts.met("facts lost with their only holder");
            self.ledger.saved.remove(&name);
        }
    }

    /// Saved facts that no phone holds, that no phone was told are refused, and that the server
    /// did not promise.
    fn missing(&mut self) -> Vec<Name> {
        let Self { ledger, phones, .. } = self;
        let mut refused: BTreeSet<Name> = BTreeSet::new();
        for phone in phones.iter() {
            for (doc, work) in &phone.store.tables().refused {
                refused.extend(ids(&work.change.entries).map(|id| (phone.tenant, *doc, id)));
            }
        }
        let mut missing = Vec::new();
        for (name, saved) in &ledger.saved {
            if ledger.promised.facts.contains(name) || refused.contains(name) {
                continue;
            }
            let (tenant, doc, id) = name;
            let holds = phones.iter_mut().filter(|phone| phone.tenant == *tenant).any(|phone| {
                phone.store.tables().docs.contains_key(doc)
                    && phone.look(*doc).document().fact(&saved.section, id).is_some()
            });
            if !holds {
                missing.push(*name);
            }
        }
        missing
    }

    /// After the database came back: what it promised is in its log.
    pub(super) fn check_promises(&mut self) {
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

    /// Seals that came in while the server could not give its word get it now.
    pub(super) fn countersign_left_over(&mut self) {
        let seals: Vec<Name> = self.seals().collect();
        for (tenant, doc, id) in seals {
            self.countersign(0, tenant, doc, id);
        }
    }

    fn seals(&self) -> impl Iterator<Item = Name> + '_ {
        let saved = self.ledger.saved.iter();
        let kind =
            |record: &Record| record.get(&key::KIND).and_then(Value::as_text) == Some("seal");
        saved
            .filter(move |(_, saved)| saved.section == section::SIGNATURES && kind(&saved.record))
            .map(|(name, _)| *name)
    }

    /// Everything is mended and quiet: all must agree.
    pub(super) fn check(&mut self) {
        let salt = self.now as u64;
        self.power(salt);
        let mut documents: BTreeMap<(u8, DocId), Document> = BTreeMap::new();
        {
            let node = self.site.places[0].node.as_ref().expect("it was started");
            for tenant in 0..2_u8 {
                let id = self.tenants[usize::from(tenant)];
                for doc in node.documents(id).expect("the database answers") {
                    let standing = node.document(id, doc).expect("the database answers");
                    documents.extend(standing.map(|it| ((tenant, doc), it.document)));
                }
            }
        }
        self.check_rebuilt();
        self.check_facts(&documents);
        self.check_phones(&documents);
        self.check_leaks(&documents);
        self.check_seals(&documents);
        self.check_stock(&documents);
        self.check_bounds();
    }

    fn check_rebuilt(&mut self) {
        let node = self.site.places[0].node.as_ref().expect("it was started");
        let report = node.verify(Judged::OneIn(16)).expect("the database answers");
        if !report.is_clean() {
            self.fail("the projection equals what the log gives", report.to_string());
        }
    }

    fn check_facts(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let mut refused: BTreeSet<Name> = BTreeSet::new();
        for phone in &self.phones {
            for (doc, work) in &phone.store.tables().refused {
                refused.extend(ids(&work.change.entries).map(|id| (phone.tenant, *doc, id)));
            }
        }
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

    fn check_phones(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let node = self.site.places[0].node.as_ref().expect("it was started");
        let mut wrong = None;
        for (index, phone) in self.phones.iter_mut().enumerate() {
            let tenant = phone.tenant;
            let id = self.tenants[usize::from(tenant)];
            let scope = node.scope(id, phone.user).expect("the database answers");
            let scope: BTreeSet<DocId> =
                scope.iter().filter(|row| row.current).map(|row| row.doc).collect();
            let tables = phone.store.tables();
            let held =
                tables.docs.iter().filter(|(_, row)| row.in_scope && row.fingerprint.is_some());
            let held: BTreeSet<DocId> = held.map(|(doc, _)| *doc).collect();
            if held != scope {
                let odd: Vec<_> = held.symmetric_difference(&scope).collect();
                wrong = Some(format!("phone {index}: scope differs in {odd:?}"));
            }
            for doc in scope {
                let here = phone.look(doc).document().heads();
                if Some(here) != documents.get(&(tenant, doc)).map(Document::heads) {
                    wrong = Some(format!("phone {index}: {doc:?} differs"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.fail("all authorised replicas are equal after healing", wrong);
        }
    }

    fn check_leaks(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let mut leak = None;
        for ((tenant, doc), document) in documents {
            let entries = document.changes().iter().flat_map(|(change, _)| &change.entries);
            for entry in entries {
                leak = leak.or_else(|| foreign(*tenant, Some(*doc), entry));
            }
        }
        for tenant in 0..2_u8 {
            self.site.database.texts(self.tenants[usize::from(tenant)], |table, text| {
                if !taint::may_stand(tenant, None, text) {
                    leak = Some(format!("{text:?} in {table} of tenant {tenant}"));
                }
            });
        }
        if let Some(leak) = leak {
            self.fail("nothing leaks between tenants or out of a scope", leak);
        }
    }

    fn check_seals(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let trusted = self.site.ever();
        let mut wrong = None;
        for (tenant, doc, id) in self.seals() {
            let Some(document) = documents.get(&(tenant, doc)) else { continue };
            let (Some(job), Some(fact)) = (doc.job(), document.fact(&section::SIGNATURES, &id))
            else {
                continue;
            };
            let sound = Seal::of(job, fact).map_err(|error| error.to_string()).and_then(|seal| {
                let device = self.site.devices.get(&seal.device).ok_or("no device")?;
                seal.verify(&device.key).map_err(|error| error.to_string())?;
                let bytes = bundle(document, id).map_err(|error| error.to_string())?;
                verify_bundle(&bytes, &trusted).map(drop).map_err(|error| error.to_string())
            });
            if let Err(error) = sound {
                wrong = Some(format!("{id} of {doc:?}: {error}"));
            }
        }
        if let Some(wrong) = wrong {
            self.fail("seals still verify", wrong);
        }
    }

    /// The stock of each van is what was loaded less what was used, each fact counted once.
    fn check_stock(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let mut wrong = None;
        for ((tenant, van), document) in
            documents.iter().filter(|((_, doc), _)| doc.kind == DocKind::Van)
        {
            let mut moved: BTreeMap<FactId, (String, i64)> = BTreeMap::new();
            let mut voided: BTreeSet<FactId> = BTreeSet::new();
            for fact in document.facts(&section::MOVEMENTS) {
                let load = text(&fact.record, &key::KIND) == Some("load");
                moved.extend(line(&fact.record, if load { 1 } else { -1 }).map(|it| (fact.id, it)));
            }
            for (_, job) in documents.iter().filter(|((of, _), _)| of == tenant) {
                for fact in job.facts(&section::PARTS) {
                    let from = fact.record.get(&key::VAN).and_then(Value::as_bytes);
                    if from == Some(&van.as_bytes()[..]) {
                        moved.extend(line(&fact.record, -1).map(|it| (fact.id, it)));
                    }
                    let voids = fact.record.get(&key::VOIDS).and_then(Value::as_bytes);
                    voided.extend(voids.and_then(|id| FactId::from_slice(id).ok()));
                }
            }
            let mut expected: BTreeMap<String, i64> = BTreeMap::new();
            for (_, (part, quantity)) in moved.into_iter().filter(|(id, _)| !voided.contains(id)) {
                *expected.entry(part).or_default() += quantity;
            }
            let node = self.site.places[0].node.as_ref().expect("it was started");
            let found = node.van(self.tenants[usize::from(*tenant)], *van);
            let Some((found, _)) = found.expect("the database answers") else { continue };
            if found.stock.is_oversold() {
                self.counts.met("van oversold");
            }
            for (part, quantity) in expected {
                let has = found.stock.quantity(&part);
                if has != quantity {
                    wrong = Some(format!("{van:?} has {has} of {part}, should have {quantity}"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.fail("stock is conserved", wrong);
        }
    }

    fn check_bounds(&mut self) {
        let mut wrong = None;
        for place in &self.site.places {
            let Some(node) = &place.node else { continue };
            let bytes = node.done().memory;
            if bytes > self.site.cache() + IN_HAND {
                wrong = Some(format!("a node holds {bytes} bytes of documents"));
            }
        }
        if let Some(wrong) = wrong {
            self.fail("memory is bounded", wrong);
        }
    }
}

fn line(record: &Record, sign: i64) -> Option<(String, i64)> {
    let quantity = record.get(&key::QUANTITY).and_then(Value::as_int)?;
    Some((text(record, &key::PART_NO)?.to_owned(), sign * quantity))
}

fn text<'a>(record: &'a Record, key: &sync_core::schema::Key) -> Option<&'a str> {
    record.get(key).and_then(Value::as_text)
}

fn stands(document: &Document, id: &FactId) -> bool {
    let mut sections = document.fact_sections();
    sections.any(|name| document.fact(name, id).is_some())
}

fn ids(entries: &[Entry]) -> impl Iterator<Item = FactId> + '_ {
    entries.iter().filter_map(|entry| match entry {
        Entry::Fact { id, .. } => Some(*id),
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}
