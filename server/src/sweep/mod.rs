//! Retention: deletes what has been kept long enough, a bounded batch at a time.
//!
//! Every batch is a write of its own in the writer's queue, so whoever waits there goes between
//! two of them. Nothing of the log is ever deleted: `verify` needs runs and snapshots, and it
//! checks the signature of every push that is still kept, whichever those are.

mod time;

use std::sync::Weak;
use std::time::Duration;

use store::{Store, StoreError};
use tokio::time::sleep;

pub use store::retention::{Keep, RULES, Rule, RuleName};
pub use time::{Judge, Judged, Look, STEADY_MS, SweepTime, Wait, is_certainly_behind};

use crate::app::Shared;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Case;

/// Batches of one rule in a round.
const BATCHES: usize = 20;
/// Pause before the next round when this one did not get to the end.
const SOON: Duration = Duration::from_secs(1);

/// One round over all rules at a time. Gives whether more is left to delete.
///
/// # Errors
/// The last of those that there were; no rule keeps another from its turn.
pub async fn round(
    store: &Store,
    keep: &Keep,
    metrics: &Metrics,
    now: SweepTime,
) -> Result<bool, StoreError> {
    let (mut more, mut failed) = (false, None);
    for rule in RULES {
        let before = now.ms().saturating_sub(keep.ms(rule.name));
        match batches(store, metrics, rule, before).await {
            Ok(whole) => more |= whole,
            Err(error) => {
                tracing::warn!(rule = rule.name.as_str(), %error, "one kind of old rows was passed over");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(more), Err)
}

/// Deletes by one rule. Gives whether more is left.
async fn batches(
    store: &Store,
    metrics: &Metrics,
    rule: &'static Rule,
    before: i64,
) -> Result<bool, StoreError> {
    for _ in 0..BATCHES {
        let deleted = batch(store, rule, before).await?;
        metrics.swept.get_or_create(&Case::of(rule.name.as_str())).inc_by(deleted);
        if deleted < rule.batch.unsigned_abs() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn batch(store: &Store, rule: &'static Rule, before: i64) -> Result<u64, StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let delete = sqlx::query(rule.delete).bind(before).bind(rule.batch);
                Ok(delete.execute(tx).await?.rows_affected())
            })
        })
        .await
}

/// Sweeps at the pace of the settings until the server is gone; the task does not keep it alive.
pub async fn run(shared: Weak<Shared>) {
    let (mut pause, mut told) = (SOON, None);
    loop {
        sleep(pause).await;
        let Some(app) = shared.upgrade() else { break };
        pause = match app.sweep_time().await {
            Ok(Ok(time)) => {
                told = None;
                swept(&app, round(&app.store, &app.config.keep, &app.metrics, time).await)
            }
            Ok(Err(wait)) => {
                if told.replace(wait) != Some(wait) {
                    tell(wait);
                }
                app.config.sweep
            }
            Err(error) => swept(&app, Err(error)),
        };
    }
}

fn tell(wait: Wait) {
    match wait {
        Wait::Young => tracing::info!("old rows are kept for now: {wait}"),
        Wait::Stepped | Wait::Behind | Wait::Differs => {
            tracing::warn!("old rows are kept for now: {wait}");
        }
    }
}

/// When to come again.
fn swept(app: &Shared, swept: Result<bool, StoreError>) -> Duration {
    match swept {
        Ok(true) => SOON,
        Ok(false) => app.config.sweep,
        Err(error) => {
            tracing::warn!(code = error.code(), "old rows were not deleted; tried again later");
            app.config.sweep
        }
    }
}
