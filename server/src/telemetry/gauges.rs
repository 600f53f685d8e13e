//! Gauges of what is stored, read from the small table of usage now and then, never for a request.

use std::sync::Weak;
use std::time::Duration;

use store::{StoreError, TakenUp};
use sync_core::id::TenantId;
use tokio::time::sleep;

use super::metrics::Case;
use crate::app::Shared;

/// Time between two readings.
const PAUSE: Duration = Duration::from_secs(15);
/// Percent of its storage from which on the log names a tenant.
const NEARLY_FULL: i64 = 80;

/// Reads the gauges once. Gives the tenants that are nearly full, with the percentage.
///
/// # Errors
/// When the store refuses; the gauges stay as they were.
pub async fn refresh(app: &Shared) -> Result<Vec<(TenantId, i64)>, StoreError> {
    let taken_up = app.store.taken_up().await?;
    let mut totals =
        ["log", "projections", "quarantine", "submissions", "decisions"].map(|kind| (kind, 0, 0));
    let mut tenants = std::collections::BTreeMap::<TenantId, i64>::new();
    for TakenUp { tenant, kind, items, bytes } in taken_up {
        *tenants.entry(tenant).or_insert(0) += bytes;
        if let Some(total) = totals.iter_mut().find(|(name, _, _)| *name == kind) {
            total.1 += items;
            total.2 += bytes;
        }
    }
    let metrics = &app.metrics;
    for (kind, items, bytes) in totals {
        if kind == "decisions" {
            metrics.decisions.set(items);
        } else {
            metrics.stored_rows.get_or_create(&Case::of(kind)).set(items);
            metrics.stored_bytes.get_or_create(&Case::of(kind)).set(bytes);
        }
    }
    let most = app.config.bounds.storage_bytes.max(1);
    let percent =
        |bytes: i64| i64::try_from(i128::from(bytes) * 100 / i128::from(most)).unwrap_or(i64::MAX);
    let shares = tenants.into_iter().map(|(tenant, bytes)| (tenant, percent(bytes)));
    let shares: Vec<_> = shares.collect();
    metrics.fullest.set(shares.iter().map(|(_, share)| *share).max().unwrap_or(0));
    Ok(shares.into_iter().filter(|(_, share)| *share >= NEARLY_FULL).collect())
}

/// Reads the gauges until the server is gone; the task does not keep it alive.
pub async fn run(shared: Weak<Shared>) {
    let mut named = Vec::new();
    loop {
        sleep(PAUSE).await;
        let Some(app) = shared.upgrade() else { break };
        match refresh(&app).await {
            Ok(full) => {
                // Said again only when a percent has been added.
                for (tenant, percent) in full.iter().filter(|it| !named.contains(*it)) {
                    tracing::warn!(%tenant, percent, "a tenant's storage is nearly full");
                }
                named = full;
            }
            Err(error) => tracing::debug!(code = error.code(), "the gauges were not read"),
        }
    }
}
