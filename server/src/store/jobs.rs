//! Lists of jobs: what the board, the inbox and the search read.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Arguments, AssertSqlSafe, Row};
use sync_core::id::{BranchId, JobId, TenantId, UserId};
use sync_core::job::{JobSummary, State};
use sync_core::place::Place;

use super::{Store, StoreError};
use crate::writer::project_job::plain;

/// Which jobs a list shows. The default shows all.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// As staff of this branch see them: its own, and those that have none yet.
    pub seen_from: Option<BranchId>,
    /// Of this branch.
    pub branch: Option<BranchId>,
    /// In one of these states; empty for all.
    pub states: Vec<State>,
    /// Of this technician.
    pub technician: Option<UserId>,
    /// Number, caller, phone, plate, VIN, vehicle or address contain this.
    pub text: Option<String>,
    /// Changed at or after this time, Unix milliseconds.
    pub updated_since: Option<i64>,
    /// With a decision waiting, or without.
    pub waiting: Option<bool>,
    /// Made before this job: the last one of the page before.
    pub before: Option<JobId>,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// What a list shows.
    pub summary: JobSummary,
    /// Position of the job's last change, which is its ETag.
    pub pos: i64,
    /// When the server took that in, Unix milliseconds.
    pub updated: i64,
}

/// What a new job is compared with.
#[derive(Debug, Clone, Default)]
pub struct Likeness {
    /// Licence plate, however written.
    pub plate: Option<String>,
    /// Vehicle identification number, however written.
    pub vin: Option<String>,
    /// Phone number, E.164.
    pub phone: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// The new job itself, if it is stored already.
    pub except: Option<JobId>,
}

/// Jobs further apart in time are not the same rescue, milliseconds.
const SAME_RESCUE_MS: i64 = 24 * 3600 * 1000;
/// Nor those further apart in space, metres.
const SAME_RESCUE_M: f64 = 3000.0;

impl Store {
    /// Jobs, newest first, at most `limit`; `now` (Unix milliseconds) tells which offers expired.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn jobs(
        &self,
        tenant: TenantId,
        filter: &JobFilter,
        now: i64,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let mut query = Query::new(tenant)?;
        if let Some(own) = filter.seen_from {
            let own = query.bind(own.as_bytes().to_vec())?;
            query.and(&format!("(branch IS NULL OR branch = {own})"));
        }
        if let Some(branch) = filter.branch {
            query.compare("branch =", branch.as_bytes().to_vec())?;
        }
        if !filter.states.is_empty() {
            let now = query.bind(now)?;
            let state = format!(
                "CASE WHEN state = 'offered' AND expires <= {now} THEN 'received' ELSE state END"
            );
            query.any(&state, filter.states.iter().map(|state| state.word().to_owned()))?;
        }
        if let Some(technician) = filter.technician {
            query.compare("technician =", technician.as_bytes().to_vec())?;
        }
        // Nothing that is searched for has control characters, and databases differ about them.
        let text = filter.text.as_deref().unwrap_or_default();
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim();
        if !text.is_empty() {
            let words = text.to_lowercase();
            // Plates and VINs stand there without their dashes.
            let letters = Some(plain(text).to_lowercase()).filter(|letters| !letters.is_empty());
            let letters = query.bind(like(letters.as_ref().unwrap_or(&words)))?;
            let words = query.bind(like(&words))?;
            query.and(&format!(
                "(search LIKE {words} ESCAPE '!' OR search LIKE {letters} ESCAPE '!')"
            ));
        }
        if let Some(since) = filter.updated_since {
            query.compare("updated_at >=", since)?;
        }
        match filter.waiting {
            Some(true) => query.and("waiting > 0"),
            Some(false) => query.and("waiting = 0"),
            None => {}
        }
        if let Some(before) = filter.before {
            query.compare("job <", before.as_bytes().to_vec())?;
        }
        query.fetch(self, now, limit).await
    }

    /// Jobs that may be the same rescue: same plate, VIN or phone, near in time and, where both
    /// places are known, near in space. Newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn duplicates(
        &self,
        tenant: TenantId,
        likeness: &Likeness,
        now: i64,
    ) -> Result<Vec<JobRow>, StoreError> {
        let mut query = Query::new(tenant)?;
        let mut same = Vec::new();
        for (column, value) in [
            ("plate", likeness.plate.as_deref().map(plain)),
            ("vin", likeness.vin.as_deref().map(plain)),
            ("phone", likeness.phone.clone()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                same.push(format!("{column} = {}", query.bind(value)?));
            }
        }
        if same.is_empty() {
            return Ok(Vec::new());
        }
        query.and(&format!("({})", same.join(" OR ")));
        query.compare("created_at >", now - SAME_RESCUE_MS)?;
        let mut rows = query.fetch(self, now, 50).await?;
        rows.retain(|row| {
            let near = match (likeness.place, row.summary.place) {
                (Some(new), Some(old)) => new.distance_m(&old) <= SAME_RESCUE_M,
                _ => true,
            };
            near && likeness.except != Some(row.summary.id)
        });
        Ok(rows)
    }
}

/// A query over the table of jobs, its conditions in code and its values bound.
struct Query {
    conditions: String,
    arguments: AnyArguments,
}

impl Query {
    fn new(tenant: TenantId) -> Result<Self, StoreError> {
        let mut query =
            Self { conditions: String::from("tenant = $1"), arguments: AnyArguments::default() };
        query.bind(tenant.as_bytes().to_vec())?;
        Ok(query)
    }

    fn bind<'t, T>(&mut self, value: T) -> Result<String, StoreError>
    where
        T: sqlx::Encode<'t, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let added = self.arguments.add(value);
        added.map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
        Ok(format!("${}", self.arguments.len()))
    }

    fn and(&mut self, condition: &str) {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
    }

    fn compare<'t, T>(&mut self, left: &str, value: T) -> Result<(), StoreError>
    where
        T: sqlx::Encode<'t, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let value = self.bind(value)?;
        self.and(&format!("{left} {value}"));
        Ok(())
    }

    fn any<'t, T>(&mut self, left: &str, values: impl Iterator<Item = T>) -> Result<(), StoreError>
    where
        T: sqlx::Encode<'t, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let values = values.map(|value| self.bind(value)).collect::<Result<Vec<_>, _>>()?;
        if !values.is_empty() {
            self.and(&format!("{left} IN ({})", values.join(", ")));
        }
        Ok(())
    }

    async fn fetch(
        mut self,
        store: &Store,
        now: i64,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let limit = self.bind(i64::from(limit))?;
        let sql = format!(
            "SELECT summary, pos, updated_at, expires FROM jobs WHERE {} \
             ORDER BY job DESC LIMIT {limit}",
            self.conditions
        );
        let rows = sqlx::query_with(AssertSqlSafe(sql), self.arguments).fetch_all(store.readers());
        rows.await?.iter().map(|row| job_row(row, now)).collect()
    }
}

fn job_row(row: &AnyRow, now: i64) -> Result<JobRow, StoreError> {
    let summary: String = row.try_get(0)?;
    let mut summary: JobSummary = serde_json::from_str(&summary)
        .map_err(|error| StoreError::Corrupt(format!("a job's summary: {error}")))?;
    let expires: Option<i64> = row.try_get(3)?;
    if summary.state == State::Offered && expires.is_some_and(|expires| expires <= now) {
        // As `Job::summary` has it at `now`: nobody answered, so nobody has it.
        summary.state = State::Received;
        (summary.technician, summary.provider, summary.epoch) = (None, None, None);
    }
    Ok(JobRow { summary, pos: row.try_get(1)?, updated: row.try_get(2)? })
}

/// A pattern that finds `text` anywhere, whatever characters it has.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
