//! Reads from the database what a group needs: the lock, the actor owners, the documents.

use sqlx::{AnyConnection, Row};
use sync_core::id::{ActorId, DeviceId, TenantId};

use super::group::{BEHIND_MS, Group, Needs};
use super::task::Task;
use super::usage;
use crate::sql::{Arg, id, select_in};
use crate::{StoreError, log};

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
            // The time as `grows_at` has it.
            "INSERT INTO counters (tenant, pos, at) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant) DO UPDATE SET pos = counters.pos + excluded.pos, \
             at = CASE WHEN counters.at > excluded.at AND counters.at - excluded.at <= $4 \
             THEN counters.at ELSE excluded.at END RETURNING pos, at",
        )
        .bind(tenant.as_bytes().to_vec())
        .bind(needs.positions)
        .bind(needs.now)
        .bind(BEHIND_MS)
        .fetch_one(&mut *tx)
        .await?;
        let missing = self.node.begin(group, tenant, needs, row.try_get(0)?, row.try_get(1)?);
        let usage = usage::load(tx, self.backend, tenant, needs).await?;
        group.usage.insert(tenant, usage);
        self.actor_owners(tx, group, tenant, &missing.actors).await?;
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

    async fn actor_owners(
        &self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        unknown: &[ActorId],
    ) -> Result<(), StoreError> {
        const ACTOR_OWNERS: &str =
            "SELECT actor, device FROM actor_owners WHERE tenant = $1 AND actor IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        let keys: Vec<_> = unknown.iter().map(|actor| actor.as_bytes().to_vec()).collect();
        for row in select_in(tx, self.backend, ACTOR_OWNERS, first, &keys).await? {
            let actor = id(&row, 0, ActorId::of_change)?;
            group.actor_owned(tenant, actor, id(&row, 1, DeviceId::from_slice)?);
        }
        Ok(())
    }
}
