//! Documents of technicians follow their accounts and their branches.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use store::Store;
use store::rows::users::{self, User};
use store::rows::{branches, tenants};
use sync_core::check::Region;
use sync_core::document::Document;
use sync_core::id::{BranchId, TenantId};

use super::copy_entries;
use crate::api::{account, check};
use crate::app::App;
use crate::auth::Role;
use crate::http::Problem;

/// Brings the documents of technicians in line with their accounts: where a process ended between
/// the two writes, and in databases from before an account's changes went into the document.
/// `fallback` is the region of branches without one. What cannot be read is noted and passed over.
///
/// # Errors
/// When the database does not answer; then the last error of those that there were.
pub async fn accounts(store: &Store, now: i64, fallback: Region) -> Result<(), Problem> {
    let mut connection = store.readers().acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut all = Ok(());
    for tenant in tenants {
        all = of_tenant(store, now, tenant.id, fallback).await.and(all);
    }
    all
}

/// The tenants whose technicians are followed now, and whether one more round is due after this one.
#[derive(Debug, Default)]
pub struct Following(Mutex<HashMap<TenantId, bool>>);

impl Following {
    fn of(&self) -> MutexGuard<'_, HashMap<TenantId, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a round; says whether a task is to be begun for it.
    fn ask(&self, tenant: TenantId) -> bool {
        self.of().insert(tenant, true).is_none()
    }

    /// Whether the tenant's task goes round once more.
    fn goes_on(&self, tenant: TenantId) -> bool {
        let mut of = self.of();
        let again = of.get_mut(&tenant).is_some_and(std::mem::take);
        if !again {
            of.remove(&tenant);
        }
        again
    }
}

/// Does the same for one tenant, after a change of a branch, while the server goes on: one task a
/// tenant, however often its branches change.
pub fn in_background(app: &App, tenant: TenantId) {
    if !app.following.ask(tenant) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        while app.following.goes_on(tenant) {
            let round = of_tenant(&app.store, app.now(), tenant, app.config.phone_region);
            if let Err(problem) = AssertUnwindSafe(round).catch_unwind().await.unwrap_or(Ok(())) {
                let code = problem.code().as_str();
                tracing::warn!(%tenant, code, "documents of technicians may lag behind their branch");
            }
        }
    });
}

async fn of_tenant(
    store: &Store,
    now: i64,
    tenant: TenantId,
    fallback: Region,
) -> Result<(), Problem> {
    let (mut after, mut all) = (None, Ok(()));
    loop {
        let mut connection = store.readers().acquire().await?;
        let branches = branches::list(&mut connection, tenant).await?;
        let regions: BTreeMap<BranchId, Region> =
            branches.iter().filter_map(|it| Some((it.id, check::region_of(it)?))).collect();
        let role = Some(Role::Technician);
        let found = users::list(&mut connection, tenant, role, after, PAGE).await?;
        drop(connection);
        let Some(last) = found.last() else { return all };
        after = Some(last.id);
        for user in found {
            let (id, region) = (user.id, user.branch.and_then(|it| regions.get(&it)).copied());
            let done = of_account(store, now, tenant, user, (region, fallback)).await;
            if let Err(problem) = done {
                let code = problem.code().as_str();
                tracing::warn!(%tenant, technician = %id, code, "a technician was passed over");
                all = Err(problem);
            }
        }
    }
}

/// Accounts read at a time.
const PAGE: i64 = 200;

/// Most need nothing: only whose document lags is read again, in the write.
async fn of_account(
    store: &Store,
    now: i64,
    tenant: TenantId,
    user: User,
    (region, fallback): (Option<Region>, Region),
) -> Result<(), Problem> {
    let standing = store.document(tenant, user.id.into()).await?;
    let region = Some(region.unwrap_or(fallback));
    let lags = |document: &Document| !copy_entries(document, &user, region).is_empty();
    if standing.is_some_and(|standing| lags(&standing.document)) {
        account::follow(store, tenant, user.id, fallback, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_one_task_however_often_it_is_asked_for() {
        let (following, one, two) =
            (Following::default(), TenantId::new(1, [1; 10]), TenantId::new(1, [2; 10]));
        assert!(following.ask(one) && following.ask(two), "each has its own");
        assert!(following.goes_on(one));
        for _ in 0..60 {
            assert!(!following.ask(one), "the one that is there looks again");
        }
        assert!(following.goes_on(one) && !following.goes_on(one), "once for all of them");
        assert!(following.ask(one), "it has ended");
    }
}
