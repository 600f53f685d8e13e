//! What a tenant takes up in the store, and whether there is room for more.
//!
//! The table `usage` is kept by triggers, so that no statement can forget to; what is computed from the
//! log is estimated by its entries, and the writer adds it. A group reads it once, under the tenant's
//! lock, and counts what it adds itself on top.

use std::collections::{BTreeMap, HashMap};

use prometheus_client::metrics::counter::Counter;
use sync_core::document::Author;
use sync_core::id::{DeviceId, TenantId, UserId};
use sync_core::limits;

use super::group::{Group, Needs};
use super::share::{self, Share};
use crate::sql::{Arg, Conflict, Rows, TableSpec, id, select_in};
use crate::{Backend, StoreError};

/// Refusals kept of one document. An honest document has none or two.
pub(crate) const REFUSALS_PER_DOCUMENT: usize = 100;
/// What a row takes beside its payload, bytes, as the triggers count it.
const ROW_BYTES: i64 = 160;
/// What is computed from one entry takes about this much, bytes: a row of a part with its index.
const ENTRY_BYTES: i64 = 256;

/// What one tenant, and one phone of it, may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of log, of what is computed from it, of quarantine and submissions of one tenant.
    /// Phones' work waits beyond it; the office may use a sixteenth more, so that it can finish what it
    /// has begun. What ends something always has room.
    pub storage_bytes: i64,
    /// Bytes that the phones of one technician may store in a day.
    pub technician_day_bytes: i64,
    /// Percent of what others leave of `storage_bytes` that one technician may have in all, but a day's
    /// worth at least.
    pub technician_percent: i64,
    /// Refused changes kept of one phone; further ones are answered the same and only counted.
    pub quarantine_per_phone: i64,
    /// The same of one tenant.
    pub quarantine_per_tenant: i64,
    /// Walk-up jobs one technician may open in a day; further ones wait.
    pub walk_ups_a_day: i64,
    /// Documents one technician may have in scope before they open no walk-up job any more.
    pub open_of_one: i64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            storage_bytes: 100 * 1024 * 1024 * 1024,
            technician_day_bytes: 256 * 1024 * 1024,
            technician_percent: 25,
            quarantine_per_phone: 1000,
            quarantine_per_tenant: 50_000,
            walk_ups_a_day: limits::WALK_UPS_A_DAY as i64,
            open_of_one: limits::OPEN_OF_ONE as i64,
        }
    }
}

/// What the writer had to turn away, counted from the start of the process.
#[derive(Debug, Clone, Default)]
pub struct TurnedAway {
    /// Refused changes that were not kept because their document, phone or tenant had too many.
    pub refusals_not_kept: Counter,
    /// Changes that wait because their tenant's storage is full, or their technician's share of it.
    pub over_quota: Counter,
}

/// What one tenant takes up, as a group knows it.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    bytes: i64,
    refused: i64,
    refused_of: HashMap<DeviceId, i64>,
    /// What technicians of this group have stored.
    shares: HashMap<UserId, Share>,
    opened: HashMap<UserId, Opened>,
}

static STORAGE_SHARES: TableSpec<7> = TableSpec {
    table: "storage_shares",
    key: &["tenant", "user_id"],
    columns: ["tenant", "user_id", "items", "bytes", "day", "day_bytes", "extra"],
    conflict: Conflict::Compute(
        "items = storage_shares.items + excluded.items, \
         bytes = storage_shares.bytes + excluded.bytes, day_bytes = excluded.day_bytes + \
         CASE WHEN storage_shares.day = excluded.day THEN storage_shares.day_bytes ELSE 0 END, \
         day = excluded.day",
    ),
};

static USAGE_ROWS: TableSpec<5> = TableSpec {
    table: "usage",
    key: &["tenant", "kind", "subject"],
    columns: ["tenant", "kind", "subject", "items", "bytes"],
    conflict: Conflict::Compute(
        "items = usage.items + excluded.items, bytes = usage.bytes + excluded.bytes",
    ),
};

/// What one write adds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    pub entries: i64,
    pub bytes: i64,
}

/// What a group adds to the counts that no trigger keeps.
#[derive(Debug, Default)]
pub(crate) struct Charged {
    /// Of each technician, with the day.
    shares: BTreeMap<(TenantId, UserId), (Added, i64)>,
    /// Entries of each tenant.
    entries: BTreeMap<TenantId, i64>,
}

impl Charged {
    /// Writes it, each row once.
    pub async fn write(
        self,
        tx: &mut sqlx::AnyConnection,
        backend: Backend,
    ) -> Result<(), StoreError> {
        let mut shares = Rows::of(&STORAGE_SHARES);
        for ((tenant, user), (added, day)) in self.shares {
            let Added { entries, bytes } = added;
            let (tenant, user) = (tenant.as_bytes().into(), user.as_bytes().into());
            shares.push([
                tenant,
                user,
                entries.into(),
                bytes.into(),
                day.into(),
                bytes.into(),
                0.into(),
            ]);
        }
        shares.wide().insert(&mut *tx, backend).await?;
        let mut usage = Rows::of(&USAGE_ROWS);
        for (tenant, entries) in self.entries {
            let (subject, bytes) = (Vec::new().into(), entries.saturating_mul(ENTRY_BYTES).into());
            let kind = "projections".into();
            usage.push([tenant.as_bytes().into(), kind, subject, entries.into(), bytes]);
        }
        usage.wide().insert(tx, backend).await
    }
}

/// What a technician who opens a job has opened, and has.
#[derive(Debug, Clone, Copy, Default)]
struct Opened {
    /// Since when walk-up jobs are counted, Unix milliseconds.
    since: i64,
    /// Walk-up jobs since then.
    today: i64,
    /// Documents in scope.
    has: i64,
}

impl Usage {
    /// Takes in a row of the table.
    pub fn read(&mut self, kind: &str, subject: &[u8], items: i64, bytes: i64) {
        match (kind, DeviceId::from_slice(subject)) {
            ("quarantine", Ok(device)) => drop(self.refused_of.insert(device, items)),
            (kind, _) => {
                self.bytes += bytes;
                self.refused += if kind == "quarantine" { items } else { 0 };
            }
        }
    }

    fn opens(&self, bounds: &Bounds, user: UserId, now: i64) -> bool {
        let Opened { since, today, has } = self.opened.get(&user).copied().unwrap_or_default();
        let today = if is_over(since, now) { 0 } else { today };
        today < bounds.walk_ups_a_day && has < bounds.open_of_one
    }

    fn opened(&mut self, user: UserId, now: i64) -> (i64, i64) {
        let opened = self.opened.entry(user).or_default();
        if is_over(opened.since, now) {
            *opened = Opened { since: now, today: 0, ..*opened };
        }
        opened.today += 1;
        opened.has += 1;
        (opened.since, opened.today)
    }

    fn keeps(&self, bounds: &Bounds, device: Option<DeviceId>) -> bool {
        let of_device = device.and_then(|device| self.refused_of.get(&device)).copied();
        self.refused < bounds.quarantine_per_tenant
            && of_device.unwrap_or(0) < bounds.quarantine_per_phone
    }

    fn kept(&mut self, device: Option<DeviceId>, bytes: i64) {
        self.bytes += bytes;
        self.refused += 1;
        if let Some(device) = device {
            *self.refused_of.entry(device).or_insert(0) += 1;
        }
    }
}

/// Whether the day that began then has ended; a clock that was put back begins another.
fn is_over(since: i64, now: i64) -> bool {
    !(since..since.saturating_add(limits::WALK_UP_DAY_MS)).contains(&now)
}

impl Group<'_> {
    /// Whether a technician may open one more walk-up job.
    pub(super) fn may_open(&self, tenant: TenantId, user: UserId, now: i64) -> bool {
        self.usage.get(&tenant).is_none_or(|usage| usage.opens(&self.bounds, user, now))
    }

    /// Counts a walk-up job that was opened.
    pub(super) fn opened(&mut self, tenant: TenantId, user: UserId, now: i64) {
        if let Some(usage) = self.usage.get_mut(&tenant) {
            let opened = usage.opened(user, now);
            self.opened.insert((tenant, user), opened);
        }
    }

    /// Whether a tenant's phones may add to what it takes up. A store whose usage is not counted
    /// has no quota.
    pub fn has_storage(&self, tenant: TenantId) -> bool {
        self.usage.get(&tenant).is_none_or(|usage| usage.bytes < self.bounds.storage_bytes)
    }

    /// The same for the office, which gets a sixteenth more.
    pub fn has_storage_for_office(&self, tenant: TenantId) -> bool {
        let most = self.bounds.storage_bytes.saturating_add(self.bounds.storage_bytes / 16);
        self.usage.get(&tenant).is_none_or(|usage| usage.bytes < most)
    }

    /// Whether a technician's phones may add to what they have stored, `now` being Unix milliseconds:
    /// nobody uses up what all others need.
    pub fn has_share(&self, tenant: TenantId, user: UserId, now: i64) -> bool {
        let Some(usage) = self.usage.get(&tenant) else { return true };
        let share = usage.shares.get(&user).copied().unwrap_or_default();
        share.has_room(&self.bounds, usage.bytes, now)
    }

    /// Counts a message of the log.
    pub(super) fn stored(&mut self, tenant: TenantId, payload: usize) {
        if let Some(usage) = self.usage.get_mut(&tenant) {
            usage.bytes += ROW_BYTES + i64::try_from(payload).unwrap_or(i64::MAX / 2);
        }
    }

    /// Counts a run of the log with so many entries, and what is computed from them; also as its
    /// technician's if a phone wrote it.
    pub(super) fn stored_run(
        &mut self,
        tenant: TenantId,
        author: Author,
        payload: usize,
        entries: usize,
        now: i64,
    ) {
        self.stored(tenant, payload);
        let Some(usage) = self.usage.get_mut(&tenant) else { return };
        let entries = i64::try_from(entries).unwrap_or(i64::MAX / 512);
        let computed = entries.saturating_mul(ENTRY_BYTES);
        usage.bytes = usage.bytes.saturating_add(computed);
        let charged = &mut self.tables.charged;
        *charged.entries.entry(tenant).or_default() += entries;
        let (Some(user), Some(_)) = (author.user, author.device) else { return };
        let payload = i64::try_from(payload).unwrap_or(i64::MAX / 2);
        let bytes = (ROW_BYTES + payload).saturating_add(computed);
        usage.shares.entry(user).or_default().add(bytes, now);
        let charge = charged.shares.entry((tenant, user)).or_default();
        charge.0.entries += entries;
        charge.0.bytes += bytes;
        charge.1 = share::day(now);
    }

    /// Whether one more refusal of a phone may be kept.
    pub(super) fn may_keep(&self, tenant: TenantId, device: Option<DeviceId>) -> bool {
        self.usage.get(&tenant).is_none_or(|usage| usage.keeps(&self.bounds, device))
    }

    /// Counts a refusal that is kept.
    pub(super) fn kept(&mut self, tenant: TenantId, device: Option<DeviceId>, payload: usize) {
        if let Some(usage) = self.usage.get_mut(&tenant) {
            usage.kept(device, ROW_BYTES + i64::try_from(payload).unwrap_or(i64::MAX / 2));
        }
    }
}

/// Reads what a tenant takes up, how much is kept of these phones, and what who opens a job has: a few
/// rows by their key.
pub(super) async fn load(
    tx: &mut sqlx::AnyConnection,
    backend: Backend,
    tenant: TenantId,
    needs: &Needs,
) -> Result<Usage, StoreError> {
    use sqlx::Row as _;

    let mut subjects = vec![Vec::new()];
    subjects.extend(needs.devices.iter().map(|device| device.as_bytes().to_vec()));
    let mut usage = Usage::default();
    let first = vec![Arg::from(tenant.as_bytes())];
    for row in select_in(tx, backend, USAGE, first, &subjects).await? {
        let (kind, subject): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        usage.read(&kind, &subject, row.try_get(2)?, row.try_get(3)?);
    }
    let first = || vec![Arg::from(tenant.as_bytes())];
    let users: Vec<_> = needs.users.iter().map(|user| user.as_bytes().to_vec()).collect();
    for row in select_in(tx, backend, share::OF_USERS, first(), &users).await? {
        let (user, share) = Share::read(&row)?;
        usage.shares.insert(user, share);
    }
    let openers: Vec<_> = needs.openers.iter().map(|user| user.as_bytes().to_vec()).collect();
    for row in select_in(tx, backend, OPENED, first(), &openers).await? {
        let opened = usage.opened.entry(id(&row, 0, UserId::from_slice)?).or_default();
        (opened.since, opened.today) = (row.try_get(1)?, row.try_get(2)?);
    }
    for row in select_in(tx, backend, HAVE, first(), &openers).await? {
        let opened = usage.opened.entry(id(&row, 0, UserId::from_slice)?).or_default();
        opened.has = row.try_get(1)?;
    }
    Ok(usage)
}

const OPENED: &str = "SELECT user_id, since, opened FROM walk_ups WHERE tenant = $1 \
    AND user_id IN ({keys})";
const HAVE: &str = "SELECT user_id, documents FROM scope_digests WHERE tenant = $1 \
    AND user_id IN ({keys})";

const USAGE: &str = "SELECT kind, subject, items, bytes FROM usage WHERE tenant = $1 \
    AND ((kind IN ('log', 'projections', 'quarantine', 'submissions', 'branches', 'devices', \
    'parts', 'tokens', 'users') AND subject IN ({keys})) OR kind = 'audit')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_kept_while_phone_and_tenant_have_room() {
        let bounds =
            Bounds { quarantine_per_phone: 2, quarantine_per_tenant: 3, ..Bounds::default() };
        let [one, two] = [1, 2].map(|n| Some(DeviceId::new(1, [n; 10])));
        let mut usage = Usage::default();
        usage.read("quarantine", &[], 1, 100);
        usage.read("quarantine", one.as_ref().map_or(&[], |it| it.as_bytes()), 1, 100);
        assert!(usage.keeps(&bounds, one));
        usage.kept(one, 1);
        assert!(!usage.keeps(&bounds, one), "the phone has two");
        assert!(usage.keeps(&bounds, two));
        usage.kept(two, 1);
        assert!(!usage.keeps(&bounds, two) && !usage.keeps(&bounds, None), "the tenant has three");
    }
}
