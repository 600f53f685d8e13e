//! Reads from the database what a group needs: the lock, the leases, the documents.

use sqlx::{AnyConnection, Row};
use sync_core::id::{ActorId, DeviceId, TenantId};

use super::group::{Group, Needs};
use super::task::Task;
use crate::store::sql::{Arg, id, select_in};
use crate::store::{StoreError, log};

impl Task {
    /// Takes the tenant's lock and loads what the group needs of it.
    pub(super) async fn prepare(
        &mut self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        needs: &Needs,
    ) -> Result<(), StoreError> {
        let row = sqlx::query(
            "INSERT INTO counters (tenant, pos) VALUES ($1, $2) \
             ON CONFLICT (tenant) DO UPDATE SET pos = counters.pos + excluded.pos RETURNING pos",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(needs.positions)
        .fetch_one(&mut *tx)
        .await?;
        let missing = self.node.begin(group, tenant, needs, row.try_get(0)?);
        self.leases(tx, group, tenant, &missing.actors).await?;
        let (backend, docs) = (self.backend, &missing.docs);
        let refused = log::refused(tx, backend, tenant, docs, 0).await?;
        let loaded = log::load(tx, backend, tenant, docs, missing.upto).await?;
        group.loaded(tenant, loaded, refused, missing.upto);
        if missing.stale.is_empty() {
            return Ok(());
        }
        let (stale, after) = (&missing.stale, missing.stale_after);
        let runs = log::runs_after(tx, backend, tenant, stale, after).await?;
        let refused = log::refused(tx, backend, tenant, stale, after).await?;
        group.bring_forward(tenant, stale, runs, refused)
    }

    async fn leases(
        &self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        unknown: &[ActorId],
    ) -> Result<(), StoreError> {
        const LEASED: &str =
            "SELECT actor, device FROM leases WHERE tenant = $1 AND actor IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        let keys: Vec<_> = unknown.iter().map(|actor| actor.as_bytes().to_vec()).collect();
        for row in select_in(tx, self.backend, LEASED, first, &keys).await? {
            let actor = id(&row, 0, ActorId::of_change)?;
            group.leased(tenant, actor, id(&row, 1, DeviceId::from_slice)?);
        }
        Ok(())
    }
}
