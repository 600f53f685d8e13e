//! What a person wants to know of the phone: what is saved, what waits, and whether all is well.

use super::{Engine, State, room};
use crate::error::EngineError;
use crate::platform::Clock;
use crate::store::meta::{self, LastSynced};
use crate::store::{positions, refused, runs};
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::limits;

/// The phone's status. Times are Unix milliseconds by the phone's wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The technician, once enrolled.
    pub user: Option<UserId>,
    /// The dealership group, once enrolled.
    pub tenant: Option<TenantId>,
    /// This installation, once enrolled.
    pub device: Option<DeviceId>,
    /// Whether the phone must be enrolled (again) before it can sync.
    pub needs_enrolment: bool,
    /// The store was restored without its key: what is recorded stays on this phone until the same
    /// technician enrols it again, and nothing can be signed. Its work can be exported.
    pub key_missing: bool,
    /// Changes saved here that the server has not said it holds.
    pub waiting: u64,
    /// When the oldest of them was saved.
    pub waiting_since: Option<i64>,
    /// Milliseconds the oldest has waited.
    pub longest_wait_ms: i64,
    /// Changes the server refused; they are kept and can be read.
    pub refused: u64,
    /// Positions that wait to be sent. They are not saved work, and nothing waits for them.
    pub positions: u64,
    /// When the last answer of the server was stored.
    pub last_synced: Option<i64>,
    /// Free bytes on the disk, if the system says.
    pub free_bytes: Option<u64>,
    /// Time to free some space.
    pub disk_low: bool,
    /// No new work should be begun: it may not find room.
    pub disk_full: bool,
    /// The server sent more than this phone keeps: some jobs may be missing or out of date until
    /// others leave the phone. What is saved here is not affected.
    pub keeps_no_more: bool,
    /// How far the wall clock is ahead of the server's, milliseconds, as well as is known.
    pub clock_skew_ms: Option<i64>,
    /// Whether that is more than is accepted without a flag.
    pub clock_wrong: bool,
    /// A sync is under way.
    pub syncing: bool,
}

impl Engine {
    /// The phone's status.
    pub fn status(&self) -> Result<Status, EngineError> {
        let syncing = self.is_syncing();
        let clock = self.clock();
        let mut state = self.state();
        let disk = state.store.room();
        let db = state.store.read();
        let (waiting, waiting_since) = runs::count_waiting(db)?;
        let last_synced: Option<LastSynced> = meta::get(db)?;
        let skew = state.clock_skew(clock);
        let identity = state.identity.as_ref();
        Ok(Status {
            user: identity.map(|it| it.user),
            tenant: identity.map(|it| it.tenant),
            device: identity.map(|it| it.device),
            needs_enrolment: state.needs_enrolment(),
            key_missing: identity.is_some() && state.needs_enrolment(),
            waiting,
            waiting_since,
            longest_wait_ms: waiting_since
                .map_or(0, |at| clock.wall_ms().saturating_sub(at).max(0)),
            refused: refused::count(db)?,
            positions: positions::count(db)?,
            last_synced: last_synced.map(|at| at.0),
            free_bytes: disk.free_bytes,
            disk_low: disk.low,
            disk_full: disk.full,
            keeps_no_more: room::is_used_up(db, &self.0.options.keeps)?,
            clock_skew_ms: skew,
            clock_wrong: skew
                .is_some_and(|ms| ms.unsigned_abs() > limits::CLOCK_SKEW_FLAG_MS.unsigned_abs()),
            syncing,
        })
    }

    /// Whether new work would find room and its way to the office (`key_missing`): ask before someone
    /// begins to type.
    pub fn ready_to_record(&self) -> Result<(), EngineError> {
        let mut state = self.state();
        if state.identity.is_none() {
            return Err(EngineError::NotEnrolled);
        }
        if state.needs_enrolment() {
            return Err(EngineError::KeyMissing);
        }
        if state.store.room().full { Err(EngineError::DiskFull) } else { Ok(()) }
    }
}

impl State {
    pub(super) fn needs_enrolment(&self) -> bool {
        let key = self.secret.as_ref().and_then(|secret| secret.key());
        self.identity.is_none() || key.is_none()
    }

    /// What the server's clock says now, as well as this phone can tell: exact within a boot,
    /// by the wall clock's own progress after one.
    pub(super) fn server_now(&self, clock: &dyn Clock) -> Option<i64> {
        let anchor = self.anchor.as_ref()?;
        let since = match anchor.boot == clock.boot() {
            true => clock.up_ms().saturating_sub(anchor.up_ms),
            false => clock.wall_ms().saturating_sub(anchor.wall_ms),
        };
        Some(anchor.server_ms.saturating_add(since.max(0)))
    }

    fn clock_skew(&self, clock: &dyn Clock) -> Option<i64> {
        Some(clock.wall_ms().saturating_sub(self.server_now(clock)?))
    }
}
