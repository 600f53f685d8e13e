//! What is signed and what is counted: seals verify, stock adds up.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use sync_core::bundle::{bundle, verify_bundle};
use sync_core::document::Document;
use sync_core::id::{FactId, TenantId};
use sync_core::schema::{DocId, DocKind, key, section};
use sync_core::seal::Seal;
use sync_core::value::{Record, Value};

use super::super::ledger::Name;
use super::super::world::World;

/// Seals of documents that did not change since, found to verify: with which key of the device, and
/// whether what was shown follows from the document.
#[derive(Default)]
pub(super) struct Sound(BTreeMap<Name, (VerifyingKey, bool)>);

impl World {
    /// Seals that came in while the server could not give its word get it now.
    pub(in crate::fleet) fn countersign_left_over(&mut self) {
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

    pub(super) fn check_seals(
        &mut self,
        documents: &BTreeMap<(u8, DocId), Document>,
        known: &mut Sound,
    ) {
        let trusted = self.site.ever();
        let mut wrong = None;
        let mut matching = 0;
        for (tenant, doc, id) in self.seals() {
            let Some(document) = documents.get(&(tenant, doc)) else { continue };
            let (Some(job), Some(fact)) = (doc.job(), document.fact(&section::SIGNATURES, &id))
            else {
                continue;
            };
            let sound = Seal::of(job, fact).map_err(|error| error.to_string()).and_then(|seal| {
                let device = self.site.devices.get(&seal.device).ok_or("no device")?;
                if let Some((key, held)) = known.0.get(&(tenant, doc, id))
                    && *key == device.key.real
                {
                    matching += u64::from(*held);
                    return Ok(());
                }
                seal.verify(&device.key.real).map_err(|error| error.to_string())?;
                let bytes = bundle(document, id).map_err(|error| error.to_string())?;
                let evidence =
                    verify_bundle(&bytes, &trusted).map_err(|error| error.to_string())?;
                // What was shown follows from the document, unless the changes it was shown from
                // were refused or re-authored.
                let held = seal.heads.iter().all(|head| document.contains(head));
                if held && !evidence.rendering_matches {
                    return Err("what was shown is not what the document said".to_owned());
                }
                matching += u64::from(held);
                known.0.insert((tenant, doc, id), (device.key.real, held));
                Ok(())
            });
            if let Err(error) = sound {
                wrong = Some(format!("{id} of {doc:?}: {error}"));
            }
        }
        self.counts.add("seal shown from what the server holds", matching);
        if let Some(wrong) = wrong {
            self.fail("seals still verify", wrong);
        }
    }

    /// The stock of each van is what was loaded less what was used, each fact counted once, and
    /// nothing else.
    pub(super) fn check_stock(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
        let mut wrong = None;
        let vans = documents.keys().filter(|(_, doc)| doc.kind == DocKind::Van);
        for (tenant, van) in vans {
            let node = self.site.places[0].node.as_ref().expect("it was started");
            let id: TenantId = self.tenants[usize::from(*tenant)];
            let found = node.van(id, *van).expect("the database answers");
            let Some((found, _)) = found else { continue };
            if found.stock.is_oversold() {
                self.counts.met("van oversold");
            }
            let mut has: BTreeMap<String, i64> = BTreeMap::new();
            for line in &found.stock.lines {
                *has.entry(line.part_no.clone()).or_default() += line.quantity;
            }
            let expected = moved(documents, *tenant, *van);
            if has != expected {
                wrong = Some(format!("{van:?} has {has:?}, should have {expected:?}"));
            }
        }
        if let Some(wrong) = wrong {
            self.fail("stock is conserved", wrong);
        }
    }
}

/// What was put into a van less what was taken, by part number.
fn moved(
    documents: &BTreeMap<(u8, DocId), Document>,
    tenant: u8,
    van: DocId,
) -> BTreeMap<String, i64> {
    let mut moved: BTreeMap<FactId, (String, i64)> = BTreeMap::new();
    let mut voided: BTreeSet<FactId> = BTreeSet::new();
    for fact in documents[&(tenant, van)].facts(&section::MOVEMENTS) {
        let load = text(&fact.record, &key::KIND) == Some("load");
        moved.extend(line(&fact.record, if load { 1 } else { -1 }).map(|it| (fact.id, it)));
    }
    for (_, job) in documents.iter().filter(|((of, _), _)| *of == tenant) {
        for fact in job.facts(&section::PARTS) {
            let from = fact.record.get(&key::VAN).and_then(Value::as_bytes);
            if from == Some(&van.as_bytes()[..]) {
                moved.extend(line(&fact.record, -1).map(|it| (fact.id, it)));
            }
            let voids = fact.record.get(&key::VOIDS).and_then(Value::as_bytes);
            voided.extend(voids.and_then(|id| FactId::from_slice(id).ok()));
        }
    }
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (_, (part, quantity)) in moved.into_iter().filter(|(id, _)| !voided.contains(id)) {
        *sums.entry(part).or_default() += quantity;
    }
    sums
}

fn line(record: &Record, sign: i64) -> Option<(String, i64)> {
    let quantity = record.get(&key::QUANTITY).and_then(Value::as_int)?;
    Some((text(record, &key::PART_NO)?.to_owned(), sign * quantity))
}

fn text<'a>(record: &'a Record, key: &sync_core::schema::Key) -> Option<&'a str> {
    record.get(key).and_then(Value::as_text)
}
