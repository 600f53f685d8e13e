//! One group: what its requests need, what they do to the documents, what has to be written.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sync_core::admission::{Admitted, record};
use sync_core::change::Entry;
use sync_core::document::Refusal;
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};
use sync_core::limits;
use sync_core::schema::DocId;
use sync_core::sync::Submitted;

use super::cache::Held;
use super::request::{Ask, EditRequest, Edited, Expect, Outcome, PushRequest};
use super::tables::Tables;
use crate::store::log::{doc_key, encode, passes_limit};
use crate::store::{Meta, StoreError};

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
}

/// What the requests of a group need before they can be worked on.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub docs: BTreeSet<DocId>,
    pub actors: BTreeSet<ActorId>,
    /// Most positions they can use.
    pub positions: i64,
}

impl Needs {
    /// `actor` is the one of this process.
    pub fn push(&mut self, push: &PushRequest, actor: ActorId) {
        for submitted in &push.runs {
            let run = submitted.run();
            self.docs.insert(run.doc);
            let anew = matches!(submitted, Submitted::HandedIn(_) | Submitted::Stranded(_));
            self.actors.insert(if anew { actor } else { run.actor() });
            // One for what is admitted, one for what is refused.
            self.positions += 2;
        }
    }

    pub fn edit(&mut self, edit: &EditRequest, actor: ActorId) {
        self.docs.insert(edit.doc);
        self.actors.insert(actor);
        self.positions += 1;
    }
}

/// A group at work. Nothing of it counts before the commit.
pub(crate) struct Group<'m> {
    pub meta: &'m Meta,
    /// The actor of this process.
    pub actor: ActorId,
    pub docs: BTreeMap<Name, Held>,
    pub positions: BTreeMap<TenantId, Positions>,
    /// Who owns which actor, as far as this group needs to know.
    pub leases: HashMap<(TenantId, ActorId), DeviceId>,
    pub new_leases: Vec<((TenantId, ActorId), DeviceId)>,
    pub tables: Tables,
    /// Documents with changes no row shows yet, and the time of the last.
    pub changed: BTreeMap<Name, i64>,
    /// What there is to tell after the commit: documents, and people they concern.
    pub news: BTreeMap<TenantId, (BTreeSet<DocId>, BTreeSet<UserId>)>,
}

/// The device that stands for the server itself in the leases.
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
            leases: HashMap::new(),
            new_leases: Vec::new(),
            tables: Tables::new(),
            changed: BTreeMap::new(),
            news: BTreeMap::new(),
        }
    }

    /// The rows made since the last time, to be written.
    pub fn take_tables(&mut self) -> Tables {
        std::mem::replace(&mut self.tables, Tables::new())
    }

    /// Nothing was written after all: the positions are free again.
    pub fn give_back(&mut self) {
        for positions in self.positions.values_mut() {
            positions.end = positions.last;
        }
    }

    /// Makes an edit of the office or of the server itself.
    pub fn edit(&mut self, edit: &EditRequest, work: &mut dyn Ask) -> Result<Outcome, StoreError> {
        let &EditRequest { tenant, caller, doc, expect, now, ref note } = edit;
        let actor = self.actor;
        let held = find(&mut self.docs, tenant, doc)?;
        match expect {
            Expect::Existing | Expect::At(_) if held.pos == 0 => return Ok(Outcome::NotFound),
            Expect::New if held.pos != 0 => return Ok(Outcome::Exists),
            Expect::At(pos) if held.pos != pos => return Ok(Outcome::Changed { pos: held.pos }),
            Expect::New | Expect::Existing | Expect::At(_) | Expect::Any => {}
        }
        // The closure only looks at the document: its panic harms nobody else.
        let entries = match guard(|| work.entries(&held.document)) {
            Ok(Some(entries)) => entries,
            Ok(None) => return Ok(Outcome::Rejected),
            Err(_) => return Ok(Outcome::Panicked),
        };
        if entries.is_empty() {
            let document = Arc::clone(&held.document);
            return Ok(Outcome::Edited(Edited { document, pos: held.pos }));
        }
        let values = 1 + limits::CHANGE_DEPS + entries.iter().map(Entry::values).sum::<usize>();
        let values = held.document.values() + values;
        if passes_limit(held.bytes + limits::CHANGE_BYTES, values) {
            return Ok(Outcome::Refused(Refusal::Limit("size of the document").into()));
        }
        let author = edit.author();
        let document = Arc::make_mut(&mut held.document);
        let recorded = guard(|| record(document, actor, now, &caller, author, entries))?;
        let run = match recorded {
            Ok(run) => run,
            Err(error) => return Ok(Outcome::Refused(error)),
        };
        self.lease_own(tenant);
        let payload = encode(&run);
        let admitted = Admitted {
            actor,
            first_seq: run.first_seq(),
            last_seq: run.last_seq(),
            last_hash: run.last_hash,
            author,
        };
        let pos = self.append(tenant, doc, &admitted, payload, now)?;
        if let Some(note) = note {
            self.tables.audit.push(note.cells(now));
        }
        let held = find(&mut self.docs, tenant, doc)?;
        Ok(Outcome::Edited(Edited { document: Arc::clone(&held.document), pos }))
    }

    /// Makes sure that the actor of this process is the server's.
    pub(super) fn lease_own(&mut self, tenant: TenantId) {
        if !self.leases.contains_key(&(tenant, self.actor)) {
            self.lease(tenant, self.actor, server_device());
        }
    }

    pub(super) fn lease(&mut self, tenant: TenantId, actor: ActorId, device: DeviceId) {
        self.tables.leases.push([
            tenant.as_bytes().into(),
            actor.as_bytes().into(),
            device.as_bytes().into(),
        ]);
        self.leases.insert((tenant, actor), device);
        self.new_leases.push(((tenant, actor), device));
    }

    pub(super) fn append(
        &mut self,
        tenant: TenantId,
        doc: DocId,
        admitted: &Admitted,
        payload: Vec<u8>,
        now: i64,
    ) -> Result<i64, StoreError> {
        let pos = self.next(tenant)?;
        let held = find(&mut self.docs, tenant, doc)?;
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
            now.into(),
            payload.into(),
        ]);
        self.changed.insert((tenant, doc), now);
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

pub(crate) fn find(
    docs: &mut BTreeMap<Name, Held>,
    tenant: TenantId,
    doc: DocId,
) -> Result<&mut Held, StoreError> {
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
