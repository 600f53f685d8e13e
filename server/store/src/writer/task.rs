//! The writer's task: takes what waits, writes it in one transaction, answers after the commit.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::poll;

use sqlx::{AnyConnection, AnyPool, Connection};
use sync_core::id::{ActorId, TenantId};
use sync_core::policy::Role;
use tokio::sync::{broadcast, mpsc};

use super::both::Both;
use super::cache;
use super::group::{Group, Needs, guard};
use super::isolate::{Asked, Attempt, asked};
use super::node::Node;
use super::notify::Message;
use super::plain::{self, Ran};
use super::request::Committed;
use super::{Request, Told};
use crate::{Backend, Meta, Reach, StoreError};

/// Most requests in one group.
const GROUP: usize = 256;
/// Changes after which a group takes no further push, to bound memory and the wait of all.
const GROUP_CHANGES: usize = 4096;
/// The same while someone works at a desk, who would wait for the whole group.
const GROUP_CHANGES_BESIDE_DESK: usize = 1024;
/// How long after an edit of a person someone is still taken to be at work.
const AT_WORK: Duration = Duration::from_secs(10);
/// Changes worked on while the rows of those before are written.
const PART_CHANGES: usize = 512;

/// Groups in a row that may end with work put off because another server was in the way.
pub(super) const CONFLICTS: u32 = 5;

/// The task: a node, and the database it writes to.
pub(super) struct Task {
    pool: AnyPool,
    pub backend: Backend,
    pub node: Node,
    commits: broadcast::Sender<Committed>,
    /// Groups in a row that put something off because of another server.
    pub conflicts: u32,
}

impl Task {
    pub fn new(
        pool: AnyPool,
        backend: Backend,
        meta: Meta,
        actor: ActorId,
        commits: broadcast::Sender<Committed>,
    ) -> Self {
        let node = Node::new(meta, actor, cache::BYTES);
        Self { pool, backend, node, commits, conflicts: 0 }
    }
}

/// Runs until it is told to stop or every handle is gone.
pub(super) async fn run(mut task: Task, mut requests: mpsc::Receiver<Request>) {
    let mut received = Vec::with_capacity(GROUP);
    let mut waiting = VecDeque::new();
    let mut edited: Option<Instant> = None;
    loop {
        if waiting.is_empty() && requests.recv_many(&mut received, GROUP).await == 0 {
            break;
        }
        while received.len() + waiting.len() < GROUP {
            let Ok(request) = requests.try_recv() else { break };
            received.push(request);
        }
        waiting.extend(received.drain(..));
        if waiting.iter().any(is_a_persons_edit) {
            edited = Some(Instant::now());
        }
        let at_work = edited.is_some_and(|at| at.elapsed() < AT_WORK);
        let limit = if at_work { GROUP_CHANGES_BESIDE_DESK } else { GROUP_CHANGES };
        let group = take_group(&mut waiting, limit);
        if !group.is_empty() {
            for request in task.group(group).await.into_iter().rev() {
                waiting.push_front(request);
            }
        } else if let Some(Request::Stop(answer)) = waiting.pop_front() {
            task.pool.close().await;
            let _ = answer.send(());
            break;
        }
    }
}

fn is_a_persons_edit(request: &Request) -> bool {
    match request {
        Request::Edit(edit, _) | Request::Both(Both { edit, .. }) => {
            edit.caller.role != Role::System
        }
        Request::Push(..) | Request::Plain(_) | Request::Stop(_) => false,
    }
}

/// The requests of the next group: up to a stop, and pushes of not more than `limit` changes.
/// Edits go first: at a desk someone looks at the screen, a phone's work is saved already.
fn take_group(waiting: &mut VecDeque<Request>, limit: usize) -> Vec<Request> {
    let end = waiting.iter().position(|request| matches!(request, Request::Stop(_)));
    let later = waiting.split_off(end.unwrap_or(waiting.len()));
    let (pushes, mut group): (Vec<_>, Vec<_>) =
        waiting.drain(..).partition(|request| matches!(request, Request::Push(..)));
    let edits = group.len();
    let mut changes = 0;
    waiting.extend(pushes);
    while let Some(Request::Push(push, _)) = waiting.front() {
        changes += push.runs.iter().map(|run| run.run().changes.len()).sum::<usize>();
        // One at least, however large: a busy desk must not keep a phone waiting for ever.
        if changes > limit && group.len() > edits {
            break;
        }
        group.extend(waiting.pop_front());
    }
    waiting.extend(later);
    group
}

/// A group on its way into the database.
#[derive(Default)]
pub(super) struct GroupWrite {
    plain: VecDeque<Request>,
    /// Plain writes with the edits that go with them.
    pub both: VecDeque<Both>,
    /// Pushes and edits still to be written, in batches, the next one last.
    pub batches: Vec<Vec<Request>>,
    /// What was worked on, and the result if the group is committed.
    pub told: Vec<(Request, Told)>,
    /// What has to wait for the next group, because another server was in the way.
    pub again: Vec<Request>,
    pub news: Vec<Committed>,
}

impl GroupWrite {
    fn of(requests: Vec<Request>) -> Self {
        let mut work = Self::default();
        let mut documents = Vec::new();
        for request in requests {
            match request {
                Request::Plain(_) => work.plain.push_back(request),
                Request::Both(both) => work.both.push_back(both),
                Request::Push(..) | Request::Edit(..) | Request::Stop(_) => documents.push(request),
            }
        }
        if !documents.is_empty() {
            work.batches.push(documents);
        }
        work
    }

    /// Takes in the result of a batch.
    pub fn take(&mut self, batch: Vec<Request>, done: Attempt) {
        self.told.extend(batch.into_iter().zip(done.told));
        self.news.extend(done.news);
    }

    /// Everybody in it, whether reached or not, is told that nothing of theirs was written.
    fn abandon(self, error: &StoreError) {
        let reached = self.told.into_iter().map(|(request, _)| request);
        let both = self.both.into_iter().map(Request::Both);
        let others = self.batches.into_iter().flatten().chain(self.plain).chain(self.again);
        let others = others.chain(both);
        reached.chain(others).for_each(|request| request.answer(Err(error.for_group())));
    }
}

impl Task {
    /// Writes a group and answers it. Gives back what has to be tried again in the next one.
    async fn group(&mut self, requests: Vec<Request>) -> Vec<Request> {
        let mut work = GroupWrite::of(requests);
        if let Err(error) = self.write(&mut work).await {
            tracing::error!(code = error.code(), %error, "a group of writes was taken back");
            self.node.forget();
            work.abandon(&error);
            return Vec::new();
        }
        for committed in work.news {
            // Nobody need be listening.
            let _ = self.commits.send(committed);
        }
        work.told.into_iter().for_each(|(request, told)| request.answer(Ok(told)));
        self.conflicts = if work.again.is_empty() { 0 } else { self.conflicts + 1 };
        work.again
    }

    /// Has the group written on the one connection, which is given up when that fails: SQLite takes
    /// a transaction back by itself when the disk is full or broken, and the driver, which does not
    /// know, would refuse every further transaction on it.
    async fn write(&mut self, work: &mut GroupWrite) -> Result<(), StoreError> {
        let pool = self.pool.clone();
        let mut connection = pool.acquire().await?;
        let written = self.transact(&mut connection, work).await;
        if written.is_err()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the writing connection did not close in order");
        }
        written
    }

    async fn transact(
        &mut self,
        connection: &mut AnyConnection,
        work: &mut GroupWrite,
    ) -> Result<(), StoreError> {
        let mut tx = connection.begin_with(self.backend.begin()).await?;
        super::current(&mut tx, self.backend).await?;
        let mut wrote = self.plain(&mut tx, work).await?;
        wrote |= self.both(&mut tx, work).await?;
        // The first batch needs no savepoint if nothing stands before it.
        if !wrote && let Some(mut batch) = work.batches.pop() {
            match self.attempt(&mut tx, &mut asked(&mut batch)).await {
                Ok(done) => {
                    wrote |= done.wrote;
                    work.take(batch, done);
                }
                Err(error) => {
                    work.batches.push(batch);
                    if error.reach() == Reach::Store {
                        return Err(error);
                    }
                    tx.rollback().await?;
                    tx = connection.begin_with(self.backend.begin()).await?;
                }
            }
        }
        wrote |= self.isolate(&mut tx, work).await?;
        if wrote {
            tx.commit().await?;
        } else {
            // Only repetitions: every verdict speaks of something committed before.
            tx.rollback().await?;
        }
        Ok(())
    }

    /// Runs the plain writes. Says whether any statement of theirs stays.
    async fn plain(
        &mut self,
        tx: &mut AnyConnection,
        work: &mut GroupWrite,
    ) -> Result<bool, StoreError> {
        let mut kept = false;
        while let Some(Request::Plain(mut plain)) = work.plain.pop_front() {
            let ran = plain::run(&mut *plain, &mut *tx).await;
            match ran {
                Ok(Ran::Conflict) if self.conflicts < CONFLICTS => {
                    work.again.push(Request::Plain(plain));
                    continue;
                }
                _ => work.told.push((Request::Plain(plain), Told::Plain)),
            }
            kept |= ran? == Ran::Kept;
        }
        Ok(kept)
    }

    /// Writes the rows of these requests, all or none. The documents they change are kept as if they
    /// were committed.
    pub(super) async fn attempt(
        &mut self,
        tx: &mut AnyConnection,
        asked: &mut [Asked<'_>],
    ) -> Result<Attempt, StoreError> {
        let mut needs: BTreeMap<TenantId, Needs> = BTreeMap::new();
        for asked in &*asked {
            match asked {
                Asked::Push(push) => {
                    needs.entry(push.tenant).or_default().push(push, self.node.actor);
                }
                Asked::Edit(edit, _) => {
                    needs.entry(edit.tenant).or_default().edit(edit, self.node.actor);
                }
            }
        }
        let meta = self.node.meta.clone();
        let mut group = Group::new(&meta, self.node.actor);
        for (tenant, needs) in &needs {
            self.prepare(&mut *tx, &mut group, *tenant, needs).await?;
        }
        // Under the locks of the tenants, which a rebuild takes too: what a newer version has claimed by
        // now is seen, and what it claims later it computes after this.
        super::current(&mut *tx, self.backend).await?;
        let (mut told, mut wrote) = (Vec::with_capacity(asked.len()), false);
        while told.len() < asked.len() {
            let ready = group.take_tables();
            wrote |= !ready.is_empty();
            let rows = ready.write(&mut *tx, self.backend);
            part(&mut group, asked, &mut told, rows).await?;
        }
        let ready = group.take_tables();
        wrote |= !ready.is_empty();
        if wrote {
            ready.write(&mut *tx, self.backend).await?;
            if self.backend == Backend::Postgres {
                self.announce(tx, &group).await?;
            }
        } else {
            group.give_back();
        }
        let news = group.committed();
        self.node.keep(group);
        Ok(Attempt { told, news, wrote })
    }

    /// Tells other nodes, once this commits.
    async fn announce(&self, tx: &mut AnyConnection, group: &Group<'_>) -> Result<(), StoreError> {
        for (tenant, positions) in &group.positions {
            let (after, upto) = (positions.first, positions.last);
            if after < upto {
                let message = Message { node: self.node.actor, tenant: *tenant, after, upto };
                message.send(tx).await?;
            }
        }
        Ok(())
    }
}

/// Works on some of the requests while the rows of those before are on their way.
async fn part(
    group: &mut Group<'_>,
    asked: &mut [Asked<'_>],
    told: &mut Vec<Told>,
    rows: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let mut rows = pin!(rows);
    let mut written = None;
    let mut worked = Ok(());
    let mut changes = 0;
    while changes < PART_CHANGES
        && let Some(asked) = asked.get_mut(told.len())
    {
        if written.is_none()
            && let Poll::Ready(result) = poll!(&mut rows)
        {
            written = Some(result);
        }
        let done = match asked {
            Asked::Push(push) => {
                changes += push.runs.iter().map(|run| run.run().changes.len()).sum::<usize>();
                guard(|| group.push(push)).flatten().map(Told::Push)
            }
            Asked::Edit(edit, work) => {
                changes += 1;
                guard(|| group.edit(edit, *work)).flatten().map(Told::Edit)
            }
        };
        match done {
            Ok(done) => told.push(done),
            Err(error) => {
                worked = Err(error);
                break;
            }
        }
    }
    worked = worked.and_then(|()| guard(|| group.project()).flatten());
    // The connection is left only between two statements.
    match written {
        Some(written) => written?,
        None => rows.await?,
    }
    worked
}

#[cfg(test)]
mod tests {
    use sync_core::id::{DeviceId, UserId};
    use sync_core::policy::Principal;
    use tokio::sync::oneshot;

    use super::*;
    use crate::writer::{EditRequest, Expect, PushRequest, request};

    fn push() -> Request {
        let caller = Principal { user: UserId::new(1, [1; 10]), role: Role::Technician };
        let (tenant, device) = (TenantId::new(1, [1; 10]), DeviceId::new(1, [1; 10]));
        let (runs, evidence, now) = (Vec::new(), None, 1);
        let push =
            PushRequest { tenant, caller, device, devices: vec![device], runs, evidence, now };
        Request::Push(push, oneshot::channel().0)
    }

    fn edit() -> Request {
        let caller = Principal { user: UserId::new(2, [2; 10]), role: Role::Dispatcher };
        let doc = sync_core::id::JobId::new(1, [1; 10]).into();
        let tenant = TenantId::new(1, [1; 10]);
        let edit = EditRequest { tenant, caller, doc, expect: Expect::Any, now: 1, note: None };
        let work = |_: &sync_core::document::Document| Ok::<_, ()>(Vec::new());
        Request::Edit(edit, request::edit(work, oneshot::channel().0))
    }

    #[test]
    fn who_waits_at_a_desk_goes_before_phones_and_nobody_after_a_stop() {
        let stop = Request::Stop(oneshot::channel().0);
        let mut waiting = VecDeque::from([push(), push(), edit(), push(), stop, edit()]);
        let group = take_group(&mut waiting, GROUP_CHANGES);
        assert!(matches!(group.first(), Some(Request::Edit(..))));
        assert_eq!(group.len(), 4);
        assert!(matches!(waiting.front(), Some(Request::Stop(_))));
        assert!(
            take_group(&mut waiting, GROUP_CHANGES).is_empty(),
            "a stop is for the caller to carry out"
        );
        assert_eq!(waiting.len(), 2);
    }
}
