//! Records of vans: closed before they are full, and what came late is stated in the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Weak;

use store::writer::Committed;
use store::{StoreError, in_turn};
use sync_core::id::{TenantId, VanId};
use sync_core::schema::{DocId, DocKind};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{BREATH, PAUSE, passed_over};
use crate::api::vans::period;
use crate::app::Shared;

/// Changed documents of one tenant remembered between two rounds; beyond them every van of that tenant
/// is looked at.
const TOUCHED: usize = 10_000;
/// Vans of one tenant that are looked after in a round.
const SHARE: usize = 100;

/// Looks after vans until the server is gone.
pub(super) async fn run(shared: Weak<Shared>, mut commits: Receiver<Committed>) {
    let (mut heard, mut queue) = (Heard { all: true, ..Heard::default() }, Queue::default());
    loop {
        let Some(app) = shared.upgrade() else { break };
        let mut news = std::mem::take(&mut heard);
        let mut work = Box::pin(go_round(&app, &mut news, &mut queue));
        // Whoever does not listen meanwhile has missed something after every long round.
        let more = loop {
            tokio::select! {
                more = &mut work => break more,
                committed = commits.recv() => if !heard.hear(committed) { return },
            }
        };
        drop(work);
        heard.all |= news.all;
        drop(app);
        let end = Instant::now() + if more { BREATH } else { PAUSE };
        loop {
            tokio::select! {
                () = sleep_until(end) => break,
                committed = commits.recv() => if !heard.hear(committed) { return },
            }
        }
    }
}

/// What was written since the last round.
#[derive(Default)]
struct Heard {
    touched: BTreeMap<TenantId, BTreeSet<DocId>>,
    /// Tenants of which more was written than is remembered.
    missed: BTreeSet<TenantId>,
    /// Something was missed of anybody.
    all: bool,
}

impl Heard {
    /// Notes what a commit touched; false once there will be no more.
    fn hear(&mut self, committed: Result<Committed, RecvError>) -> bool {
        match committed {
            Ok(it) => {
                let touched = self.touched.entry(it.tenant).or_default();
                if touched.len() >= TOUCHED {
                    self.missed.insert(it.tenant);
                    return true;
                }
                touched.extend(it.docs.iter().filter(|doc| doc.kind != DocKind::Technician));
            }
            Err(RecvError::Lagged(_)) => self.all = true,
            Err(RecvError::Closed) => return false,
        }
        true
    }
}

/// What is left to look after.
#[derive(Default)]
struct Queue {
    of: BTreeMap<TenantId, Waiting>,
}

/// Vans of one tenant.
#[derive(Default)]
struct Waiting {
    vans: BTreeSet<VanId>,
    /// The one looked after last: the next round goes on behind it, so each has its turn.
    last: Option<VanId>,
    /// Every van, from behind this one on.
    every: Option<Option<VanId>>,
}

impl Waiting {
    /// The vans whose turn it is.
    fn take(&mut self) -> Vec<VanId> {
        let from = self.last.map_or(Unbounded, Excluded);
        let behind = self.vans.range((from, Unbounded));
        let turn: Vec<VanId> =
            behind.chain(&self.vans).take(SHARE.min(self.vans.len())).copied().collect();
        for van in &turn {
            self.vans.remove(van);
        }
        self.last = turn.last().copied().or(self.last);
        turn
    }

    /// Adds the next page of every van, if they are all to be looked at and few wait.
    async fn fill(&mut self, app: &Shared, tenant: TenantId) -> Result<(), StoreError> {
        let Some(after) = self.every.filter(|_| self.vans.len() < SHARE) else { return Ok(()) };
        let page = app.store.van_records(tenant, after, SHARE).await?;
        self.every = page.last().filter(|_| page.len() >= SHARE).map(|last| Some(*last));
        self.vans.extend(page);
        Ok(())
    }
}

/// One round. Says whether anything is left that can be done at once.
async fn go_round(app: &Shared, heard: &mut Heard, queue: &mut Queue) -> bool {
    let news = std::mem::take(heard);
    if let Err(error) = take_in(app, news, queue).await {
        // Whose they are was not learnt: the next round asks again.
        heard.all = true;
        tracing::warn!(%error, "the records of vans were not looked for");
    }
    settle(app, queue).await.0
}

/// Notes the vans that changed, or whose parts a changed job took.
async fn take_in(app: &Shared, heard: Heard, queue: &mut Queue) -> Result<(), StoreError> {
    let (mut every, mut done) = (heard.missed, Ok(()));
    if heard.all {
        match app.store.writing_tenants().await {
            Ok(tenants) => every.extend(tenants),
            Err(error) => done = Err(error),
        }
    }
    for tenant in every {
        // One that is under way is begun again: what was missed may lie behind it.
        queue.of.entry(tenant).or_default().every = Some(None);
    }
    for (tenant, docs) in heard.touched {
        let found = app.store.vans_of_jobs(tenant, docs.iter().filter_map(DocId::job)).await;
        let waiting = queue.of.entry(tenant).or_default();
        waiting.vans.extend(docs.iter().filter_map(DocId::van));
        match found {
            Ok(vans) => waiting.vans.extend(vans),
            Err(error) => {
                waiting.every = Some(None);
                tracing::warn!(%tenant, %error, "the vans of changed jobs were not looked for");
            }
        }
    }
    done
}

/// Looks after a share of each tenant's vans, in turn. Those that failed wait for another round: one
/// that cannot be read keeps nobody from the others. Gives whether more is left, and the last error.
async fn settle(app: &Shared, queue: &mut Queue) -> (bool, Result<(), StoreError>) {
    let (mut of_tenants, mut unfilled, mut done) = (Vec::new(), BTreeSet::new(), Ok(()));
    for (tenant, waiting) in &mut queue.of {
        if let Err(error) = waiting.fill(app, *tenant).await {
            unfilled.insert(*tenant);
            done = Err(passed_over(*tenant, error, "records of vans were not looked for"));
        }
        of_tenants.push(waiting.take().into_iter().map(|van| (*tenant, van)).collect());
    }
    let mut failed = Vec::new();
    for (tenant, van) in in_turn(of_tenants) {
        if let Err(error) = period::settle(&app.store, tenant, van, app.now()).await {
            tracing::warn!(record = %van, %error, "the record of a van was not looked after");
            failed.push((tenant, van));
            done = Err(error);
        }
    }
    queue.of.retain(|_, waiting| !waiting.vans.is_empty() || waiting.every.is_some());
    // What failed is left for the next round and does not hasten it.
    let more = queue.of.iter().any(|(tenant, waiting)| {
        !waiting.vans.is_empty() || (waiting.every.is_some() && !unfilled.contains(tenant))
    });
    for (tenant, van) in failed {
        queue.of.entry(tenant).or_default().vans.insert(van);
    }
    (more, done)
}

/// Looks after every van, as at a start.
///
/// # Errors
/// The first of those that there were; the other vans are looked after all the same.
pub async fn vans(app: &Shared) -> Result<(), StoreError> {
    let (mut queue, mut all) = (Queue::default(), Ok(()));
    take_in(app, Heard { all: true, ..Heard::default() }, &mut queue).await?;
    loop {
        let (more, done) = settle(app, &mut queue).await;
        all = all.and(done);
        if !more {
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_van_has_its_turn_however_often_others_change() {
        let van = |n: usize| VanId::new(i64::try_from(n).unwrap_or_default(), [0; 10]);
        let mut waiting = Waiting::default();
        let mut seen = BTreeSet::new();
        for _ in 0..3 {
            // The first vans change before every round.
            waiting.vans.extend((0..SHARE).map(van));
            waiting.vans.extend((0..2 * SHARE + 50).map(van).filter(|it| !seen.contains(it)));
            seen.extend(waiting.take());
        }
        assert_eq!(seen.len(), 2 * SHARE + 50);
    }

    #[test]
    fn one_tenants_flood_is_missed_of_that_tenant_alone() {
        let [one, two] = [1, 2].map(|n| TenantId::new(1, [n; 10]));
        let mut heard = Heard::default();
        let commit = |tenant, n: usize| {
            let job = sync_core::id::JobId::new(i64::try_from(n).unwrap_or_default(), [0; 10]);
            Ok(Committed { tenant, pos: 1, docs: [job.into()].into(), users: [].into() })
        };
        for n in 0..=TOUCHED {
            assert!(heard.hear(commit(one, n)));
        }
        assert!(heard.hear(commit(two, 1)));
        assert_eq!(heard.missed, BTreeSet::from([one]));
        assert_eq!(heard.touched[&one].len(), TOUCHED);
        assert!(!heard.all && heard.touched[&two].len() == 1);
    }
}
