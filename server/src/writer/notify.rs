//! Nodes over one Postgres tell each other what they committed.
//!
//! The message is part of the transaction, so it is heard only after the commit. It carries just
//! positions; who hears it looks the documents up. A message that is missed costs a delay only.

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, AnyPool, Row};
use sync_core::id::{ActorId, TenantId, UserId};
use tokio::sync::broadcast;

use super::Committed;
use crate::store::log::doc_of;
use crate::store::sql::{Arg, id, select_in};
use crate::store::{Backend, StoreError};

const CHANNEL: &str = "towline_commits";
/// Wait before listening again after the connection was refused.
const AGAIN: Duration = Duration::from_secs(2);

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

/// Listens until the store is closed; passes on what other nodes committed.
pub(super) async fn listen(
    url: String,
    node: ActorId,
    readers: AnyPool,
    commits: broadcast::Sender<Committed>,
) {
    let listening = async {
        loop {
            if let Err(error) = hear(&url, node, &readers, &commits).await {
                tracing::warn!(%error, "not listening to other nodes");
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    // It ends with the store, whatever it is waiting for.
    let _: Result<(), _> = readers.close_event().do_until(listening).await;
}

async fn hear(
    url: &str,
    node: ActorId,
    readers: &AnyPool,
    commits: &broadcast::Sender<Committed>,
) -> Result<(), StoreError> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let notification = listener.recv().await?;
        let Some(message) = Message::read(notification.payload()) else { continue };
        if message.node != node {
            // Nobody need be listening.
            let _ = commits.send(look_up(readers, message).await?);
        }
    }
}

async fn look_up(readers: &AnyPool, message: Message) -> Result<Committed, StoreError> {
    let Message { tenant, after, upto, .. } = message;
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
