//! One server process over a database of maps: the driver that `writer::task` is over SQL.

use std::collections::BTreeMap;

use sync_core::admission::Attested;
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::{Pull, Pulled};
use sync_core::van::{Usage, Van};

use super::database::{Database, State, bytes, counters, int, text};
use super::read::{InScope, Line, Refused};
use super::table::RowKey;
use crate::log::Loaded;
use crate::sql::Plain;
use crate::writer::group::{Group, Needs, Positions, grows_at};
use crate::writer::node::Node as Kept;
use crate::writer::request::{EditAnswer, EditOnce};
use crate::writer::{Committed, EditRequest, PushRequest, RunVerdicts};
use crate::{Logged, StoreError, StoredDocument};

/// A server process. It holds only what a crash may take from it.
#[derive(Debug)]
pub struct Node {
    database: Database,
    pub(super) kept: Kept,
    news: Vec<Committed>,
    brought_forward: u64,
    from_snapshot: u64,
}

/// What a node did that a test wants to have seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Estimated memory of the documents kept, bytes.
    pub memory: usize,
    /// Documents that had to make room for others.
    pub evicted: u64,
    /// Documents to which another node had written.
    pub brought_forward: u64,
    /// Documents loaded from a snapshot.
    pub from_snapshot: u64,
}

impl Node {
    /// Starts a process under an actor nobody has used; `cache` is how many bytes of documents it
    /// keeps in memory.
    pub fn start(database: &Database, actor: ActorId, cache: usize) -> Self {
        let meta = database.state().meta.clone();
        let kept = Kept::new(meta, actor, cache);
        Self {
            database: database.clone(),
            kept,
            news: Vec::new(),
            brought_forward: 0,
            from_snapshot: 0,
        }
    }

    /// The actor under which this process writes.
    pub fn actor(&self) -> ActorId {
        self.kept.actor
    }

    /// The epoch this process knows.
    pub fn epoch(&self) -> u64 {
        self.kept.meta.epoch
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What this process did so far.
    pub fn done(&self) -> Done {
        let (memory, evicted) = self.kept.memory();
        let Self { brought_forward, from_snapshot, .. } = *self;
        Done { memory, evicted, brought_forward, from_snapshot }
    }

    /// A run with this server's receipt, as the log gives it out.
    pub fn attest(&self, tenant: TenantId, run: Run, author: Author) -> Attested {
        self.kept.meta.attest(tenant, run, author)
    }

    /// What was committed here since the last time.
    pub fn take_news(&mut self) -> Vec<Committed> {
        std::mem::take(&mut self.news)
    }

    /// As [`crate::writer::Writer::push`].
    ///
    /// # Errors
    /// If it could not be committed.
    pub fn push(&mut self, push: PushRequest) -> Result<RunVerdicts, StoreError> {
        let mut verdicts = self.push_all(vec![push])?;
        Ok(verdicts.pop().unwrap_or_default())
    }

    /// Several pushes that waited together, in one transaction.
    ///
    /// # Errors
    /// If it could not be committed; then nothing of any of them counts.
    pub fn push_all(&mut self, pushes: Vec<PushRequest>) -> Result<Vec<RunVerdicts>, StoreError> {
        let mut needs: BTreeMap<TenantId, Needs> = BTreeMap::new();
        for push in &pushes {
            needs.entry(push.tenant).or_default().push(push, self.kept.actor);
        }
        self.group(&needs, |group| pushes.iter().map(|push| group.push(push)).collect())
    }

    /// As [`crate::writer::Writer::edit`].
    ///
    /// # Errors
    /// As there.
    pub fn edit<E, F>(&mut self, edit: EditRequest, work: F) -> EditAnswer<E>
    where
        E: Send,
        F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Send,
    {
        let mut needs = Needs::default();
        needs.edit(&edit, self.kept.actor);
        let mut work = EditOnce::new(work);
        let needs = BTreeMap::from([(edit.tenant, needs)]);
        let outcome = self.group(&needs, |group| group.edit(&edit, &mut work));
        work.told(outcome)
    }

    /// Works on a group in one transaction: nothing of it counts unless all of it is safe.
    fn group<T>(
        &mut self,
        needs: &BTreeMap<TenantId, Needs>,
        work: impl FnOnce(&mut Group<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Self { database, kept, news, brought_forward, from_snapshot } = self;
        let mut state = database.state();
        state.usable()?;
        let meta = kept.meta.clone();
        let mut group = Group::new(&meta, kept.actor);
        for (tenant, needs) in needs {
            let read = prepare(&state, kept, &mut group, *tenant, needs)?;
            *brought_forward += read.0;
            *from_snapshot += read.1;
        }
        let done = work(&mut group)?;
        group.project()?;
        let mut tables = group.take_tables();
        if tables.is_empty() {
            group.give_back();
        } else {
            let mut counters = counters();
            for (tenant, positions) in &group.positions {
                let Positions { end, at, .. } = *positions;
                counters.push([tenant.as_bytes().into(), end.into(), at.into()]);
            }
            let gone = tables.take_gone();
            state.commit(gone, tables.into_rows().into_iter().chain([counters.wide()]))?;
        }
        news.extend(group.committed());
        kept.keep(group);
        Ok(done)
    }

    /// As [`crate::Store::pull`].
    ///
    /// # Errors
    /// As there.
    pub fn pull(&self, tenant: TenantId, pull: &Pull, budget: usize) -> Result<Pulled, StoreError> {
        self.usable()?.pull(tenant, pull, budget)
    }

    /// As [`crate::Store::document`].
    ///
    /// # Errors
    /// As there.
    pub fn document(
        &self,
        tenant: TenantId,
        doc: DocId,
    ) -> Result<Option<StoredDocument>, StoreError> {
        let loaded = self.usable()?.load(tenant, &[doc], i64::MAX)?.pop();
        let loaded = loaded.filter(|(_, loaded)| loaded.pos != 0);
        Ok(loaded.map(|(_, Loaded { document, pos, .. })| StoredDocument { document, pos }))
    }

    /// As [`crate::Store::runs`].
    ///
    /// # Errors
    /// As there.
    pub fn runs(&self, tenant: TenantId, doc: DocId) -> Result<Vec<Logged>, StoreError> {
        self.usable()?.runs_after(tenant, &[doc], 0)
    }

    /// As [`crate::Store::position`].
    ///
    /// # Errors
    /// As there.
    pub fn position(&self, tenant: TenantId) -> Result<i64, StoreError> {
        self.usable()?.counter(&RowKey::of_tenant(tenant.as_bytes()))
    }

    /// Every document of a tenant, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn documents(&self, tenant: TenantId) -> Result<Vec<DocId>, StoreError> {
        let (state, key) = (self.usable()?, RowKey::of_tenant(tenant.as_bytes()));
        let rows = state.table("documents")?.from(&key);
        rows.map(|row| crate::log::doc_of(bytes(row, 1)?)).collect()
    }

    /// Everything a technician has or had in scope.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn scope(&self, tenant: TenantId, user: UserId) -> Result<Vec<InScope>, StoreError> {
        let scope = self.usable()?.scope(tenant, user, -1)?.into_iter();
        let row = |(doc, row): (DocId, crate::page::InScope)| InScope {
            doc,
            current: row.current,
            since: row.since,
        };
        Ok(scope.map(row).collect())
    }

    /// Every change of a tenant that was refused.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn refused(&self, tenant: TenantId) -> Result<Vec<Refused>, StoreError> {
        let (state, key) = (self.usable()?, RowKey::of_tenant(tenant.as_bytes()));
        let rows = state.table("quarantine")?.from(&key);
        let refused = |row: &Vec<Plain>| {
            let hash = bytes(row, 1)?.try_into();
            Ok(Refused {
                hash: hash.map_err(|_| StoreError::Corrupt("a change hash".into()))?,
                code: text(row, 8)?.to_owned(),
                sentence: text(row, 9)?.to_owned(),
            })
        };
        rows.map(refused).collect()
    }

    /// Positions up to which documents of a tenant have a snapshot.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn snapshots(&self, tenant: TenantId) -> Result<Vec<i64>, StoreError> {
        let (state, key) = (self.usable()?, RowKey::of_tenant(tenant.as_bytes()));
        state.table("snapshots")?.from(&key).map(|row| int(row, 2)).collect()
    }

    /// The log of a document, without what the runs say.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn lines(&self, tenant: TenantId, doc: DocId) -> Result<Vec<Line>, StoreError> {
        self.usable()?.lines(tenant, doc)
    }

    /// A van with its stock, as [`crate::Store::van`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn van(&self, tenant: TenantId, doc: DocId) -> Result<Option<(Van, i64)>, StoreError> {
        let Some(StoredDocument { document, pos }) = self.document(tenant, doc)? else {
            return Ok(None);
        };
        let (state, key) = (self.usable()?, RowKey::of_tenant(tenant.as_bytes()));
        let mut usages = Vec::new();
        for row in state.table("job_parts")?.from(&key) {
            if bytes(row, 3).ok() != Some(doc.as_bytes()) || text(row, 4)?.is_empty() {
                continue;
            }
            usages.push(Usage {
                van: raw(bytes(row, 3)?)?,
                job: raw(bytes(row, 1)?)?,
                id: raw(bytes(row, 2)?)?,
                part_no: text(row, 4)?.to_owned(),
                quantity: int(row, 6)?,
                bin: text(row, 9).ok().map(str::to_owned),
                at: int(row, 10)?,
                voided: int(row, 11)? != 0,
                by: bytes(row, 12).ok().and_then(|user| UserId::from_slice(user).ok()),
            });
        }
        Ok(Some((Van::of(&document, &usages), pos)))
    }

    pub(super) fn usable(&self) -> Result<std::sync::MutexGuard<'_, State>, StoreError> {
        let state = self.database.state();
        state.usable()?;
        Ok(state)
    }
}

/// Takes positions for a tenant and reads what the group needs of it. Gives how many documents
/// were brought forward, and how many came from a snapshot.
fn prepare(
    state: &State,
    kept: &mut Kept,
    group: &mut Group<'_>,
    tenant: TenantId,
    needs: &Needs,
) -> Result<(u64, u64), StoreError> {
    let key = RowKey::of_tenant(tenant.as_bytes());
    let end = state.counter(&key)? + needs.positions;
    let at = grows_at(state.grew_at(&key)?, needs.now);
    let missing = kept.begin(group, tenant, needs, end, at);
    for (actor, device) in state.actor_owners(tenant, &missing.actors)? {
        group.actor_owned(tenant, actor, device);
    }
    let refused = state.refused(tenant, &missing.docs, 0)?;
    let loaded = state.load(tenant, &missing.docs, missing.upto)?;
    let snapshots = state.has_snapshots(tenant, &missing.docs)?;
    group.loaded(tenant, loaded, refused, missing.upto);
    if missing.stale.is_empty() {
        return Ok((0, snapshots));
    }
    let runs = state.runs_after(tenant, &missing.stale, missing.stale_after)?;
    let refused = state.refused(tenant, &missing.stale, missing.stale_after)?;
    group.bring_forward(tenant, &missing.stale, runs, refused)?;
    Ok((missing.stale.len() as u64, snapshots))
}

fn raw<T: crate::rows::columns::Raw>(bytes: &[u8]) -> Result<T, StoreError> {
    T::from_raw(bytes).ok_or_else(|| StoreError::Corrupt("an id".into()))
}
