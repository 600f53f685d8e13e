//! What a revoked phone still has: kept for a person to look at, while the phone keeps it too.
//!
//! Nothing a revoked phone sends touches a document. It is kept as it came, with its signature
//! checked, until somebody at a desk accepts it, which writes it anew in the technician's name. The
//! phone keeps it as well: enrolled again for the same technician it delivers the work itself, and
//! what was accepted meanwhile is known by its ids and counts once.

use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};
use sync_core::admission::{Received, Verified, push_message};
use sync_core::change::{Change, Entry};
use sync_core::id::{DeviceId, FactId, TenantId, UserId};
use sync_core::sync::{Request, Sent, Submitted, decode_request};
use sync_core::time::{Corrected, Stamp};

use super::exchange::Phone;
use crate::accounts::sql::Raw as _;
use crate::accounts::{devices, users};
use crate::app::App;
use crate::auth::Caller;
use crate::clock::random;
use crate::http::{Code, Problem};

/// Frames kept of one phone; more have to wait until somebody has looked.
const FRAMES: i64 = 200;
/// Documents of a frame that are listed; a phone could name a document in every hundred bytes.
const LISTED: usize = 100;

/// Keeps a frame of a revoked phone; the answer is always that it is revoked.
///
/// The phone therefore keeps everything as it is, and shows what happened.
pub async fn take(app: &App, caller: &Caller, frame: &[u8]) -> Problem {
    match keep(app, caller, frame).await {
        Ok(None) => Problem::new(Code::DeviceRevoked),
        Ok(Some(true)) => Problem::new(Code::DeviceRevoked).detail(
            "This phone was revoked. What it had is with the office, which looks at it; enrolled \
             again for the same technician the phone delivers it itself.",
        ),
        Ok(Some(false)) => Problem::new(Code::DeviceRevoked)
            .detail("This phone was revoked, and the office has not yet looked at what it sent."),
        Err(problem) => problem,
    }
}

/// Whether the frame was kept, if it brings any work.
async fn keep(app: &App, caller: &Caller, frame: &[u8]) -> Result<Option<bool>, Problem> {
    let device = caller.device.ok_or_else(|| Problem::new(Code::Forbidden))?;
    let request = decode_request(frame)
        .map_err(|error| Problem::new(Code::BadFrame).detail(error.to_string()))?;
    if request.runs.is_empty() {
        return Ok(None);
    }
    let mut connection = app.read().await?;
    let row = devices::get(&mut connection, caller.tenant, device).await?;
    let user = users::get(&mut connection, caller.tenant, caller.user).await?;
    drop(connection);
    let known = row.as_ref().and_then(Phone::recorded);
    let known = known.ok_or_else(|| Problem::new(Code::DeviceRevoked))?;
    // Either ends what the phone may do; whichever came first.
    let ends = [row.and_then(|row| row.revoked_at), user.and_then(|user| user.deactivated_at)];
    let revoked_at = ends.into_iter().flatten().min();
    let glance = Glance::of(&request, revoked_at);
    let changes: usize = request.runs.iter().map(|sent| sent.run().changes.len()).sum();
    let digest = Sha256::digest(push_message(device, request.runs.iter().map(Sent::run)));
    submitted(&known, request)?;
    let kept = Kept {
        tenant: caller.tenant,
        device,
        user: caller.user,
        now: app.now(),
        changes: i64::try_from(changes).unwrap_or(i64::MAX),
        revoked_at,
        glance,
        digest: digest.to_vec(),
        frame: frame.to_vec(),
    };
    app.store
        .write::<_, Problem, _>(move |tx| Box::pin(async move { Ok(Some(kept.keep(tx).await?)) }))
        .await
}

/// The runs of a frame for the writer, with the phone's signature checked. Its own numbers are not
/// to be trusted: the server may have been restored since, or a copy of the phone have used them.
///
/// # Errors
/// `bad_frame` when the signature is not the phone's.
pub fn submitted(phone: &Phone, request: Request) -> Result<Vec<Submitted>, Problem> {
    let bad = |detail: &str| Problem::new(Code::BadFrame).detail(detail.to_owned());
    let signed: Vec<Received> =
        request.runs.iter().filter_map(Sent::own).cloned().map(Received).collect();
    let verified: Vec<Verified> = match (signed.is_empty(), request.signature) {
        (true, _) => Vec::new(),
        (false, Some(signature)) => {
            Received::verify(signed, &signature, &phone.key, phone.caller.user, phone.device)
                .map_err(|error| bad(error.code()))?
        }
        (false, None) => return Err(bad("signature_missing")),
    };
    let mut verified = verified.into_iter();
    let runs = request.runs.into_iter().filter_map(|sent| match sent {
        Sent::Signed(_) => verified.next().map(Submitted::HandedIn),
        Sent::Relayed(attested) => Some(Submitted::Relayed(attested)),
        Sent::Stranded(attested) => Some(Submitted::Stranded(attested)),
    });
    Ok(runs.collect())
}

/// What a list shows of a frame without reading it again.
#[derive(Debug, Clone)]
pub struct Glance {
    /// Ids of the documents it is about, each once, the first hundred of them.
    pub documents: Vec<String>,
    /// Changes of the phone's own that say they were recorded after it was revoked.
    pub late: i64,
}

impl Glance {
    /// Looks at a frame of a phone that was revoked at a time, Unix milliseconds.
    pub fn of(request: &Request, revoked_at: Option<i64>) -> Self {
        let ids = request.runs.iter().map(|sent| sent.run().doc);
        let mut documents: Vec<String> =
            ids.map(|doc| uuid::Uuid::from_bytes(*doc.as_bytes()).to_string()).collect();
        documents.sort();
        documents.dedup();
        documents.truncate(LISTED);
        let own = request.runs.iter().filter_map(Sent::own).map(|run| run.changes.iter());
        let after = |change: &&Change| {
            revoked_at.is_some_and(|end| recorded(change).any(|time| time.at > end))
        };
        let late = i64::try_from(own.flatten().filter(after).count()).unwrap_or(i64::MAX);
        Self { documents, late }
    }
}

/// Whether everything in a run was recorded after the phone was revoked, for certain. A phone's
/// wall clock alone makes nothing certain; the time since the server last told it the time does.
pub fn is_all_late(submitted: &Submitted, revoked_at: i64) -> bool {
    let Submitted::HandedIn(verified) = submitted else { return false };
    let surely = |time: Corrected| {
        time.uncertainty.is_some_and(|by| time.at.saturating_sub(by) > revoked_at)
    };
    verified.run().changes.iter().all(|change| {
        let mut times = recorded(change).peekable();
        times.peek().is_some() && times.all(surely)
    })
}

/// When the facts of a change were recorded.
fn recorded(change: &Change) -> impl Iterator<Item = Corrected> {
    change.entries.iter().filter_map(|entry| match entry {
        Entry::Fact { record, .. } => Some(Stamp::read(record, change.time).corrected()),
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}

struct Kept {
    tenant: TenantId,
    device: DeviceId,
    user: UserId,
    now: i64,
    changes: i64,
    revoked_at: Option<i64>,
    glance: Glance,
    /// Of the work alone: the same work sent again is the same row.
    digest: Vec<u8>,
    frame: Vec<u8>,
}

impl Kept {
    /// Writes the row; `false` when the phone has handed in more than anybody can look at.
    async fn keep(self, tx: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        let row = sqlx::query(
            "SELECT COUNT(*) FROM handed_in WHERE tenant = $1 AND device = $2 AND state = 'waiting'",
        )
        .bind(self.tenant.raw())
        .bind(self.device.raw())
        .fetch_one(&mut *tx)
        .await?;
        if row.try_get::<i64, _>(0)? >= FRAMES {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO handed_in \
             (tenant, id, device, user_id, received_at, digest, frame, changes, state, \
             revoked_at, documents, late) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10, $11) \
             ON CONFLICT (tenant, device, digest) DO NOTHING",
        )
        .bind(self.tenant.raw())
        .bind(FactId::new(self.now, random()).raw())
        .bind(self.device.raw())
        .bind(self.user.raw())
        .bind(self.now)
        .bind(self.digest)
        .bind(self.frame)
        .bind(self.changes)
        .bind(self.revoked_at)
        .bind(self.glance.documents.join(" "))
        .bind(self.glance.late)
        .execute(tx)
        .await?;
        Ok(true)
    }
}
