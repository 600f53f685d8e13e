//! Vans with their stock, and documents by kind.

use sqlx::{Connection, Row};
use sync_core::document::Document;
use sync_core::id::{TenantId, UserId, VanId};
use sync_core::schema::{DocId, DocKind, section};
use sync_core::van::{Question, Stock, Taken, Van, period};

use super::log::{self, Loaded, doc_of};
use super::sql::Statement;
use super::{Store, StoreError, StoredDocument, parts_taken};

impl Store {
    /// A van with its stock: its movements and counts, and what jobs took from it, with late counts of
    /// the record before the present one. The number is the position of the van's document, which is its ETag.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub async fn van(
        &self,
        tenant: TenantId,
        van: VanId,
    ) -> Result<Option<(Van, i64)>, StoreError> {
        let Some(standing) = self.van_record(tenant, van).await? else { return Ok(None) };
        let before = match period::before(&standing.document) {
            Some(before) => self.document(tenant, before.into()).await?,
            None => None,
        };
        let mut found = self.vans_of(tenant, vec![standing]).await?.pop();
        if let (Some((van, _)), Some(before)) = (&mut found, before) {
            let late = van.stock.late_counts_of(&before.document);
            van.stock.late_counts.extend(late);
        }
        Ok(found)
    }

    /// The present record of a van, which may be named by any of its records.
    ///
    /// # Errors
    /// As [`Store::van`].
    pub async fn van_record(
        &self,
        tenant: TenantId,
        named: VanId,
    ) -> Result<Option<StoredDocument>, StoreError> {
        let Some(named) = self.document(tenant, named.into()).await? else { return Ok(None) };
        let first = match period::van(&named.document) {
            Some(van) if period::is_further(&named.document) => {
                self.document(tenant, van.into()).await?
            }
            _ => None,
        };
        self.present(tenant, first.unwrap_or(named)).await.map(Some)
    }

    /// The record that the first one of a van names as the present one, or the last before it that
    /// is there: a server has named one that could not be opened.
    async fn present(
        &self,
        tenant: TenantId,
        first: StoredDocument,
    ) -> Result<StoredDocument, StoreError> {
        let (van, number) = (period::van(&first.document), period::number(&first.document));
        let Some(van) = van.filter(|_| number > 0 && !period::is_further(&first.document)) else {
            return Ok(first);
        };
        for number in (1..=number).rev().take(64) {
            let record = self.document(tenant, period::record_id(van, number).into()).await?;
            if let Some(record) = record.filter(|it| !it.document.is_empty()) {
                return Ok(record);
            }
        }
        Ok(first)
    }

    /// What is in a van by one of its records and what jobs took.
    ///
    /// # Errors
    /// As [`Store::van`].
    pub async fn balance(&self, tenant: TenantId, record: &Document) -> Result<Stock, StoreError> {
        let standing = StoredDocument { document: record.clone(), pos: 0 };
        let van = self.vans_of(tenant, vec![standing]).await?.pop();
        Ok(van.map(|(van, _)| van.stock).unwrap_or_default())
    }

    /// Vans with their stock, by id after `after`, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::van`].
    pub async fn vans(
        &self,
        tenant: TenantId,
        after: Option<VanId>,
        limit: u32,
    ) -> Result<Vec<(Van, i64)>, StoreError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut present, mut after) = (Vec::new(), after);
        loop {
            let some = i64::try_from(wanted - present.len()).unwrap_or(i64::MAX);
            let first = first_records(tenant, after, some);
            let rows = first.fetch(&mut *self.readers().acquire().await?).await?;
            let Some(last) = rows.last() else { break };
            after = doc_of(&last.try_get::<Vec<u8>, _>(0)?)?.van().or(after);
            for row in &rows {
                let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
                let Some(first) = self.document(tenant, doc).await? else { continue };
                if !period::is_further(&first.document) && !self.is_orphan(tenant, &first).await? {
                    present.push(self.present(tenant, first).await?);
                }
            }
            if present.len() >= wanted {
                break;
            }
        }
        self.vans_of(tenant, present).await
    }

    /// Whether a record that says nothing of itself is a further one of another van: after a restore a
    /// phone may bring what it had for a record that is not opened yet. Its id tells.
    async fn is_orphan(
        &self,
        tenant: TenantId,
        record: &StoredDocument,
    ) -> Result<bool, StoreError> {
        /// Records in a row that may be missing after a restore.
        const GAP: u32 = 4;
        /// Vans of one time that it may belong to.
        const OF_ONE_TIME: i64 = 64;
        let Some(id) = record.document.id().van() else { return Ok(false) };
        if record.document.fields(&section::DETAILS).next().is_some() {
            return Ok(false);
        }
        // Records of one van are of one time: they stand together.
        let before = Some(VanId::new(id.unix_ms(), [0; 10]));
        let rows = first_records(tenant, before, OF_ONE_TIME);
        let rows = rows.fetch(&mut *self.readers().acquire().await?).await?;
        for row in rows {
            let doc = doc_of(&row.try_get::<Vec<u8>, _>(0)?)?;
            let Some(van) = doc.van().filter(|van| *van != id && van.unix_ms() == id.unix_ms())
            else {
                continue;
            };
            let Some(first) = self.document(tenant, doc).await? else { continue };
            let last = period::number(&first.document).saturating_add(GAP);
            if (1..=last).take(10_000).any(|number| period::record_id(van, number) == id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Documents of a kind, by id after `after`, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::document`].
    pub async fn documents(
        &self,
        tenant: TenantId,
        kind: DocKind,
        after: Option<[u8; 16]>,
        limit: u32,
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        let mut first = vec![kind.code()];
        first.extend(after.unwrap_or_default());
        let rows = sqlx::query(
            "SELECT doc FROM documents WHERE tenant = $1 AND doc > $2 AND doc < $3 \
             ORDER BY doc LIMIT $4",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(first)
        .bind(vec![kind.code() + 1])
        .bind(i64::from(limit))
        .fetch_all(&mut *snapshot)
        .await?;
        let docs = rows.iter().map(|row| doc_of(&row.try_get::<Vec<u8>, _>(0)?));
        let docs = docs.collect::<Result<Vec<DocId>, StoreError>>()?;
        let mut loaded = log::load(&mut snapshot, self.backend(), tenant, &docs, i64::MAX).await?;
        snapshot.rollback().await?;
        let standing = docs.iter().filter_map(|doc| loaded.remove(doc));
        Ok(standing.map(|Loaded { document, pos, .. }| StoredDocument { document, pos }).collect())
    }

    /// The records of the vans that a technician drives.
    ///
    /// # Errors
    /// As [`Store::document`].
    pub async fn driven_by(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<Document>, StoreError> {
        let kind = DocKind::Van.code();
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        // A van is in the scope of its driver.
        let rows = sqlx::query(
            "SELECT doc FROM scope WHERE tenant = $1 AND user_id = $2 AND doc >= $3 AND doc < $4 \
             AND current = 1 ORDER BY doc",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(user.as_bytes().to_vec())
        .bind(vec![kind])
        .bind(vec![kind + 1])
        .fetch_all(&mut *snapshot)
        .await?;
        let docs = rows.iter().map(|row| doc_of(&row.try_get::<Vec<u8>, _>(0)?));
        let docs = docs.collect::<Result<Vec<DocId>, StoreError>>()?;
        let loaded = log::load(&mut snapshot, self.backend(), tenant, &docs, i64::MAX).await?;
        snapshot.rollback().await?;
        Ok(loaded.into_values().map(|loaded| loaded.document).collect())
    }

    async fn vans_of(
        &self,
        tenant: TenantId,
        standing: Vec<StoredDocument>,
    ) -> Result<Vec<(Van, i64)>, StoreError> {
        let values: usize = standing.iter().map(|it| it.document.values()).sum();
        let ask = |standing: &Vec<StoredDocument>| -> Vec<Question> {
            standing.iter().map(|record| Question::of(&record.document)).collect()
        };
        let (standing, questions) = aside(values, move || {
            let questions = ask(&standing);
            (standing, questions)
        })
        .await?;
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        let mut taken = Vec::with_capacity(standing.len());
        for (record, question) in standing.iter().zip(&questions) {
            let (backend, doc) = (self.backend(), record.document.id());
            let answer = parts_taken::taken(&mut snapshot, backend, tenant, doc, question);
            taken.push(answer.await?);
        }
        snapshot.rollback().await?;
        drop(connection);
        aside(values, move || {
            let van = |(record, taken): (&StoredDocument, &Taken)| {
                let stock = Stock::of_taken(&record.document, taken);
                (Van::with(&record.document, stock), record.pos)
            };
            standing.iter().zip(&taken).map(van).collect()
        })
        .await
    }
}

/// Does work on documents of so many values, on another thread where they are many.
async fn aside<T: Send + 'static>(
    values: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    if values < log::SMALL {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)
}

/// The first records of vans after `after`, by id: no record of a van but its first is looked at.
pub(crate) fn first_records(tenant: TenantId, after: Option<VanId>, limit: i64) -> Statement {
    let mut query = Statement::default();
    let tenant = query.bind(tenant.as_bytes());
    let mut key = vec![DocKind::Van.code()];
    key.extend(after.map(|van| *van.as_bytes()).unwrap_or_default());
    let (after, limit) = (query.bind(key), query.bind(limit));
    query.sql = format!(
        "SELECT doc FROM documents WHERE tenant = {tenant} AND kind = 2 AND further = 0 \
         AND doc > {after} ORDER BY doc LIMIT {limit}"
    );
    query
}
