//! What makes a database that came back from a copy safe to use: a new epoch, and nobody let in by what
//! was ended after the copy was made.

use sqlx::AnyConnection;

use super::{Store, StoreError};
use crate::rows::{devices, links, numbers, tokens};

/// How a restored database begins again.
#[derive(Debug, Clone, Copy)]
pub struct Renewal {
    /// Unix milliseconds.
    pub now: i64,
    /// Whether phones wait until an administrator lets each of them sync again.
    pub hold_phones: bool,
    /// Whether every API token is revoked. Otherwise those go on that were good when the copy was made,
    /// and whoever restores is told which.
    pub revoke_tokens: bool,
}

impl Renewal {
    /// One at which phones and integrations go on as they were.
    pub fn at(now: i64) -> Self {
        Self { now, hold_phones: false, revoke_tokens: false }
    }
}

/// What a renewal ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Sessions of staff.
    pub sessions: u64,
    /// Codes by which phones could have been enrolled.
    pub codes: u64,
    /// Invite and reset links: one that was used after the copy was made would be good again.
    pub links: u64,
    /// API tokens that were revoked.
    pub tokens: u64,
    /// Phones that wait now.
    pub held: u64,
}

impl Store {
    /// Gives the store a new epoch, as it must have after its database was restored. It counts from the
    /// next start of every node. Sessions, enrolment codes and links end, and numbers of jobs get a
    /// letter until the day is over: the lost server may have given the plain ones.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn renew(&self, renewal: Renewal) -> Result<Renewed, StoreError> {
        let mut epoch = [0; 8];
        getrandom::fill(&mut epoch).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.write(move |tx| Box::pin(renew(tx, epoch, renewal))).await
    }
}

async fn renew(
    tx: &mut AnyConnection,
    epoch: [u8; 8],
    renewal: Renewal,
) -> Result<Renewed, StoreError> {
    sqlx::query("UPDATE meta SET value = $1 WHERE key = 'epoch'")
        .bind(epoch.to_vec())
        .execute(&mut *tx)
        .await?;
    let sessions = sqlx::query("DELETE FROM sessions").execute(&mut *tx).await?.rows_affected();
    let codes = sqlx::query("DELETE FROM enrolment_codes").execute(&mut *tx).await?;
    let links = links::end_all(tx).await?;
    let tokens = if renewal.revoke_tokens { tokens::revoke_all(tx, renewal.now).await? } else { 0 };
    numbers::begin_series(tx, renewal.now).await?;
    let held = if renewal.hold_phones { devices::hold_all(tx, renewal.now).await? } else { 0 };
    Ok(Renewed { sessions, codes: codes.rows_affected(), links, tokens, held })
}
