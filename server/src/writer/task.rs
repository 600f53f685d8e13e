//! The writer's task: takes what waits, writes it in one transaction, answers after the commit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use sqlx::{AnyConnection, AnyPool, Connection, Row};
use sync_core::id::{ActorId, DeviceId, TenantId};
use sync_core::schema::DocId;
use tokio::sync::{broadcast, mpsc};

use super::cache::{Cache, Held};
use super::group::{Group, Needs, Positions, run_of};
use super::notify::Message;
use super::request::Committed;
use super::tables::Tables;
use super::{Request, plain};
use crate::store::sql::{Arg, id, select_in};
use crate::store::{Backend, Meta, StoreError, log};

/// Most requests in one group.
const GROUP: usize = 256;
/// Changes after which a group takes no further push, to bound memory and the wait of all.
const GROUP_CHANGES: usize = 4096;
/// Leases kept in memory.
const LEASES: usize = 50_000;

/// Tells a caller how it went, once the commit is known.
pub(super) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What the task keeps between groups.
pub(super) struct Task {
    pool: AnyPool,
    backend: Backend,
    meta: Meta,
    actor: ActorId,
    cache: Cache,
    leases: HashMap<(TenantId, ActorId), DeviceId>,
    tenants: HashMap<TenantId, Tenant>,
    commits: broadcast::Sender<Committed>,
}

/// What this node knows of a tenant's log.
#[derive(Debug, Clone, Copy, Default)]
struct Tenant {
    /// The counter as this node left it.
    seen: i64,
    /// The last position up to which other nodes may have written.
    foreign: i64,
}

impl Task {
    pub fn new(
        pool: AnyPool,
        backend: Backend,
        meta: Meta,
        actor: ActorId,
        commits: broadcast::Sender<Committed>,
    ) -> Self {
        let (cache, leases, tenants) = Default::default();
        Self { pool, backend, meta, actor, cache, leases, tenants, commits }
    }
}

/// Runs until it is told to stop or every handle is gone.
pub(super) async fn run(mut task: Task, mut requests: mpsc::Receiver<Request>) {
    let mut received = Vec::with_capacity(GROUP);
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() && requests.recv_many(&mut received, GROUP).await == 0 {
            break;
        }
        while received.len() + waiting.len() < GROUP {
            let Ok(request) = requests.try_recv() else { break };
            received.push(request);
        }
        waiting.extend(received.drain(..));
        let group = take_group(&mut waiting);
        if !group.is_empty() {
            task.group(group).await;
        } else if let Some(Request::Stop(answer)) = waiting.pop_front() {
            task.pool.close().await;
            let _ = answer.send(());
            break;
        }
    }
}

/// The requests of the next group: up to a stop, and not too many changes.
fn take_group(waiting: &mut VecDeque<Request>) -> Vec<Request> {
    let mut group = Vec::new();
    let mut changes = 0;
    while let Some(request) = waiting.front() {
        match request {
            Request::Stop(_) => break,
            Request::Push(push, _) => {
                let more: usize = push.runs.iter().map(|run| run_of(run).changes.len()).sum();
                if changes > 0 && changes + more > GROUP_CHANGES {
                    break;
                }
                changes += more;
            }
            Request::Edit(..) | Request::Plain(_) => changes += 1,
        }
        group.extend(waiting.pop_front());
    }
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
                Request::Push(push, _) => needs.entry(push.tenant).or_default().push(push),
                Request::Edit(edit, _) => {
                    needs.entry(edit.tenant).or_default().edit(edit, self.actor);
                }
                Request::Plain(_) | Request::Stop(_) => {}
            }
        }
        let mut requests = requests.into_iter();
        let begun = self.begin(&mut requests, answers, &needs).await;
        // Whoever was not reached is told as well.
        for request in requests {
            answers.push(request.abandon());
        }
        begun
    }

    async fn begin(
        &mut self,
        requests: &mut impl Iterator<Item = Request>,
        answers: &mut Vec<Answer>,
        needs: &BTreeMap<TenantId, Needs>,
    ) -> Result<Vec<Committed>, StoreError> {
        let pool = self.pool.clone();
        let mut connection = pool.acquire().await?;
        let mut tx = connection.begin_with(self.backend.begin()).await?;
        let mut group = Group {
            meta: &self.meta.clone(),
            actor: self.actor,
            docs: HashMap::new(),
            positions: BTreeMap::new(),
            leases: HashMap::new(),
            new_leases: Vec::new(),
            tables: Tables::new(),
            changed: HashMap::new(),
        };
        for (tenant, needs) in needs {
            self.prepare(&mut tx, &mut group, *tenant, needs).await?;
        }
        let mut wrote = false;
        for request in requests {
            match request {
                Request::Push(push, answer) => {
                    let verdicts = group.push(push);
                    let failed = verdicts.as_ref().err().map(StoreError::for_group);
                    answers.push(Box::new(move |committed| {
                        let _ =
                            answer.send(verdicts.and_then(|verdicts| committed.map(|()| verdicts)));
                    }));
                    if let Some(error) = failed {
                        return Err(error);
                    }
                }
                Request::Edit(edit, mut work) => {
                    let outcome = group.edit(&edit, &mut *work);
                    let failed = outcome.as_ref().err().map(StoreError::for_group);
                    answers.push(Box::new(move |committed| {
                        work.answer(outcome.and_then(|outcome| committed.map(|()| outcome)))
                    }));
                    if let Some(error) = failed {
                        return Err(error);
                    }
                }
                Request::Plain(work) => {
                    let ran = plain::run(work, &mut tx).await?;
                    wrote |= ran.keep;
                    answers.push(ran.answer);
                }
                Request::Stop(_) => {}
            }
        }
        let committed = group.project()?;
        if !wrote && group.tables.is_empty() {
            // Only repetitions: every verdict speaks of something committed before.
            tx.rollback().await?;
            for positions in group.positions.values_mut() {
                positions.end = positions.last;
            }
        } else {
            let tables = std::mem::replace(&mut group.tables, Tables::new());
            tables.write(&mut tx, self.backend).await?;
            if self.backend == Backend::Postgres {
                self.announce(&mut tx, &group).await?;
            }
            tx.commit().await?;
        }
        self.keep(group);
        Ok(committed)
    }

    /// Tells other nodes, once this commits.
    async fn announce(&self, tx: &mut AnyConnection, group: &Group<'_>) -> Result<(), StoreError> {
        for (tenant, positions) in &group.positions {
            let (after, upto) = (positions.first, positions.last);
            if after < upto {
                let message = Message { node: self.actor, tenant: *tenant, after, upto };
                message.send(tx).await?;
            }
        }
        Ok(())
    }

    /// Takes the tenant's lock and loads what the group needs of it.
    async fn prepare(
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

    /// After the commit: what the group made of the documents is what they are.
    fn keep(&mut self, group: Group<'_>) {
        for (tenant, positions) in &group.positions {
            self.tenants.entry(*tenant).or_default().seen = positions.end;
        }
        for ((tenant, _), mut held) in group.docs {
            held.as_of = group.positions.get(&tenant).map_or(held.as_of, |p| p.end);
            self.cache.put(tenant, held);
        }
        if self.leases.len() > LEASES {
            self.leases.clear();
        }
        self.leases.extend(group.new_leases);
    }
}
