//! Rows a group has to write, by table, each table in one wide statement or few.

use sqlx::{AnyConnection, AssertSqlSafe};
use sync_core::id::TenantId;
use sync_core::schema::DocId;

use super::project::Table;
use super::table_specs::{
    ACTOR_OWNERS, DOCUMENTS, JOB_FACTS, JOB_PARTS, JOBS, MOVEMENTS, PUSHES, QUARANTINE, RUNS,
    SCOPE, SEALS, SNAPSHOTS, WALK_UPS,
};
use super::usage::Charged;
use crate::rows::audit::{AUDIT, Note};
use crate::sql::{Rows, WideRows};
use crate::{Backend, StoreError};

/// Rows of one group.
pub(crate) struct Tables {
    pub actor_owners: Rows<3>,
    pub runs: Rows<11>,
    pub pushes: Rows<7>,
    pub quarantine: Rows<12>,
    pub audit: Rows<9>,
    pub walk_ups: Rows<4>,
    /// Notes of requests with a key; each stands in `audit` too.
    pub keyed: Vec<Note>,
    pub projected: Projected,
    /// Counts that no trigger keeps.
    pub charged: Charged,
}

/// Rows computed from documents; they can be made again from the log.
pub(crate) struct Projected {
    pub documents: Rows<7>,
    pub snapshots: Rows<5>,
    pub scope: Rows<5>,
    pub jobs: Rows<20>,
    pub facts: Rows<7>,
    pub parts: Rows<13>,
    pub seals: Rows<7>,
    pub movements: Rows<11>,
    /// Documents of which rows have gone, with the table: every row of theirs goes before any is
    /// written.
    pub gone: Vec<(Table, TenantId, DocId)>,
}

impl Tables {
    pub fn new() -> Self {
        Self {
            actor_owners: Rows::of(&ACTOR_OWNERS),
            runs: Rows::of(&RUNS),
            pushes: Rows::of(&PUSHES),
            quarantine: Rows::of(&QUARANTINE),
            audit: Rows::of(&AUDIT),
            walk_ups: Rows::of(&WALK_UPS),
            keyed: Vec::new(),
            projected: Projected::new(),
            charged: Charged::default(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.actor_owners.is_empty()
            && self.runs.is_empty()
            && self.pushes.is_empty()
            && self.quarantine.is_empty()
            && self.audit.is_empty()
            && self.projected.documents.is_empty()
    }

    /// Documents whose rows of a table go before any row is written.
    pub fn take_gone(&mut self) -> Vec<(Table, TenantId, DocId)> {
        std::mem::take(&mut self.projected.gone)
    }

    /// All rows, in the order in which they are written.
    pub fn into_rows(self) -> [WideRows; 14] {
        let Self { actor_owners, runs, pushes, quarantine, audit, walk_ups, projected, .. } = self;
        let Projected { documents, snapshots, scope, jobs, facts, parts, seals, movements, .. } =
            projected;
        [
            actor_owners.wide(),
            runs.wide(),
            pushes.wide(),
            quarantine.wide(),
            audit.wide(),
            walk_ups.wide(),
            documents.wide(),
            snapshots.wide(),
            scope.wide(),
            jobs.wide(),
            facts.wide(),
            parts.wide(),
            seals.wide(),
            movements.wide(),
        ]
    }

    pub async fn write(
        mut self,
        tx: &mut AnyConnection,
        backend: Backend,
    ) -> Result<(), StoreError> {
        for (table, tenant, doc) in self.take_gone() {
            let (name, doc_column) = (table.spec().table, table.doc_column());
            let sql = format!("DELETE FROM {name} WHERE tenant = $1 AND {doc_column} = $2");
            let delete = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_bytes().to_vec());
            delete.bind(doc.as_bytes().to_vec()).execute(&mut *tx).await?;
        }
        std::mem::take(&mut self.charged).write(&mut *tx, backend).await?;
        for note in std::mem::take(&mut self.keyed) {
            note.mark(&mut *tx).await?;
        }
        for rows in self.into_rows() {
            rows.insert(tx, backend).await?;
        }
        Ok(())
    }
}

impl Projected {
    pub fn new() -> Self {
        Self {
            documents: Rows::of(&DOCUMENTS),
            snapshots: Rows::of(&SNAPSHOTS),
            scope: Rows::of(&SCOPE),
            jobs: Rows::of(&JOBS),
            facts: Rows::of(&JOB_FACTS),
            parts: Rows::of(&JOB_PARTS),
            seals: Rows::of(&SEALS),
            movements: Rows::of(&MOVEMENTS),
            gone: Vec::new(),
        }
    }
}
