//! Reading from the database of maps: what [`crate`] reads with SQL.

use std::collections::{BTreeMap, HashMap};

use sync_core::admission::RefusedBefore;
use sync_core::document::Author;
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::{Pull, Pulled};

use super::database::{State, bytes, int, text};
use super::table::RowKey;
use crate::log::snapshot;
use crate::log::{Loaded, doc_key, doc_of, read_run};
use crate::page::{self, InScope as Row, Plan, Size};
use crate::sql::Plain;
use crate::{Logged, StoreError};

/// One document a technician has or had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InScope {
    /// The document.
    pub doc: DocId,
    /// Whether the technician must have it now.
    pub current: bool,
    /// Where in the log that began.
    pub since: i64,
}

/// A change that was refused, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Hash of the change.
    pub hash: [u8; 32],
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

/// One run of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its position.
    pub pos: i64,
    /// Who wrote it.
    pub actor: ActorId,
    /// The number of its last change.
    pub last_seq: u64,
}

impl State {
    /// The log of a document.
    pub fn lines(&self, tenant: TenantId, doc: DocId) -> Result<Vec<Line>, StoreError> {
        let rows = self.table("runs")?.of_doc(&named(&of_tenant(tenant), &doc)).map(|row| {
            let actor = id(bytes(row, 3)?, ActorId::of_change)?;
            Ok(Line { pos: int(row, 1)?, actor, last_seq: int(row, 5)?.unsigned_abs() })
        });
        rows.collect()
    }

    /// The devices these actors belong to, where they belong to one.
    pub fn actor_owners(
        &self,
        tenant: TenantId,
        actors: &[ActorId],
    ) -> Result<Vec<(ActorId, DeviceId)>, StoreError> {
        let (tenant, table) = (of_tenant(tenant), self.table("actor_owners")?);
        let mut found = Vec::new();
        for actor in actors {
            if let Some(row) = table.get(&tenant.clone().blob(actor.as_bytes())) {
                found.push((*actor, id(bytes(row, 2)?, DeviceId::from_slice)?));
            }
        }
        Ok(found)
    }

    /// As [`crate::log::load`].
    pub fn load(
        &self,
        tenant: TenantId,
        docs: &[DocId],
        upto: i64,
    ) -> Result<Vec<(DocId, Loaded)>, StoreError> {
        let (snapshots, key) = (self.table("snapshots")?, of_tenant(tenant));
        let mut all = Vec::with_capacity(docs.len());
        for doc in docs {
            let mut loaded = Loaded::new(*doc);
            let mut from = 0;
            let row = snapshots.get(&named(&key, doc));
            if let Some(row) = row
                && int(row, 2)? <= upto
            {
                from = int(row, 2)?;
                for logged in snapshot::decode(from, bytes(row, 4)?)? {
                    loaded.take(&logged)?;
                }
                loaded.runs = 0;
            }
            for logged in self.runs_after(tenant, &[*doc], from)? {
                if logged.pos <= upto {
                    loaded.take(&logged)?;
                }
            }
            all.push((*doc, loaded));
        }
        Ok(all)
    }

    /// How many of these documents have a snapshot.
    pub fn has_snapshots(&self, tenant: TenantId, docs: &[DocId]) -> Result<u64, StoreError> {
        let (table, key) = (self.table("snapshots")?, of_tenant(tenant));
        let has = |doc: &&DocId| table.get(&named(&key, doc)).is_some();
        Ok(docs.iter().filter(has).count() as u64)
    }

    /// Runs of these documents after a position, in the order of the log.
    pub fn runs_after(
        &self,
        tenant: TenantId,
        docs: &[DocId],
        after: i64,
    ) -> Result<Vec<Logged>, StoreError> {
        let (table, key) = (self.table("runs")?, of_tenant(tenant));
        let mut runs = Vec::new();
        for doc in docs {
            for row in table.of_doc(&named(&key, doc)) {
                if int(row, 1)? > after {
                    runs.push(logged(row)?);
                }
            }
        }
        runs.sort_by_key(|logged| logged.pos);
        Ok(runs)
    }

    /// Verdicts of refusal given before, by document.
    pub fn refused(
        &self,
        tenant: TenantId,
        docs: &[DocId],
        after: i64,
    ) -> Result<HashMap<DocId, RefusedBefore>, StoreError> {
        let (table, key) = (self.table("quarantine")?, of_tenant(tenant));
        let mut refused: HashMap<DocId, RefusedBefore> = HashMap::new();
        for doc in docs {
            for row in table.of_doc(&named(&key, doc)) {
                if int(row, 2)? > after {
                    let hash = bytes(row, 1)?.try_into();
                    let hash = hash.map_err(|_| StoreError::Corrupt("a change hash".into()))?;
                    let verdict = (text(row, 8)?.to_owned(), text(row, 9)?.to_owned());
                    refused.entry(*doc).or_default().insert(hash, verdict);
                }
            }
        }
        Ok(refused)
    }

    /// As [`crate::Store::pull`].
    pub fn pull(&self, tenant: TenantId, pull: &Pull, budget: usize) -> Result<Pulled, StoreError> {
        let key = of_tenant(tenant);
        let upto = self.counter(&key)?;
        let scope = self.scope(tenant, pull.user, page::cursor(pull))?;
        let mut elsewhere = BTreeMap::new();
        if let Some(inventory) = &pull.inventory {
            for doc in page::elsewhere(inventory, &scope) {
                elsewhere.extend(self.standing(&key, &doc)?.map(|(_, print)| (doc, print)));
            }
        }
        let plan = Plan::new(pull, upto, page::digest(&scope), &scope, &elsewhere);
        let runs = self.table("runs")?;
        let mut sizes = Vec::new();
        for (docs, after) in plan.wanted() {
            for doc in docs {
                for row in runs.of_doc(&named(&key, &doc)) {
                    let pos = int(row, 1)?;
                    if pos > after {
                        sizes.push(Size {
                            doc,
                            pos,
                            actor: id(bytes(row, 3)?, ActorId::of_change)?,
                            seqs: (int(row, 4)?.unsigned_abs(), int(row, 5)?.unsigned_abs()),
                            bytes: bytes(row, 10)?.len(),
                        });
                    }
                }
            }
        }
        let (mut pulled, mut positions) = plan.page(sizes, budget);
        positions.sort_unstable();
        for pos in positions {
            if let Some(row) = runs.get(&key.clone().int(pos)) {
                let Logged { run, author, .. } = logged(row)?;
                pulled.runs.push(self.meta.attest(tenant, run, author));
            }
        }
        Ok(pulled)
    }

    /// What a technician has in scope, and what left it after the cursor.
    pub fn scope(
        &self,
        tenant: TenantId,
        user: UserId,
        cursor: i64,
    ) -> Result<BTreeMap<DocId, Row>, StoreError> {
        let key = of_tenant(tenant);
        let prefix = key.clone().blob(user.as_bytes());
        let mut scope = BTreeMap::new();
        for row in self.table("scope")?.from(&prefix) {
            let (doc, since) = (doc_of(bytes(row, 2)?)?, int(row, 4)?);
            let current = int(row, 3)? != 0;
            if current || since > cursor {
                let (pos, fingerprint) = self.standing(&key, &doc)?.unwrap_or_default();
                scope.insert(doc, Row { current, since, pos, fingerprint });
            }
        }
        Ok(scope)
    }

    /// Position and fingerprint of a document that is here.
    fn standing(&self, tenant: &RowKey, doc: &DocId) -> Result<Option<(i64, u64)>, StoreError> {
        let row = self.table("documents")?.get(&named(tenant, doc));
        row.map(|row| Ok((int(row, 3)?, int(row, 4)?.cast_unsigned()))).transpose()
    }
}

fn of_tenant(tenant: TenantId) -> RowKey {
    RowKey::of_tenant(tenant.as_bytes())
}

/// The name of a document in its tenant.
fn named(tenant: &RowKey, doc: &DocId) -> RowKey {
    tenant.clone().blob(&doc_key(doc))
}

/// A row of `runs`.
pub(super) fn logged(row: &[Plain]) -> Result<Logged, StoreError> {
    let maybe = |column: usize| match row.get(column) {
        Some(Plain::Blob(bytes)) => Some(bytes.as_slice()),
        _ => None,
    };
    let author = Author {
        user: maybe(7).map(|bytes| id(bytes, UserId::from_slice)).transpose()?,
        device: maybe(8).map(|bytes| id(bytes, DeviceId::from_slice)).transpose()?,
    };
    read_run(int(row, 1)?, author, bytes(row, 10)?)
}

fn id<T, E>(bytes: &[u8], from: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, StoreError> {
    from(bytes).map_err(|_| StoreError::Corrupt("an id".to_owned()))
}
