//! A rolling upgrade: servers and apps of the next version, whose jobs have one section more, beside
//! those of this version, which keep what they do not understand and leave new work of it waiting.
//!
//! This version is the real code. The next one is the real code and what a release would change:
//!
//! 1. its server adds the section to jobs, as a further change of the genesis actor;
//! 2. its app writes into the section, once the job it has got has one;
//! 3. its server asks its own policy of such work: whose job it is. What passes is put into the log
//!    as this version puts what it allowed, and this version's code gives all the verdicts.

use store::StoreError;
use store::writer::PushRequest;
use sync_core::admission::{Verdict, replay};
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, DeviceId, FactId};
use sync_core::job::is_or_was_theirs;
use sync_core::policy::{Principal, SECTION_UNKNOWN, decide_change};
use sync_core::schema::{DocId, Key, Section, key};
use sync_core::sync::{StoredRun, Submitted, SyncStatus};
use sync_core::value::Record;

use super::phone::{Handset, NotSaved, facts};
use super::serve::clamp;
use super::store::Op;
use super::taint;
use super::world::World;
use crate::random::Random;

/// What the next version of a job has beside what this one has.
fn tows() -> Section {
    Section::parse("tows").expect("it is a name")
}

/// Whether a run writes into the new section.
pub fn is_newer(run: &Run) -> bool {
    run.changes.iter().any(is_tow)
}

/// Whether a server said that it is too old.
pub fn is_too_old(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Later { code } if code == SECTION_UNKNOWN)
}

impl World {
    /// A server of the next version adds the section to a job.
    pub(super) fn raise_schema(&mut self, tenant: u8, doc: DocId, rng: &mut Random) {
        let Some(index) = self.site.any_up(rng.next()) else { return };
        let now = clamp(self.site.wall(index, self.now));
        let place = &mut self.site.places[index];
        let id = self.tenants[usize::from(tenant)];
        let Some(node) = place.node.as_mut().filter(|_| !place.old) else { return };
        let Ok(Some(standing)) = node.document(id, doc) else { return };
        if standing.document.schema_version() != 1 {
            return;
        }
        let entries = vec![Entry::Section { name: tows() }];
        let change = Change { actor: ActorId::GENESIS, seq: 2, after: vec![], time: 0, entries };
        let Some(run) = standing.document.run(vec![change.clone()]) else { return };
        let push = PushRequest {
            tenant: id,
            caller: Principal::system(),
            device: DeviceId::new(0, [0; 10]),
            devices: Vec::new(),
            runs: vec![Submitted::Relayed(node.attest(id, run, Author::default()))],
            evidence: None,
            now,
        };
        let raised = node.push(push);
        self.tell();
        match raised {
            Ok(verdicts) if verdicts.iter().flatten().all(Verdict::is_durable) => {
                self.ledger.durable(tenant, doc, &change);
                self.counts.met("section of a newer version added");
            }
            Ok(verdicts) => {
                self.fail("a newer version may do what it does", format!("{verdicts:?}"))
            }
            Err(error) => self.failed(&error, 3000),
        }
    }

    /// What an app of the next version writes on a job: a tow, with a key nobody here knows.
    pub(super) fn tow(&mut self, phone: usize, job: DocId, rng: &mut Random) -> Entry {
        let it = &self.phones[phone];
        let id = FactId::new(it.wall(self.now).max(0), rng.bytes());
        let text = taint::text(it.tenant, job, "towed");
        let metres = Key::parse("cable_metres").expect("it is a name");
        let record = Record::from([(key::TEXT, text.into()), (metres, 18.into())]);
        Entry::Fact { section: tows(), id, record }
    }

    /// A server of the next version takes a page in: of each run first what only its own policy
    /// allows, then the run, as this version does.
    pub(super) fn push_to_newer(
        &mut self,
        node: usize,
        push: PushRequest,
    ) -> Result<Vec<Vec<Verdict>>, StoreError> {
        let PushRequest { tenant, caller, ref runs, .. } = push;
        let Some(process) = self.site.places[node].node.as_mut() else {
            return Err(StoreError::GroupFailed);
        };
        let mut all = Vec::with_capacity(runs.len());
        for submitted in runs {
            let request = |submitted| PushRequest { runs: vec![submitted], ..push.clone() };
            if let Submitted::Signed(verified) = submitted {
                let (run, author) = (verified.run(), verified.author());
                let standing = process.document(tenant, run.doc)?;
                let before = standing.map_or_else(|| Document::new(run.doc), |it| it.document);
                if let Some(allowed) = allowed(before, &caller, author, run) {
                    let attested = process.attest(tenant, allowed, author);
                    process.push(request(Submitted::Relayed(attested)))?;
                    self.counts.met("fact of a newer version taken in");
                }
            }
            all.extend(process.push(request(submitted.clone()))?);
        }
        Ok(all)
    }
}

impl Handset {
    /// Saves what this version's policy does not know, as the app of the next one does.
    pub fn save_newer(&mut self, now: i64, doc: DocId, entry: Entry) -> Result<(), NotSaved> {
        let author = Author::phone(self.user, self.device());
        let (actor, time) = (self.actor(), clamp(self.wall(now)));
        let document = self.look(doc).document();
        let change = next_of(document, actor, time, vec![entry]);
        let run = document.run(vec![change]).ok_or(NotSaved::Rules)?;
        let n = self.store.tables().next_n();
        let row = StoredRun { n, run, author, status: SyncStatus::Waiting };
        self.store.write(vec![Op::Put(row.clone())]).map_err(NotSaved::Disk)?;
        self.stored.extend(facts(&row.run));
        self.read_again(doc);
        Ok(())
    }

    /// The app knows the job's new section, and the job has it.
    pub fn knows_newer(&mut self, job: DocId) -> bool {
        !self.old && self.look(job).document().schema_version() > 1
    }
}

/// As much of a run as the next version's policy allows, if that is more than this version's:
/// technicians add tows to a job that is or was theirs.
fn allowed(mut document: Document, caller: &Principal, author: Author, run: &Run) -> Option<Run> {
    let mut passed = Vec::new();
    let mut last_hash = None;
    for change in &run.changes {
        let known: Vec<Entry> =
            change.entries.iter().filter(|entry| !is_in_tows(entry)).cloned().collect();
        if decide_change(caller, &document, &known).is_err()
            || (is_tow(change) && !is_or_was_theirs(&document, caller.user))
        {
            break;
        }
        let Some(single) = document.run(vec![change.clone()]) else { break };
        let held = document.seq_of(&change.actor) >= change.seq;
        if !held && replay(&mut document, &single, author).is_err() {
            break;
        }
        last_hash = Some(single.last_hash);
        passed.push(change.clone());
    }
    let run = Run { doc: run.doc, changes: passed, last_hash: last_hash? };
    is_newer(&run).then_some(run)
}

/// The next change of an actor on top of everything that is here.
pub(super) fn next_of(
    document: &Document,
    actor: ActorId,
    time: i64,
    entries: Vec<Entry>,
) -> Change {
    let heads = document.heads();
    let seq = document.seq_of(&actor) + 1;
    let all = document.changes().iter().map(|(it, _)| ChangeRef { actor: it.actor, seq: it.seq });
    let is_head = |it: &ChangeRef| document.hash_of(it).is_some_and(|hash| heads.contains(&hash));
    let mut after: Vec<ChangeRef> = all.filter(|it| it.actor != actor && is_head(it)).collect();
    after.sort();
    Change { actor, seq, after, time, entries }
}

fn is_tow(change: &Change) -> bool {
    change.entries.iter().any(is_in_tows)
}

fn is_in_tows(entry: &Entry) -> bool {
    matches!(entry, Entry::Fact { section, .. } if *section == tows())
}
