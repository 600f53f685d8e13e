//! Jobs that may be the same rescue as one that was just taken in, or is looked at.

use std::collections::BTreeMap;

use sync_core::id::{JobId, TenantId};
use sync_core::job::{Alike, NEAR_M, NEAR_MS, Reason, SAME_MS, alike, around};
use sync_core::place::Place;

use super::jobs::{JobRow, job_row};
use super::sql::{Statement, key_text};
use super::{Store, StoreError};
use crate::writer::project_job::{phone_key, plain};

/// What a job is compared with.
#[derive(Debug, Clone, Default)]
pub struct Likeness {
    /// Licence plate, however written.
    pub plate: Option<String>,
    /// Vehicle identification number, however written.
    pub vin: Option<String>,
    /// Phone number, as it is stored.
    pub phone: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// When the job was made, Unix milliseconds.
    pub at: i64,
    /// The job itself, if it is stored already.
    pub except: Option<JobId>,
}

/// Most jobs that are shown as alike.
const ALIKE: usize = 50;
/// Rows of an index that one question looks at, of a value those the server took in last: an id has the
/// clock of a phone, by which nobody may put theirs before a call.
const LOOKED_AT: i64 = 500;
/// Jobs made about the same time whose places are looked at; the index alone is read for them.
const ABOUT_THEN: i64 = 10_000;

const COLUMNS: &str = "summary, pos, updated_at, expires, first_pos";

impl Store {
    /// Jobs that may be the same rescue, with the reasons: calls first, which no phone can
    /// make, each part the nearest first; `now` (Unix milliseconds)
    /// tells which offers expired.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn duplicates(
        &self,
        tenant: TenantId,
        likeness: &Likeness,
        now: i64,
    ) -> Result<Vec<(JobRow, Alike)>, StoreError> {
        let mut found: BTreeMap<JobId, (JobRow, Vec<Reason>)> = BTreeMap::new();
        let mut connection = self.readers().acquire().await?;
        for (reason, query) in queries(tenant, likeness) {
            for row in query.fetch(&mut connection).await? {
                let row = job_row(&row, now)?;
                found.entry(row.summary.id).or_insert((row, Vec::new())).1.push(reason);
            }
        }
        let judged = found.into_values().filter_map(|(row, common)| {
            let places = [likeness.place, row.summary.place];
            let alike = alike(common, row.summary.created - likeness.at, places)?;
            (likeness.except != Some(row.summary.id)).then_some((row, alike))
        });
        let mut judged: Vec<_> = judged.collect();
        judged.sort_by_key(|(row, alike)| {
            let newest = std::cmp::Reverse((row.first, row.summary.id));
            (row.summary.walk_up, alike.rank(), newest)
        });
        judged.truncate(ALIKE);
        Ok(judged)
    }
}

/// A statement for each reason that may hold.
fn queries(tenant: TenantId, likeness: &Likeness) -> Vec<(Reason, Statement)> {
    let same = [
        (Reason::Plate, "plate", likeness.plate.as_deref().map(plain)),
        (Reason::Vin, "vin", likeness.vin.as_deref().map(plain)),
        (Reason::Phone, "phone", likeness.phone.as_deref().and_then(phone_key)),
    ];
    let mut queries = Vec::new();
    for (reason, column, value) in same {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            queries.push((reason, same_value(tenant, column, &value, likeness.at)));
        }
    }
    let near = likeness.place.map(|place| near(tenant, &place, likeness.at));
    queries.extend(near.map(|query| (Reason::PlaceAndTime, query)));
    queries
}

/// Jobs with a value, made within a day.
fn same_value(tenant: TenantId, column: &str, value: &str, at: i64) -> Statement {
    let mut query = Statement::default();
    let (tenant, value) = (query.bind(tenant.as_bytes()), query.bind(&*key_text(value)));
    let (from, to) = (query.bind(at - SAME_MS), query.bind(at + SAME_MS));
    query.sql = format!(
        "SELECT {COLUMNS} FROM (SELECT * FROM jobs WHERE tenant = {tenant} AND {column} = {value} \
         ORDER BY first_pos DESC, job DESC LIMIT {LOOKED_AT}) AS looked_at \
         WHERE created_at BETWEEN {from} AND {to}"
    );
    query
}

/// Jobs around a place, made about the same time.
fn near(tenant: TenantId, place: &Place, at: i64) -> Statement {
    let mut query = Statement::default();
    let (of, from) = (query.bind(tenant.as_bytes()), query.bind(at - NEAR_MS));
    let to = query.bind(at + NEAR_MS);
    let [lats, lons] = around(place, NEAR_M);
    let (south, north) = (query.bind(lats.0), query.bind(lats.1));
    let (west, east) = (query.bind(lons.0), query.bind(lons.1));
    let own = query.bind(tenant.as_bytes());
    query.sql = format!(
        "SELECT {COLUMNS} FROM (SELECT job AS found FROM (SELECT job, lat, lon FROM jobs \
         WHERE tenant = {of} AND created_at BETWEEN {from} AND {to} AND lat IS NOT NULL \
         ORDER BY created_at DESC LIMIT {ABOUT_THEN}) AS looked_at \
         WHERE lat BETWEEN {south} AND {north} AND lon BETWEEN {west} AND {east} \
         LIMIT {LOOKED_AT}) AS looked_at CROSS JOIN jobs \
         WHERE jobs.tenant = {own} AND jobs.job = looked_at.found"
    );
    query
}

/// What the search reads.
#[cfg(test)]
pub(crate) fn statements(tenant: TenantId, likeness: &Likeness) -> Vec<Statement> {
    queries(tenant, likeness).into_iter().map(|(_, query)| query).collect()
}
