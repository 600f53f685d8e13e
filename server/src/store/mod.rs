//! The store: the change log, what is computed from it, and everything read from both.
//!
//! All writing goes through the one [`Writer`]; reading uses a pool of its own.

pub mod backup;
mod connect;
mod error;
mod jobs;
pub(crate) mod log;
mod meta;
pub mod migrate;
pub(crate) mod page;
mod pull;
mod read;
pub(crate) mod snapshot;
pub(crate) mod sql;
mod vans;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use sqlx::AnyPool;
use sync_core::admission::Attested;
use sync_core::change::Run;
use sync_core::document::Author;
use sync_core::id::{ActorId, TenantId};

pub use connect::Backend;
pub use error::StoreError;
pub use jobs::{JobFilter, JobRow, Likeness};
pub use log::Logged;
pub(crate) use meta::Meta;
pub use read::Standing;

use crate::writer::{WriteFuture, Writer};
use connect::Place;

/// An open store. Cloning is cheap and gives the same store.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    meta: Meta,
    readers: AnyPool,
    writer: Writer,
}

impl Store {
    /// Opens the database at `url` (`sqlite:///path/towline.db` or `postgres://…`), makes it if it
    /// is not there, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::SchemaNewer`] for a database of a newer version, [`StoreError::BadUrl`], or
    /// whatever keeps the database from answering.
    pub fn open(url: &str) -> BoxFuture<'_, Result<Self, StoreError>> {
        Box::pin(async move {
            sqlx::any::install_default_drivers();
            let place: Place = url.parse()?;
            let writing = place.writer().await?;
            let mut connection = writing.acquire().await?;
            migrate::migrate(&mut connection, place.backend).await?;
            let meta = Meta::load(&mut connection).await?;
            drop(connection);
            let readers = place.readers().await?;
            let writer = Writer::start(writing, place.backend, meta.clone(), fresh_actor()?);
            if place.backend == Backend::Postgres {
                writer.listen(place.url().to_owned(), readers.clone());
            }
            Ok(Self { shared: Arc::new(Shared { place, meta, readers, writer }) })
        })
    }

    /// The readers' pool; its connections cannot write.
    pub fn readers(&self) -> &AnyPool {
        &self.shared.readers
    }

    /// Which database is behind the store.
    pub fn backend(&self) -> Backend {
        self.shared.place.backend
    }

    /// The one writer.
    pub fn writer(&self) -> &Writer {
        &self.shared.writer
    }

    /// The file of a SQLite store.
    pub fn file(&self) -> Option<PathBuf> {
        self.shared.place.file()
    }

    /// Changes when the store is restored from a backup, and only then.
    pub fn epoch(&self) -> u64 {
        self.shared.meta.epoch
    }

    /// A run with this server's receipt, as it gives out what is in its log.
    pub fn attest(&self, tenant: TenantId, run: Run, author: Author) -> Attested {
        self.meta().attest(tenant, run, author)
    }

    fn place(&self) -> &Place {
        &self.shared.place
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.shared.meta
    }

    /// Runs `work` in the writer, in a transaction: all of it is committed, or nothing.
    ///
    /// Once started it runs to its end even if the caller goes away. An `Err` from `work` takes
    /// its own writes back and disturbs nobody else's.
    ///
    /// ```text
    /// store.write(|tx| Box::pin(async move { sqlx::query("…").execute(tx).await?; Ok(()) })).await
    /// ```
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, T, E> + Send + 'static,
    {
        self.shared.writer.write(work).await
    }

    /// Stops the writer after what it has taken on, and closes the connections.
    pub async fn close(&self) {
        self.shared.writer.stop().await;
        self.shared.readers.close().await;
    }
}

/// A new actor for this process: no other process ever writes under it.
fn fresh_actor() -> Result<ActorId, StoreError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Ok(ActorId::new(i64::try_from(now).unwrap_or(0), random))
}
