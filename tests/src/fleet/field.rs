//! What technicians do on their phones.

use ed25519_dalek::Signer as _;
use store::in_memory::DiskError;
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId};
use sync_core::job::{Job, epochs_of};
use sync_core::policy::Role;
use sync_core::schema::{DocId, key, section};
use sync_core::seal::{Draft, Point, Shown, Signer};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value};

use super::ledger::By;
use super::office::{part, weigh};
use super::phone::NotSaved;
use super::plan::Kind;
use super::taint;
use super::world::World;
use crate::random::Random;

/// The steps of a job that a technician takes.
const STEPS: [&str; 6] = ["accepted", "en_route", "on_scene", "working", "completed", "declined"];

impl World {
    /// Gives whether it was saved.
    pub(super) fn work(&mut self, phone: usize, kind: Kind, rng: &mut Random) -> bool {
        let works = if kind == Kind::WalkUp {
            Some(self.walk_up(phone, rng))
        } else {
            let salt = rng.next();
            let jobs = self.phones[phone].jobs().into_iter();
            let job = jobs.max_by_key(|doc| weigh(salt, doc));
            if let Some(job) = job
                && kind == Kind::Work
                && self.phones[phone].knows_newer(job)
                && rng.one_in(3)
            {
                let tow = self.tow(phone, job, rng);
                let saved = self.phones[phone].save_newer(self.now, job, tow.clone());
                return self.is_saved(phone, saved, &[(job, vec![tow])], rng);
            }
            job.and_then(|job| self.on_job(phone, kind, job, rng))
        };
        works.is_some_and(|works| self.save(phone, Role::Technician, works, rng))
    }

    /// An app that is too old, or broken, saves an amount that only the office may charge; then
    /// its technician notes something as ever. The first is refused, and must hold up nothing.
    pub(super) fn careless(&mut self, phone: usize, rng: &mut Random) -> bool {
        let salt = rng.next();
        let Some(job) = self.phones[phone].jobs().into_iter().max_by_key(|it| weigh(salt, it))
        else {
            return false;
        };
        let tenant = self.phones[phone].tenant;
        let record = Record::from([
            (key::AMOUNT, (rng.below(90_000) as i64).into()),
            (key::DESCRIPTION, taint::text(tenant, job, "careless").into()),
        ]);
        let charge = fact(section::CHARGES, self.id(phone, rng), record);
        let saved = self.save(phone, Role::Manager, vec![(job, vec![charge])], rng);
        self.work(phone, Kind::Work, rng);
        saved
    }

    fn save(
        &mut self,
        phone: usize,
        role: Role,
        works: Vec<(DocId, Vec<Entry>)>,
        rng: &mut Random,
    ) -> bool {
        let saved = self.phones[phone].save(self.now, role, works.clone());
        self.is_saved(phone, saved, &works, rng)
    }

    /// Writes down what a phone called saved, or looks after one whose disk failed.
    fn is_saved(
        &mut self,
        phone: usize,
        saved: Result<(), NotSaved>,
        works: &[(DocId, Vec<Entry>)],
        rng: &mut Random,
    ) -> bool {
        let tenant = self.phones[phone].tenant;
        match saved {
            Ok(()) => {
                for (doc, entries) in works {
                    self.ledger.note(tenant, *doc, entries, By::Phone);
                }
                return true;
            }
            Err(NotSaved::Rules) => self.counts.met("phone said no"),
            Err(NotSaved::Disk(DiskError::Full)) => {
                self.counts.met(Kind::PhoneFull.as_str());
                self.phones[phone].restart();
            }
            Err(NotSaved::Disk(DiskError::Sync)) => {
                self.counts.met(Kind::PhoneFsync.as_str());
                let salt = rng.next();
                if self.phones[phone].crash(salt) {
                    self.counts.met("torn write cut off");
                }
                self.about_to_lose();
            }
        }
        false
    }

    fn walk_up(&mut self, phone: usize, rng: &mut Random) -> Vec<(DocId, Vec<Entry>)> {
        let tenant = self.phones[phone].tenant;
        let doc = DocId::from(JobId::new(self.now, rng.bytes()));
        let record = Record::from([
            (key::KIND, "walk_up".into()),
            (key::EPOCH, 0.into()),
            (key::PLATE, taint::text(tenant, doc, "walk-up").into()),
        ]);
        self.jobs.push((tenant, doc));
        vec![(doc, vec![fact(section::STATUS, self.id(phone, rng), record)])]
    }

    fn on_job(
        &mut self,
        phone: usize,
        kind: Kind,
        job: DocId,
        rng: &mut Random,
    ) -> Option<Vec<(DocId, Vec<Entry>)>> {
        let (now, tenant, user) = (self.now, self.phones[phone].tenant, self.phones[phone].user);
        let wall = self.phones[phone].wall(now);
        let document = self.phones[phone].document(job);
        if document.is_empty() {
            return None;
        }
        let entries = match kind {
            Kind::Work => {
                let mut entries = Vec::new();
                for _ in 0..=rng.below(2) {
                    let text = taint::text(tenant, job, rng.below(1000));
                    let record = Record::from([(key::TEXT, text.into()), (key::AT, wall.into())]);
                    entries.push(fact(section::NOTES, self.id(phone, rng), record));
                }
                entries
            }
            Kind::Status => {
                let epoch = *epochs_of(&document, user).iter().next_back()?;
                let word = *rng.pick(&STEPS);
                let mut record = Record::from([
                    (key::KIND, word.into()),
                    (key::EPOCH, epoch.into()),
                    (key::AT, wall.into()),
                ]);
                if word == "declined" || word == "completed" {
                    record.insert(key::REASON, taint::text(tenant, job, "reason").into());
                }
                vec![fact(section::STATUS, self.id(phone, rng), record)]
            }
            Kind::Part => {
                let id = self.id(phone, rng);
                let mut record = Record::from([
                    (key::PART_NO, part(tenant, rng).into()),
                    (key::QUANTITY, (1000 * (1 + rng.below(2) as i64)).into()),
                    (key::AT, wall.into()),
                ]);
                let Some(van) = self.phones[phone].van() else {
                    return Some(vec![(job, vec![fact(section::PARTS, id, record)])]);
                };
                let mut movement = record.clone();
                movement.insert(key::KIND, "use".into());
                movement.insert(key::JOB, job.as_bytes().to_vec().into());
                record.insert(key::VAN, van.as_bytes().to_vec().into());
                return Some(vec![
                    (job, vec![fact(section::PARTS, id, record)]),
                    (van, vec![fact(section::MOVEMENTS, id, movement)]),
                ]);
            }
            Kind::Void => {
                let part = own_part(&document, user)?;
                let record = Record::from([
                    (key::VOIDS, part.as_bytes().to_vec().into()),
                    (key::NOTE, taint::text(tenant, job, "not used").into()),
                ]);
                vec![fact(section::PARTS, self.id(phone, rng), record)]
            }
            _ => vec![self.seal(phone, job, &document, rng)?],
        };
        Some(vec![(job, entries)])
    }

    fn seal(
        &mut self,
        phone: usize,
        job: DocId,
        document: &Document,
        rng: &mut Random,
    ) -> Option<Entry> {
        let it = &self.phones[phone];
        let tenant = it.tenant;
        let signer = Signer {
            name: taint::text(tenant, job, "customer"),
            role: "customer".to_owned(),
            language: "en".to_owned(),
            statement: taint::text(tenant, job, "I agree"),
        };
        let draft = Draft {
            job: job.job()?,
            fact: self.id(phone, rng),
            device: it.device(),
            shown: Shown::of(&Job::of(document), signer),
            heads: document.heads(),
            strokes: vec![vec![Point { x: rng.below(900) as i32, y: 5, t: 1, pressure: 500 }]],
            place: None,
            stamp: Stamp::wall(it.wall(self.now)),
        };
        let entry = draft.sign(|message| it.key().real.sign(message).to_bytes()).ok()?;
        Some(entry)
    }

    /// A fresh id, by the phone's own clock.
    fn id(&self, phone: usize, rng: &mut Random) -> FactId {
        FactId::new(self.phones[phone].wall(self.now).max(0), rng.bytes())
    }
}

fn fact(section: sync_core::schema::Section, id: FactId, record: Record) -> Entry {
    Entry::Fact { section, id, record }
}

/// A part this technician recorded and nobody took back.
fn own_part(document: &Document, user: sync_core::id::UserId) -> Option<FactId> {
    let voided = |id: FactId| {
        let voids = |fact: &sync_core::document::Fact| {
            fact.record.get(&key::VOIDS).and_then(Value::as_bytes) == Some(id.as_bytes())
        };
        document.facts(&section::PARTS).any(voids)
    };
    let own = document.facts(&section::PARTS).filter(|fact| {
        fact.author == Some(user) && fact.record.contains_key(&key::PART_NO) && !voided(fact.id)
    });
    own.map(|fact| fact.id).next()
}
