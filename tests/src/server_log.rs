//! The server's log, read from its table and rebuilt by the rules alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection as _, Row as _};
use sync_core::admission::replay;
use sync_core::change::{Entry, Run, decode_run};
use sync_core::document::{Author, Document};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::schema::DocId;
use sync_core::wire::Reader;

use crate::ledger::{FactKey, hash};
/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database did not answer.
    #[error("the server's log could not be read: {0}")]
    Database(#[from] sqlx::Error),
    /// A row is not what the rules make.
    #[error("the server's log is damaged: {0}")]
    Damaged(String),
}

/// Everything a tenant's log holds.
#[derive(Debug, Default)]
pub struct ServerLog {
    /// Each fact, with the hash of its contents for every time it stands in the log.
    pub facts: BTreeMap<FactKey, Vec<[u8; 32]>>,
    /// Facts that phones added.
    pub from_phones: BTreeSet<FactKey>,
    /// Facts that were refused and kept aside with a reason.
    pub refused: BTreeMap<FactKey, [u8; 32]>,
    /// How often each reason was given.
    pub reasons: BTreeMap<String, u64>,
    /// Every document, rebuilt.
    pub documents: HashMap<DocId, Document>,
}

impl ServerLog {
    /// Reads the log of one tenant from the database at `url`, on a connection of its own.
    ///
    /// # Errors
    /// The database does not answer, or a row does not rebuild.
    pub async fn open(url: &str, tenant: TenantId) -> Result<Self, LogError> {
        sqlx::any::install_default_drivers();
        let mut db = AnyConnection::connect(url).await?;
        let log = Self::read(&mut db, tenant).await?;
        db.close().await?;
        Ok(log)
    }

    /// Reads the log of one tenant.
    ///
    /// # Errors
    /// As [`ServerLog::open`].
    pub async fn read(db: &mut AnyConnection, tenant: TenantId) -> Result<Self, LogError> {
        let mut log = Self::default();
        const RUNS: &str = "SELECT payload, author_user, author_device FROM runs \
                            WHERE tenant = $1 ORDER BY pos";
        let tenant = tenant.as_bytes().to_vec();
        for row in sqlx::query(RUNS).bind(tenant.clone()).fetch_all(&mut *db).await? {
            let run = run(&row)?;
            let author = Author {
                user: id(&row, 1, UserId::from_slice)?,
                device: id(&row, 2, DeviceId::from_slice)?,
            };
            for (key, contents) in facts(&run) {
                if author.device.is_some() {
                    log.from_phones.insert(key.clone());
                }
                log.facts.entry(key).or_default().push(contents);
            }
            let document = log.documents.entry(run.doc).or_insert_with(|| Document::new(run.doc));
            replay(document, &run, author).map_err(|refusal| {
                LogError::Damaged(format!("{:?} does not rebuild: {refusal}", run.doc))
            })?;
        }
        const REFUSED: &str = "SELECT payload, code FROM quarantine WHERE tenant = $1";
        for row in sqlx::query(REFUSED).bind(tenant).fetch_all(&mut *db).await? {
            *log.reasons.entry(row.try_get(1)?).or_default() += 1;
            log.refused.extend(facts(&run(&row)?));
        }
        Ok(log)
    }
}

fn run(row: &AnyRow) -> Result<Run, LogError> {
    let payload: Vec<u8> = row.try_get(0)?;
    let mut reader = Reader::new(&payload);
    let run = decode_run(&mut reader).and_then(|run| reader.finish().map(|()| run));
    run.map_err(|e| LogError::Damaged(format!("a row of the log cannot be read: {e}")))
}

/// The facts of a run, with a hash of what each says.
pub fn facts(run: &Run) -> Vec<(FactKey, [u8; 32])> {
    let entries = run.changes.iter().flat_map(|change| &change.entries);
    entries
        .filter_map(|entry| match entry {
            Entry::Fact { section, id, record } => {
                let key = FactKey { doc: run.doc, section: section.clone(), id: *id };
                let contents = hash(&key, record);
                Some((key, contents))
            }
            Entry::Field { .. } | Entry::Section { .. } => None,
        })
        .collect()
}

fn id<T, E>(
    row: &AnyRow,
    column: usize,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, LogError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    let parsed = bytes.map(|bytes| parse(&bytes)).transpose();
    parsed.map_err(|_| LogError::Damaged("an id in the log is none".to_owned()))
}
