//! The handle of an open store: its pools, its writer, what it is called.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::AnyPool;
use sync_core::admission::Attested;
use sync_core::change::Run;
use sync_core::document::Author;
use sync_core::id::TenantId;

use crate::connect::{Backend, Place};
use crate::error::StoreError;
use crate::meta::Meta;
use crate::readers::{Reader, Readers};
use crate::writer::{self, WriteFuture, Writer};

/// An open store. Cloning is cheap and gives the same store.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    meta: Meta,
    readers: Readers,
    writer: Writer,
}

impl Store {
    pub(crate) fn new(place: Place, meta: Meta, readers: Readers, writer: Writer) -> Self {
        Self { shared: Arc::new(Shared { place, meta, readers, writer }) }
    }

    /// The pool of whoever reads in this task ([`crate::reading`]); its connections cannot write.
    pub fn readers(&self) -> &AnyPool {
        self.shared.readers.of(Reader::current())
    }

    /// Whether the database answers, and no newer version has taken it over: then this server writes no more.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], or the database does not answer.
    pub async fn current(&self) -> Result<(), StoreError> {
        let mut connection = self.readers().acquire().await?;
        writer::current(&mut connection, self.backend()).await
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

    pub(crate) fn place(&self) -> &Place {
        &self.shared.place
    }

    /// The secret of this installation, from which its keys are made.
    pub fn secret(&self) -> &[u8; 32] {
        self.shared.meta.secret()
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.shared.meta
    }

    /// Runs `work` in the writer, in a transaction: all of it is committed, or nothing.
    ///
    /// Once started it runs to its end even if the caller goes away. An `Err` from `work` takes
    /// its own writes back and disturbs nobody else's. A clone of `work` is run again if PostgreSQL
    /// ended it because another server changed the same rows (deadlock, serialization failure).
    ///
    /// ```text
    /// store.write(|tx| Box::pin(async move { sqlx::query("…").execute(tx).await?; Ok(()) })).await
    /// ```
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut sqlx::AnyConnection) -> WriteFuture<'t, T, E>
            + Clone
            + Send
            + 'static,
    {
        self.shared.writer.write(work).await
    }

    /// Stops the writer after what it has taken on, and closes the connections.
    pub async fn close(&self) {
        self.shared.writer.stop().await;
        self.shared.readers.close().await;
    }
}
