//! A phone in the wrong hands: enrolled, with a good key, saying what it must not.

use std::sync::LazyLock;

use sync_core::admission::{Attested, replay};
use sync_core::change::{Change, Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, FactId};
use sync_core::job::is_or_was_theirs;
use sync_core::limits;
use sync_core::policy::{Principal, Role, decide_change};
use sync_core::schema::{DocId, Section, key, section};
use sync_core::sync::{Request, Sent, encode_request};
use sync_core::value::{Record, Value};
use sync_core::wire::deflate;

use super::newer::next_of;
use super::plan::Kind;
use super::taint;
use super::world::{Arriving, Event, World};
use crate::random::Random;

/// A body that becomes twice what a frame may be.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| deflate(&vec![0; 2 * limits::FRAME_BYTES]));

impl World {
    /// Gives whether anything forged was sent.
    pub(super) fn attack(&mut self, kind: Kind, rng: &mut Random) -> bool {
        let Some(node) = self.site.any_up(rng.next()) else { return false };
        if kind == Kind::Inflate {
            return self.shove([&[1, 1, 1][..], &BOMB].concat(), node, rng);
        }
        let tenant = self.phones[self.hostile.0].tenant;
        let user = self.phones[self.hostile.0].user;
        let id = self.tenants[usize::from(tenant)];
        let jobs: Vec<DocId> =
            self.jobs.iter().filter(|(of, _)| *of == tenant).map(|(_, doc)| *doc).collect();
        if jobs.is_empty() {
            return false;
        }
        let doc = *rng.pick(&jobs);
        let Some(process) = self.site.places[node].node.as_ref() else { return false };
        let Ok(Some(standing)) = process.document(id, doc) else { return false };
        let document = standing.document;
        let actor = ActorId::new(self.now, rng.bytes());
        let theirs = is_or_was_theirs(&document, user);
        let note = |rng: &mut Random, world: &Self| world.hostile_note(doc, rng);
        match kind {
            Kind::Forge => {
                let (fact, forged) = match rng.below(3) {
                    0 => {
                        let fact = FactId::new(self.now, rng.bytes());
                        let who = Value::Bytes(user.as_bytes().to_vec());
                        let record = Record::from([
                            (key::KIND, "assign".into()),
                            (key::EPOCH, 99.into()),
                            (key::TECHNICIAN, who),
                        ]);
                        (fact, entry(section::ASSIGNMENT, fact, record))
                    }
                    1 => {
                        let fact = FactId::new(self.now, rng.bytes());
                        let text = taint::text(tenant, doc, "hostile");
                        let record = Record::from([
                            (key::AMOUNT, 1.into()),
                            (key::DESCRIPTION, text.into()),
                        ]);
                        (fact, entry(section::CHARGES, fact, record))
                    }
                    _ => note(rng, self),
                };
                let stolen = rng.one_in(3);
                let office = !matches!(&forged, Entry::Fact { section: name, .. } if *name == section::NOTES);
                let relayed = rng.one_in(3);
                let actor = if stolen { self.phones[0].actor() } else { actor };
                let Some(run) = self.forge(&document, actor, vec![forged]) else { return false };
                if relayed {
                    let author = Author::desk(self.desks[usize::from(tenant)][0]);
                    let receipt = rng.bytes();
                    self.forged.insert((tenant, doc, fact), true);
                    let attested = Attested { run, author, receipt };
                    return self.send_hostile(vec![Sent::Relayed(attested)], node, rng);
                }
                // An actor that wrote here belongs to the phone that used it first.
                let of_another = |(change, author): &(Change, Author)| {
                    change.actor == actor && author.user != Some(user)
                };
                let leased = stolen && document.changes().iter().any(of_another);
                if office || !theirs || leased {
                    self.forged.insert((tenant, doc, fact), office);
                }
                self.send_hostile(vec![Sent::Signed(run)], node, rng)
            }
            Kind::Equivocate => {
                let pair = [note(rng, self), note(rng, self)];
                self.either.push((tenant, doc, [pair[0].0, pair[1].0]));
                let mut sent = 0;
                for (_, said) in pair {
                    let Some(run) = self.forge(&document, actor, vec![said]) else { continue };
                    let node = self.site.any_up(rng.next()).unwrap_or(node);
                    sent += usize::from(self.send_hostile(vec![Sent::Signed(run)], node, rng));
                }
                sent == 2
            }
            Kind::Withhold => {
                let mut copy = document;
                let (first, second) = (note(rng, self), note(rng, self));
                let Some(_) = forge(&mut copy, actor, self.now, user, vec![first.1]) else {
                    return false;
                };
                let run = forge(&mut copy, actor, self.now, user, vec![second.1]);
                self.forged.insert((tenant, doc, second.0), true);
                let Some(run) = run else { return false };
                self.send_hostile(vec![Sent::Signed(run)], node, rng)
            }
            _ => {
                let known: Vec<(Section, FactId)> = document
                    .fact_sections()
                    .flat_map(|name| document.facts(name).map(|fact| (name.clone(), fact.id)))
                    .collect();
                if known.is_empty() {
                    return false;
                }
                let (name, fact) = rng.pick(&known).clone();
                // An honest document would not even let it be written: it goes into an empty one.
                let mut empty = Document::new(doc);
                let text = taint::text(tenant, doc, "overwritten");
                let said = entry(name, fact, Record::from([(key::TEXT, text.into())]));
                let run = forge(&mut empty, actor, self.now, user, vec![said]);
                let Some(run) = run else { return false };
                self.send_hostile(vec![Sent::Signed(run)], node, rng)
            }
        }
    }

    /// After a restore the hostile phone knows who wrote what was lost, and is faster: on jobs that
    /// are or were its own it writes something else under their numbers.
    pub(super) fn claim(&mut self, lost: Vec<(u8, DocId, ActorId)>, rng: &mut Random) {
        let (tenant, user) = (self.phones[self.hostile.0].tenant, self.phones[self.hostile.0].user);
        let id = self.tenants[usize::from(tenant)];
        let Some(node) = self.site.any_up(rng.next()) else { return };
        for (_, doc, actor) in lost.into_iter().filter(|(of, ..)| *of == tenant) {
            let Some(process) = self.site.places[node].node.as_ref() else { return };
            let Ok(Some(standing)) = process.document(id, doc) else { continue };
            let document = standing.document;
            if document.seq_of(&actor) > 0 || !is_or_was_theirs(&document, user) {
                continue;
            }
            let (_, said) = self.hostile_note(doc, rng);
            let Some(run) = self.forge(&document, actor, vec![said]) else { continue };
            if self.send_hostile(vec![Sent::Signed(run)], node, rng) {
                self.counts.met("numbers claimed after a restore");
            }
        }
    }

    fn hostile_note(&self, doc: DocId, rng: &mut Random) -> (FactId, Entry) {
        let text = taint::text(self.phones[self.hostile.0].tenant, doc, "hostile");
        let fact = FactId::new(self.now, rng.bytes());
        (fact, entry(section::NOTES, fact, Record::from([(key::TEXT, text.into())])))
    }

    fn forge(&self, document: &Document, actor: ActorId, entries: Vec<Entry>) -> Option<Run> {
        let user = self.phones[self.hostile.0].user;
        forge(&mut document.clone(), actor, self.now, user, entries)
    }

    /// Signs runs with the hostile phone's good key and sends them.
    fn send_hostile(&mut self, runs: Vec<Sent>, node: usize, rng: &mut Random) -> bool {
        let it = &self.phones[self.hostile.0];
        let signature = Sent::sign(&runs, it.device(), it.key());
        let (epoch, cursor) = (self.site.database.epoch(), 0);
        let request = Request { epoch, cursor, runs, signature, inventory: None, more: false };
        self.shove(encode_request(&request), node, rng)
    }

    /// Sends a frame of the hostile phone over a good link, if it is let in.
    fn shove(&mut self, frame: Vec<u8>, node: usize, rng: &mut Random) -> bool {
        let phone = self.hostile.0;
        let Some(token) = self.token(phone, node, rng) else { return false };
        let luck = rng.fork("hostile");
        if self.overheard.len() < 60 {
            self.overheard.push((phone, frame.clone()));
        }
        let arriving =
            Arriving { phone, exchange: 0, node, token, frame, copy: true, twice: false, luck };
        self.after(1 + rng.below(2000) as i64, Event::Arrive(arriving));
        true
    }
}

/// Writes a change as nobody's policy would let this phone.
fn forge(
    document: &mut Document,
    actor: ActorId,
    now: i64,
    user: sync_core::id::UserId,
    entries: Vec<Entry>,
) -> Option<Run> {
    // What it says may be of any shape: nobody on that phone checks it.
    let caller = Principal { user, role: Role::System };
    decide_change(&caller, document, &entries).ok()?;
    let run = document.run(vec![next_of(document, actor, now, entries)])?;
    replay(document, &run, Author { user: Some(user), device: None }).ok()?;
    Some(run)
}

fn entry(section: Section, id: FactId, record: Record) -> Entry {
    Entry::Fact { section, id, record }
}
