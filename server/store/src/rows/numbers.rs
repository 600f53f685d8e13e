//! Human numbers of jobs: the day at the branch and a count, and each only once a branch and day.

use std::collections::BTreeSet;

use sqlx::{AnyConnection, Row as _};
use sync_core::id::{BranchId, JobId, TenantId};

use super::branches;
use super::columns::Raw as _;
use crate::error::StoreError;
use crate::passed::passed;
use crate::sql::Statement;

/// Days for which it is remembered who has a number; it has to be one.
const REMEMBERED: i64 = 7;
const DAY: i64 = 86_400_000;
/// Numbers of which one statement says whether they are taken.
const STEP: i64 = 128;

/// A job that takes a number, and where and when it does.
#[derive(Debug, Clone)]
pub struct Numbering {
    tenant: TenantId,
    /// Empty for a job that no branch answers for.
    branch: Vec<u8>,
    job: JobId,
    /// The day at the branch, `YYMMDD`.
    day: String,
    /// The days for which it is remembered who has a number, this one first.
    days: Vec<String>,
    zone: String,
    now: i64,
}

/// The result of a number someone chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is the job's now.
    Now,
    /// It was the job's before.
    Before,
    /// Another job of the branch has it today; this one is free.
    ByAnother(String),
}

impl Numbering {
    /// A job of this branch, `now` being Unix milliseconds. Where no branch answers for it, the day
    /// is that of UTC.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of(
        connection: &mut AnyConnection,
        tenant: TenantId,
        branch: Option<BranchId>,
        job: JobId,
        now: i64,
    ) -> Result<Self, StoreError> {
        let found = match branch {
            Some(branch) => branches::get(connection, tenant, branch).await?,
            None => None,
        };
        let zone = found.map_or_else(|| "UTC".to_owned(), |branch| branch.time_zone);
        Ok(Self {
            tenant,
            branch: branch.map(|branch| branch.as_bytes().to_vec()).unwrap_or_default(),
            job,
            day: day(now, &zone),
            days: (0..=REMEMBERED).map(|ago| day(now - ago * DAY, &zone)).collect(),
            zone,
            now,
        })
    }

    /// Takes the next number of the day, such as `261123-007`. What an earlier attempt took for the
    /// job is still its own.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next(&self, tx: &mut AnyConnection) -> Result<String, StoreError> {
        if let Some(own) = self.own(tx).await? {
            return Ok(own);
        }
        self.forget(tx).await?;
        let series = self.series(tx).await?;
        loop {
            let last = self.last(tx).await?;
            let count = self.first_free(tx, &series, last).await?;
            self.remember(tx, count).await?;
            let number = self.numbered(&series, count);
            // Another node may have let someone choose it meanwhile.
            if self.claim(tx, &number).await? == Some(Taken::Now) {
                return Ok(number);
            }
        }
    }

    /// Takes a number that someone chose.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take(&self, tx: &mut AnyConnection, number: &str) -> Result<Taken, StoreError> {
        self.forget(tx).await?;
        match self.claim(tx, number).await? {
            Some(taken) => Ok(taken),
            None => Ok(Taken::ByAnother(self.free(tx).await?)),
        }
    }

    /// Takes the number a job has for the branch it moves to, unless a job of there has the same one
    /// of any day that is remembered.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn bring(&self, tx: &mut AnyConnection, number: &str) -> Result<Taken, StoreError> {
        if self.has_another(tx, number).await? {
            return Ok(Taken::ByAnother(self.free(tx).await?));
        }
        self.take(tx, number).await
    }

    /// Gives back a number that was taken for something that was refused.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn give_back(&self, tx: &mut AnyConnection, number: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM numbers_taken \
                   WHERE tenant = $1 AND branch = $2 AND day = $3 AND number = $4 AND job = $5";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.branch.clone());
        let query = query.bind(self.day.clone()).bind(same(number)).bind(self.job.raw());
        query.execute(tx).await?;
        Ok(())
    }

    fn numbered(&self, series: &str, count: i64) -> String {
        format!("{}-{series}{count:03}", self.day)
    }

    /// The letter that this day's numbers have; none but after a restore.
    async fn series(&self, tx: &mut AnyConnection) -> Result<String, StoreError> {
        let series = series(tx).await?.filter(|series| self.day <= series.until);
        Ok(series.map_or_else(String::new, |series| char::from(series.letter).to_string()))
    }

    /// Makes the number the job's; none if it is another's.
    async fn claim(
        &self,
        tx: &mut AnyConnection,
        number: &str,
    ) -> Result<Option<Taken>, StoreError> {
        let sql = "INSERT INTO numbers_taken (tenant, branch, day, number, job) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, branch, day, number) DO NOTHING";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.branch.clone());
        let query = query.bind(self.day.clone()).bind(same(number)).bind(self.job.raw());
        if query.execute(&mut *tx).await?.rows_affected() == 1 {
            return Ok(Some(Taken::Now));
        }
        let is_own = self.holder(tx, number).await?.as_deref() == Some(&self.job.as_bytes()[..]);
        Ok(is_own.then_some(Taken::Before))
    }

    async fn holder(
        &self,
        tx: &mut AnyConnection,
        number: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT job FROM numbers_taken \
                   WHERE tenant = $1 AND branch = $2 AND day = $3 AND number = $4";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.branch.clone());
        let query = query.bind(self.day.clone()).bind(same(number));
        let row = query.fetch_optional(tx).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The number that was counted out for the job before.
    async fn own(&self, tx: &mut AnyConnection) -> Result<Option<String>, StoreError> {
        let sql = "SELECT number FROM numbers_taken \
                   WHERE tenant = $1 AND job = $2 AND branch = $3 AND day = $4";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.job.raw());
        let query = query.bind(self.branch.clone()).bind(self.day.clone());
        let row = query.fetch_optional(tx).await?;
        let number: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        Ok(number.map(|number| shown(&self.day, number)))
    }

    /// The last number that was counted out today. Whoever asks has the count for themselves until
    /// their transaction ends.
    async fn last(&self, tx: &mut AnyConnection) -> Result<i64, StoreError> {
        let sql = "INSERT INTO job_numbers (tenant, day, last) VALUES ($1, $2, 0) \
                   ON CONFLICT (tenant, day) DO UPDATE SET last = job_numbers.last RETURNING last";
        let row = sqlx::query(sql).bind(self.tenant.raw()).bind(self.day.clone());
        Ok(row.fetch_one(tx).await?.try_get(0)?)
    }

    /// Has the count go on after `last`: what it passed over is not looked at again.
    async fn remember(&self, tx: &mut AnyConnection, last: i64) -> Result<(), StoreError> {
        let sql = "UPDATE job_numbers SET last = $3 WHERE tenant = $1 AND day = $2 AND last < $3";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.day.clone()).bind(last);
        query.execute(tx).await?;
        Ok(())
    }

    /// The number that would be next. Numbers that are taken are passed over once, not each time.
    async fn free(&self, tx: &mut AnyConnection) -> Result<String, StoreError> {
        let last = self.last(tx).await?;
        let series = self.series(tx).await?;
        let count = self.first_free(tx, &series, last).await?;
        self.remember(tx, count - 1).await?;
        Ok(self.numbered(&series, count))
    }

    /// The first count after `last` whose number nobody has: a statement for every hundred or so.
    async fn first_free(
        &self,
        tx: &mut AnyConnection,
        series: &str,
        last: i64,
    ) -> Result<i64, StoreError> {
        let counted = |count| same(&self.numbered(series, count));
        let mut from = last + 1;
        loop {
            let mut taken = Statement::default();
            let tenant = taken.bind(self.tenant.as_bytes());
            let (branch, day) = (taken.bind(self.branch.clone()), taken.bind(&*self.day));
            let numbers = (from..from + STEP).map(|count| taken.bind(counted(count)));
            let numbers = numbers.collect::<Vec<_>>().join(", ");
            taken.sql = format!(
                "SELECT number FROM numbers_taken WHERE tenant = {tenant} AND branch = {branch} \
                 AND day = {day} AND number IN ({numbers})"
            );
            let rows = taken.fetch(tx).await?;
            let taken = rows.iter().map(|row| row.try_get::<String, _>(0));
            let taken = taken.collect::<Result<BTreeSet<_>, _>>()?;
            let free = (from..from + STEP).find(|count| !taken.contains(&counted(*count)));
            match free {
                Some(free) => return Ok(free),
                None => from += STEP,
            }
        }
    }

    /// Whether another job of the branch has a number of any day that is remembered.
    async fn has_another(&self, tx: &mut AnyConnection, number: &str) -> Result<bool, StoreError> {
        let mut found = Statement::default();
        let (tenant, branch) =
            (found.bind(self.tenant.as_bytes()), found.bind(self.branch.clone()));
        let (number, job) = (found.bind(same(number)), found.bind(self.job.as_bytes()));
        let days = self.days.iter().map(|day| found.bind(&**day)).collect::<Vec<_>>().join(", ");
        found.sql = format!(
            "SELECT day FROM numbers_taken WHERE tenant = {tenant} AND branch = {branch} \
             AND day IN ({days}) AND number = {number} AND job <> {job} LIMIT 1"
        );
        Ok(!found.fetch(tx).await?.is_empty())
    }

    /// Forgets who had numbers of days that have certainly passed ([`passed`]).
    async fn forget(&self, tx: &mut AnyConnection) -> Result<(), StoreError> {
        let Some(passed) = passed(tx, self.now).await? else { return Ok(()) };
        let before = day(passed - REMEMBERED * DAY, &self.zone);
        let sql = "DELETE FROM numbers_taken WHERE tenant = $1 AND branch = $2 AND day < $3";
        let query = sqlx::query(sql).bind(self.tenant.raw()).bind(self.branch.clone());
        query.bind(before).execute(tx).await?;
        Ok(())
    }
}

/// Numbers after a restore: the server that was lost may have given the same counts already, and phones
/// bring its jobs back with their numbers.
struct Series {
    letter: u8,
    /// The last day that could have begun anywhere when the database was restored.
    until: String,
}

/// Name of the series in `meta`.
const SERIES: &str = "number_series";
/// No zone is further ahead of UTC, milliseconds.
const ZONE_AHEAD_MS: i64 = 14 * 3_600_000;

async fn series(tx: &mut AnyConnection) -> Result<Option<Series>, StoreError> {
    let query = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(SERIES);
    let Some(row) = query.fetch_optional(tx).await? else { return Ok(None) };
    let value: Vec<u8> = row.try_get(0)?;
    let (letter, until) = value.split_first().ok_or(StoreError::Corrupt("meta series".into()))?;
    Ok(Some(Series { letter: *letter, until: String::from_utf8_lossy(until).into_owned() }))
}

/// Gives numbers a letter until the day is over everywhere; the next one if they have one already.
pub(crate) async fn begin_series(tx: &mut AnyConnection, now: i64) -> Result<(), StoreError> {
    let before = series(tx).await?.filter(|series| series.until >= day(now - DAY, "UTC"));
    let letter = before.map_or(b'A', |before| (before.letter + 1).min(b'Z'));
    let value = [&[letter], day(now + ZONE_AHEAD_MS, "UTC").as_bytes()].concat();
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(SERIES).bind(value).execute(tx).await?;
    Ok(())
}

/// A number as it was counted out: kept in the form in which numbers are compared, the letter of its
/// series is a small one there. What someone chose stays as it is kept.
fn shown(day: &str, kept: String) -> String {
    let counted = kept.strip_prefix(day).and_then(|rest| rest.strip_prefix('-'));
    let digits =
        counted.map(|rest| rest.strip_prefix(|it: char| it.is_ascii_lowercase()).unwrap_or(rest));
    let is_counted =
        digits.is_some_and(|it| it.len() >= 3 && it.bytes().all(|it| it.is_ascii_digit()));
    if is_counted { kept.to_uppercase() } else { kept }
}

/// Numbers that differ only in case are the same.
fn same(number: &str) -> String {
    number.to_lowercase()
}

/// The day in a time zone as `YYMMDD`; in UTC if nobody knows the zone any more.
fn day(now: i64, zone: &str) -> String {
    let zone = jiff::tz::db().get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    let date = zone.to_datetime(at).date();
    format!("{:02}{:02}{:02}", date.year().rem_euclid(100), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0, "UTC"), "700101");
        assert_eq!(day(951_782_400_000, "UTC"), "000229");
        assert_eq!(day(1_795_392_000_000, "UTC"), "261123");
        assert_eq!(day(1_798_761_599_999, "UTC"), "261231");
    }

    #[test]
    fn a_number_is_shown_on_a_repeat_as_it_was_counted_out() {
        let shown = |kept: &str| shown("261123", kept.to_owned());
        assert_eq!(shown("261123-a007"), "261123-A007");
        assert_eq!(shown("261123-z1234"), "261123-Z1234");
        assert_eq!(shown("261123-007"), "261123-007");
        for chosen in ["a-7", "261123-ab07", "261123-a07", "261122-a007", "261123-"] {
            assert_eq!(shown(chosen), chosen);
        }
    }

    #[test]
    fn a_day_is_that_of_the_branch() {
        // 23:30 UTC on 22 November 2026.
        let late = 1_795_392_000_000 - 1_800_000;
        assert_eq!(day(late, "UTC"), "261122");
        assert_eq!(day(late, "Asia/Taipei"), "261123");
        assert_eq!(day(late + 3 * 3_600_000, "America/New_York"), "261122");
    }
}
