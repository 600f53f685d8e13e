//! The server of a simulation: admission, log, scope and pull over plain maps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ed25519_dalek::VerifyingKey;
use sync_core::admission::{
    Attested, RecordError, RefusedBefore, Verdict, Verified, admit, record, replay,
};
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Digest, Document};
use sync_core::id::{ActorId, DeviceId, UserId};
use sync_core::limits;
use sync_core::policy::{Principal, Role};
use sync_core::schema::DocId;
use sync_core::scope;
use sync_core::sync::{Pull, Pulled, ServerEffect, ServerEvent, Session, Submitted};

use crate::random::Random;

/// Everything a backup of the server holds.
#[derive(Debug, Clone)]
pub struct Backup(State);

/// A server in memory.
#[derive(Debug)]
pub struct SimServer {
    state: State,
    /// Fresh at every start, as the real server's.
    actor: ActorId,
    rng: Random,
}

#[derive(Debug, Clone)]
struct State {
    epoch: u64,
    log: Vec<Attested>,
    docs: BTreeMap<DocId, Document>,
    scope: BTreeMap<(UserId, DocId), InScope>,
    actor_owners: HashMap<ActorId, DeviceId>,
    devices: HashMap<DeviceId, (UserId, VerifyingKey)>,
    refused: BTreeMap<DocId, RefusedBefore>,
    secret: u64,
}

#[derive(Debug, Clone, Copy)]
struct InScope {
    added: u64,
    released: Option<u64>,
}

impl SimServer {
    /// An empty server.
    pub fn new(mut rng: Random, now: i64) -> Self {
        let state = State {
            epoch: rng.next() | 1,
            log: Vec::new(),
            docs: BTreeMap::new(),
            scope: BTreeMap::new(),
            actor_owners: HashMap::new(),
            devices: HashMap::new(),
            refused: BTreeMap::new(),
            secret: rng.next(),
        };
        Self { state, actor: ActorId::new(now, rng.bytes()), rng }
    }

    /// Knows a device from now on.
    pub fn enrol(&mut self, user: UserId, device: DeviceId, key: VerifyingKey) {
        self.state.devices.insert(device, (user, key));
    }

    /// The process dies and comes back: what was committed is there, the actor is another.
    pub fn restart(&mut self, now: i64) {
        self.actor = ActorId::new(now, self.rng.bytes());
    }

    /// A copy of everything committed.
    pub fn backup(&self) -> Backup {
        Backup(self.state.clone())
    }

    /// Goes back to a backup, with a new epoch.
    pub fn restore(&mut self, backup: Backup, now: i64) {
        self.state = backup.0;
        self.state.epoch = self.rng.next() | 1;
        self.restart(now);
    }

    /// The document, if it is here.
    pub fn document(&self, doc: DocId) -> Option<&Document> {
        self.state.docs.get(&doc)
    }

    /// Every document.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.state.docs.values()
    }

    /// Documents a user must hold now.
    pub fn scope_of(&self, user: UserId) -> BTreeSet<DocId> {
        let mine =
            self.state.scope.iter().filter(|((who, _), s)| *who == user && s.released.is_none());
        mine.map(|((_, doc), _)| *doc).collect()
    }

    /// Refusals kept, all documents together.
    pub fn refused_count(&self) -> usize {
        self.state.refused.values().map(BTreeMap::len).sum()
    }

    /// A person at the desk adds something.
    pub fn edit(
        &mut self,
        now: i64,
        user: UserId,
        role: Role,
        doc: DocId,
        entries: impl FnOnce(&Document) -> Vec<Entry>,
    ) -> Result<(), RecordError> {
        let mut document = self.load(doc);
        let entries = entries(&document);
        let caller = Principal { user, role };
        let author = Author::desk(user);
        let run = record(&mut document, self.actor, now, &caller, author, entries)?;
        self.commit(document, run, author);
        Ok(())
    }

    /// One exchange with a device: a request in, an answer out, everything committed between.
    pub fn exchange(&mut self, now: i64, device: DeviceId, request: &[u8]) -> Vec<u8> {
        let Some((user, key)) = self.state.devices.get(&device).copied() else {
            return b"<html>log in to the network</html>".to_vec();
        };
        let mut session = Session::new(user, device, key, self.state.epoch);
        let mut effect = session.handle(now, ServerEvent::Frame(request));
        loop {
            effect = match effect {
                ServerEffect::Admit(submitted) => {
                    let verdicts = submitted.into_iter().map(|run| self.admit(run)).collect();
                    session.handle(now, ServerEvent::Admitted(verdicts))
                }
                ServerEffect::Pull(pull) => {
                    session.handle(now, ServerEvent::Pulled(self.pull(&pull)))
                }
                ServerEffect::Send(frame) => return frame,
            }
        }
    }

    fn admit(&mut self, submitted: Submitted) -> Vec<Verdict> {
        let verified = match submitted {
            Submitted::Signed(verified) | Submitted::ByRevoked(verified) => verified,
            // Two machines without a restore between them: nothing gets orphaned.
            Submitted::Relayed(attested) | Submitted::Orphaned(attested) => {
                let count = attested.run.changes.len();
                let genuine = |attested: &Attested| {
                    attested.receipt == self.receipt(&attested.run, attested.author)
                };
                match Verified::relayed(attested, genuine) {
                    Some(verified) => verified,
                    None => return vec![Verdict::refused("receipt_invalid", "No."); count],
                }
            }
        };
        let run = verified.run();
        let (doc, actor, author) = (run.doc, run.actor(), verified.author());
        let mut document = self.load(doc);
        let user = author.user.expect("signed work has an author");
        let caller = Principal { user, role: Role::Technician };
        let actor_owner = self.state.actor_owners.get(&actor).copied();
        let refused = self.state.refused.entry(doc).or_default();
        let admission = admit(&mut document, verified, &caller, actor_owner, refused);
        for change in &admission.refused {
            refused.insert(change.hash.0, (change.code.clone(), change.sentence.clone()));
        }
        if let Some(admitted) = admission.admitted {
            if let Some(device) = admitted.author.device {
                self.state.actor_owners.insert(actor, device);
            }
            let run = admitted.run(&document);
            self.commit(document, run, admitted.author);
        }
        admission.verdicts
    }

    fn load(&self, doc: DocId) -> Document {
        self.state.docs.get(&doc).cloned().unwrap_or_else(|| Document::new(doc))
    }

    fn commit(&mut self, document: Document, run: Run, author: Author) {
        let receipt = self.receipt(&run, author);
        self.state.log.push(Attested { run, author, receipt });
        let pos = self.state.log.len() as u64;
        let doc = document.id();
        for member in scope::members(&document) {
            let slot = self.state.scope.get(&(member.user, doc)).copied();
            let next = match (slot, member.current) {
                (Some(InScope { released: None, .. }), true) => continue,
                (_, true) => InScope { added: pos, released: None },
                (Some(InScope { added, released: None }), false) => {
                    InScope { added, released: Some(pos) }
                }
                (Some(_), false) => continue,
                (None, false) => InScope { added: pos, released: Some(pos) },
            };
            self.state.scope.insert((member.user, doc), next);
        }
        self.state.docs.insert(doc, document);
    }

    /// Not a real code, but only this server can give it.
    fn receipt(&self, run: &Run, author: Author) -> [u8; 16] {
        let mut mixed = self.state.secret;
        let mut mix = |bytes: &[u8]| {
            for byte in bytes {
                mixed = (mixed ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
            }
        };
        mix(run.doc.as_bytes());
        mix(&run.last_hash.0);
        mix(author.user.as_ref().map_or(&[], |user| &user.as_bytes()[..]));
        mix(author.device.as_ref().map_or(&[], |device| &device.as_bytes()[..]));
        Random::new(mixed).bytes()
    }

    fn pull(&self, pull: &Pull) -> Pulled {
        let head = self.state.log.len() as u64;
        let scope = self.scope_of(pull.user);
        let digest: Digest =
            scope.iter().filter_map(|doc| self.document(*doc)).map(Document::fingerprint).collect();
        let mut pulled = Pulled { cursor: head, digest, ..Pulled::default() };
        if let Some(inventory) = &pull.inventory {
            let fingerprints = |docs: &mut dyn Iterator<Item = DocId>| -> BTreeMap<DocId, u64> {
                docs.filter_map(|doc| Some((doc, self.document(doc)?.fingerprint()))).collect()
            };
            let in_scope = fingerprints(&mut scope.iter().copied());
            let held = inventory.0.iter().map(|(doc, _)| *doc);
            let elsewhere = fingerprints(&mut held.filter(|doc| !scope.contains(doc)));
            let repair = inventory.compare(&in_scope, &elsewhere);
            for doc in &repair.whole {
                pulled.runs.extend(self.runs_of(*doc).cloned());
            }
            pulled.whole = repair.whole;
            pulled.released = repair.released;
            pulled.unknown = repair.unknown;
            return pulled;
        }
        let mut bytes = 0;
        for (pos, attested) in (1..).zip(&self.state.log).skip(pull.cursor as usize) {
            if bytes > limits::PAGE_BYTES / 8 {
                pulled.cursor = pos - 1;
                pulled.more = true;
                break;
            }
            for ((user, doc), slot) in &self.state.scope {
                if *user != pull.user {
                    continue;
                }
                if slot.released == Some(pos) {
                    pulled.released.push(*doc);
                } else if slot.released.is_none() && slot.added == pos {
                    pulled.whole.push(*doc);
                    pulled.runs.extend(self.runs_of(*doc).cloned());
                    bytes += 4000;
                }
            }
            let run = &attested.run;
            let key = (pull.user, run.doc);
            let follows = self.state.scope.get(&key);
            let follows = follows.is_some_and(|s| s.released.is_none() && s.added < pos);
            let pushed = pull.pushed.iter().any(|range| {
                range.doc == run.doc
                    && range.actor == run.actor()
                    && range.seqs.contains(&run.first_seq())
                    && range.seqs.contains(&run.last_seq())
            });
            if follows && !pushed {
                pulled.runs.push(attested.clone());
                bytes += 200 * run.changes.len();
            }
        }
        pulled
    }

    fn runs_of(&self, doc: DocId) -> impl Iterator<Item = &Attested> {
        self.state.log.iter().filter(move |attested| attested.run.doc == doc)
    }

    /// Rebuilds every document from the log; what differs from memory is named.
    pub fn verify(&self) -> Result<(), String> {
        let mut rebuilt: BTreeMap<DocId, Document> = BTreeMap::new();
        for Attested { run, author, .. } in &self.state.log {
            let document = rebuilt.entry(run.doc).or_insert_with(|| Document::new(run.doc));
            replay(document, run, *author).map_err(|error| format!("{:?}: {error}", run.doc))?;
        }
        for (doc, document) in &self.state.docs {
            let same = rebuilt.get(doc).map(Document::heads) == Some(document.heads());
            if !same && !document.is_empty() {
                return Err(format!("{doc:?} differs from its log"));
            }
            document.check_by_oracle().map_err(|error| format!("{doc:?}: {error}"))?;
        }
        Ok(())
    }
}
