//! Nodes over one Postgres tell each other what they committed.
//!
//! The message is part of the transaction, so it is heard only after the commit. It carries just
//! positions; who hears it looks the documents up. Who missed one finds out by the positions: each
//! node compares them with what it heard, after every loss of its connection and from time to time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, AnyPool, Row};
use sync_core::id::{ActorId, TenantId, UserId};
use tokio::sync::{Mutex, broadcast};

use super::{Committed, Moved};
use crate::log::doc_of;
use crate::rows::{access, positions as points};
use crate::sql::{Arg, id, select_in};
use crate::{Backend, StoreError};

const CHANNEL: &str = "towline_commits";
/// Wait before listening again after the connection was refused.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the positions are compared though nothing was said.
const LOOK: Duration = Duration::from_secs(20);

/// Positions of one tenant's log that a node committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    pub node: ActorId,
    pub tenant: TenantId,
    /// The position before the first.
    pub after: i64,
    /// The last.
    pub upto: i64,
}

impl Message {
    /// Sends it, once the transaction commits.
    pub async fn send(&self, tx: &mut AnyConnection) -> Result<(), StoreError> {
        // The function gives nothing back that every driver can read, so nothing is read.
        sqlx::query("SELECT 1 FROM pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(format!("{} {} {} {}", self.node, self.tenant, self.after, self.upto))
            .execute(tx)
            .await?;
        Ok(())
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            node: words.next()?.parse().ok()?,
            tenant: words.next()?.parse().ok()?,
            after: words.next()?.parse().ok()?,
            upto: words.next()?.parse().ok()?,
        })
    }
}

/// Up to where the log of each tenant stands.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn positions(readers: &AnyPool) -> Result<BTreeMap<TenantId, i64>, StoreError> {
    let rows = sqlx::query("SELECT tenant, pos FROM counters").fetch_all(readers).await?;
    rows.iter().map(|row| Ok((id(row, 0, TenantId::from_slice)?, row.try_get(1)?))).collect()
}

/// What the nodes of a server tell their listeners.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub commits: broadcast::Sender<Committed>,
    pub access: broadcast::Sender<(TenantId, UserId)>,
    pub moved: broadcast::Sender<Moved>,
}

/// Listens until the store is closed; passes on what other nodes committed after `heard`, whose
/// rights they changed, and whose points came to them. `heard` is read before anybody is told that the store is open: what is committed
/// before the first connection listens must reach those who asked for commits by then.
pub(super) async fn listen(
    url: String,
    node: ActorId,
    readers: AnyPool,
    heard: BTreeMap<TenantId, i64>,
    channels: Channels,
) {
    let mut closed = readers.close_event();
    let listener = Listener { url, node, readers, channels, heard: Mutex::new(heard) };
    let listening = async {
        loop {
            let (heard, looked) = (listener.hear(), listener.look_often());
            let Err(error) = futures_util::future::try_join(heard, looked).await;
            tracing::warn!(%error, "not listening to other nodes");
            tokio::time::sleep(AGAIN).await;
        }
    };
    // It ends with the store, whatever it is waiting for.
    let _: Result<(), _> = closed.do_until(listening).await;
}

struct Listener {
    url: String,
    node: ActorId,
    readers: AnyPool,
    channels: Channels,
    /// Up to where each tenant's log was heard of.
    heard: Mutex<BTreeMap<TenantId, i64>>,
}

impl Listener {
    async fn hear(&self) -> Result<Infallible, StoreError> {
        let mut listener = PgListener::connect(&self.url).await?;
        listener.listen_all([CHANNEL, access::CHANNEL, points::CHANNEL]).await?;
        self.catch_up().await?;
        self.anybody_moved().await;
        loop {
            let Some(notification) = listener.try_recv().await? else {
                // The connection was lost, and what was said meanwhile with it.
                self.catch_up().await?;
                self.anybody_moved().await;
                continue;
            };
            // Nobody need be listening to what is passed on here.
            if notification.channel() == access::CHANNEL {
                if let Some(change) = access::read(notification.payload()) {
                    let _ = self.channels.access.send(change);
                }
            } else if notification.channel() == points::CHANNEL {
                if let Some((tenant, user)) = access::read(notification.payload()) {
                    let _ = self.channels.moved.send(Moved { tenant, user: Some(user) });
                }
            } else if let Some(message) = Message::read(notification.payload()) {
                self.take(message).await?;
            }
        }
    }

    /// Looks at the logs from time to time: a pooler between us may pass no notification on.
    async fn look_often(&self) -> Result<Infallible, StoreError> {
        loop {
            tokio::time::sleep(LOOK).await;
            self.catch_up().await?;
        }
    }

    /// Says that points of anybody may have come while nothing was heard.
    async fn anybody_moved(&self) {
        for tenant in self.heard.lock().await.keys() {
            // Nobody need be listening.
            let _ = self.channels.moved.send(Moved { tenant: *tenant, user: None });
        }
    }

    /// Passes on what a message is about, and what should have been heard before it.
    async fn take(&self, message: Message) -> Result<(), StoreError> {
        let Message { node, tenant, after, upto } = message;
        let mut heard = self.heard.lock().await;
        let heard = heard.entry(tenant).or_default();
        let news = if node == self.node { after } else { upto };
        self.pass_on(tenant, *heard, news).await?;
        *heard = upto.max(*heard);
        Ok(())
    }

    /// Passes on what was committed without being heard of.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let mut heard = self.heard.lock().await;
        for (tenant, pos) in positions(&self.readers).await? {
            let heard = heard.entry(tenant).or_default();
            self.pass_on(tenant, *heard, pos).await?;
            *heard = pos.max(*heard);
        }
        Ok(())
    }

    async fn pass_on(&self, tenant: TenantId, after: i64, upto: i64) -> Result<(), StoreError> {
        if after < upto {
            let committed = look_up(&self.readers, tenant, after, upto).await?;
            if !committed.docs.is_empty() {
                // Nobody need be listening.
                let _ = self.channels.commits.send(committed);
            }
        }
        Ok(())
    }
}

async fn look_up(
    readers: &AnyPool,
    tenant: TenantId,
    after: i64,
    upto: i64,
) -> Result<Committed, StoreError> {
    let mut connection = readers.acquire().await?;
    let rows =
        sqlx::query("SELECT DISTINCT doc FROM runs WHERE tenant = $1 AND pos > $2 AND pos <= $3")
            .bind(tenant.as_bytes().to_vec())
            .bind(after)
            .bind(upto)
            .fetch_all(&mut *connection)
            .await?;
    let keys = rows.iter().map(|row| Ok(row.try_get(0)?));
    let keys = keys.collect::<Result<Vec<Vec<u8>>, StoreError>>()?;
    const MEMBERS: &str = "SELECT user_id FROM scope WHERE tenant = $1 AND doc IN ({keys})";
    let first = vec![Arg::from(tenant.as_bytes())];
    let rows = select_in(&mut connection, Backend::Postgres, MEMBERS, first, &keys).await?;
    let users = rows.iter().map(|row| id(row, 0, UserId::from_slice));
    let mut users = users.collect::<Result<Vec<_>, _>>()?;
    users.sort();
    users.dedup();
    let docs = keys.iter().map(|key| doc_of(key)).collect::<Result<Vec<_>, _>>()?;
    Ok(Committed { tenant, pos: upto, docs: docs.into(), users: users.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_its_text_and_others_texts_are_passed_over() {
        let message = Message {
            node: ActorId::new(1, [1; 10]),
            tenant: TenantId::new(2, [2; 10]),
            after: 7,
            upto: 9,
        };
        let Message { node, tenant, after, upto } = message;
        assert_eq!(Message::read(&format!("{node} {tenant} {after} {upto}")), Some(message));
        assert_eq!(Message::read("hello"), None);
    }
}
