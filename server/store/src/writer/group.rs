//! One group: what its requests need, what they do to the documents, what has to be written.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sync_core::admission::{Admitted, record};
use sync_core::change::Run;
use sync_core::document::Refusal;
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};
use sync_core::job::opens_a_job;
use sync_core::schema::DocId;
use sync_core::sync::Submitted;

use super::cache::CachedDocument;
use super::ending::only_ends;
use super::request::{Ask, EditOutcome, EditRequest, Edited, Expect, PushRequest};
use super::tables::Tables;
use super::usage::{Bounds, Usage};
use crate::log::{doc_key, encode};
use crate::{Meta, StoreError};

type Name = (TenantId, DocId);

/// Positions of one tenant's log that this group may give out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Positions {
    /// The last one given out before this group.
    pub first: i64,
    /// The last one given out, by this group or before it.
    pub last: i64,
    /// The last one reserved.
    pub end: i64,
    /// When the log grows by this group, Unix milliseconds: no earlier than it grew before.
    pub at: i64,
}

/// How far the clock of one node may be behind that of another, milliseconds. Where the log says that
/// it grew later than that, a clock was wrong, and time goes on from the one that writes.
pub(crate) const BEHIND_MS: i64 = 10 * 60 * 1000;

/// When a log grows that grew last at `before`, by a clock that says `now`: times go forward with
/// positions, also where the clocks of two nodes differ or a request waited in the queue.
pub(crate) fn grows_at(before: i64, now: i64) -> i64 {
    if before > now && before - now <= BEHIND_MS { before } else { now }
}

/// What the requests of a group need before they can be worked on.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub docs: BTreeSet<DocId>,
    pub actors: BTreeSet<ActorId>,
    /// Phones of which something may be refused.
    pub devices: BTreeSet<DeviceId>,
    /// Technicians who open a job by themselves.
    pub openers: BTreeSet<UserId>,
    /// Technicians who store something.
    pub users: BTreeSet<UserId>,
    /// Most positions they can use.
    pub positions: i64,
    /// The latest time one of them came at, Unix milliseconds.
    pub now: i64,
}

impl Needs {
    /// `actor` is the one of this process.
    pub fn push(&mut self, push: &PushRequest, actor: ActorId) {
        self.devices.insert(push.device);
        self.users.insert(push.caller.user);
        self.now = self.now.max(push.now);
        for submitted in &push.runs {
            let run = submitted.run();
            if matches!(submitted, Submitted::Signed(_)) && opens_a_job(run) {
                self.openers.insert(push.caller.user);
            }
            if let Submitted::Relayed(attested) | Submitted::Orphaned(attested) = submitted {
                self.devices.extend(attested.author.device);
                self.users.extend(attested.author.user);
            }
            self.docs.insert(run.doc);
            let reauthored = matches!(submitted, Submitted::ByRevoked(_) | Submitted::Orphaned(_));
            self.actors.insert(if reauthored { actor } else { run.actor() });
            // One for what is admitted, one for each change that may be refused; those that are not
            // used are skipped.
            self.positions += 1 + i64::try_from(run.changes.len()).unwrap_or(i64::MAX / 2);
        }
    }

    pub fn edit(&mut self, edit: &EditRequest, actor: ActorId) {
        self.docs.insert(edit.doc);
        self.now = self.now.max(edit.now);
        self.actors.insert(actor);
        self.positions += 1;
    }
}

/// A group at work. Nothing of it counts before the commit.
pub(crate) struct Group<'m> {
    pub meta: &'m Meta,
    /// The actor of this process.
    pub actor: ActorId,
    pub docs: BTreeMap<Name, CachedDocument>,
    pub positions: BTreeMap<TenantId, Positions>,
    /// Who owns which actor, as far as this group needs to know.
    pub actor_owners: HashMap<(TenantId, ActorId), DeviceId>,
    pub new_actor_owners: Vec<((TenantId, ActorId), DeviceId)>,
    pub tables: Tables,
    /// What tenants and phones may take up.
    pub bounds: Bounds,
    /// What the tenants of this group take up, where it is counted.
    pub usage: HashMap<TenantId, Usage>,
    /// Refusals that were answered and not kept.
    pub refusals_not_kept: u64,
    /// Changes that wait because their tenant's storage is full.
    pub over_quota: u64,
    /// Technicians who opened walk-up jobs, since when how many: one row each, however many they are.
    pub opened: BTreeMap<(TenantId, UserId), (i64, i64)>,
    /// Documents with changes no row shows yet, and the time of the last.
    pub changed: BTreeMap<Name, i64>,
    /// What there is to tell after the commit: documents, and people they concern.
    pub news: BTreeMap<TenantId, (BTreeSet<DocId>, BTreeSet<UserId>)>,
}

/// The device that stands for the server itself in the actor owners.
pub(crate) fn server_device() -> DeviceId {
    DeviceId::new(0, [0; 10])
}

impl<'m> Group<'m> {
    pub fn new(meta: &'m Meta, actor: ActorId) -> Self {
        Self {
            meta,
            actor,
            docs: BTreeMap::new(),
            positions: BTreeMap::new(),
            actor_owners: HashMap::new(),
            new_actor_owners: Vec::new(),
            tables: Tables::new(),
            bounds: Bounds::default(),
            usage: HashMap::new(),
            refusals_not_kept: 0,
            over_quota: 0,
            opened: BTreeMap::new(),
            changed: BTreeMap::new(),
            news: BTreeMap::new(),
        }
    }

    /// The rows made since the last time, to be written.
    pub fn take_tables(&mut self) -> Tables {
        for ((tenant, user), (since, opened)) in std::mem::take(&mut self.opened) {
            self.tables.walk_ups.push([
                tenant.as_bytes().into(),
                user.as_bytes().into(),
                since.into(),
                opened.into(),
            ]);
        }
        std::mem::replace(&mut self.tables, Tables::new())
    }

    /// Nothing was written after all: the positions are free again.
    pub fn give_back(&mut self) {
        for positions in self.positions.values_mut() {
            positions.end = positions.last;
        }
    }

    /// Makes an edit of the office or of the server itself.
    pub fn edit(
        &mut self,
        edit: &EditRequest,
        work: &mut dyn Ask,
    ) -> Result<EditOutcome, StoreError> {
        let &EditRequest { tenant, caller, doc, expect, now, ref note } = edit;
        let held = find(&mut self.docs, tenant, doc)?;
        match expect {
            Expect::Existing | Expect::At(_) if held.pos == 0 => return Ok(EditOutcome::NotFound),
            Expect::New if held.pos != 0 => return Ok(EditOutcome::Exists),
            Expect::At(pos) if held.pos != pos => {
                return Ok(EditOutcome::Changed { pos: held.pos });
            }
            Expect::New | Expect::Existing | Expect::At(_) | Expect::Any => {}
        }
        // The closure only looks at the document: its panic harms nobody else.
        let entries = match guard(|| work.entries(held.document())) {
            Ok(Some(entries)) => entries,
            Ok(None) => return Ok(EditOutcome::Rejected),
            Err(_) => return Ok(EditOutcome::Panicked),
        };
        if entries.is_empty() {
            let document = Arc::clone(held.document());
            return Ok(EditOutcome::Edited(Edited { document, pos: held.pos }));
        }
        // Whatever is full, what stands can be ended.
        let is_full = !self.has_storage_for_office(tenant);
        let held = find(&mut self.docs, tenant, doc)?;
        if is_full && !guard(|| only_ends(held.document(), &entries)).unwrap_or(false) {
            return Ok(EditOutcome::Refused(Refusal::Limit("storage of the tenant").into()));
        }
        let actor = self.meta.office_actor(tenant, self.actor, held.document());
        let author = edit.author();
        let (document, _) = held.open()?;
        let recorded = guard(|| record(document, actor, now, &caller, author, entries))?;
        let run = match recorded {
            Ok(run) => run,
            Err(error) => return Ok(EditOutcome::Refused(error)),
        };
        self.claim_own_actor(tenant, actor);
        let (payload, entries) = (encode(&run), entries_of(&run));
        let admitted = Admitted {
            actor,
            first_seq: run.first_seq(),
            last_seq: run.last_seq(),
            last_hash: run.last_hash,
            author,
        };
        let pos = self.append(tenant, doc, &admitted, (payload, entries), now)?;
        if let Some(note) = note {
            self.tables.audit.push(note.cells(now));
            self.tables.keyed.extend(note.key.is_some().then(|| note.clone()));
        }
        let held = find(&mut self.docs, tenant, doc)?;
        Ok(EditOutcome::Edited(Edited { document: Arc::clone(held.document()), pos }))
    }

    /// Makes sure that an actor of the server is the server's.
    pub(super) fn claim_own_actor(&mut self, tenant: TenantId, actor: ActorId) {
        if !self.actor_owners.contains_key(&(tenant, actor)) {
            self.claim_actor(tenant, actor, server_device());
        }
    }

    pub(super) fn claim_actor(&mut self, tenant: TenantId, actor: ActorId, device: DeviceId) {
        self.tables.actor_owners.push([
            tenant.as_bytes().into(),
            actor.as_bytes().into(),
            device.as_bytes().into(),
        ]);
        self.actor_owners.insert((tenant, actor), device);
        self.new_actor_owners.push(((tenant, actor), device));
    }

    pub(super) fn append(
        &mut self,
        tenant: TenantId,
        doc: DocId,
        admitted: &Admitted,
        (payload, entries): (Vec<u8>, usize),
        now: i64,
    ) -> Result<i64, StoreError> {
        let pos = self.next(tenant)?;
        let at = self.positions.get(&tenant).map_or(0, |positions| positions.at);
        self.stored_run(tenant, admitted.author, payload.len(), entries, now);
        let held = find(&mut self.docs, tenant, doc)?;
        if held.pos == 0 {
            held.first = pos;
        }
        held.pos = pos;
        held.bytes += payload.len();
        held.runs += 1;
        let Admitted { actor, first_seq, last_seq, last_hash, author } = admitted;
        self.tables.runs.push([
            tenant.as_bytes().into(),
            pos.into(),
            doc_key(&doc).into(),
            actor.as_bytes().into(),
            first_seq.cast_signed().into(),
            last_seq.cast_signed().into(),
            last_hash.0.to_vec().into(),
            author.user.as_ref().map(UserId::as_bytes).into(),
            author.device.as_ref().map(DeviceId::as_bytes).into(),
            at.into(),
            payload.into(),
        ]);
        self.changed.insert((tenant, doc), at);
        Ok(pos)
    }

    pub(super) fn next(&mut self, tenant: TenantId) -> Result<i64, StoreError> {
        let positions = self.positions.get_mut(&tenant);
        let positions = positions.ok_or_else(|| StoreError::Corrupt("no positions".into()))?;
        if positions.last >= positions.end {
            return Err(StoreError::Corrupt("positions ran out".into()));
        }
        positions.last += 1;
        Ok(positions.last)
    }
}

/// How many entries a run has.
pub(super) fn entries_of(run: &Run) -> usize {
    run.changes.iter().map(|change| change.entries.len()).sum()
}

pub(crate) fn find(
    docs: &mut BTreeMap<Name, CachedDocument>,
    tenant: TenantId,
    doc: DocId,
) -> Result<&mut CachedDocument, StoreError> {
    docs.get_mut(&(tenant, doc)).ok_or_else(|| StoreError::Corrupt("not loaded".into()))
}

/// Runs code whose panic must not end the writer.
pub(crate) fn guard<T>(work: impl FnOnce() -> T) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<&str>().copied().unwrap_or("a defect");
        tracing::error!(said, "the writer survived a panic");
        StoreError::Panicked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_grows_no_earlier_than_before_unless_a_clock_was_wrong() {
        assert_eq!(grows_at(0, 1000), 1000);
        assert_eq!(grows_at(1000, 999), 1000);
        assert_eq!(grows_at(1000 + BEHIND_MS, 1000), 1000 + BEHIND_MS);
        assert_eq!(grows_at(1001 + BEHIND_MS, 1000), 1000, "years ahead is not for ever");
    }
}
