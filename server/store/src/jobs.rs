//! Lists of jobs: what the board, the inbox and the search read.

use sqlx::Row;
use sqlx::any::AnyRow;
use sync_core::id::{BranchId, JobId, TenantId, UserId};
use sync_core::job::{JobSummary, State};
use sync_core::schema::DocKind;
use sync_core::search;

use super::log::doc_of;
use super::pull::counter;
use super::sql::{Arg, Statement, id, select_in};
use super::{Store, StoreError};

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
    /// Every word of this, folded, stands in what is searched of a job, or all of it without gaps.
    pub text: Option<String>,
    /// With a decision waiting, or without.
    pub waiting: Option<bool>,
    /// In which order, and from where on: `next` of the page before.
    pub order: JobOrder,
}

/// The order of a list of jobs, with the place that its page follows; absent for the first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOrder {
    /// Those the server took in last first. The place is the position at which it took the job in.
    FirstSeen(Option<JobPlace>),
    /// Those changed at or after this time, Unix milliseconds, the last changed first. The place is when
    /// the job last changed, Unix milliseconds.
    ChangedSince(i64, Option<JobPlace>),
}

impl Default for JobOrder {
    fn default() -> Self {
        Self::FirstSeen(None)
    }
}

impl JobOrder {
    /// The place that the page follows.
    pub fn place(self) -> Option<JobPlace> {
        match self {
            Self::FirstSeen(place) | Self::ChangedSince(_, place) => place,
        }
    }

    /// The same order after another place.
    fn after(self, place: JobPlace) -> Self {
        match self {
            Self::FirstSeen(_) => Self::FirstSeen(Some(place)),
            Self::ChangedSince(since, _) => Self::ChangedSince(since, Some(place)),
        }
    }

    /// The column that the list is sorted by.
    fn column(self) -> &'static str {
        match self {
            Self::FirstSeen(_) => "first_pos",
            Self::ChangedSince(..) => "updated_at",
        }
    }

    fn place_of(self, row: &JobRow) -> JobPlace {
        let key = match self {
            Self::FirstSeen(_) => row.first,
            Self::ChangedSince(..) => row.updated,
        };
        JobPlace { key, job: row.summary.id }
    }
}

/// A place in a list of jobs; its order is known to the [`JobOrder`] that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobPlace {
    /// What the list is sorted by.
    pub key: i64,
    /// The job.
    pub job: JobId,
}

/// A page of a list of jobs.
#[derive(Debug, Clone, Default)]
pub struct JobPage {
    /// The jobs; fewer than were asked for where the search has looked at as many as it may.
    pub rows: Vec<JobRow>,
    /// The order, from where the next page begins; absent at the end of the list.
    pub next: Option<JobOrder>,
    /// The position of the log before the page was read: whoever follows the changes after it misses none.
    pub after: i64,
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
    /// Position of the job's first run.
    pub first: i64,
}

/// Rows that one page may look at, along however many ways. A filter that nothing fits, or a text that nobody
/// wrote, costs this much and no more; the page then ends early and says where to go on.
const WINDOW: i64 = 10_000;

pub(crate) const EVER_OF: &str = "SELECT doc FROM scope WHERE tenant = $1 AND user_id = $2 \
    AND doc > $3 AND doc < $4 ORDER BY doc LIMIT $5";

impl Store {
    /// Jobs in an order, at most `limit`; `now` (Unix milliseconds) tells which offers expired.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn jobs(
        &self,
        tenant: TenantId,
        filter: &JobFilter,
        now: i64,
        limit: u32,
    ) -> Result<JobPage, StoreError> {
        self.jobs_within(tenant, filter, now, limit, WINDOW).await
    }

    /// The same with a window of other size.
    pub(super) async fn jobs_within(
        &self,
        tenant: TenantId,
        filter: &JobFilter,
        now: i64,
        limit: u32,
        window: i64,
    ) -> Result<JobPage, StoreError> {
        let mut found = Vec::new();
        // Above this place every way has been looked through.
        let mut seen_to: Option<JobPlace> = None;
        let mut connection = self.readers().acquire().await?;
        // First: what is committed later may be in the page or not, and has a later position.
        let after = counter(&mut connection, tenant).await?;
        let ways = ways(filter);
        // One window for the page: each way has its part of it, however many they are.
        let window = (window / i64::try_from(ways.len()).unwrap_or(i64::MAX)).max(1);
        for way in ways {
            let query = Query::listing(tenant, filter, &way, now, window, i64::from(limit) + 1);
            let rows = query.fetch(&mut connection).await?;
            let rows = rows.iter().map(|row| job_row(row, now)).collect::<Result<Vec<_>, _>>()?;
            let end = if rows.len() > limit as usize {
                rows.last().map(|row| filter.order.place_of(row))
            } else {
                let end = Query::end_of(tenant, filter, &way, window);
                end.fetch(&mut connection).await?.first().map(job_place).transpose()?
            };
            seen_to = seen_to.max(end);
            found.extend(rows);
        }
        let place = |row: &JobRow| filter.order.place_of(row);
        found.sort_by_key(|row| std::cmp::Reverse(place(row)));
        found.retain(|row| seen_to.is_none_or(|end| place(row) >= end));
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = if more { found.last().map(place) } else { seen_to };
        Ok(JobPage { next: last.map(|place| filter.order.after(place)), rows: found, after })
    }

    /// Jobs that a technician has or ever had, by id after `after`. Offers stand
    /// as if they never expired. At most so many are looked at: gives them, and where to go on unless
    /// that was the end.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn jobs_ever_of(
        &self,
        tenant: TenantId,
        technician: UserId,
        after: Option<JobId>,
        most: usize,
    ) -> Result<(Vec<JobRow>, Option<JobId>), StoreError> {
        const ROWS: &str = "SELECT summary, pos, updated_at, expires, first_pos FROM jobs \
                            WHERE tenant = $1 AND job IN ({keys})";
        let kind = DocKind::Job.code();
        let mut first = vec![kind];
        first.extend(after.map(|job| *job.as_bytes()).unwrap_or_default());
        let mut connection = self.readers().acquire().await?;
        let found = sqlx::query(EVER_OF)
            .bind(tenant.as_bytes().to_vec())
            .bind(technician.as_bytes().to_vec())
            .bind(first)
            .bind(vec![kind + 1])
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *connection)
            .await?;
        let jobs = found.iter().map(|row| Ok(doc_of(&row.try_get::<Vec<u8>, _>(0)?)?.job()));
        let jobs = jobs.collect::<Result<Vec<_>, StoreError>>()?;
        let next = jobs.last().copied().flatten().filter(|_| jobs.len() >= most);
        let keys: Vec<_> = jobs.into_iter().flatten().map(|job| job.as_bytes().to_vec()).collect();
        let args = vec![Arg::from(tenant.as_bytes())];
        let rows = select_in(&mut connection, self.backend(), ROWS, args, &keys).await?;
        let mut rows =
            rows.iter().map(|row| job_row(row, i64::MIN)).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|row| row.summary.id);
        rows.dedup_by_key(|row| row.summary.id);
        Ok((rows, next))
    }
}

/// One way through an index: what its rows have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IndexScan {
    Everything,
    Updated(i64),
    Technician(UserId),
    Waiting,
    State(&'static str),
    Branch(Option<BranchId>),
}

/// The ways that lead to everything a filter lets through, none of it twice. What is left to ask
/// of the rows is asked on the way.
fn ways(filter: &JobFilter) -> Vec<IndexScan> {
    if let JobOrder::ChangedSince(since, _) = filter.order {
        return vec![IndexScan::Updated(since)];
    }
    if let Some(technician) = filter.technician {
        return vec![IndexScan::Technician(technician)];
    }
    if filter.waiting == Some(true) {
        return vec![IndexScan::Waiting];
    }
    if !filter.states.is_empty() {
        let mut words: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
        // An offer that expired is stored as one and counts as received.
        if filter.states.contains(&State::Received) {
            words.push(State::Offered.as_str());
        }
        words.sort_unstable();
        words.dedup();
        return words.into_iter().map(IndexScan::State).collect();
    }
    match (filter.branch, filter.seen_from) {
        (Some(branch), _) => vec![IndexScan::Branch(Some(branch))],
        (None, Some(own)) => vec![IndexScan::Branch(None), IndexScan::Branch(Some(own))],
        (None, None) => vec![IndexScan::Everything],
    }
}

/// The statements of the lists of jobs.
struct Query;

impl Query {
    /// What a filter lets through of the next `window` rows on a way, at most `limit`.
    fn listing(
        tenant: TenantId,
        filter: &JobFilter,
        way: &IndexScan,
        now: i64,
        window: i64,
        limit: i64,
    ) -> Statement {
        let mut query = Self::along(tenant, filter, way);
        let order = order(filter);
        let window = query.bind(window);
        let conditions = Self::conditions(&mut query, filter, now);
        let limit = query.bind(limit);
        query.sql = format!(
            "SELECT summary, pos, updated_at, expires, first_pos FROM (SELECT * FROM jobs WHERE {} \
             ORDER BY {order} LIMIT {window}) AS looked_at WHERE {conditions} LIMIT {limit}",
            query.sql
        );
        query
    }

    /// Where the window on a way ends, if there are as many rows.
    fn end_of(tenant: TenantId, filter: &JobFilter, way: &IndexScan, window: i64) -> Statement {
        let mut query = Self::along(tenant, filter, way);
        let skipped = query.bind(window - 1);
        let key = filter.order.column();
        query.sql = format!(
            "SELECT {key}, job FROM jobs WHERE {} ORDER BY {} LIMIT 1 OFFSET {skipped}",
            query.sql,
            order(filter)
        );
        query
    }

    /// The condition of the rows on a way, after the place where the page begins.
    fn along(tenant: TenantId, filter: &JobFilter, way: &IndexScan) -> Statement {
        let mut query = Statement::default();
        let tenant = query.bind(tenant.as_bytes());
        let common = match *way {
            IndexScan::Everything => String::new(),
            IndexScan::Updated(since) => format!(" AND updated_at >= {}", query.bind(since)),
            IndexScan::Technician(user) => {
                format!(" AND technician = {}", query.bind(user.as_bytes()))
            }
            IndexScan::Waiting => " AND waiting > 0".to_owned(),
            IndexScan::State(word) => format!(" AND state = {}", query.bind(word)),
            IndexScan::Branch(None) => " AND branch IS NULL".to_owned(),
            IndexScan::Branch(Some(branch)) => {
                format!(" AND branch = {}", query.bind(branch.as_bytes()))
            }
        };
        let after = match filter.order.place() {
            None => String::new(),
            Some(before) => {
                let (at, job) = (query.bind(before.key), query.bind(before.job.as_bytes()));
                format!(" AND ({}, job) < ({at}, {job})", filter.order.column())
            }
        };
        query.sql = format!("tenant = {tenant}{common}{after}");
        query
    }

    /// Everything a filter asks of a row but its place.
    fn conditions(query: &mut Statement, filter: &JobFilter, now: i64) -> String {
        let mut conditions = vec!["1 = 1".to_owned()];
        if let Some(own) = filter.seen_from {
            let own = query.bind(own.as_bytes());
            conditions.push(format!("(branch IS NULL OR branch = {own})"));
        }
        if let Some(branch) = filter.branch {
            conditions.push(format!("branch = {}", query.bind(branch.as_bytes())));
        }
        if !filter.states.is_empty() {
            let now = query.bind(now);
            let words = filter.states.iter().map(|state| query.bind(state.as_str().to_owned()));
            let words = words.collect::<Vec<_>>().join(", ");
            conditions.push(format!(
                "CASE WHEN state = 'offered' AND expires <= {now} THEN 'received' ELSE state END \
                 IN ({words})"
            ));
        }
        if let Some(technician) = filter.technician {
            conditions.push(format!("technician = {}", query.bind(technician.as_bytes())));
        }
        let asked = search::fold(filter.text.as_deref().unwrap_or_default());
        let words = searched_words(&asked);
        if !words.is_empty() {
            let mut has = |word: &str| format!("search LIKE {} ESCAPE '!'", query.bind(like(word)));
            let each: Vec<String> = words.iter().map(|word| has(word)).collect();
            let each = each.join(" AND ");
            // Plates, numbers and addresses stand there without their gaps too.
            let whole = searched_whole(&asked).map(|whole| format!(" OR {}", has(&whole)));
            conditions.push(format!("(({each}){})", whole.unwrap_or_default()));
        }
        match filter.waiting {
            Some(true) => conditions.push("waiting > 0".to_owned()),
            Some(false) => conditions.push("waiting = 0".to_owned()),
            None => {}
        }
        conditions.join(" AND ")
    }
}

/// What a list of jobs reads.
#[cfg(test)]
pub(crate) fn statements(tenant: TenantId, filter: &JobFilter) -> Vec<Statement> {
    let of_way = |way: &IndexScan| {
        let listing = Query::listing(tenant, filter, way, 1, WINDOW, 51);
        [listing, Query::end_of(tenant, filter, way, WINDOW)]
    };
    ways(filter).iter().flat_map(of_way).collect()
}

fn order(filter: &JobFilter) -> String {
    format!("{} DESC, job DESC", filter.order.column())
}

fn job_place(row: &AnyRow) -> Result<JobPlace, StoreError> {
    Ok(JobPlace { key: row.try_get(0)?, job: id(row, 1, JobId::from_slice)? })
}

pub(super) fn job_row(row: &AnyRow, now: i64) -> Result<JobRow, StoreError> {
    let summary: String = row.try_get(0)?;
    let mut summary: JobSummary = serde_json::from_str(&summary)
        .map_err(|error| StoreError::Corrupt(format!("a job's summary: {error}")))?;
    let expires: Option<i64> = row.try_get(3)?;
    if summary.state == State::Offered && expires.is_some_and(|expires| expires <= now) {
        // As `Job::summary` has it at `now`: nobody answered, so nobody has it.
        summary.state = State::Received;
        (summary.technician, summary.provider, summary.epoch) = (None, None, None);
    }
    let (pos, updated, first) = (row.try_get(1)?, row.try_get(2)?, row.try_get(4)?);
    Ok(JobRow { summary, pos, updated, first })
}

/// Words that are looked for one by one; a text of more is looked for as one.
const WORDS: usize = 8;

/// The words of a folded text.
fn searched_words(asked: &str) -> Vec<&str> {
    let words: Vec<&str> = asked.split(' ').filter(|word| !word.is_empty()).collect();
    if words.len() > WORDS { vec![asked] } else { words }
}

/// The folded text without gaps, and a number with the prefix 00 as one with +.
fn searched_whole(asked: &str) -> Option<String> {
    let whole = search::compact(asked);
    let is_number = !asked.chars().any(char::is_alphabetic);
    let whole = match whole.strip_prefix("00").filter(|_| is_number) {
        Some(rest) if rest.len() > 6 => rest.to_owned(),
        _ => whole,
    };
    Some(whole).filter(|whole| !whole.is_empty() && whole != asked)
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
