//! Single documents, and the log as it is.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use sqlx::Connection;
use sync_core::document::Document;
use sync_core::id::TenantId;
use sync_core::schema::DocId;

use super::log::{self, Loaded, Logged};
use super::{Backend, Store, StoreError};

/// A document and where it stands in the log.
#[derive(Debug)]
pub struct StoredDocument {
    /// The document.
    pub document: Document,
    /// Position of its last run, which is its ETag.
    pub pos: i64,
}

impl Store {
    /// A document as it is committed now; absent if nobody of this tenant ever wrote to it.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub fn document(
        &self,
        tenant: TenantId,
        doc: DocId,
    ) -> BoxFuture<'_, Result<Option<StoredDocument>, StoreError>> {
        Box::pin(async move {
            let mut connection = self.readers().acquire().await?;
            let mut snapshot = connection.begin_with(self.snapshot()).await?;
            let loaded = log::load(&mut snapshot, self.backend(), tenant, &[doc], i64::MAX).await;
            snapshot.rollback().await?;
            let loaded = loaded?.remove(&doc).filter(|loaded| loaded.pos != 0);
            Ok(loaded.map(|Loaded { document, pos, .. }| StoredDocument { document, pos }))
        })
    }

    /// Where documents stand in the log, as [`Store::document`] gives it; of those that are not there nothing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn positions(
        &self,
        tenant: TenantId,
        docs: &[DocId],
    ) -> Result<HashMap<DocId, i64>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        log::positions(&mut connection, self.backend(), tenant, docs).await
    }

    /// Every run of a document, in the order of the log.
    ///
    /// # Errors
    /// As [`Store::document`].
    pub async fn runs(&self, tenant: TenantId, doc: DocId) -> Result<Vec<Logged>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        log::runs_after(&mut connection, self.backend(), tenant, &[doc], 0).await
    }

    /// The last position of a tenant's log.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn position(&self, tenant: TenantId) -> Result<i64, StoreError> {
        let mut connection = self.readers().acquire().await?;
        super::pull::counter(&mut connection, tenant).await
    }

    /// How a transaction begins that reads one moment of the database.
    pub(crate) fn snapshot(&self) -> &'static str {
        self.backend().snapshot()
    }
}

impl Backend {
    /// See [`Store::snapshot`].
    pub(crate) fn snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}
