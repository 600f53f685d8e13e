//! Rows computed from one document: what lists, searches and reports read instead of documents.
//!
//! After a commit only what the new changes touch is written again; rebuilding asks for all of it.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::change::Entry;
use sync_core::document::{Document, Fact};
use sync_core::id::{FactId, TenantId};
use sync_core::job::Job;
use sync_core::schema::{DocKind, Key, Section, key, section};
use sync_core::value::Value;

use super::{project_job, tables::Projected};
use crate::store::log::doc_key;

/// One document at one position.
pub(crate) struct Scene<'a> {
    pub tenant: TenantId,
    pub document: &'a Document,
    /// Position of its last run.
    pub pos: i64,
    /// Unix milliseconds.
    pub now: i64,
}

/// Facts and fields that changed, by section.
#[derive(Default)]
struct Touched<'a> {
    facts: BTreeMap<&'a Section, BTreeSet<FactId>>,
}

/// Adds the rows of a document, of which the tables show the first `shown` changes already.
pub(crate) fn project(rows: &mut Projected, scene: &Scene<'_>, shown: usize) {
    let Scene { tenant, document, pos, now } = scene;
    let doc = document.id();
    rows.documents.push([
        tenant.as_bytes().into(),
        doc_key(&doc).into(),
        i64::from(doc.kind.code()).into(),
        (*pos).into(),
        document.fingerprint().cast_signed().into(),
        (*now).into(),
    ]);
    let touched = touched(document, shown);
    match doc.kind {
        DocKind::Job => {
            let job = Job::of(document);
            project_job::row(rows, scene, &job);
            if touched.facts.contains_key(&section::PARTS) {
                project_job::parts(rows, scene, &job);
            }
            facts(rows, scene, &touched);
            seals(rows, scene, &touched);
        }
        DocKind::Van => movements(rows, scene, &touched),
        DocKind::Technician | DocKind::Other(_) => {}
    }
}

/// The new facts, and those that new facts take back.
fn touched(document: &Document, shown: usize) -> Touched<'_> {
    let mut touched = Touched::default();
    let new = document.changes().get(shown..).unwrap_or_default();
    for entry in new.iter().flat_map(|(change, _)| &change.entries) {
        let Entry::Fact { section, id, record } = entry else { continue };
        let ids = touched.facts.entry(section).or_default();
        ids.insert(*id);
        let voids = record.get(&key::VOIDS).and_then(Value::as_bytes);
        ids.extend(voids.and_then(|bytes| FactId::from_slice(bytes).ok()));
    }
    touched
}

impl<'a> Touched<'a> {
    fn facts(&self, document: &'a Document, section: &Section) -> Vec<&'a Fact> {
        let ids = self.facts.get(section).into_iter().flatten();
        ids.filter_map(|id| document.fact(section, id)).collect()
    }
}

/// How many facts of each kind there are, and from when to when.
fn facts(rows: &mut Projected, scene: &Scene<'_>, touched: &Touched<'_>) {
    for section in touched.facts.keys() {
        let new = touched.facts(scene.document, section);
        let kinds: BTreeSet<&str> = new.iter().map(|fact| kind(fact)).collect();
        let mut counts: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        for fact in scene.document.facts(section) {
            let kind = kind(fact);
            if !kinds.contains(kind) {
                continue;
            }
            let at = when(fact);
            let count = counts.entry(kind).or_insert((0, at, at));
            *count = (count.0 + 1, count.1.min(at), count.2.max(at));
        }
        for (kind, (count, first, last)) in counts {
            rows.facts.push([
                scene.tenant.as_bytes().into(),
                scene.document.id().as_bytes().into(),
                section.as_str().into(),
                kind.into(),
                count.into(),
                first.into(),
                last.into(),
            ]);
        }
    }
}

fn seals(rows: &mut Projected, scene: &Scene<'_>, touched: &Touched<'_>) {
    for fact in touched.facts(scene.document, &section::SIGNATURES) {
        rows.seals.push([
            scene.tenant.as_bytes().into(),
            scene.document.id().as_bytes().into(),
            fact.id.as_bytes().into(),
            text(fact, &key::ROLE).map(str::to_owned).into(),
            text(fact, &key::NAME).map(str::to_owned).into(),
            fact.record.get(&key::DIGEST).and_then(Value::as_bytes).map(<[u8]>::to_vec).into(),
            when(fact).into(),
        ]);
    }
}

/// Movements and counts of a van's stock.
fn movements(rows: &mut Projected, scene: &Scene<'_>, touched: &Touched<'_>) {
    for section in [section::MOVEMENTS, section::COUNTS] {
        let new = touched.facts(scene.document, &section);
        if new.is_empty() {
            continue;
        }
        let voided = voided(scene.document, &section);
        for fact in new {
            let Some(part_no) = text(fact, &key::PART_NO) else { continue };
            rows.movements.push([
                scene.tenant.as_bytes().into(),
                scene.document.id().as_bytes().into(),
                fact.id.as_bytes().into(),
                section.as_str().into(),
                text(fact, &key::KIND).map(str::to_owned).into(),
                part_no.into(),
                int(fact, &key::QUANTITY).unwrap_or(0).into(),
                text(fact, &key::BIN).map(str::to_owned).into(),
                bytes(fact, &key::JOB).into(),
                when(fact).into(),
                i64::from(voided.contains(&fact.id)).into(),
            ]);
        }
    }
}

/// Facts of a section that another fact takes back.
fn voided(document: &Document, section: &Section) -> BTreeSet<FactId> {
    let voids = document.facts(section).filter_map(|fact| bytes(fact, &key::VOIDS));
    voids.filter_map(|id| FactId::from_bytes(*id).ok()).collect()
}

/// When a fact says it happened, else when it was written.
fn when(fact: &Fact) -> i64 {
    int(fact, &key::AT).unwrap_or(fact.time)
}

fn kind(fact: &Fact) -> &str {
    text(fact, &key::KIND).unwrap_or_default()
}

fn text<'a>(fact: &'a Fact, key: &Key) -> Option<&'a str> {
    fact.record.get(key).and_then(Value::as_text)
}

fn int(fact: &Fact, key: &Key) -> Option<i64> {
    fact.record.get(key).and_then(Value::as_int)
}

fn bytes<'a>(fact: &'a Fact, key: &Key) -> Option<&'a [u8; 16]> {
    fact.record.get(key).and_then(Value::as_bytes).and_then(|bytes| bytes.try_into().ok())
}
