//! A database that is looked at and not changed: no migration, no writer, no new key.

use futures_util::future::BoxFuture;
use sqlx::AnyPool;

use super::connect::Place;
use super::{Backend, Store, StoreError, meta, migrate};
use crate::writer::project::FOLD_VERSION;

/// An existing database that is only read, by `verify` and `backup`. A server may be running on it.
#[derive(Debug)]
pub struct Inspected {
    pub(super) place: Place,
    readers: AnyPool,
    schema: (i64, i64),
    folds: u32,
}

impl Inspected {
    /// Opens the database at `url` for reading. It may have an older schema than this program.
    ///
    /// # Errors
    /// [`StoreError::NotTowline`], [`StoreError::SchemaNewer`], [`StoreError::BadUrl`], or whatever
    /// keeps the database from answering.
    pub fn open(url: &str) -> BoxFuture<'_, Result<Self, StoreError>> {
        Box::pin(async move {
            sqlx::any::install_default_drivers();
            let place: Place = url.parse()?;
            let readers = place.looker().await?;
            let mut connection = readers.acquire().await?;
            let schema = migrate::look(&mut connection, place.backend).await?;
            let folds = meta::fold_version(&mut connection).await?;
            drop(connection);
            Ok(Self { place, readers, schema, folds })
        })
    }

    /// The pool of one connection, which cannot write.
    pub fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.place.backend
    }

    /// Why what was computed cannot be compared with what this program computes, if so.
    pub fn outdated(&self) -> Option<String> {
        let (found, needed) = self.schema;
        if found != needed {
            return Some(format!(
                "the database has schema version {found}, this program needs version {needed}"
            ));
        }
        (self.folds != FOLD_VERSION).then(|| {
            format!(
                "the projections are of version {}, this program makes version {FOLD_VERSION}",
                self.folds
            )
        })
    }

    /// Whether the schema is the one this program needs.
    ///
    /// # Errors
    /// [`StoreError::SchemaOlder`].
    pub fn current(&self) -> Result<(), StoreError> {
        let (found, needed) = self.schema;
        if found == needed { Ok(()) } else { Err(StoreError::SchemaOlder { found, needed }) }
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}

impl Store {
    /// Whether everything computed is of this program's version.
    pub(super) async fn is_folded(&self) -> Result<bool, StoreError> {
        let mut connection = self.readers().acquire().await?;
        Ok(meta::fold_version(&mut connection).await? == FOLD_VERSION)
    }

    /// Notes that it is.
    pub(super) async fn folded(&self) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(meta::set_fold_version(tx, FOLD_VERSION))).await
    }
}
