//! What jobs took from vans, added up by the database: what that costs follows from the uses of those
//! who drive the van or drove it, whatever others say of it. Of the others some are shown.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::{FactId, JobId, TenantId, UserId, VanId};
use sync_core::schema::DocId;
use sync_core::van::{Question, Taken, Usage};

use super::connect::Backend;
use super::error::StoreError;
use super::sql::{Arg, Statement, id, select_in};

/// Parts and bins of a van that one technician's jobs may name; further ones are left out.
const LINES: i64 = 5000;
/// A quantity above this is no part: a thousand times as many as a phone may say.
const QUANTITY: i64 = 1_000_000_000_000;
/// Uses by technicians who never drove the van that are shown for a person to look after.
const UNASSIGNED: usize = 500;
/// Rows of the index that are looked at for them between two drivers.
const WINDOW: i64 = 2000;
/// Parts and bins of which one statement says what was taken after their count.
const COUNTED: usize = 64;

type PartInBin = (String, String);

/// Answers what has to be known of a van's record.
pub(crate) async fn taken(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    record: DocId,
    question: &Question,
) -> Result<Taken, StoreError> {
    let mut taken = Taken {
        each: moved(connection, backend, tenant, record, question).await?,
        ..Taken::default()
    };
    // The office's are those of nobody's phone.
    for driver in question.drivers.iter().map(Some).chain([None]) {
        add_up(connection, tenant, record, driver, question, &mut taken.sums).await?;
    }
    let known: BTreeSet<_> = taken.each.iter().map(|usage| (usage.id, usage.job)).collect();
    let most = taken.each.len() + UNASSIGNED;
    // Between two drivers stand all who are neither, so what the drivers took is not looked at.
    let ends = question.drivers.iter().map(Some);
    for (after, before) in [None].into_iter().chain(ends.clone()).zip(ends.chain([None])) {
        let query = unassigned(tenant, record, after, before);
        for row in query.fetch(&mut *connection).await? {
            let usage = usage(&row)?;
            if taken.each.len() < most && !known.contains(&(usage.id, usage.job)) {
                taken.each.push(usage);
            }
        }
        if taken.each.len() >= most {
            break;
        }
    }
    Ok(taken)
}

/// Uses that stand, by technicians whose ids are between these two.
pub(crate) fn unassigned(
    tenant: TenantId,
    record: DocId,
    after: Option<&UserId>,
    before: Option<&UserId>,
) -> Statement {
    let mut query = Statement::default();
    let (tenant, van) = (query.bind(tenant.as_bytes()), query.bind(record.as_bytes()));
    let after = query.bind(after.map(|user| user.as_bytes().to_vec()).unwrap_or_default());
    let before = before.map(|user| format!("AND by_user < {}", query.bind(user.as_bytes())));
    query.sql = format!(
        "SELECT van, job, fact, part_no, quantity, bin, at, voided, by_user FROM (SELECT * \
         FROM job_parts WHERE tenant = {tenant} AND van = {van} AND van IS NOT NULL \
         AND by_user > {after} {} ORDER BY by_user, part_no, bin, at LIMIT {WINDOW}) AS looked_at \
         WHERE part_no <> '' AND voided = 0 AND quantity > 0 AND quantity <= {QUANTITY} \
         LIMIT {UNASSIGNED}",
        before.unwrap_or_default()
    );
    query
}

/// The uses that the document has movements of.
async fn moved(
    connection: &mut AnyConnection,
    backend: Backend,
    tenant: TenantId,
    record: DocId,
    question: &Question,
) -> Result<Vec<Usage>, StoreError> {
    const EACH: &str = "SELECT van, job, fact, part_no, quantity, bin, at, voided, by_user \
        FROM job_parts WHERE tenant = $1 AND van = $2 AND part_no <> '' AND job IN ({keys})";
    let mut jobs: Vec<JobId> = question.moved.iter().map(|(_, job)| *job).collect();
    jobs.sort_unstable();
    jobs.dedup();
    let mut each = Vec::new();
    for jobs in jobs.chunks(COUNTED) {
        let first = vec![Arg::from(tenant.as_bytes()), Arg::from(record.as_bytes())];
        let jobs: Vec<Vec<u8>> = jobs.iter().map(|job| job.as_bytes().to_vec()).collect();
        for row in select_in(connection, backend, EACH, first, &jobs).await? {
            let usage = usage(&row)?;
            if question.moved.contains(&(usage.id, usage.job)) {
                each.push(usage);
            }
        }
    }
    Ok(each)
}

/// Adds what one technician's jobs took, or the office's own, after the last count of each place.
async fn add_up(
    connection: &mut AnyConnection,
    tenant: TenantId,
    record: DocId,
    driver: Option<&UserId>,
    question: &Question,
    sums: &mut BTreeMap<PartInBin, i64>,
) -> Result<(), StoreError> {
    // Places that were taken from before their count and after it.
    let mut both = Vec::new();
    for row in totals(tenant, record, driver).fetch(&mut *connection).await? {
        let place: PartInBin = (row.try_get(0)?, row.try_get(1)?);
        let (sum, first, last): (i64, i64, i64) =
            (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        match question.counted.get(&place) {
            Some(counted) if last <= *counted => {}
            Some(counted) if first <= *counted => both.push((place, *counted)),
            _ => *sums.entry(place).or_default() += sum,
        }
    }
    for places in both.chunks(COUNTED) {
        for row in after_counts(tenant, record, driver, places).fetch(&mut *connection).await? {
            let place: PartInBin = (row.try_get(0)?, row.try_get(1)?);
            *sums.entry(place).or_default() += row.try_get::<i64, _>(2)?;
        }
    }
    Ok(())
}

/// What was taken of each part and bin, and from when to when.
pub(crate) fn totals(tenant: TenantId, record: DocId, driver: Option<&UserId>) -> Statement {
    let mut query = Statement::default();
    let uses = uses_of(&mut query, tenant, record, driver);
    query.sql = format!(
        "SELECT part_no, COALESCE(bin, '') AS place, CAST(SUM(quantity) AS BIGINT), MIN(at), MAX(at) \
         FROM job_parts WHERE {uses} GROUP BY part_no, COALESCE(bin, '') \
         ORDER BY part_no, COALESCE(bin, '') LIMIT {LINES}"
    );
    query
}

/// What was taken of these parts and bins after their counts.
pub(crate) fn after_counts(
    tenant: TenantId,
    record: DocId,
    driver: Option<&UserId>,
    places: &[(PartInBin, i64)],
) -> Statement {
    let mut query = Statement::default();
    let uses = uses_of(&mut query, tenant, record, driver);
    // No join: SQLite would look through all parts of the tenant for it.
    let after = places.iter().map(|((part_no, bin), at)| {
        let (part_no, bin, at) = (query.bind(&**part_no), query.bind(&**bin), query.bind(*at));
        format!("(part_no = {part_no} AND COALESCE(bin, '') = {bin} AND at > {at})")
    });
    let after = after.collect::<Vec<_>>().join(" OR ");
    query.sql = format!(
        "SELECT part_no, COALESCE(bin, '') AS place, CAST(SUM(quantity) AS BIGINT) FROM job_parts \
         WHERE {uses} AND ({after}) GROUP BY part_no, COALESCE(bin, '')"
    );
    query
}

/// The condition of uses that stand, of one technician's phones or of the office.
fn uses_of(
    query: &mut Statement,
    tenant: TenantId,
    record: DocId,
    driver: Option<&UserId>,
) -> String {
    let (tenant, van) = (query.bind(tenant.as_bytes()), query.bind(record.as_bytes()));
    let by = match driver {
        Some(driver) => format!("= {}", query.bind(driver.as_bytes())),
        None => "IS NULL".to_owned(),
    };
    format!(
        "tenant = {tenant} AND van = {van} AND van IS NOT NULL AND by_user {by} AND part_no <> '' AND voided = 0 \
         AND quantity > 0 AND quantity <= {QUANTITY}"
    )
}

fn usage(row: &AnyRow) -> Result<Usage, StoreError> {
    let by: Option<Vec<u8>> = row.try_get(8)?;
    Ok(Usage {
        van: id(row, 0, VanId::from_slice)?,
        job: id(row, 1, JobId::from_slice)?,
        id: id(row, 2, FactId::from_slice)?,
        part_no: row.try_get(3)?,
        quantity: row.try_get(4)?,
        bin: row.try_get(5)?,
        at: row.try_get(6)?,
        voided: row.try_get::<i64, _>(7)? != 0,
        by: by.and_then(|user| UserId::from_slice(&user).ok()),
    })
}
