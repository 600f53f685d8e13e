//! Rows a group has to write, by table, each table in one wide statement or few.

use sqlx::AnyConnection;

use crate::accounts::audit;
use crate::store::sql::Rows;
use crate::store::{Backend, StoreError};

/// Rows of one group.
pub(crate) struct Tables {
    pub leases: Rows,
    pub runs: Rows,
    pub pushes: Rows,
    pub quarantine: Rows,
    pub audit: Rows,
    pub projected: Projected,
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
}

impl Tables {
    pub fn new() -> Self {
        Self {
            leases: Rows::new(
                "INSERT INTO leases (tenant, actor, device)",
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
            projected: Projected::new(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let log = [&self.leases, &self.runs, &self.pushes, &self.quarantine, &self.audit];
        log.into_iter().all(Rows::is_empty) && self.projected.documents.is_empty()
    }

    /// All rows, in the order in which they are written.
    pub fn into_rows(self) -> [Rows; 13] {
        let Self { leases, runs, pushes, quarantine, audit, projected } = self;
        let Projected { documents, snapshots, scope, jobs, facts, parts, seals, movements } =
            projected;
        [
            leases, runs, pushes, quarantine, audit, documents, snapshots, scope, jobs, facts,
            parts, seals, movements,
        ]
    }

    pub async fn write(self, tx: &mut AnyConnection, backend: Backend) -> Result<(), StoreError> {
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
                "INSERT INTO documents (tenant, doc, kind, pos, fingerprint, updated_at)",
                6,
                "ON CONFLICT (tenant, doc) DO UPDATE SET pos = excluded.pos, \
                 fingerprint = excluded.fingerprint, updated_at = excluded.updated_at",
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
                "INSERT INTO jobs (tenant, job, pos, branch, state, expires, technician, waiting, \
                 plate, vin, phone, created_at, updated_at, search, summary)",
                15,
                "ON CONFLICT (tenant, job) DO UPDATE SET pos = excluded.pos, \
                 branch = excluded.branch, state = excluded.state, expires = excluded.expires, \
                 technician = excluded.technician, waiting = excluded.waiting, \
                 plate = excluded.plate, vin = excluded.vin, phone = excluded.phone, \
                 updated_at = excluded.updated_at, search = excluded.search, \
                 summary = excluded.summary",
            ),
            facts: Rows::new(
                "INSERT INTO job_facts (tenant, job, section, kind, count, first_at, last_at)",
                7,
                "ON CONFLICT (tenant, job, section, kind) DO UPDATE SET count = excluded.count, \
                 first_at = excluded.first_at, last_at = excluded.last_at",
            ),
            parts: Rows::new(
                "INSERT INTO job_parts (tenant, job, fact, van, part_no, description, quantity, \
                 unit_price, currency, bin, at, voided)",
                12,
                "ON CONFLICT (tenant, job, fact) DO UPDATE SET van = excluded.van, \
                 part_no = excluded.part_no, description = excluded.description, \
                 quantity = excluded.quantity, unit_price = excluded.unit_price, \
                 currency = excluded.currency, bin = excluded.bin, at = excluded.at, \
                  voided = excluded.voided",
            ),
            seals: Rows::new(
                "INSERT INTO seals (tenant, job, fact, role, name, digest, at)",
                7,
                "ON CONFLICT (tenant, job, fact) DO NOTHING",
            ),
            movements: Rows::new(
                "INSERT INTO movements (tenant, van, fact, section, kind, part_no, quantity, bin, \
                 job, at, voided)",
                11,
                "ON CONFLICT (tenant, van, fact) DO UPDATE SET voided = excluded.voided",
            ),
        }
    }
}
