//! The law of cost: whatever a document says, work on it grows no faster than the document.

use super::documents::{ALL, Make, NOON, OWN, user};
use super::{Work, count};
use crate::admission::{Attested, DeviceKey, Received, Verdict, admit, replay};
use crate::change::{ChangeRef, Run};
use crate::document::{Author, Document};
use crate::id::ActorId;
use crate::job::{Intake, Job, timeline};
use crate::policy::{Principal, Role};
use crate::schema::DocKind;
use crate::scope::members;
use crate::sync::{LocalWriter, Replica, SyncStatus};
use crate::technician::Technician;
use crate::van::{Stock, Usage, Van, usages};

const SMALL: usize = 128;
/// How many times larger the large document is.
const TIMES: usize = 4;
/// How many times as much the large document may take: four, and something for logarithms.
const MOST: u64 = 6;
/// Work that does not depend on the size, and is not asked about.
const FIXED: Work = Work { steps: 2_000, allocated: 64 * 1024 };

/// A key that signed everything.
struct Any;

impl DeviceKey for Any {
    fn verifies(&self, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }
}

/// One thing that is done with documents.
type Deed = (&'static str, fn(&Document));

const DEEDS: &[Deed] = &[
    ("fold", |document| match document.id().kind {
        DocKind::Job => drop(Job::of(document)),
        DocKind::Van => drop(Van::of(document, &[])),
        DocKind::Technician => {
            let technician = Technician::of(document);
            let skills = (0..technician.certificates.len()).map(|at| format!("other {at}"));
            let skills: Vec<String> = skills.collect();
            let equipment = skills.iter().map(|name| format!("{name}!")).collect::<Vec<_>>();
            let job = Intake { equipment, skills: skills.clone(), ..Intake::default() };
            drop((technician.ineligible(&job, &skills, NOON), technician.is_on_shift(NOON)));
        }
        DocKind::Other(_) => {}
    }),
    ("timeline", |document| drop(timeline(document))),
    ("scope", |document| drop(members(document))),
    ("usages", |document| drop(usages(document))),
    ("stock with usages", |document| {
        let Some(van) = document.id().van() else { return };
        let job = crate::id::JobId::new(NOON, [8; 10]);
        let facts = document.facts(&crate::schema::section::MOVEMENTS);
        let usage = |fact: &crate::document::Fact| Usage {
            id: fact.id,
            job,
            van,
            part_no: "H7".into(),
            quantity: 1000,
            bin: None,
            at: NOON,
            voided: false,
            by: None,
        };
        let used: Vec<Usage> = facts.map(usage).collect();
        drop(Stock::of(document, &used));
    }),
    ("seals that wait", |document| assert!(crate::seal::awaiting(document).count() < usize::MAX)),
    ("fingerprint", |document| {
        let changes = document.changes().iter().map(|(change, _)| change);
        drop(document.fingerprint_of(changes));
    }),
    ("load", |document| {
        let mut again = Document::new(document.id());
        for (run, author) in runs(document) {
            replay(&mut again, &run, author).expect("it was admitted once");
        }
        assert_eq!(again.heads(), document.heads());
    }),
    ("load in one run for each actor", |document| {
        let mut by_actor: std::collections::BTreeMap<_, (Run, Author)> = Default::default();
        for (run, author) in runs(document) {
            let (whole, _) = by_actor
                .entry(run.actor())
                .or_insert((Run { changes: vec![], ..run.clone() }, author));
            whole.changes.extend(run.changes);
            whole.last_hash = run.last_hash;
        }
        let mut again = Document::new(document.id());
        for (run, author) in by_actor.into_values() {
            let _ = replay(&mut again, &run, author);
        }
    }),
    ("whole again on a phone that has all of it", |document| {
        let (mut next_n, runs) = (1, attested(document));
        let mut replica = on_a_phone(document, &runs, &mut next_n);
        replica.take(&mut writer(&mut next_n), &runs, true).expect("it is the same");
    }),
    ("verdicts about all of it, which was lost", |document| {
        let (mut next_n, runs) = (1, attested(document));
        let mut replica = on_a_phone(document, &runs, &mut next_n);
        let lost = replica.lost(&mut writer(&mut next_n));
        assert_eq!(lost.put.len(), runs.len());
        let durable = verdicts(&runs, |_| Verdict::Durable);
        replica.settle(&mut writer(&mut next_n), &durable).expect("they apply");
    }),
    ("a rebase after a loss", |document| {
        let (mut next_n, runs) = (1, attested(document));
        let mut replica = on_a_phone(document, &runs, &mut next_n);
        replica.lost(&mut writer(&mut next_n));
        let last = runs.len() - 1;
        let said = |at| if at == last { Verdict::Fork } else { Verdict::Durable };
        let delta = replica.settle(&mut writer(&mut next_n), &verdicts(&runs, said));
        assert!(delta.expect("it is put in its place").rotated);
        let orphaned = |status| matches!(status, SyncStatus::Orphaned(_));
        let orphaned = replica.held().iter().filter(|row| orphaned(row.status)).count();
        assert_eq!(orphaned, 1);
    }),
    ("admission", |document| {
        let caller = Principal { user: user(OWN), role: Role::Technician };
        let mut again = Document::new(document.id());
        for (run, author) in runs(document) {
            if author.user != Some(user(OWN)) {
                let _ = replay(&mut again, &run, author);
                continue;
            }
            let device = author.device.expect("a phone's");
            let verified = Received::verify(vec![Received(run)], &[0; 64], &Any, user(OWN), device);
            for verified in verified.expect("any key will do") {
                let actor_owner = author.device;
                drop(admit(&mut again, verified, &caller, actor_owner, &Default::default()));
            }
        }
    }),
];

fn attested(document: &Document) -> Vec<Attested> {
    runs(document).map(|(run, author)| Attested { run, author, receipt: [7; 16] }).collect()
}

fn writer(next_n: &mut u64) -> LocalWriter<'_> {
    let [actor, fresh_actor] = [250, 251].map(|n| ActorId::new(NOON, [n; 10]));
    LocalWriter { next_n, actor, fresh_actor, device: None }
}

fn on_a_phone(document: &Document, runs: &[Attested], next_n: &mut u64) -> Replica {
    let mut replica = Replica::new(document.id());
    replica.take(&mut writer(next_n), runs, false).expect("it was admitted once");
    replica
}

/// What is said of each run, which is one change.
fn verdicts(runs: &[Attested], said: impl Fn(usize) -> Verdict) -> Vec<(ChangeRef, Verdict)> {
    let change = |it: &Attested| ChangeRef { actor: it.run.actor(), seq: it.run.last_seq() };
    runs.iter().enumerate().map(|(at, it)| (change(it), said(at))).collect()
}

fn runs(document: &Document) -> impl Iterator<Item = (Run, Author)> {
    document.changes().iter().map(|(change, author)| {
        let reference = ChangeRef { actor: change.actor, seq: change.seq };
        let last_hash = document.hash_of(&reference).expect("it is here");
        (Run { doc: document.id(), changes: vec![change.clone()], last_hash }, *author)
    })
}

/// What is too expensive, as a line to read.
fn too_much(name: &str, make: Make) -> Vec<String> {
    let (small, large) = (make(SMALL), make(SMALL * TIMES));
    let mut found = Vec::new();
    for (deed, work) in DEEDS {
        let (_, one) = count(|| work(&small));
        let (_, four) = count(|| work(&large));
        let within = |one: u64, four: u64, fixed: u64| four <= MOST * one.max(fixed);
        if !within(one.steps, four.steps, FIXED.steps)
            || !within(one.allocated, four.allocated, FIXED.allocated)
        {
            found.push(format!("{deed} of {name}: {one:?} becomes {four:?}"));
        }
    }
    found
}

#[test]
fn work_on_a_document_grows_no_faster_than_the_document_whatever_it_says() {
    let found: Vec<String> = ALL.iter().flat_map(|(name, make)| too_much(name, *make)).collect();
    assert!(found.is_empty(), "{} times the document:\n{}", TIMES, found.join("\n"));
}
