//! What a group needs before its requests are worked on: the lock, the leases, the documents.

use std::sync::Arc;

use sqlx::{AnyConnection, Row};
use sync_core::id::{ActorId, DeviceId, TenantId};
use sync_core::schema::DocId;

use super::cache::Held;
use super::group::{Group, Needs, Positions};
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
        let end: i64 = row.try_get(0)?;
        let last = end - needs.positions;
        group.positions.insert(tenant, Positions { first: last, last, end });
        let known = self.tenants.entry(tenant).or_default();
        if known.seen != last {
            known.foreign = last;
        }
        let foreign = known.foreign;
        self.leases(tx, group, tenant, needs).await?;
        self.documents(tx, group, tenant, needs, last, foreign).await
    }

    async fn leases(
        &mut self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        needs: &Needs,
    ) -> Result<(), StoreError> {
        let mut unknown = Vec::new();
        for actor in &needs.actors {
            match self.leases.get(&(tenant, *actor)) {
                Some(device) => {
                    group.leases.insert((tenant, *actor), *device);
                }
                None => unknown.push(actor.as_bytes().to_vec()),
            }
        }
        const LEASED: &str =
            "SELECT actor, device FROM leases WHERE tenant = $1 AND actor IN ({keys})";
        let first = vec![Arg::from(tenant.as_bytes())];
        for row in select_in(tx, self.backend, LEASED, first, &unknown).await? {
            let actor = id(&row, 0, ActorId::from_slice)?;
            let device = id(&row, 1, DeviceId::from_slice)?;
            group.leases.insert((tenant, actor), device);
            group.new_leases.push(((tenant, actor), device));
        }
        Ok(())
    }

    async fn documents(
        &mut self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        needs: &Needs,
        last: i64,
        foreign: i64,
    ) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        let mut stale: Vec<DocId> = Vec::new();
        for doc in &needs.docs {
            match self.cache.take(tenant, *doc) {
                Some(held) => {
                    if held.as_of < foreign {
                        stale.push(*doc);
                    }
                    group.docs.insert((tenant, *doc), held);
                }
                None => missing.push(*doc),
            }
        }
        let mut refused = log::refused(tx, self.backend, tenant, &missing, 0).await?;
        for (doc, loaded) in log::load(tx, self.backend, tenant, &missing, last).await? {
            let projected = loaded.document.changes().len();
            let held = Held {
                document: Arc::new(loaded.document),
                pos: loaded.pos,
                as_of: last,
                bytes: loaded.bytes,
                runs: loaded.runs,
                refused: refused.remove(&doc).unwrap_or_default(),
                members: None,
                projected,
            };
            group.docs.insert((tenant, doc), held);
        }
        self.bring_forward(tx, group, tenant, &stale).await
    }

    /// Another node wrote since these documents were looked at: takes its runs on top.
    async fn bring_forward(
        &mut self,
        tx: &mut AnyConnection,
        group: &mut Group<'_>,
        tenant: TenantId,
        stale: &[DocId],
    ) -> Result<(), StoreError> {
        let as_of = stale.iter().filter_map(|doc| Some(group.docs.get(&(tenant, *doc))?.as_of));
        let Some(as_of) = as_of.min() else { return Ok(()) };
        let runs = log::runs_after(tx, self.backend, tenant, stale, as_of).await?;
        let mut refused = log::refused(tx, self.backend, tenant, stale, as_of).await?;
        for logged in runs {
            let Some(held) = group.docs.get_mut(&(tenant, logged.run.doc)) else { continue };
            if logged.pos <= held.pos {
                continue;
            }
            let document = Arc::make_mut(&mut held.document);
            log::take(document, &logged)?;
            held.pos = logged.pos;
            held.bytes += logged.bytes;
            held.runs += 1;
            held.members = None;
            held.projected = held.document.changes().len();
        }
        for doc in stale {
            if let Some(held) = group.docs.get_mut(&(tenant, *doc)) {
                held.refused.extend(refused.remove(doc).unwrap_or_default());
            }
        }
        Ok(())
    }
}
