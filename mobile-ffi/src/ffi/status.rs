//! The flat records of how the phone and its last sync are.

use sync_core::codes;

use crate::{NetError, Status, SyncEnd, SyncReport};

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

/// How a sync went.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SyncResult {
    /// `up_to_date`, `waiting`, `diverged`, `failed` or `fault`.
    pub end: String,
    /// Why it failed, or why work waits: stable code; empty if neither.
    pub code: String,
    /// The same as a plain sentence.
    pub sentence: String,
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
        let (end, code, sentence) = match report.end {
            SyncEnd::UpToDate => ("up_to_date", String::new(), String::new()),
            SyncEnd::Waiting => {
                let code = report.later.unwrap_or_default();
                let sentence = waits_because(&code).to_owned();
                ("waiting", code, sentence)
            }
            SyncEnd::Diverged => ("diverged", String::new(), String::new()),
            SyncEnd::Failed(error) => ("failed", code(&error), error.to_string()),
            SyncEnd::Fault { code, sentence } => ("fault", code, sentence),
        };
        Self {
            end: end.to_owned(),
            code,
            sentence,
            again_in_ms: report.again_in_ms,
            round_trips: report.round_trips,
            durable: report.durable,
            refused: report.refused,
            received: report.received,
            positions: report.positions,
        }
    }
}

/// What a person is told about work that has to wait.
fn waits_because(code: &str) -> &'static str {
    match code {
        "" => "",
        code if code == codes::QUOTA.word => {
            "The office's server takes no more of this for now: too many jobs were opened at the \
             roadside today, or it has no room. Yours stays saved on this phone and is sent again by \
             itself; tell the office."
        }
        _ => "The office's server cannot take some of your work yet. It stays saved on this phone.",
    }
}

fn code(error: &NetError) -> String {
    error.code().to_owned()
}
