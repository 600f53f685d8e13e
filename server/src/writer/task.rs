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

use super::cache;
use super::group::{Group, Needs};
use super::node::Node;
use super::notify::Message;
use super::request::Committed;
use super::{Request, plain};
use crate::store::{Backend, Meta, StoreError};

/// Most requests in one group.
const GROUP: usize = 256;
/// Changes after which a group takes no further push, to bound memory and the wait of all.
const GROUP_CHANGES: usize = 4096;
/// The same while somebody works at a desk, who would wait for the whole group.
const GROUP_CHANGES_BESIDE_DESK: usize = 1024;
/// How long after an edit of a person somebody is still taken to be at work.
const AT_WORK: Duration = Duration::from_secs(10);
/// Changes worked on while the rows of those before are written.
const PART_CHANGES: usize = 512;

/// Tells a caller how it went, once the commit is known.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The task: a node, and the database it writes to.
pub(super) struct Task {
    pool: AnyPool,
    pub backend: Backend,
    pub node: Node,
    commits: broadcast::Sender<Committed>,
}

impl Task {
    pub fn new(
        pool: AnyPool,
        backend: Backend,
        meta: Meta,
        actor: ActorId,
        commits: broadcast::Sender<Committed>,
    ) -> Self {
        Self { pool, backend, node: Node::new(meta, actor, cache::BYTES), commits }
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
            task.group(group).await;
        } else if let Some(Request::Stop(answer)) = waiting.pop_front() {
            task.pool.close().await;
            let _ = answer.send(());
            break;
        }
    }
}

fn is_a_persons_edit(request: &Request) -> bool {
    matches!(request, Request::Edit(edit, _) if edit.caller.role != Role::System)
}

/// The requests of the next group: up to a stop, and pushes of not more than `limit` changes.
/// Edits go first: at a desk somebody looks at the screen, a phone's work is saved already.
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

impl Task {
    async fn group(&mut self, requests: Vec<Request>) {
        let mut answers: Vec<Answer> = Vec::with_capacity(requests.len());
        match self.write(requests, &mut answers).await {
            Ok(committed) => {
                for committed in committed {
                    // Nobody need be listening.
                    let _ = self.commits.send(committed);
                }
                answers.into_iter().for_each(|answer| answer(Ok(())));
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "a group of writes was taken back");
                answers.into_iter().for_each(|answer| answer(Err(error.for_group())));
            }
        }
    }

    /// Writes a group in one transaction. An answer is added for each request; none of them may
    /// be given before this has returned.
    async fn write(
        &mut self,
        requests: Vec<Request>,
        answers: &mut Vec<Answer>,
    ) -> Result<Vec<Committed>, StoreError> {
        let mut needs: BTreeMap<TenantId, Needs> = BTreeMap::new();
        for request in &requests {
            match request {
                Request::Push(push, _) => {
                    needs.entry(push.tenant).or_default().push(push, self.node.actor);
                }
                Request::Edit(edit, _) => {
                    needs.entry(edit.tenant).or_default().edit(edit, self.node.actor);
                }
                Request::Plain(_) | Request::Stop(_) => {}
            }
        }
        let mut requests = VecDeque::from(requests);
        let begun = self.begin(&mut requests, answers, &needs).await;
        // Whoever was not reached is told as well.
        answers.extend(requests.into_iter().map(Request::abandon));
        begun
    }

    /// Has the group written on the one connection, which is given up when that fails: SQLite takes
    /// a transaction back by itself when the disk is full or broken, and the driver, which does not
    /// know, would refuse every further transaction on it.
    async fn begin(
        &mut self,
        requests: &mut VecDeque<Request>,
        answers: &mut Vec<Answer>,
        needs: &BTreeMap<TenantId, Needs>,
    ) -> Result<Vec<Committed>, StoreError> {
        let pool = self.pool.clone();
        let mut connection = pool.acquire().await?;
        let written = self.transact(&mut connection, requests, answers, needs).await;
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
        requests: &mut VecDeque<Request>,
        answers: &mut Vec<Answer>,
        needs: &BTreeMap<TenantId, Needs>,
    ) -> Result<Vec<Committed>, StoreError> {
        let mut tx = connection.begin_with(self.backend.begin()).await?;
        let meta = self.node.meta.clone();
        let mut group = Group::new(&meta, self.node.actor);
        for (tenant, needs) in needs {
            self.prepare(&mut tx, &mut group, *tenant, needs).await?;
        }
        let mut wrote = false;
        while !requests.is_empty() {
            let ready = group.take_tables();
            wrote |= !ready.is_empty();
            part(&mut group, requests, answers, ready.write(&mut tx, self.backend)).await?;
            if let Some(Request::Plain(_)) = requests.front()
                && let Some(Request::Plain(work)) = requests.pop_front()
            {
                let (ran, ended) = plain::run(work, &mut tx).await;
                wrote |= ran.keep;
                answers.push(ran.answer);
                ended?;
            }
        }
        let ready = group.take_tables();
        wrote |= !ready.is_empty();
        if wrote {
            ready.write(&mut tx, self.backend).await?;
            if self.backend == Backend::Postgres {
                self.announce(&mut tx, &group).await?;
            }
            tx.commit().await?;
        } else {
            // Only repetitions: every verdict speaks of something committed before.
            tx.rollback().await?;
            group.give_back();
        }
        let committed = group.committed();
        self.node.keep(group);
        Ok(committed)
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
    requests: &mut VecDeque<Request>,
    answers: &mut Vec<Answer>,
    rows: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let mut rows = pin!(rows);
    let mut written = None;
    let mut worked = Ok(());
    let mut changes = 0;
    while worked.is_ok() && changes < PART_CHANGES {
        if written.is_none()
            && let Poll::Ready(result) = poll!(&mut rows)
        {
            written = Some(result);
        }
        match requests.pop_front() {
            Some(Request::Push(push, answer)) => {
                changes += push.runs.iter().map(|run| run.run().changes.len()).sum::<usize>();
                let verdicts = group.push(push);
                worked = verdicts.as_ref().map(drop).map_err(StoreError::for_group);
                answers.push(Box::new(move |committed| {
                    let result = verdicts.and_then(|verdicts| committed.map(|()| verdicts));
                    // Nobody may be waiting any more; the work stands all the same.
                    let _ = answer.send(result);
                }));
            }
            Some(Request::Edit(edit, mut work)) => {
                changes += 1;
                let outcome = group.edit(&edit, &mut *work);
                worked = outcome.as_ref().map(drop).map_err(StoreError::for_group);
                answers.push(Box::new(move |committed| {
                    work.answer(outcome.and_then(|outcome| committed.map(|()| outcome)));
                }));
            }
            Some(plain @ Request::Plain(_)) => {
                requests.push_front(plain);
                break;
            }
            Some(Request::Stop(_)) => {}
            None => break,
        }
    }
    worked = worked.and_then(|()| group.project());
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
    use sync_core::policy::Caller;
    use tokio::sync::oneshot;

    use super::*;
    use crate::writer::{EditRequest, Expect, PushRequest, request};

    fn push() -> Request {
        let caller = Caller { user: UserId::new(1, [1; 10]), role: Role::Technician };
        let (tenant, device) = (TenantId::new(1, [1; 10]), DeviceId::new(1, [1; 10]));
        let (runs, evidence, now) = (Vec::new(), None, 1);
        let push =
            PushRequest { tenant, caller, device, devices: vec![device], runs, evidence, now };
        Request::Push(push, oneshot::channel().0)
    }

    fn edit() -> Request {
        let caller = Caller { user: UserId::new(2, [2; 10]), role: Role::Dispatcher };
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
