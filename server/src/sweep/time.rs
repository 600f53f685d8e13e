//! By which time rows are swept: one that goes forward no faster than time passes, whatever the
//! machine's clock says.
//!
//! A clock may be years ahead for a minute, and what is deleted then is gone. So the installation
//! keeps a mark of the time it has come to ([`Mark`]). A running server moves it by the time that
//! passed on its monotonic clock and never beyond the wall clock. Only where the wall clock has gone
//! without a step for a day may the mark catch up, and then [`CATCH_UP`] times as fast as time passes: it
//! lags after a server was off, and a clock that is wrong for good is told of long before much is lost.
//!
//! A step alone says nothing: the clock of a machine that was paused steps forward when it is put right.
//! So the judge follows a line, the time at which the clock would be without its steps. A clock within
//! [`PAUSE_MS`] of it is right, also when it comes back to it from years ahead; one that is farther off is
//! believed after a day. The mark is no affair of the line: no step ever moves it.

use std::time::Duration;

pub use store::STEADY_MS;
use store::{Mark, Store, StoreError};
use tokio::time::Instant;

use crate::auth::session::SKEW_MS;

/// A smaller difference between two looks is the ordinary keeping of time, milliseconds.
const STEP_MS: i64 = 60_000;
/// How far off its line a clock is still right, milliseconds: a night for which the machine was paused. What
/// is kept is kept for many times as long, so rows dated that much too early are not swept too early.
const PAUSE_MS: i64 = 12 * 3600 * 1000;
/// Most that the clock of a node and that of the database may differ, milliseconds.
const DIFFER_MS: i64 = 5 * 60_000;
/// How much faster than time the mark may go where it lags behind a steady clock.
const CATCH_UP: i64 = 8;
/// No clock that is right shows an earlier time: this program was not written then. 1 November 2026.
const WRITTEN_AT: i64 = 1_793_491_200_000;

/// The time by which rows are swept, Unix milliseconds. Only a [`Judge`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SweepTime(i64);

impl SweepTime {
    /// The time, Unix milliseconds.
    pub fn ms(self) -> i64 {
        self.0
    }
}

/// Why nothing is swept now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// The installation is young, or was just brought up to date.
    #[error("the clock has been followed for less than a day")]
    Young,
    /// The clock stepped less than a day ago.
    #[error("the clock was set less than a day ago")]
    Stepped,
    /// The clock shows a time that has passed already.
    #[error("the clock is behind the time this installation has come to; set it right")]
    Behind,
    /// The clock is not that of the database.
    #[error("the clocks of this server and of the database differ by minutes; set them right")]
    Differs,
}

/// What the clocks say at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The wall clock, Unix milliseconds.
    pub wall: i64,
    /// The clock of the database where that is another machine's, Unix milliseconds.
    pub database: Option<i64>,
    /// The monotonic clock.
    pub at: Instant,
}

/// What a look gave.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The mark from now on; none if this look says nothing about it.
    pub mark: Option<Mark>,
    /// By which time to sweep.
    pub time: Result<SweepTime, Wait>,
}

/// Judges the clock by the time that passes and by the mark.
#[derive(Debug, Default)]
pub struct Judge {
    last: Option<Last>,
    /// How long the clock has gone without any step, milliseconds: then the mark may catch up.
    even: i64,
    /// How long the clock has stood by its line, milliseconds: then it is swept by.
    steady: i64,
    /// Whether it had to be doubted since the start.
    doubted: bool,
    /// The stretch away from the line, if the clock is away now.
    away: Option<Away>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    wall: i64,
    /// Where the clock would be now without its steps.
    line: i64,
    at: Instant,
    judged: i64,
}

/// A stretch in which the clock shows another time than it should.
#[derive(Debug, Clone, Copy, Default)]
struct Away {
    /// Since the last step, milliseconds.
    lasts: i64,
    /// Whether it was behind: then rows were dated long before they were written.
    behind: bool,
}

impl Judge {
    /// Judges one look by the mark as the database has it.
    pub fn look(&mut self, mark: Option<Mark>, look: Look) -> Judged {
        let Look { wall, database, at } = look;
        let passed = self.last.map_or(0, |last| ms(at.saturating_duration_since(last.at)));
        let step = self.last.map_or(0, |last| wall.saturating_sub(last.wall) - passed);
        let has_stepped = step.abs() >= STEP_MS;
        self.even = if has_stepped { 0 } else { self.even.saturating_add(passed) };
        let (line, doubted) = self.follow(wall, passed, has_stepped);
        let (mark, time) = self.judge(mark, wall, database, passed, doubted);
        let judged = mark.map_or(wall, |mark| mark.judged);
        self.last = Some(Last { wall, line, at, judged });
        Judged { mark, time }
    }

    /// Follows the line. Gives where it is now, and whether this look casts a doubt on the clock.
    fn follow(&mut self, wall: i64, passed: i64, has_stepped: bool) -> (i64, bool) {
        let line = self.last.map_or(wall, |last| last.line.saturating_add(passed));
        let off = wall.saturating_sub(line);
        if off.abs() <= PAUSE_MS {
            let came_back = self.away.take();
            if came_back.is_some_and(|away| away.behind) {
                // What was dated too early waits for a day, so that it is put right before it goes.
                (self.steady, self.doubted) = (0, true);
            } else if came_back.is_none() {
                self.steady = self.steady.saturating_add(passed);
            }
            return (wall, came_back.is_some());
        }
        let away = self.away.get_or_insert_default();
        away.lasts = if has_stepped { 0 } else { away.lasts.saturating_add(passed) };
        away.behind |= off < 0;
        self.doubted = true;
        if away.lasts < STEADY_MS {
            return (line, has_stepped);
        }
        // It has shown this time for a day.
        (self.steady, self.away) = (STEADY_MS, None);
        (wall, false)
    }

    fn judge(
        &self,
        mark: Option<Mark>,
        wall: i64,
        database: Option<i64>,
        passed: i64,
        doubted: bool,
    ) -> (Option<Mark>, Result<SweepTime, Wait>) {
        if database.is_some_and(|database| wall.abs_diff(database) > DIFFER_MS.unsigned_abs()) {
            return (mark, Err(Wait::Differs));
        }
        let Some(mark) = mark else {
            return (Some(Mark { judged: wall, confirmed: 0 }), Err(Wait::Young));
        };
        if mark.confirmed < STEADY_MS {
            // Nothing is known of such a clock yet: the mark goes where the clock goes.
            let broken = doubted || (wall - mark.judged).abs() > STEADY_MS;
            let confirmed = if broken { 0 } else { (mark.confirmed + passed).min(STEADY_MS) };
            return (Some(Mark { judged: wall, confirmed }), Err(Wait::Young));
        }
        if is_behind(mark, wall) {
            return (Some(mark), Err(Wait::Behind));
        }
        let pace = if self.even >= STEADY_MS { CATCH_UP } else { 1 };
        let from = self.last.map_or(mark.judged, |last| last.judged);
        let reached = from.saturating_add(passed.saturating_mul(pace)).min(wall);
        let mark = Mark { judged: mark.judged.max(reached), ..mark };
        if self.away.is_some() || (self.doubted && self.steady < STEADY_MS) {
            return (Some(mark), Err(Wait::Stepped));
        }
        (Some(mark), Ok(SweepTime(mark.judged.min(wall))))
    }

    /// Reads the mark and the clocks, writes the mark they give, and says by which time to sweep.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn ask(
        &mut self,
        store: &Store,
        wall: i64,
    ) -> Result<Result<SweepTime, Wait>, StoreError> {
        let (mark, database) = (store.time_mark().await?, store.database_time().await?);
        let judged = self.look(mark, Look { wall, database, at: Instant::now() });
        if let Some(next) = judged.mark.filter(|next| Some(*next) != mark) {
            store.put_time_mark(mark, next).await?;
        }
        Ok(judged.time)
    }
}

/// Whether a clock shows a time that has certainly passed: then it is wrong, and not the rows that lie
/// ahead of it.
pub fn is_certainly_behind(mark: Option<Mark>, wall: i64) -> bool {
    let established = mark.filter(|mark| mark.confirmed >= STEADY_MS);
    wall < WRITTEN_AT || established.is_some_and(|mark| is_behind(mark, wall))
}

fn is_behind(mark: Mark, wall: i64) -> bool {
    wall < mark.judged.saturating_sub(SKEW_MS)
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;
    const MINUTE: i64 = 60_000;
    const DAY: i64 = STEADY_MS;
    const YEARS: i64 = 6 * 365 * DAY;

    /// A judge in virtual time, with the mark as the database would have it.
    struct Days {
        judge: Judge,
        mark: Option<Mark>,
        start: Instant,
        passed: i64,
        ahead: i64,
    }

    impl Days {
        fn new(mark: Option<Mark>) -> Self {
            let judge = Judge::default();
            Self { judge, mark, start: Instant::now(), passed: 0, ahead: 0 }
        }

        fn established() -> Self {
            Self::new(Some(Mark { judged: NOW, confirmed: DAY }))
        }

        fn now(&self) -> i64 {
            NOW + self.passed
        }

        /// Looks each minute for so long; the last look.
        fn go(&mut self, span: i64) -> Result<SweepTime, Wait> {
            let mut last = self.look(None);
            for _ in 0..span / MINUTE {
                self.passed += MINUTE;
                last = self.look(None);
            }
            last
        }

        fn look(&mut self, database: Option<i64>) -> Result<SweepTime, Wait> {
            let at = self.start + Duration::from_millis(self.passed.unsigned_abs());
            let look = Look { wall: self.now() + self.ahead, database, at };
            let judged = self.judge.look(self.mark, look);
            self.mark = judged.mark;
            judged.time
        }
    }

    #[test]
    fn a_clock_years_ahead_for_a_while_moves_the_mark_by_that_while_alone() {
        for while_ahead in [0, MINUTE, 20 * 60 * MINUTE] {
            let mut days = Days::established();
            days.go(DAY).expect("a steady clock sweeps");
            days.ahead = YEARS;
            assert_eq!(days.go(while_ahead), Err(Wait::Stepped));
            assert!(days.mark.is_some_and(|mark| mark.judged <= days.now()), "{:?}", days.mark);
            days.ahead = 0;
            let back = days.go(0).map(SweepTime::ms);
            assert_eq!(back, Ok(days.now()), "it has returned to the right time");
        }
    }

    #[test]
    fn rows_dated_years_too_early_are_left_for_a_day_after_the_clock_is_right_again() {
        let mut days = Days::established();
        days.go(DAY).expect("a steady clock sweeps");
        days.ahead = -YEARS;
        assert_eq!(days.go(MINUTE), Err(Wait::Behind));
        days.ahead = 0;
        assert_eq!(days.go(DAY - MINUTE), Err(Wait::Stepped));
        assert_eq!(days.go(2 * MINUTE).map(SweepTime::ms), Ok(days.now()));
    }

    /// Numbers that look drawn, the same each time.
    fn draw(seed: &mut u64, below: i64) -> i64 {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33).cast_signed() % below
    }

    /// Weeks of a clock that is paused, put right, years ahead for a while, or starts again; gives how many
    /// looks there were at a right clock, and of them how many swept.
    fn weeks(mut seed: u64, may_lie: bool) -> (u32, u32) {
        let young = draw(&mut seed, 2) == 0;
        let mut days = if young { Days::new(None) } else { Days::established() };
        // What the machine missed while it was paused: its wall clock is put right, the other never.
        let (mut missed, mut right, mut swept) = (0, 0, 0);
        for _ in 0..40 {
            let (pause, span) = (draw(&mut seed, 12 * 60) * MINUTE, draw(&mut seed, DAY / MINUTE));
            missed += pause;
            let lie = match draw(&mut seed, 4) {
                0 if may_lie => PAUSE_MS + 1 + draw(&mut seed, YEARS),
                1 if may_lie => PAUSE_MS + 1 + draw(&mut seed, DAY),
                2 if may_lie => -PAUSE_MS - 1 - draw(&mut seed, YEARS),
                _ => 0,
            };
            if may_lie && !young && draw(&mut seed, 5) == 0 {
                days.judge = Judge::default();
            }
            for _ in 0..1 + span {
                days.passed += MINUTE;
                days.ahead = missed + lie;
                let truth = days.now() + missed;
                let time = days.look(None);
                assert!(time.is_ok_and(|time| time.ms() <= truth) || time.is_err());
                let mark = days.mark.filter(|mark| mark.confirmed >= DAY);
                assert!(young || mark.is_some_and(|mark| mark.judged <= truth));
                let known = !young || days.passed > 2 * DAY;
                right += u32::from(lie == 0 && known);
                swept += u32::from(lie == 0 && known && time.is_ok());
            }
        }
        (right, swept)
    }

    #[test]
    fn a_clock_put_right_after_every_pause_always_sweeps() {
        for seed in 0..40 {
            let (right, swept) = weeks(seed, false);
            assert!(right > 0 && right == swept, "seed {seed}: {swept} of {right}");
        }
    }

    #[test]
    fn no_clock_that_is_put_right_within_a_day_sweeps_what_is_not_old() {
        for seed in 0..40 {
            let (right, swept) = weeks(seed, true);
            assert!(swept <= right, "seed {seed}");
        }
    }

    #[test]
    fn a_server_that_starts_with_its_clock_ahead_sweeps_by_the_time_that_passed() {
        let mut days = Days::established();
        days.ahead = YEARS;
        let swept = days.go(DAY - MINUTE).map(SweepTime::ms);
        assert!(swept.is_ok_and(|at| at <= days.now()), "{swept:?}");
        // Believed after a day, and then a week of evidence a day at most.
        let swept = days.go(DAY).map(SweepTime::ms);
        assert!(swept.is_ok_and(|at| at <= days.now() + CATCH_UP * DAY), "{swept:?}");
    }

    #[test]
    fn after_two_weeks_off_the_mark_catches_up_with_a_steady_clock() {
        let mut days = Days::established();
        days.ahead = 14 * DAY;
        days.go(DAY).expect("it sweeps what was old already");
        days.go(2 * DAY + DAY / 2).expect("it sweeps");
        assert_eq!(days.go(0).map(SweepTime::ms), Ok(days.now() + days.ahead));
    }

    #[test]
    fn a_young_installation_sweeps_nothing_and_follows_its_clock_until_a_day_has_passed() {
        let mut days = Days::new(None);
        days.ahead = YEARS;
        assert_eq!(days.go(DAY / 2), Err(Wait::Young));
        days.ahead = 0;
        assert_eq!(days.go(DAY - MINUTE), Err(Wait::Young));
        assert_eq!(days.mark.map(|mark| mark.judged), Some(days.now()));
        assert_eq!(days.go(MINUTE), Err(Wait::Young));
        assert!(days.go(MINUTE).is_ok(), "the step is a day ago");
    }

    #[test]
    fn a_clock_behind_the_mark_or_far_from_that_of_the_database_sweeps_nothing() {
        let mut days = Days::established();
        days.ahead = -YEARS;
        assert_eq!(days.go(DAY * 2), Err(Wait::Behind));
        assert_eq!(days.mark.map(|mark| mark.judged), Some(NOW));
        assert!(is_certainly_behind(days.mark, NOW - YEARS));
        assert!(!is_certainly_behind(days.mark, NOW - MINUTE));
        assert!(!is_certainly_behind(Some(Mark { judged: NOW, confirmed: 0 }), NOW - DAY));
        assert!(is_certainly_behind(None, NOW - YEARS), "before this program was written");
        let mut days = Days::established();
        assert_eq!(days.look(Some(NOW + 6 * MINUTE)), Err(Wait::Differs));
        assert_eq!(days.look(Some(NOW - 4 * MINUTE)).map(SweepTime::ms), Ok(NOW));
    }
}
