//! What technicians have, read for many of them at once: the vans they drive and their open jobs.
//!
//! Of each technician a bounded number is read, whatever the others have; who has more is named.

use std::collections::{BTreeSet, HashMap};

use sqlx::any::AnyRow;
use sqlx::{Connection, Row};
use sync_core::id::{JobId, TenantId, UserId, VanId};
use sync_core::job::State;
use sync_core::place::Place;
use sync_core::schema::{DocId, DocKind};

use super::log::{self, Loaded, doc_of};
use super::sql::{Statement, id};
use super::{Store, StoreError, StoredDocument};

/// Technicians of one statement, greatest first: few texts, so that prepared statements are found again.
const AT_ONCE: [usize; 3] = [32, 8, 1];

/// States of a job that someone has and that is not over, as the index `jobs_open` names them.
const OPEN: &str = "'offered', 'assigned', 'accepted', 'en_route', 'on_scene', 'working', 'in_tow', \
                    'at_destination'";

/// What some technicians have.
#[derive(Debug, Clone)]
pub struct Held<T> {
    /// By technician, at most as many as were asked for.
    pub of: HashMap<UserId, Vec<T>>,
    /// Those who have more.
    pub more: BTreeSet<UserId>,
}

/// A job that a technician has and that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenJob {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: State,
    /// Where it is.
    pub place: Option<Place>,
}

impl Store {
    /// The vans that each of these technicians drives, at most `most` of each.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn vans_of_each(
        &self,
        tenant: TenantId,
        technicians: &[UserId],
        most: usize,
    ) -> Result<Held<VanId>, StoreError> {
        let van = |row: &AnyRow| Ok(doc_of(&row.try_get::<Vec<u8>, _>(1)?)?.van());
        self.held(technicians, most, |some, limit| vans(tenant, some, limit), van).await
    }

    /// The open jobs of each of these technicians, at most `most` of each, those the server took in first
    /// first. `now` (Unix milliseconds) tells which offers expired: nobody has those.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_jobs_of_each(
        &self,
        tenant: TenantId,
        technicians: &[UserId],
        now: i64,
        most: usize,
    ) -> Result<Held<OpenJob>, StoreError> {
        let job = |row: &AnyRow| open_job(row, now);
        self.held(technicians, most, |some, limit| open_jobs(tenant, some, limit), job).await
    }

    /// Documents by their ids; those that nobody ever wrote to are left out.
    ///
    /// # Errors
    /// As [`Store::document`].
    pub async fn documents_of(
        &self,
        tenant: TenantId,
        docs: &[DocId],
    ) -> Result<Vec<StoredDocument>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let mut snapshot = connection.begin_with(self.snapshot()).await?;
        let loaded = log::load(&mut snapshot, self.backend(), tenant, docs, i64::MAX).await;
        snapshot.rollback().await?;
        let there = loaded?.into_values().filter(|loaded| loaded.pos != 0);
        Ok(there.map(|Loaded { document, pos, .. }| StoredDocument { document, pos }).collect())
    }

    async fn held<T>(
        &self,
        technicians: &[UserId],
        most: usize,
        statement: impl Fn(&[UserId], i64) -> Statement,
        read: impl Fn(&AnyRow) -> Result<Option<T>, StoreError>,
    ) -> Result<Held<T>, StoreError> {
        let mut held = Held { of: HashMap::new(), more: BTreeSet::new() };
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let mut connection = self.readers().acquire().await?;
        let mut left = technicians;
        while !left.is_empty() {
            let size = AT_ONCE.into_iter().find(|size| *size <= left.len()).unwrap_or(1);
            let (some, rest) = left.split_at(size);
            left = rest;
            let mut rows_of: HashMap<UserId, usize> = HashMap::new();
            for row in statement(some, limit).fetch(&mut connection).await? {
                let technician = id(&row, 0, UserId::from_slice)?;
                let rows = rows_of.entry(technician).or_default();
                *rows += 1;
                if *rows > most {
                    held.more.insert(technician);
                } else if let Some(one) = read(&row)? {
                    held.of.entry(technician).or_default().push(one);
                }
            }
        }
        Ok(held)
    }
}

/// A van is in the scope of its driver.
pub(crate) fn vans(tenant: TenantId, technicians: &[UserId], limit: i64) -> Statement {
    let mut query = Statement::default();
    let (tenant, kind) = (query.bind(tenant.as_bytes()), DocKind::Van.code());
    let (from, until) = (query.bind(vec![kind]), query.bind(vec![kind + 1]));
    let limit = query.bind(limit);
    for_each(query, technicians, |technician| {
        format!(
            "SELECT user_id, doc FROM scope WHERE tenant = {tenant} AND user_id = {technician} \
             AND doc >= {from} AND doc < {until} AND current = 1 ORDER BY doc LIMIT {limit}"
        )
    })
}

pub(crate) fn open_jobs(tenant: TenantId, technicians: &[UserId], limit: i64) -> Statement {
    let mut query = Statement::default();
    let (tenant, limit) = (query.bind(tenant.as_bytes()), query.bind(limit));
    for_each(query, technicians, |technician| {
        format!(
            "SELECT technician, job, state, expires, lat, lon FROM jobs \
             WHERE tenant = {tenant} AND technician = {technician} AND state IN ({OPEN}) \
             ORDER BY first_pos, job LIMIT {limit}"
        )
    })
}

/// The same for each technician, in one statement.
fn for_each(
    mut query: Statement,
    technicians: &[UserId],
    one: impl Fn(&str) -> String,
) -> Statement {
    let each = technicians.iter().enumerate().map(|(n, technician)| {
        let technician = query.bind(technician.as_bytes());
        format!("SELECT * FROM ({}) AS of_{n}", one(&technician))
    });
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
    Statement { sql, ..query }
}

fn open_job(row: &AnyRow, now: i64) -> Result<Option<OpenJob>, StoreError> {
    let word: String = row.try_get(2)?;
    let state = State::parse(&word)
        .ok_or_else(|| StoreError::Corrupt(format!("a job's state: {word:?}")))?;
    let expires: Option<i64> = row.try_get(3)?;
    if state == State::Offered && expires.is_some_and(|expires| expires <= now) {
        return Ok(None);
    }
    let (lat, lon): (Option<i64>, Option<i64>) = (row.try_get(4)?, row.try_get(5)?);
    let place = lat.zip(lon).and_then(|(lat, lon)| Place::new(lat, lon).ok());
    Ok(Some(OpenJob { job: id(row, 1, JobId::from_slice)?, state, place }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_states_are_those_in_which_someone_has_a_job_that_is_not_over() {
        let open = State::ALL.into_iter().filter(|it| !it.is_over() && *it != State::Received);
        let words: Vec<String> = open.map(|state| format!("'{}'", state.as_str())).collect();
        assert_eq!(OPEN, words.join(", "));
        for backend in [crate::Backend::Sqlite, crate::Backend::Postgres] {
            let schema = crate::migrate::migrations(backend).iter();
            let index = format!("WHERE technician IS NOT NULL AND state IN ({OPEN})");
            let plain = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(schema.map(|it| plain(it.sql)).any(|sql| sql.contains(&index)), "{backend:?}");
        }
    }
}
