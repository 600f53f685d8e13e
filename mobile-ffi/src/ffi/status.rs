//! The records of how the phone and its last sync are.

use sync_core::codes;

use super::ServerCode;
use crate::{Status, SyncEnd, SyncReport};

/// The phone's status.
#[derive(Debug, Clone, uniffi::Record)]
pub struct PhoneStatus {
    /// Id of the technician, once enrolled.
    pub user: Option<String>,
    /// Whether the enrolment screen must be shown.
    pub needs_enrolment: bool,
    /// The phone was restored without its key: say so before work is recorded.
    pub key_missing: bool,
    /// Changes saved that have not reached the office.
    pub waiting: u64,
    /// Milliseconds the oldest of them has waited.
    pub longest_wait_ms: i64,
    /// Changes the office's server refused.
    pub refused: u64,
    /// Positions that wait to be sent; they are not saved work.
    pub positions: u64,
    /// When the last answer of the server was stored.
    pub last_synced: Option<i64>,
    /// Time to free space.
    pub disk_low: bool,
    /// No new work should be begun.
    pub disk_full: bool,
    /// The office's server sent more than this phone keeps: some jobs may be missing or out of date.
    pub keeps_no_more: bool,
    /// How far the clock is ahead of the server's, milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// Whether that is more than is accepted.
    pub clock_wrong: bool,
    /// A sync is under way.
    pub syncing: bool,
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SyncOutcome {
    /// Phone and server hold the same.
    UpToDate,
    /// The server answered; some work still waits, for a person or a newer version.
    Waiting {
        /// Why the server did not take it yet, if it said so.
        why: Option<WaitingReason>,
    },
    /// Phone and server do not agree after repair; it is tried again later.
    Diverged,
    /// It did not get through; everything saved is still on the phone and waits.
    Failed {
        /// Stable code, such as `offline` or `device_pending`.
        code: String,
        /// Plain sentence.
        sentence: String,
    },
    /// The server refused the message as a whole; everything saved is still on the phone and waits.
    Fault {
        /// Why.
        code: ServerCode,
        /// Plain sentence.
        sentence: String,
    },
}

/// Why work waits at a server that answered.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WaitingReason {
    /// What the server said.
    pub code: ServerCode,
    /// Plain sentence.
    pub sentence: String,
}

/// How a sync went.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SyncResult {
    /// How it ended.
    pub end: SyncOutcome,
    /// Sync again after so many milliseconds unless there is a reason earlier.
    pub again_in_ms: u64,
    /// Answered requests.
    pub round_trips: u64,
    /// Changes that became durable at the office.
    pub durable: u64,
    /// Changes that were refused.
    pub refused: u64,
    /// Changes that came from the office.
    pub received: u64,
    /// Positions that the office's server answered.
    pub positions: u64,
}

impl From<Status> for PhoneStatus {
    fn from(status: Status) -> Self {
        Self {
            user: status.user.map(|user| user.to_string()),
            needs_enrolment: status.needs_enrolment,
            key_missing: status.key_missing,
            waiting: status.waiting,
            longest_wait_ms: status.longest_wait_ms,
            refused: status.refused,
            positions: status.positions,
            last_synced: status.last_synced,
            disk_low: status.disk_low,
            disk_full: status.disk_full,
            keeps_no_more: status.keeps_no_more,
            clock_skew_ms: status.clock_skew_ms,
            clock_wrong: status.clock_wrong,
            syncing: status.syncing,
        }
    }
}

impl From<SyncReport> for SyncResult {
    fn from(report: SyncReport) -> Self {
        let why = |word: String| WaitingReason {
            code: ServerCode::find(&word),
            sentence: codes::why_it_waits(&word).to_owned(),
        };
        let end = match report.end {
            SyncEnd::UpToDate => SyncOutcome::UpToDate,
            SyncEnd::Waiting => SyncOutcome::Waiting { why: report.later.map(why) },
            SyncEnd::Diverged => SyncOutcome::Diverged,
            SyncEnd::Failed(error) => {
                SyncOutcome::Failed { code: error.code().to_owned(), sentence: error.to_string() }
            }
            SyncEnd::Fault { code, sentence } => {
                SyncOutcome::Fault { code: ServerCode::find(&code), sentence }
            }
        };
        Self {
            end,
            again_in_ms: report.again_in_ms,
            round_trips: report.round_trips,
            durable: report.durable,
            refused: report.refused,
            received: report.received,
            positions: report.positions,
        }
    }
}
