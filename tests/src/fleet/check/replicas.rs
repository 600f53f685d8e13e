//! Phones, servers and the projection say the same: in heads, and in what authors, times and
//! records the state has, which no hash covers.

use std::collections::{BTreeMap, BTreeSet};

use store::in_memory::Sampled;
use sync_core::document::{Document, Fact, FieldValue};
use sync_core::schema::{DocId, Key, Section};

use super::super::world::World;

impl World {
    /// Everything computed from the log is what the log gives: documents, snapshots, projections.
    pub(super) fn check_rebuilt(&mut self) {
        let node = self.site.places[0].node.as_ref().expect("it was started");
        let report = node.verify(Sampled::OneIn(32)).expect("the database answers");
        if !report.is_clean() {
            self.fail("the projection equals what the log gives", report.to_string());
        }
    }

    pub(super) fn check_phones(&mut self, documents: &BTreeMap<(u8, DocId), Document>) {
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
                let here = phone.look(doc).document();
                let there = documents.get(&(tenant, doc));
                let odd = there.map_or(Some("absence"), |there| difference(here, there));
                if let Some(odd) = odd {
                    wrong = Some(format!("phone {index}: {doc:?} differs in its {odd}"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.fail("all authorised replicas are equal after healing", wrong);
        }
    }
}

/// In what two replicas of a document differ, if in anything.
pub(super) fn difference(here: &Document, there: &Document) -> Option<&'static str> {
    if here.heads() != there.heads() {
        Some("heads")
    } else if facts(here) != facts(there) {
        Some("facts")
    } else if fields(here) != fields(there) {
        Some("fields")
    } else {
        None
    }
}

/// Every fact, and whether a phone wrote it. Not which one: work that a restored server lost is
/// attested again as of whoever brought it back first, the phone under its new enrolment or a
/// colleague with the receipt, and of that a verdict tells the other nothing. What rests on it, that
/// a seal is of its author's phone, rests on the countersignature in the end.
fn facts(document: &Document) -> Vec<(Fact, bool)> {
    let facts = document.fact_sections().flat_map(|section| document.facts(section));
    facts.map(|fact| (Fact { device: None, ..fact.clone() }, fact.device.is_some())).collect()
}

/// Every standing value of every field.
fn fields(document: &Document) -> Vec<(&Section, &Key, Vec<&FieldValue>)> {
    let sections = document.field_sections();
    let keys =
        sections.flat_map(|section| document.field_keys(section).map(move |it| (section, it)));
    keys.map(|(section, key)| (section, key, document.field_values(section, key))).collect()
}
