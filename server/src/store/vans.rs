//! Vans with their stock, and documents by kind.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{Connection, Row};
use sync_core::id::{FactId, JobId, TenantId, VanId};
use sync_core::schema::{DocId, DocKind};
use sync_core::van::{Usage, Van};

use super::log::{self, Loaded, doc_of};
use super::sql::{Arg, id, select_in};
use super::{Standing, Store, StoreError};

impl Store {
    /// A van with its stock: its movements and counts, and what jobs took from it. The number is
    /// the position of the van's document, which is its ETag.
    ///
    /// # Errors
    /// If the database does not answer, or holds what cannot be read back.
    pub async fn van(
        &self,
        tenant: TenantId,
        van: VanId,
    ) -> Result<Option<(Van, i64)>, StoreError> {
        let Some(standing) = self.document(tenant, van.into()).await? else { return Ok(None) };
        Ok(self.vans_of(tenant, vec![standing]).await?.pop())
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
        let after = after.map(|van| *van.as_bytes());
        let standing = self.documents(tenant, DocKind::Van, after, limit).await?;
        self.vans_of(tenant, standing).await
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
    ) -> Result<Vec<Standing>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        let mut first = vec![kind.code()];
        first.extend(after.unwrap_or_default());
        let rows = sqlx::query(
            "SELECT doc FROM documents WHERE tenant = $1 AND kind = $2 AND doc > $3 \
             ORDER BY doc LIMIT $4",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(i64::from(kind.code()))
        .bind(first)
        .bind(i64::from(limit))
        .fetch_all(&mut *snapshot)
        .await?;
        let docs = rows.iter().map(|row| doc_of(&row.try_get::<Vec<u8>, _>(0)?));
        let docs = docs.collect::<Result<Vec<DocId>, StoreError>>()?;
        let mut loaded = log::load(&mut snapshot, self.backend(), tenant, &docs, i64::MAX).await?;
        snapshot.rollback().await?;
        let standing = docs.iter().filter_map(|doc| loaded.remove(doc));
        Ok(standing.map(|Loaded { document, pos, .. }| Standing { document, pos }).collect())
    }

    async fn vans_of(
        &self,
        tenant: TenantId,
        standing: Vec<Standing>,
    ) -> Result<Vec<(Van, i64)>, StoreError> {
        const USED: &str = "SELECT van, job, fact, part_no, quantity, bin, at, voided \
                            FROM job_parts WHERE tenant = $1 AND part_no <> '' AND van IN ({keys})";
        let vans = standing.iter().map(|standing| standing.document.id().as_bytes().to_vec());
        let vans: Vec<Vec<u8>> = vans.collect();
        let mut connection = self.readers().acquire().await?;
        let first = vec![Arg::from(tenant.as_bytes())];
        let rows = select_in(&mut connection, self.backend(), USED, first, &vans).await?;
        let mut usages: BTreeMap<[u8; 16], Vec<Usage>> = BTreeMap::new();
        for usage in rows.iter().map(usage).collect::<Result<Vec<_>, _>>()? {
            usages.entry(*usage.van.as_bytes()).or_default().push(usage);
        }
        let van = |Standing { document, pos }: &Standing| {
            let used = usages.get(document.id().as_bytes());
            (Van::of(document, used.map_or(&[], Vec::as_slice)), *pos)
        };
        Ok(standing.iter().map(van).collect())
    }
}

fn usage(row: &AnyRow) -> Result<Usage, StoreError> {
    Ok(Usage {
        van: id(row, 0, VanId::from_slice)?,
        job: id(row, 1, JobId::from_slice)?,
        id: id(row, 2, FactId::from_slice)?,
        part_no: row.try_get(3)?,
        quantity: row.try_get(4)?,
        bin: row.try_get(5)?,
        at: row.try_get(6)?,
        voided: row.try_get::<i64, _>(7)? != 0,
    })
}
