//! Connections to read with, in pools: the lists of one kind of caller hold up no other kind.

use std::future::Future;

use sqlx::AnyPool;

use crate::connect::{Backend, Place};
use crate::error::StoreError;

tokio::task_local! {
    static CURRENT: Reader;
}

/// Who reads. Each has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A few rows by their key: sessions, phones' tokens, one's own name.
    Brief,
    /// A phone's page.
    Phones,
    /// What a desk asks for: lists and searches.
    Desk,
    /// A write of the desk, which reads a few rows before and after it. No list can take these.
    Writes,
    /// What the server does by itself.
    Background,
}

impl Reader {
    const ALL: [Self; 5] = [Self::Brief, Self::Phones, Self::Desk, Self::Writes, Self::Background];

    /// How many connections it has.
    pub fn connections(self, backend: Backend) -> u32 {
        match (self, backend) {
            (Self::Brief, Backend::Sqlite) => 2,
            (Self::Phones, Backend::Sqlite) => 3,
            (Self::Desk | Self::Writes, Backend::Sqlite) => 4,
            (Self::Background, _) => 2,
            (Self::Brief, Backend::Postgres) => 3,
            (Self::Phones, Backend::Postgres) => 4,
            (Self::Desk, Backend::Postgres) => 6,
            (Self::Writes, Backend::Postgres) => 4,
        }
    }

    /// Who reads in this task; what runs outside of [`reading`] is work in the background.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(|reader| *reader).unwrap_or(Self::Background)
    }
}

/// Runs `work`, which reads with the connections of `reader`. A task it spawns has to say again who
/// reads there.
pub async fn reading<F: Future>(reader: Reader, work: F) -> F::Output {
    CURRENT.scope(reader, work).await
}

/// The pools of a store, one for each [`Reader`].
#[derive(Debug)]
pub(crate) struct Readers([AnyPool; 5]);

impl Readers {
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let [brief, phones, desk, writes, background] =
            Reader::ALL.map(|reader| place.readers(reader.connections(place.backend)));
        Ok(Self([brief.await?, phones.await?, desk.await?, writes.await?, background.await?]))
    }

    pub fn of(&self, reader: Reader) -> &AnyPool {
        let [brief, phones, desk, writes, background] = &self.0;
        match reader {
            Reader::Brief => brief,
            Reader::Phones => phones,
            Reader::Desk => desk,
            Reader::Writes => writes,
            Reader::Background => background,
        }
    }

    pub async fn close(&self) {
        for pool in &self.0 {
            pool.close().await;
        }
    }
}
