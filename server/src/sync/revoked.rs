//! What a revoked phone still has: kept for a person to look at, while the phone keeps it too.
//!
//! Nothing a revoked phone sends touches a document. It is kept as it came, with its signature
//! checked, until someone at a desk accepts it, which re-authors it in the technician's name. The
//! phone keeps it as well: enrolled again for the same technician it delivers the work itself, and
//! what was accepted meanwhile is known by its ids and counts once.

use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;
use store::rows::submissions::{self, NewSubmission, SubmissionState};
use store::rows::{devices, users};
use sync_core::admission::{Received, Verdict, Verified, push_message};
use sync_core::change::{Change, Entry};
use sync_core::codes;
use sync_core::sync::{
    Request, Sent, Submitted, decode_request, decode_verdict_list, encode_verdict_list,
};
use sync_core::time::{Corrected, Stamp};

use super::exchange::{Phone, spare};
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, Problem};

/// Frames kept of one phone; more have to wait until someone has looked.
const FRAMES: i64 = 200;
/// Documents of a frame that are listed; a phone could name a document in every hundred bytes.
const LISTED: usize = 100;

/// The result of a frame.
enum SubmissionOutcome {
    /// It brings no work.
    Nothing,
    /// It is kept until someone looks at it.
    Kept,
    /// It is not: too many of this phone wait.
    Full,
    /// Someone decided: how, and one verdict a change. The phone is told the state as the reason.
    /// Phones of early versions know no verdicts here, and keep the work at a reason they do not know,
    /// such as `partly_accepted`.
    Decided(SubmissionState, Vec<u8>),
}

/// Keeps a frame of a revoked phone; the answer is always that it is revoked.
///
/// The phone therefore keeps everything as it is, and shows what happened.
pub async fn take(app: &App, caller: &Caller, frame: &[u8]) -> Problem {
    match keep(app, caller, frame).await {
        Ok(SubmissionOutcome::Nothing) => Problem::new(Code::DeviceRevoked).detail(
            "This phone was revoked, and holds nothing that the office does not have. Enrol it again \
             to go on with it.",
        ),
        Ok(SubmissionOutcome::Decided(state, verdicts)) => {
            let problem = Problem::new(Code::DeviceRevoked).reason(state.as_str());
            problem.verdicts(&verdicts).detail(match state {
                SubmissionState::Accepted => {
                    "This phone was revoked. The office has taken what it had; enrol it again to go \
                     on with it."
                }
                SubmissionState::Discarded => {
                    "This phone was revoked. The office has looked at what it had and did not take it."
                }
                SubmissionState::PartlyAccepted | SubmissionState::Waiting => {
                    "This phone was revoked. The office has looked at what it had and did not take \
                     all of it; the phone shows what was refused."
                }
            })
        }
        Ok(SubmissionOutcome::Kept) => Problem::new(Code::DeviceRevoked).detail(
            "This phone was revoked. What it had is with the office, which looks at it; enrolled \
             again for the same technician the phone delivers it itself.",
        ),
        Ok(SubmissionOutcome::Full) => Problem::new(Code::DeviceRevoked)
            .detail("This phone was revoked, and the office has not yet looked at what it sent."),
        Err(problem) => problem,
    }
}

async fn keep(app: &App, caller: &Caller, frame: &[u8]) -> Result<SubmissionOutcome, Problem> {
    let device = caller.device().ok_or_else(|| Problem::new(Code::Forbidden))?;
    spare(app, caller.tenant(), device, frame.len())?;
    let request = decode_request(frame)
        .map_err(|error| Problem::new(Code::BadFrame).detail(error.to_string()))?;
    if request.runs.is_empty() {
        return Ok(SubmissionOutcome::Nothing);
    }
    let mut connection = app.read().await?;
    let row = devices::get(&mut connection, caller.tenant(), device).await?;
    let user = users::get(&mut connection, caller.tenant(), caller.user()).await?;
    drop(connection);
    let known = row.as_ref().and_then(Phone::recorded);
    let known = known.ok_or_else(|| Problem::new(Code::DeviceRevoked))?;
    // Either ends what the phone may do; whichever came first.
    let ends = [row.and_then(|row| row.revoked_at), user.and_then(|user| user.deactivated_at)];
    let revoked_at = ends.into_iter().flatten().min();
    let summary = SubmissionSummary::of(&request, revoked_at);
    let changes: usize = request.runs.iter().map(|sent| sent.run().changes.len()).sum();
    let digest = Sha256::digest(push_message(device, request.runs.iter().map(Sent::run)));
    submitted(&known, request)?;
    let mut connection = app.read().await?;
    let decided = submissions::decided(&mut connection, caller.tenant(), device, &digest).await?;
    drop(connection);
    match decided {
        Some((state, Some(verdicts))) if state.is_accepted() => {
            let refused = decode_verdict_list(&verdicts).map_err(Problem::internal)?;
            let state = match refused.iter().all(Verdict::is_durable) {
                true => SubmissionState::Accepted,
                false => SubmissionState::PartlyAccepted,
            };
            return Ok(SubmissionOutcome::Decided(state, verdicts));
        }
        // What an early version accepted may hide refusals: the phone keeps it until it is accepted
        // once more.
        Some((state @ SubmissionState::Discarded, verdicts)) => {
            let discarded = Verdict::refused(codes::DISCARDED.word, codes::DISCARDED.sentence);
            let all = || encode_verdict_list(&vec![discarded; changes]);
            return Ok(SubmissionOutcome::Decided(state, verdicts.unwrap_or_else(all)));
        }
        _ => {}
    }
    let kept = NewSubmission {
        tenant: caller.tenant(),
        device,
        user: caller.user(),
        now: app.now(),
        changes: i64::try_from(changes).unwrap_or(i64::MAX),
        revoked_at,
        documents: summary.documents.join(" "),
        late: summary.late,
        digest: digest.to_vec(),
        frame: frame.to_vec(),
    };
    let room = app.config.bounds.storage_bytes;
    app.store
        .write::<_, Problem, _>(move |tx| Box::pin(async move { insert(tx, kept, room).await }))
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
        (false, None) => return Err(bad(codes::SIGNATURE_MISSING.word)),
    };
    let mut verified = verified.into_iter();
    let runs = request.runs.into_iter().filter_map(|sent| match sent {
        Sent::Signed(_) => verified.next().map(Submitted::ByRevoked),
        Sent::Relayed(attested) => Some(Submitted::Relayed(attested)),
        Sent::Orphaned(attested) => Some(Submitted::Orphaned(attested)),
    });
    Ok(runs.collect())
}

/// What a list shows of a frame without reading it again.
#[derive(Debug, Clone)]
pub struct SubmissionSummary {
    /// Ids of the documents it is about, each once, the first hundred of them.
    pub documents: Vec<String>,
    /// Changes of the phone's own that say they were recorded after it was revoked.
    pub late: i64,
}

impl SubmissionSummary {
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
    let Submitted::ByRevoked(verified) = submitted else { return false };
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

/// Writes the row, unless the phone has submitted more than anybody can look at.
///
/// # Errors
/// `quota` when the tenant's storage is full.
async fn insert(
    tx: &mut AnyConnection,
    kept: NewSubmission,
    storage_bytes: i64,
) -> Result<SubmissionOutcome, Problem> {
    if submissions::stored_bytes(tx, kept.tenant).await? >= storage_bytes {
        return Err(Problem::new(Code::Quota).retry_after(15 * 60));
    }
    if submissions::waiting(tx, kept.tenant, kept.device).await? >= FRAMES {
        return Ok(SubmissionOutcome::Full);
    }
    kept.insert(tx).await?;
    Ok(SubmissionOutcome::Kept)
}
