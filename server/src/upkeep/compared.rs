//! Jobs from the roadside whose plate, number or place is told only after they were numbered: compared with
//! others again, each time something changes by which rescues are told apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Weak;

use store::writer::Committed;
use store::{StoreError, in_turn};
use sync_core::id::{JobId, TenantId};
use sync_core::job::{Job, walk_up_author};
use sync_core::schema::{DocId, key, section};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{BREATH, PAUSE, alike, noted};
use crate::api::jobs::create::likeness;
use crate::app::Shared;

/// Changed jobs of one tenant that wait; a job beyond them is looked at when it changes again.
const WAITING: usize = 10_000;
/// Jobs of one tenant that are looked at in a round.
const SHARE: usize = 20;
/// Jobs of which is known what they were compared by.
const KNOWN: usize = 20_000;

/// What jobs were compared by.
#[derive(Default)]
pub struct Compared(HashMap<JobId, String>);

/// Compares jobs that change until the server is gone.
pub(super) async fn run(shared: Weak<Shared>, mut commits: Receiver<Committed>) {
    let (mut changed, mut compared) = (Changed::default(), Compared::default());
    loop {
        let end = Instant::now() + if changed.of.is_empty() { PAUSE } else { BREATH };
        loop {
            tokio::select! {
                () = sleep_until(end) => break,
                committed = commits.recv() => if !changed.hear(committed) { return },
            }
        }
        let jobs = changed.turn();
        if jobs.is_empty() {
            continue;
        }
        let Some(app) = shared.upgrade() else { break };
        let now = app.now();
        let mut work = Box::pin(compare_jobs(&app, &jobs, &mut compared, now));
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                committed = commits.recv() => if !changed.hear(committed) { return },
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "changed jobs from the roadside were not compared with others");
        }
    }
}

/// Compares jobs with others that may be the same rescue, where they were numbered before and something by
/// which rescues are told apart has changed since; `now` is Unix milliseconds. One that cannot be read keeps
/// no other from it.
///
/// # Errors
/// If the database does not answer; then the last error of those that there were.
pub async fn compare_jobs(
    app: &Shared,
    jobs: &[(TenantId, JobId)],
    compared: &mut Compared,
    now: i64,
) -> Result<(), StoreError> {
    let mut done = Ok(());
    for (tenant, job) in jobs {
        if let Err(error) = compare(app, *tenant, *job, compared, now).await {
            done = Err(noted(*job, error, "was not compared with others"));
        }
    }
    done
}

async fn compare(
    app: &Shared,
    tenant: TenantId,
    job: JobId,
    compared: &mut Compared,
    now: i64,
) -> Result<(), StoreError> {
    let Some(standing) = app.store.document(tenant, job.into()).await? else { return Ok(()) };
    let document = &standing.document;
    // Whoever gives the number compares as well.
    let is_numbered = document.field(&section::INTAKE, &key::NUMBER).is_some();
    if walk_up_author(document).is_none() || !is_numbered {
        return Ok(());
    }
    let by = likeness(&Job::of(document));
    let by = format!("{:?}", (by.plate, by.vin, by.phone, by.place));
    if compared.0.get(&job) == Some(&by) {
        return Ok(());
    }
    alike::look(app, tenant, document, now).await?;
    if compared.0.len() >= KNOWN {
        compared.0.clear();
    }
    compared.0.insert(job, by);
    Ok(())
}

/// Jobs that changed, by tenant.
#[derive(Default)]
struct Changed {
    of: BTreeMap<TenantId, BTreeSet<JobId>>,
}

impl Changed {
    /// Notes what a commit touched; false once there will be no more.
    fn hear(&mut self, committed: Result<Committed, RecvError>) -> bool {
        match committed {
            Ok(it) => {
                for job in it.docs.iter().filter_map(DocId::job) {
                    let waiting = self.of.entry(it.tenant).or_default();
                    if waiting.len() < WAITING {
                        waiting.insert(job);
                    }
                }
                true
            }
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => false,
        }
    }

    /// The jobs whose turn it is: a share of each tenant's.
    fn turn(&mut self) -> Vec<(TenantId, JobId)> {
        let mut of_tenants = Vec::new();
        for (tenant, waiting) in &mut self.of {
            let turn: Vec<JobId> = waiting.iter().take(SHARE).copied().collect();
            waiting.retain(|job| !turn.contains(job));
            of_tenants.push(turn.into_iter().map(|job| (*tenant, job)).collect());
        }
        self.of.retain(|_, waiting| !waiting.is_empty());
        in_turn(of_tenants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_a_share_of_a_round_and_each_job_its_turn() {
        let [one, two] = [1, 2].map(|n| TenantId::new(1, [n; 10]));
        let job = |n: usize| JobId::new(i64::try_from(n).unwrap_or_default(), [0; 10]);
        let commit = |tenant, n| {
            let docs = [job(n).into()].into();
            Ok(Committed { tenant, pos: 1, docs, users: [].into() })
        };
        let mut changed = Changed::default();
        assert!((0..WAITING + 5).all(|n| changed.hear(commit(one, n))));
        assert!(changed.hear(commit(two, 7)) && changed.hear(Err(RecvError::Lagged(3))));
        let first = changed.turn();
        assert_eq!(first.len(), SHARE + 1);
        assert_eq!(first[1], (two, job(7)), "a flood keeps nobody waiting");
        let mut seen = first.len();
        while !changed.of.is_empty() {
            seen += changed.turn().len();
        }
        assert_eq!(seen, WAITING + 1);
        assert!(!changed.hear(Err(RecvError::Closed)));
    }
}
