//! Technicians as they are known when someone is to be sent: read once for the candidates of a job and for proposals.
//!
//! Eligibility is the rule that assigning asks ([`Technician::ineligible`]); order and arrival are those of
//! the `dispatch` crate.

mod names;
mod person;
pub mod view;

use std::collections::{BTreeSet, HashMap};

use dispatch::candidates::{self as rank, Fix, Load, Span, UnderWay};
use store::rows::positions::{self, Seen};
use store::rows::users::{self, User};
use sync_core::document::Document;
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::State as JobState;
use sync_core::place::Place;
use sync_core::schema::DocId;
use sync_core::technician::{Duty, Shift, Technician};
use sync_core::van;

pub use names::Names;

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::http::Problem;

/// Technicians that are looked at.
const TECHNICIANS: usize = 1_000;
/// Open jobs of one technician that are read.
const JOBS: usize = 64;
/// Vans of one technician that are read where a job asks for equipment.
const VANS: usize = 16;
/// Vans of all of them.
const ALL_VANS: usize = 2_000;
/// People read at a time.
const PEOPLE: i64 = 500;
/// Documents of technicians read at a time.
const RECORDS: usize = 50;
/// Documents of vans read at a time; they are larger.
const VAN_RECORDS: usize = 20;
/// Shifts and absences of one technician that count, those that begin first.
const SHIFTS: usize = 500;
/// Positions older than this say nothing any more, milliseconds.
const POSITION_MS: i64 = 24 * 3_600_000;
/// States of a job that its technician has and has not set out for.
pub const WAITING: [JobState; 3] = [JobState::Offered, JobState::Assigned, JobState::Accepted];
/// States of a job that its technician is on the way to, or at.
pub const UNDER_WAY: [JobState; 5] = [
    JobState::EnRoute,
    JobState::OnScene,
    JobState::Working,
    JobState::InTow,
    JobState::AtDestination,
];

/// What is known of the technicians whom someone may send.
#[derive(Debug, Default)]
pub struct Roster {
    /// The time it was read, Unix milliseconds.
    pub now: i64,
    people: Vec<User>,
    /// Whether there are more technicians than were read.
    pub more: bool,
    records: HashMap<UserId, Technician>,
    equipment: HashMap<UserId, Vec<String>>,
    /// Those of whom not every van was read.
    unread_vans: BTreeSet<UserId>,
    positions: HashMap<UserId, Seen>,
    /// What each has to do besides the jobs that are given out.
    loads: HashMap<UserId, Load>,
    /// Those of whom not every open job was read.
    unread_jobs: BTreeSet<UserId>,
}

/// One technician of a roster.
#[derive(Debug)]
pub struct Person {
    /// The account.
    pub user: User,
    /// The outsourced company they work for.
    pub provider: Option<String>,
    /// Whether they are at work.
    pub duty: Duty,
    /// Where they were last.
    pub seen: Option<Seen>,
    /// What the rule asks of the record, and no more of it.
    record: Technician,
    equipment: Vec<String>,
    has_unread_vans: bool,
    has_unread_jobs: bool,
    /// As the ranking knows them.
    pub ranked: rank::Technician,
}

impl Roster {
    /// Reads what the caller may see, narrowed to those whom staff of `branch` see; equipment only where a job
    /// asks for some. Jobs that are `given_out` are no work that somebody has.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read(
        app: &App,
        caller: &Caller,
        branch: Option<BranchId>,
        asks_equipment: bool,
        given_out: impl Fn(JobId) -> bool,
    ) -> Result<Self, Problem> {
        let now = app.now();
        let branch = caller.branch().or(branch);
        let (people, more) = people(app, caller, branch).await?;
        let mut connection = app.read().await?;
        let since = now - POSITION_MS;
        let seen = positions::latest(&mut connection, caller.tenant(), branch, since).await?;
        drop(connection);
        let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let records = records(app, caller, &people).await?;
        let positions = seen.into_iter().map(|seen| (seen.user, seen)).collect();
        let mut roster = Self { now, people, more, records, positions, ..Self::default() };
        roster.read_loads(app, caller, &ids, given_out).await?;
        if asks_equipment {
            roster.read_equipment(app, caller, &ids).await?;
        }
        Ok(roster)
    }

    /// What their vans carry.
    async fn read_equipment(
        &mut self,
        app: &App,
        caller: &Caller,
        ids: &[UserId],
    ) -> Result<(), Problem> {
        let vans = app.store.vans_of_each(caller.tenant(), ids, VANS).await?;
        self.unread_vans = vans.more;
        let pairs = |(user, vans): (UserId, Vec<_>)| vans.into_iter().map(move |van| (van, user));
        let mut drivers: Vec<_> = vans.of.into_iter().flat_map(pairs).collect();
        drivers.sort_unstable();
        if drivers.len() > ALL_VANS {
            self.unread_vans.extend(drivers.drain(ALL_VANS..).map(|(_, user)| user));
        }
        for some in drivers.chunks(VAN_RECORDS) {
            let docs: Vec<DocId> = some.iter().map(|(van, _)| (*van).into()).collect();
            for record in app.store.documents_of(caller.tenant(), &docs).await? {
                let van = record.document.id().van();
                let carried = van::equipment(&record.document);
                for (_, user) in some.iter().filter(|(it, _)| Some(*it) == van) {
                    self.equipment.entry(*user).or_default().extend(carried.iter().cloned());
                }
            }
        }
        Ok(())
    }

    /// What each has to do besides the jobs that are given out.
    async fn read_loads(
        &mut self,
        app: &App,
        caller: &Caller,
        ids: &[UserId],
        given_out: impl Fn(JobId) -> bool,
    ) -> Result<(), Problem> {
        let jobs = app.store.open_jobs_of_each(caller.tenant(), ids, self.now, JOBS).await?;
        self.unread_jobs = jobs.more;
        for (user, jobs) in jobs.of {
            let load = self.loads.entry(user).or_default();
            for job in jobs.iter().filter(|job| !given_out(job.job)) {
                if WAITING.contains(&job.state) {
                    load.waiting = load.waiting.saturating_add(1);
                } else {
                    let place = job.place.and_then(on_earth);
                    load.under_way = Some(UnderWay { place, done: None });
                }
            }
        }
        Ok(())
    }

    /// Each technician, with the work that they have.
    pub fn persons(mut self, names: &Names) -> Vec<Person> {
        let people = std::mem::take(&mut self.people);
        people.into_iter().map(|user| self.person(user, names)).collect()
    }

    fn person(&mut self, user: User, names: &Names) -> Person {
        let record = self.records.remove(&user.id);
        let record = record.unwrap_or_else(|| Technician::of(&Document::new(user.id.into())));
        let record = Technician { active: user.active, ..record };
        let seen = self.positions.remove(&user.id);
        let record = Technician { certificates: names.best_papers(&record, self.now), ..record };
        let to_come = record.shifts.iter().filter(|shift| shift.ends > self.now).take(SHIFTS);
        let (absences, shifts): (Vec<_>, Vec<_>) = to_come.partition(|shift| shift.is_absence());
        let spans = |of: Vec<&Shift>| {
            of.into_iter().map(|it| Span { from: it.starts, until: it.ends }).collect()
        };
        let certificates = record.certificates.iter().filter_map(|paper| {
            let skill = names.code(&paper.skill)?;
            Some(rank::Certificate { skill, from: paper.starts, until: paper.expires })
        });
        let ranked = rank::Technician {
            last: seen.as_ref().and_then(|seen| {
                let accuracy = seen.point.accuracy.unwrap_or(0) as f64 / 10.0;
                Some(Fix { place: on_earth(seen.point.place)?, at: seen.fixed_at, accuracy })
            }),
            certificates: certificates.collect(),
            shifts: spans(shifts),
            absences: spans(absences),
            load: self.loads.get(&user.id).copied().unwrap_or_default(),
            heard: seen.as_ref().map(|seen| seen.received_at),
            ..rank::Technician::default()
        };
        Person {
            equipment: self.equipment.remove(&user.id).unwrap_or_default(),
            has_unread_vans: self.unread_vans.contains(&user.id),
            has_unread_jobs: self.unread_jobs.contains(&user.id),
            provider: record.provider.clone(),
            duty: record.duty(self.now),
            record: Technician { shifts: telling(record.shifts, self.now), ..record },
            user,
            seen,
            ranked,
        }
    }
}

/// The shifts that decide whether someone is at work: at most three, however many there are.
fn telling(shifts: Vec<Shift>, now: i64) -> Vec<Shift> {
    let covers = |shift: &Shift| (shift.starts..shift.ends).contains(&now);
    let absent = shifts.iter().find(|it| it.is_absence() && covers(it));
    let works = shifts.iter().find(|it| !it.is_absence() && covers(it));
    let any = shifts.iter().find(|it| !it.is_absence());
    [absent, works, any].into_iter().flatten().cloned().collect()
}

/// Active technicians as staff of `branch` see them, and whether there are more.
///
/// # Errors
/// If the database does not answer.
pub async fn people(
    app: &App,
    caller: &Caller,
    branch: Option<BranchId>,
) -> Result<(Vec<User>, bool), Problem> {
    let mut connection = app.read().await?;
    let (tenant, role) = (caller.tenant(), Some(Role::Technician));
    let (mut people, mut after) = (Vec::new(), None);
    loop {
        let page = users::list_seen(&mut connection, tenant, branch, role, after, PEOPLE).await?;
        after = page.last().map(|user| user.id);
        let is_last = page.len() < PEOPLE as usize;
        people.extend(page.into_iter().filter(|user| user.active));
        if people.len() > TECHNICIANS {
            people.truncate(TECHNICIANS);
            return Ok((people, true));
        }
        if is_last {
            return Ok((people, false));
        }
    }
}

/// What the documents say of these people, by their ids; shifts in order, without remarks.
///
/// # Errors
/// If the database does not answer.
pub async fn records(
    app: &App,
    caller: &Caller,
    people: &[User],
) -> Result<HashMap<UserId, Technician>, Problem> {
    let mut records = HashMap::new();
    for some in people.chunks(RECORDS) {
        let docs: Vec<DocId> = some.iter().map(|user| user.id.into()).collect();
        let page = app.store.documents_of(caller.tenant(), &docs).await?;
        let fold = move || -> Vec<Technician> {
            page.iter().map(|it| Technician::of(&it.document)).map(relevant).collect()
        };
        let folded = tokio::task::spawn_blocking(fold).await.map_err(Problem::internal)?;
        records.extend(folded.into_iter().map(|record| (record.id, record)));
    }
    Ok(records)
}

/// What of a technician counts here: nobody is kept out because someone wrote a long record.
fn relevant(mut record: Technician) -> Technician {
    record.shifts.sort_by_key(|shift| (shift.starts, shift.ends));
    record.notes.clear();
    record
}

/// A place for the ranking; none for the one that receivers without a position tell.
pub fn on_earth(place: Place) -> Option<dispatch::Place> {
    let (lat, lon) = place.degrees();
    dispatch::Place::new(lat, lon)
}

#[cfg(test)]
mod tests {
    use sync_core::id::FactId;
    use sync_core::job::Job;
    use sync_core::technician::Certificate;

    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const HOUR: i64 = 3_600_000;

    fn user(number: u8) -> User {
        User {
            id: UserId::new(NOW, [number; 10]),
            login: format!("t{number}"),
            name: format!("{number}"),
            role: Role::Technician,
            branch: None,
            language: "en".to_owned(),
            active: !number.is_multiple_of(11),
            deactivated_at: None,
            has_password: false,
            version: 1,
            created_at: NOW,
        }
    }

    /// Papers, shifts and absences of every kind, by the number of the technician.
    fn record(number: u8) -> Technician {
        let mut record = Technician::of(&Document::new(user(number).id.into()));
        let id = FactId::new(NOW, [number; 10]);
        let paper = |skill: &str, starts, expires| Certificate {
            id,
            skill: skill.to_owned(),
            serial: None,
            starts,
            expires,
        };
        record.certificates = match number % 5 {
            0 => vec![],
            1 => vec![paper("TOWING", None, None), paper("Towing", None, Some(NOW))],
            2 => vec![paper("towing", None, Some(NOW))],
            3 => vec![paper("towing", Some(NOW + 1), None)],
            _ => vec![paper("to-wing", Some(NOW), Some(NOW + 1)), paper("tires", None, None)],
        };
        let shift =
            |kind: &str, starts, ends| Shift { id, kind: Some(kind.to_owned()), starts, ends };
        record.shifts = match number / 5 % 6 {
            0 => vec![],
            1 => vec![shift("shift", NOW - HOUR, NOW + HOUR)],
            2 => vec![shift("shift", NOW - HOUR, NOW)],
            3 => vec![shift("absence", NOW - HOUR, NOW + HOUR)],
            4 => vec![shift("shift", NOW - HOUR, NOW + HOUR), shift("absence", NOW, NOW + 1)],
            _ => vec![shift("shift", NOW + HOUR, NOW + 2 * HOUR)],
        };
        record
    }

    #[test]
    fn what_is_kept_of_a_record_decides_as_the_whole_of_it() {
        let job = sync_core::id::JobId::new(NOW, [1; 10]);
        let mut intake = Job::of(&Document::new(job.into())).intake;
        intake.skills = vec!["Towing".to_owned()];
        let names = Names::of([&intake]);
        let mut verdicts = std::collections::BTreeSet::new();
        for number in 0..=255 {
            let roster = Roster {
                now: NOW,
                records: HashMap::from([(user(number).id, relevant(record(number)))]),
                people: vec![user(number)],
                ..Roster::default()
            };
            let whole = Technician { active: user(number).active, ..record(number) };
            let persons = roster.persons(&names);
            let unmet = persons[0].ineligible(&intake, NOW);
            assert_eq!(unmet, whole.ineligible(&intake, &[], NOW), "{number}");
            verdicts.extend(unmet);
        }
        assert_eq!(verdicts.len(), 5, "every verdict but that of equipment: {verdicts:?}");
    }
}
