//! What the server does on its own account: records of vans, numbers of jobs from the roadside, jobs
//! that leave the phones, jobs of people who were deactivated.
//!
//! Every step may be repeated and changes nothing the second time, so any number of servers over one
//! database may do the same, and what one could not do is done later or at the next start. Each kind
//! goes round by itself and waits for no other; in a round every tenant has the same share, and they
//! take turns, so nobody's flood keeps another waiting.

mod alike;
mod compared;
mod numbers;
mod recall;
mod release;
mod vans;

use std::time::Duration;

use store::StoreError;
use sync_core::id::{JobId, TenantId};

pub use compared::{Compared, compare_jobs};
pub use numbers::number_jobs;
pub use recall::recall_jobs;
pub use release::release_jobs;
pub use vans::vans;

use crate::app::App;

/// Time between two rounds.
const PAUSE: Duration = Duration::from_secs(20);
/// The same where a round has left something: whoever writes comes first.
const BREATH: Duration = Duration::from_millis(250);

/// Goes round until the server is gone.
pub async fn run(app: App) {
    let (shared, commits) = (app.downgrade(), app.writer().commits());
    let changes = app.writer().commits();
    drop(app);
    tokio::join!(
        vans::run(shared.clone(), commits),
        numbers::run(shared.clone()),
        compared::run(shared.clone(), changes),
        recall::run(shared.clone()),
        release::run(shared),
    );
}

/// Writes down why a job was passed over.
fn noted(job: JobId, error: StoreError, what: &'static str) -> StoreError {
    tracing::warn!(%job, %error, what, "a job was passed over");
    error
}

/// Writes down why a tenant was passed over.
fn passed_over(tenant: TenantId, error: StoreError, what: &'static str) -> StoreError {
    tracing::warn!(%tenant, %error, what, "a tenant was passed over");
    error
}
