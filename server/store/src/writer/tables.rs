//! Rows a group has to write, by table, each table in one wide statement or few.

use sqlx::{AnyConnection, AssertSqlSafe};
use sync_core::id::TenantId;
use sync_core::schema::DocId;

use super::usage::Charged;
use crate::rows::audit::{self, Note};
use crate::sql::Rows;
use crate::{Backend, StoreError};

/// The table of a van's movements and counts; those beside it are of jobs.
pub(crate) const MOVEMENTS: &str = "movements";

/// Rows of one group.
pub(crate) struct Tables {
    pub actor_owners: Rows,
    pub runs: Rows,
    pub pushes: Rows,
    pub quarantine: Rows,
    pub audit: Rows,
    pub walk_ups: Rows,
    /// Notes of requests with a key; each stands in `audit` too.
    pub keyed: Vec<Note>,
    pub projected: Projected,
    /// Counts that no trigger keeps.
    pub charged: Charged,
}

/// Rows computed from documents; they can be made again from the log.
pub(crate) struct Projected {
    pub documents: Rows,
    pub snapshots: Rows,
    pub scope: Rows,
    pub jobs: Rows,
    pub facts: Rows,
    pub parts: Rows,
    pub seals: Rows,
    pub movements: Rows,
    /// Documents of which rows have gone, with the table: every row of theirs goes before any is
    /// written.
    pub gone: Vec<(&'static str, TenantId, DocId)>,
}

impl Tables {
    pub fn new() -> Self {
        Self {
            actor_owners: Rows::new(
                "INSERT INTO actor_owners (tenant, actor, device)",
                3,
                "ON CONFLICT (tenant, actor) DO NOTHING",
            ),
            runs: Rows::new(
                "INSERT INTO runs (tenant, pos, doc, actor, first_seq, last_seq, last_hash, \
                 author_user, author_device, received_at, payload)",
                11,
                "",
            ),
            pushes: Rows::new(
                "INSERT INTO pushes (tenant, pos, device, user_id, received_at, message, signature)",
                7,
                "",
            ),
            quarantine: Rows::new(
                "INSERT INTO quarantine (tenant, hash, pos, doc, actor, seq, author_user, \
                 author_device, code, sentence, received_at, payload)",
                12,
                "ON CONFLICT (tenant, hash) DO NOTHING",
            ),
            audit: Rows::new(audit::INSERT, 9, ""),
            walk_ups: Rows::new(
                "INSERT INTO walk_ups (tenant, user_id, since, opened)",
                4,
                "ON CONFLICT (tenant, user_id) DO UPDATE SET since = excluded.since, \
                 opened = excluded.opened",
            ),
            keyed: Vec::new(),
            projected: Projected::new(),
            charged: Charged::default(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let log = [&self.actor_owners, &self.runs, &self.pushes, &self.quarantine, &self.audit];
        log.into_iter().all(Rows::is_empty) && self.projected.documents.is_empty()
    }

    /// Documents whose rows of a table go before any row is written.
    pub fn take_gone(&mut self) -> Vec<(&'static str, TenantId, DocId)> {
        std::mem::take(&mut self.projected.gone)
    }

    /// All rows, in the order in which they are written.
    pub fn into_rows(self) -> [Rows; 14] {
        let Self { actor_owners, runs, pushes, quarantine, audit, walk_ups, projected, .. } = self;
        let Projected { documents, snapshots, scope, jobs, facts, parts, seals, movements, .. } =
            projected;
        [
            actor_owners,
            runs,
            pushes,
            quarantine,
            audit,
            walk_ups,
            documents,
            snapshots,
            scope,
            jobs,
            facts,
            parts,
            seals,
            movements,
        ]
    }

    pub async fn write(
        mut self,
        tx: &mut AnyConnection,
        backend: Backend,
    ) -> Result<(), StoreError> {
        for (table, tenant, doc) in self.take_gone() {
            let key = if table == MOVEMENTS { "van" } else { "job" };
            let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND {key} = $2");
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
            documents: Rows::new(
                "INSERT INTO documents (tenant, doc, kind, pos, fingerprint, updated_at, further)",
                7,
                "ON CONFLICT (tenant, doc) DO UPDATE SET pos = excluded.pos, \
                 fingerprint = excluded.fingerprint, updated_at = excluded.updated_at, \
                 further = excluded.further",
            ),
            snapshots: Rows::new(
                "INSERT INTO snapshots (tenant, doc, upto, runs, payload)",
                5,
                "ON CONFLICT (tenant, doc) DO UPDATE SET upto = excluded.upto, \
                 runs = excluded.runs, payload = excluded.payload",
            ),
            scope: Rows::new(
                "INSERT INTO scope (tenant, user_id, doc, current, since)",
                5,
                "ON CONFLICT (tenant, user_id, doc) DO UPDATE SET current = excluded.current, \
                 since = excluded.since WHERE scope.current <> excluded.current",
            ),
            jobs: Rows::new(
                "INSERT INTO jobs (tenant, job, pos, first_pos, branch, state, expires, technician, \
                 waiting, plate, vin, phone, created_at, updated_at, unnumbered, lat, lon, search, \
                 summary, former)",
                20,
                "ON CONFLICT (tenant, job) DO UPDATE SET pos = excluded.pos, \
                 branch = excluded.branch, state = excluded.state, expires = excluded.expires, \
                 technician = excluded.technician, waiting = excluded.waiting, \
                 plate = excluded.plate, vin = excluded.vin, phone = excluded.phone, \
                 updated_at = excluded.updated_at, unnumbered = excluded.unnumbered, \
                 lat = excluded.lat, lon = excluded.lon, search = excluded.search, summary = excluded.summary, \
                 former = excluded.former",
            ),
            facts: Rows::new(
                "INSERT INTO job_facts (tenant, job, section, kind, count, first_at, last_at)",
                7,
                "ON CONFLICT (tenant, job, section, kind) DO UPDATE SET count = excluded.count, \
                 first_at = excluded.first_at, last_at = excluded.last_at",
            ),
            parts: Rows::new(
                "INSERT INTO job_parts (tenant, job, fact, van, part_no, description, quantity, \
                 unit_price, currency, bin, at, voided, by_user)",
                13,
                "ON CONFLICT (tenant, job, fact) DO UPDATE SET van = excluded.van, \
                 part_no = excluded.part_no, description = excluded.description, \
                 quantity = excluded.quantity, unit_price = excluded.unit_price, \
                 currency = excluded.currency, bin = excluded.bin, at = excluded.at, \
                 voided = excluded.voided, by_user = excluded.by_user",
            ),
            seals: Rows::new(
                "INSERT INTO seals (tenant, job, fact, role, name, digest, at)",
                7,
                "ON CONFLICT (tenant, job, fact) DO UPDATE SET role = excluded.role, \
                 name = excluded.name, digest = excluded.digest, at = excluded.at",
            ),
            movements: Rows::new(
                "INSERT INTO movements (tenant, van, section, fact, kind, part_no, quantity, bin, \
                 job, at, voided)",
                11,
                "ON CONFLICT (tenant, van, section, fact) DO UPDATE SET kind = excluded.kind, \
                 part_no = excluded.part_no, quantity = excluded.quantity, bin = excluded.bin, \
                 job = excluded.job, at = excluded.at, voided = excluded.voided",
            ),
            gone: Vec::new(),
        }
    }
}
