//! The server's log as far as it was read: each reading takes what is new, and looks whether what
//! was read before still stands.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AnyConnection, Row as _};
use sync_core::change::decode_run;
use sync_core::id::TenantId;
use sync_core::schema::DocId;
use sync_core::wire::Reader;

use super::{Trouble, broken};
use crate::ledger::FactKey;
use crate::server_log::facts;

/// What was read of one tenant's log.
pub struct LogTail {
    tenant: TenantId,
    /// The last position that was read.
    upto: i64,
    rows: i64,
    bytes: i64,
    /// Every fact, with a hash of what it says.
    pub facts: BTreeMap<FactKey, [u8; 32]>,
    /// The document that was written to at each position.
    pub positions: HashMap<i64, DocId>,
}

impl LogTail {
    /// Nothing was read yet.
    pub fn new(tenant: TenantId) -> Self {
        let (facts, positions) = Default::default();
        Self { tenant, upto: 0, rows: 0, bytes: 0, facts, positions }
    }

    /// Whose log it is.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Reads what is new.
    pub async fn read(&mut self, db: &mut AnyConnection) -> Result<(), Trouble> {
        const BEFORE: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(payload)), 0) AS BIGINT) \
                              FROM runs WHERE tenant = $1 AND pos <= $2";
        let tenant = self.tenant.as_bytes().to_vec();
        let before = sqlx::query(BEFORE).bind(tenant.clone()).bind(self.upto);
        let before = before.fetch_one(&mut *db).await?;
        let stands: (i64, i64) = (before.try_get(0)?, before.try_get(1)?);
        if stands != (self.rows, self.bytes) {
            let was = (self.rows, self.bytes);
            return broken(format!("the log up to {} had {was:?}, has {stands:?}", self.upto));
        }
        const NEW: &str =
            "SELECT pos, payload FROM runs WHERE tenant = $1 AND pos > $2 ORDER BY pos";
        for row in sqlx::query(NEW).bind(tenant).bind(self.upto).fetch_all(db).await? {
            let payload: Vec<u8> = row.try_get(1)?;
            self.take(row.try_get(0)?, &payload)?;
        }
        Ok(())
    }

    fn take(&mut self, pos: i64, payload: &[u8]) -> Result<(), Trouble> {
        let mut reader = Reader::new(payload);
        let run = decode_run(&mut reader).and_then(|run| reader.finish().map(|()| run));
        let run = run.map_err(|error| format!("BROKEN: the run at {pos}: {error}"))?;
        for (key, hash) in facts(&run) {
            if self.facts.insert(key.clone(), hash).is_some() {
                return broken(format!("{key:?} stands twice, again at {pos}"));
            }
        }
        self.positions.insert(pos, run.doc);
        self.upto = pos;
        self.rows += 1;
        self.bytes += i64::try_from(payload.len())?;
        Ok(())
    }
}
