//! One face for every store that keeps the promises, so that one suite tests them all.

use std::sync::{Arc, Mutex, MutexGuard};

use sqlx::Row as _;
use store::in_memory::{Node, Sampled};
use store::verify::{Report, verify};
use store::writer::{Committed, EditError, EditRequest, Edited, PushRequest, RunVerdicts};
use store::{Logged, Store, StoreError, StoredDocument};
use sync_core::admission::Attested;
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::{ActorId, TenantId, VanId};
use sync_core::schema::DocId;
use sync_core::sync::{Pull, Pulled};
use sync_core::van::Van;
use tokio::sync::broadcast;

/// A store with its promises, whatever is behind it.
#[derive(Clone)]
pub enum Any {
    Sql(Store),
    Memory(Arc<Mutex<Node>>),
}

/// What hears of commits.
pub enum Heard {
    Sql(broadcast::Receiver<Committed>),
    Memory(Arc<Mutex<Node>>),
}

impl Any {
    /// The store over SQL, for what only SQL can show.
    pub fn sql(&self) -> Option<&Store> {
        match self {
            Self::Sql(store) => Some(store),
            Self::Memory(_) => None,
        }
    }

    pub fn actor(&self) -> ActorId {
        match self {
            Self::Sql(store) => store.writer().actor(),
            Self::Memory(node) => locked(node).actor(),
        }
    }

    /// A run with the store's receipt.
    pub fn attest(&self, tenant: TenantId, run: Run, author: Author) -> Attested {
        match self {
            Self::Sql(store) => store.attest(tenant, run, author),
            Self::Memory(node) => locked(node).attest(tenant, run, author),
        }
    }

    pub async fn push(&self, push: PushRequest) -> Result<RunVerdicts, StoreError> {
        match self {
            Self::Sql(store) => store.writer().push(push).await,
            Self::Memory(node) => locked(node).push(push),
        }
    }

    pub async fn edit<E, F>(
        &self,
        edit: EditRequest,
        work: F,
    ) -> Result<Result<Edited, EditError<E>>, StoreError>
    where
        E: Send + 'static,
        F: FnOnce(&Document) -> Result<Vec<Entry>, E> + Clone + Send + 'static,
    {
        match self {
            Self::Sql(store) => store.writer().edit(edit, work).await,
            Self::Memory(node) => locked(node).edit(edit, work),
        }
    }

    pub async fn pull(
        &self,
        tenant: TenantId,
        pull: &Pull,
        budget: usize,
    ) -> Result<Pulled, StoreError> {
        match self {
            Self::Sql(store) => store.pull(tenant, pull, budget).await,
            Self::Memory(node) => locked(node).pull(tenant, pull, budget),
        }
    }

    pub async fn document(
        &self,
        tenant: TenantId,
        doc: DocId,
    ) -> Result<Option<StoredDocument>, StoreError> {
        match self {
            Self::Sql(store) => store.document(tenant, doc).await,
            Self::Memory(node) => locked(node).document(tenant, doc),
        }
    }

    pub async fn runs(&self, tenant: TenantId, doc: DocId) -> Result<Vec<Logged>, StoreError> {
        match self {
            Self::Sql(store) => store.runs(tenant, doc).await,
            Self::Memory(node) => locked(node).runs(tenant, doc),
        }
    }

    pub async fn position(&self, tenant: TenantId) -> Result<i64, StoreError> {
        match self {
            Self::Sql(store) => store.position(tenant).await,
            Self::Memory(node) => locked(node).position(tenant),
        }
    }

    pub async fn van(&self, tenant: TenantId, van: VanId) -> Option<(Van, i64)> {
        match self {
            Self::Sql(store) => store.van(tenant, van).await.unwrap(),
            Self::Memory(node) => locked(node).van(tenant, van.into()).unwrap(),
        }
    }

    pub async fn verify(&self) -> Report {
        match self {
            Self::Sql(store) => verify(store).await.unwrap(),
            Self::Memory(node) => locked(node).verify(Sampled::All).unwrap(),
        }
    }

    /// Codes of what was refused.
    pub async fn refused(&self, tenant: TenantId) -> Vec<String> {
        match self {
            Self::Sql(store) => {
                let kept = sqlx::query("SELECT code FROM quarantine WHERE tenant = $1")
                    .bind(tenant.as_bytes().to_vec())
                    .fetch_all(store.readers());
                kept.await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            Self::Memory(node) => {
                let refused = locked(node).refused(tenant).unwrap();
                refused.into_iter().map(|refused| refused.code).collect()
            }
        }
    }

    /// Positions up to which documents have snapshots.
    pub async fn snapshots(&self, tenant: TenantId) -> Vec<i64> {
        match self {
            Self::Sql(store) => {
                let rows = sqlx::query("SELECT upto FROM snapshots WHERE tenant = $1")
                    .bind(tenant.as_bytes().to_vec())
                    .fetch_all(store.readers());
                rows.await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            Self::Memory(node) => locked(node).snapshots(tenant).unwrap(),
        }
    }

    /// Deletes everything about a document, as a restore from before it would.
    pub async fn lose(&self, doc: DocId) {
        let store = match self {
            Self::Sql(store) => store,
            Self::Memory(node) => return locked(node).database().lose(doc),
        };
        let mut key = vec![doc.kind.code()];
        key.extend_from_slice(doc.as_bytes());
        let lost = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                for table in ["runs", "documents", "scope", "snapshots"] {
                    let sql = format!("DELETE FROM {table} WHERE doc = $1");
                    let delete = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(key.clone());
                    delete.execute(&mut *tx).await?;
                }
                Ok(())
            })
        });
        lost.await.unwrap();
    }

    pub fn commits(&self) -> Heard {
        match self {
            Self::Sql(store) => Heard::Sql(store.writer().commits()),
            Self::Memory(node) => {
                locked(node).take_news();
                Heard::Memory(Arc::clone(node))
            }
        }
    }

    pub async fn close(&self) {
        if let Self::Sql(store) = self {
            store.close().await;
        }
    }
}

impl Heard {
    pub async fn recv(&mut self) -> Committed {
        match self {
            Self::Sql(commits) => commits.recv().await.unwrap(),
            Self::Memory(node) => locked(node).take_news().remove(0),
        }
    }
}

fn locked(node: &Mutex<Node>) -> MutexGuard<'_, Node> {
    node.lock().unwrap()
}
