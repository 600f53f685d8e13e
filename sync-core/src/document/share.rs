//! What each person has used of a document and may use: nobody fills it for the others.
//!
//! A person's share is reserved for them and does not depend on what others wrote, so a phone that
//! knows only its own work knows what the server will take. A share belongs to a person: further
//! phones and actors give no further share. Part of a technician's share of a job is kept for what
//! the job needs, so that it can always be ended.

use std::collections::{BTreeMap, BTreeSet};

use super::rebuild::Refusal;
use super::{Author, ChangeHash, Document};
use crate::change::{Change, Entry};
use crate::id::{ActorId, UserId};
use crate::limits::{self, Share};
use crate::schema::{DocKind, key, section};
use crate::value::Value;

/// Whose share a change counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The server on its own account.
    Server,
    /// Everybody at a desk, together.
    Office,
    /// One technician, on whatever phones.
    Technician(UserId),
}

impl Owner {
    /// Whose share the work of this author counts against.
    pub fn of(author: Author) -> Self {
        match (author.user, author.device) {
            (Some(user), Some(_)) => Self::Technician(user),
            (Some(_), None) => Self::Office,
            (None, _) => Self::Server,
        }
    }
}

impl Share {
    /// What the owner may use of a document of this kind.
    pub fn of(kind: DocKind, owner: Owner) -> Self {
        match owner {
            Owner::Technician(_) => {
                let people = people(kind);
                let all = limits::TECHNICIANS_SHARE;
                Self {
                    bytes: all.bytes / people,
                    values: all.values / people,
                    actors: all.actors / people,
                }
            }
            Owner::Office if kind == DocKind::Van => limits::VAN_OFFICE_SHARE,
            Owner::Server if kind == DocKind::Van => limits::VAN_SERVER_SHARE,
            Owner::Office => limits::OFFICE_SHARE,
            Owner::Server => limits::SERVER_SHARE,
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            bytes: self.bytes + more.bytes,
            values: self.values + more.values,
            actors: self.actors + more.actors,
        }
    }

    fn less(self, kept: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(kept.bytes),
            values: self.values.saturating_sub(kept.values),
            actors: self.actors.saturating_sub(kept.actors),
        }
    }

    /// Whether all of it is within the other.
    pub fn is_within(&self, most: &Self) -> bool {
        self.bytes <= most.bytes && self.values <= most.values && self.actors <= most.actors
    }
}

/// How many people have a share of a document of this kind: that many technicians can be given a
/// job, that many drivers a van before it begins a new period.
pub fn people(kind: DocKind) -> usize {
    match kind {
        DocKind::Job | DocKind::Other(_) => limits::JOB_TECHNICIANS,
        DocKind::Van => limits::VAN_DRIVERS,
        DocKind::Technician => 1,
    }
}

/// Who asks for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A phone before it says *saved*: leaves room to write the same work again under new numbers.
    ByPhone,
    /// The server before it admits.
    ByServer,
    /// Work that was admitted once and comes back with its receipt.
    WithReceipt,
}

/// How far a job needs what a change of its technician says, least first. What is needed more has room
/// that the rest cannot take, so nobody is locked in a job by what they wrote about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Notes, findings, attachments, what newer versions know, and whatever is long.
    Words,
    /// Checklist, parts, seals.
    Records,
    /// Steps, and what takes something back.
    Steps,
}

impl Need {
    const ALL: [Self; 3] = [Self::Words, Self::Records, Self::Steps];

    /// By what the change says alone, so that it stays when it is written again.
    fn of(change: &Change) -> Self {
        change.entries.iter().map(Self::of_entry).min().unwrap_or(Self::Steps)
    }

    fn of_entry(entry: &Entry) -> Self {
        let Entry::Fact { section: name, record, .. } = entry else { return Self::Words };
        if *name == section::SIGNATURES && !record.contains_key(&key::VOIDS) {
            return Self::Records;
        }
        let bytes: usize = record.values().map(Value::bytes).sum();
        if bytes > limits::SHORT_BYTES {
            return Self::Words;
        }
        if *name == section::STATUS || record.contains_key(&key::VOIDS) {
            return Self::Steps;
        }
        if [section::CHECKLIST, section::PARTS].contains(name) {
            Self::Records
        } else {
            Self::Words
        }
    }

    /// What this and all that is needed less leave free of a technician's share.
    fn leaves(self, kind: DocKind) -> Share {
        match (kind, self) {
            (DocKind::Job, Self::Words) => limits::KEPT_FOR_RECORDS,
            (DocKind::Job, Self::Records) => limits::KEPT_FOR_STEPS,
            _ => Share::default(),
        }
    }
}

/// What one owner has used.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    /// For each need what that and everything needed less has used: the order does not matter, so
    /// what a phone could save the server can take.
    up_to: [Share; Need::ALL.len()],
}

impl Used {
    fn add(&mut self, need: Need, cost: Share) {
        for (used, level) in self.up_to.iter_mut().zip(Need::ALL) {
            if level >= need {
                *used = used.plus(cost);
            }
        }
    }

    fn all(&self) -> Share {
        self.up_to[Need::Steps as usize]
    }
}

/// What was used of a document, by owner, and who owns each actor.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    used: Vec<(Owner, Used)>,
    actors: Vec<(ActorId, Owner)>,
}

impl Shares {
    /// Counts a change that joins.
    pub fn add(&mut self, change: &Change, author: Author) {
        if change.actor == ActorId::GENESIS {
            return;
        }
        let owner = Owner::of(author);
        let (need, cost) = (Need::of(change), self.cost(change));
        match self.used.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, used)) => used.add(need, cost),
            None => {
                let mut used = Used::default();
                used.add(need, cost);
                self.used.push((owner, used));
            }
        }
        if let Err(at) = self.place(&change.actor) {
            self.actors.insert(at, (change.actor, owner));
        }
    }

    fn cost(&self, change: &Change) -> Share {
        let newcomer = self.place(&change.actor).is_err();
        Share { bytes: change.weight(), values: change.values(), actors: usize::from(newcomer) }
    }

    fn used(&self, owner: Owner) -> Used {
        let found = self.used.iter().find(|(known, _)| *known == owner);
        found.map_or(Used::default(), |(_, used)| *used)
    }

    /// What all technicians have used together.
    fn pool(&self) -> Share {
        let technicians = self.used.iter().filter(|(it, _)| matches!(it, Owner::Technician(_)));
        technicians.fold(Share::default(), |sum, (_, used)| sum.plus(used.all()))
    }

    fn owner(&self, actor: &ActorId) -> Option<Owner> {
        self.place(actor).ok().and_then(|at| self.actors.get(at)).map(|(_, owner)| *owner)
    }

    fn place(&self, actor: &ActorId) -> Result<usize, usize> {
        self.actors.binary_search_by(|(known, _)| known.cmp(actor))
    }
}

impl Document {
    /// What someone has used of this document.
    pub fn used(&self, owner: Owner) -> Share {
        self.shares.used(owner).all()
    }

    /// Weight of all changes, bytes ([`Change::weight`]).
    pub fn weight(&self) -> usize {
        self.shares.used.iter().map(|(_, used)| used.all().bytes).sum()
    }

    /// Technicians who wrote here.
    pub fn technicians(&self) -> impl Iterator<Item = UserId> + use<'_> {
        self.shares.used.iter().filter_map(|(owner, _)| match owner {
            Owner::Technician(user) => Some(*user),
            Owner::Office | Owner::Server => None,
        })
    }

    /// Whether a phone has no room for much more of its technician's work here: a change of 2 KiB.
    pub fn is_nearly_full(&self, owner: Owner) -> bool {
        let more = Share { bytes: 2048, values: 64, actors: 0 };
        let after = self.used(owner).plus(limits::REWRITING).plus(more);
        !after.is_within(&Share::of(self.id.kind, owner))
    }

    /// Whether the author has room for a change, which may be any of theirs.
    pub(crate) fn has_room(
        &self,
        change: &Change,
        author: Author,
        asked: Asked,
    ) -> Result<(), Refusal> {
        if change.actor == ActorId::GENESIS {
            return Ok(());
        }
        let owner = Owner::of(author);
        let full = Refusal::Full { kind: self.id.kind, owner };
        let cost = self.shares.cost(change);
        let mut after = self.used(owner).plus(cost);
        let mut most = Share::of(self.id.kind, owner);
        // Desks had more of a van once.
        if owner == Owner::Office && asked == Asked::WithReceipt {
            most = limits::OFFICE_SHARE;
        }
        match (owner, asked) {
            // Its author may have had more room where it was admitted, on a server that is gone.
            (Owner::Technician(_), Asked::WithReceipt) => {
                after = self.shares.pool().plus(cost);
                most = limits::TECHNICIANS_SHARE;
            }
            (Owner::Technician(_), Asked::ByPhone) => {
                self.leaves_what_is_kept(change, owner, cost.plus(limits::REWRITING))?;
                after = after.plus(limits::REWRITING);
            }
            (Owner::Technician(_), Asked::ByServer) => {
                // More people than have a share were here before a restore.
                if !self.shares.pool().plus(cost).is_within(&limits::TECHNICIANS_SHARE) {
                    return Err(full);
                }
                self.leaves_what_is_kept(change, owner, cost)?;
            }
            (Owner::Office, _) if !is_essential(change) => {
                after = after.plus(limits::ESSENTIAL);
            }
            (Owner::Office | Owner::Server, _) => {}
        }
        if after.is_within(&most) { Ok(()) } else { Err(full) }
    }

    /// Whether a technician's change leaves what is kept of their share for what is needed more.
    fn leaves_what_is_kept(
        &self,
        change: &Change,
        owner: Owner,
        cost: Share,
    ) -> Result<(), Refusal> {
        let (kind, need) = (self.id.kind, Need::of(change));
        let used = self.shares.used(owner).up_to;
        for (used, level) in used.iter().zip(Need::ALL).filter(|(_, level)| *level >= need) {
            let most = Share::of(kind, owner).less(level.leaves(kind));
            if !used.plus(cost).is_within(&most) {
                let words = level == Need::Words && kind == DocKind::Job;
                return Err(if words { Refusal::Words } else { Refusal::Full { kind, owner } });
            }
        }
        Ok(())
    }

    /// Whether the author would take heads here that are kept for others, with a change that follows
    /// these: it has to be written again on top of the author's other heads.
    ///
    /// A phone can do so only where it still gets the document, and a job leaves phones while a copy of
    /// one of them still holds work. So everyone may use what is not kept for a person of the document.
    pub(crate) fn is_crowded_by_one(
        &self,
        change: &Change,
        author: Author,
        deps: &[ChangeHash],
    ) -> bool {
        let Owner::Technician(own) = Owner::of(author) else { return false };
        let mut heads: BTreeMap<Option<UserId>, usize> = BTreeMap::from([(Some(own), 1)]);
        let others = self
            .graph
            .heads()
            .filter(|(hash, head)| !deps.contains(hash) && head.actor != change.actor);
        for (_, head) in others {
            let technician = match self.shares.owner(&head.actor) {
                Some(Owner::Technician(user)) => Some(user),
                Some(Owner::Office | Owner::Server) | None => None,
            };
            *heads.entry(technician).or_default() += 1;
        }
        let count = |user: &UserId| heads.get(&Some(*user)).copied().unwrap_or(0);
        let kept = limits::HEADS_OF_ONE.max(limits::DOCUMENT_HEADS / people(self.id.kind));
        if count(&own) <= kept {
            return false;
        }
        let people: BTreeSet<UserId> = self.claims.people().chain(self.technicians()).collect();
        let others = people.iter().filter(|user| **user != own);
        let kept: usize = others.map(|user| kept.saturating_sub(count(user))).sum();
        heads.values().sum::<usize>() + kept > limits::DOCUMENT_HEADS
    }
}

/// What the office could not go on without: who has the job, how it ends, what is decided; who drives
/// a van and whether it is in use.
fn is_essential(change: &Change) -> bool {
    change.entries.iter().all(|entry| match entry {
        Entry::Fact { section: name, .. } => {
            [section::ASSIGNMENT, section::STATUS, section::DECISIONS].contains(name)
        }
        Entry::Field { section: name, key: field, .. } => {
            *name == section::DETAILS && [key::TECHNICIAN, key::ACTIVE].contains(field)
        }
        Entry::Section { .. } => false,
    })
}
