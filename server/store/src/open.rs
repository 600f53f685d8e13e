//! Opening a database: its schema, its writer, and a rebuild of what another version computed.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use sync_core::id::ActorId;

use crate::connect::{Backend, Place};
use crate::error::StoreError;
use crate::meta::{self, Meta};
use crate::migrate;
use crate::random;
use crate::readers::{Reader, Readers};
use crate::store::Store;
use crate::verify::rebuild;
use crate::writer::project::FOLD_VERSION;
use crate::writer::{Bounds, Writer};

/// Documents after which a rebuild at the start says how far it is.
const TOLD_EVERY: u64 = 10_000;

impl Store {
    /// Opens the database at `url` (`sqlite:///path/towline.db` or `postgres://…`), makes it if it
    /// is not there, brings its schema up to date, starts the writer, and rebuilds what an earlier
    /// version computed otherwise.
    ///
    /// # Errors
    /// [`StoreError::SchemaNewer`] for a database of a newer version, [`StoreError::BadUrl`], or
    /// whatever keeps the database from answering.
    pub fn open(url: &str) -> BoxFuture<'_, Result<Self, StoreError>> {
        Self::open_within(url, Bounds::default())
    }

    /// The same with other bounds of what a tenant and a phone may take up.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_within(url: &str, bounds: Bounds) -> BoxFuture<'_, Result<Self, StoreError>> {
        Box::pin(async move {
            sqlx::any::install_default_drivers();
            let place: Place = url.parse()?;
            let writing = place.writer().await?;
            let mut connection = writing.acquire().await?;
            migrate::migrate(&mut connection, place.backend).await?;
            // Folds may be newer where the schema is not.
            if meta::claimed_version(&mut connection).await? > FOLD_VERSION {
                return Err(StoreError::Superseded);
            }
            let meta = Meta::load(&mut connection).await?;
            drop(connection);
            let readers = Readers::open(&place).await?;
            let actor = fresh_actor();
            let writer = Writer::start(writing, place.backend, meta.clone(), actor, bounds);
            if place.backend == Backend::Postgres {
                let listening = readers.of(Reader::Brief).clone();
                writer.listen(place.url().to_owned(), listening).await?;
            }
            let store = Self::new(place, meta, readers, writer);
            store.upgrade().await?;
            Ok(store)
        })
    }

    /// Rebuilds what another version computed: its rows may be other ones.
    async fn upgrade(&self) -> Result<(), StoreError> {
        if self.is_folded().await? {
            return Ok(());
        }
        self.write(|tx| Box::pin(meta::claim_version(tx, FOLD_VERSION))).await?;
        let mut told = 0;
        let rebuilt = rebuild(self, None, |so_far| {
            if so_far.documents >= told + TOLD_EVERY {
                told = so_far.documents;
                tracing::info!(documents = so_far.documents, "rebuilding projections");
            }
        });
        let rebuilt = rebuilt.await?;
        tracing::info!(
            documents = rebuilt.documents,
            mended = rebuilt.mended,
            damaged = rebuilt.damaged,
            "projections are of this version"
        );
        self.folded().await
    }

    /// Whether there is a database at `url` for all that can be told without opening it: a file
    /// of SQLite that is not there is none, and [`Store::open`] would make an empty one.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`].
    pub fn may_be_at(url: &str) -> Result<bool, StoreError> {
        Ok(url.parse::<Place>()?.file().is_none_or(|file| file.exists()))
    }
}

/// A new actor for this process: no other process ever writes under it.
fn fresh_actor() -> ActorId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    ActorId::new(i64::try_from(now).unwrap_or(0), random())
}
