//! What is read before the candidates for a job are ranked: of each technician the same, in bounded parts.

use std::collections::{BTreeSet, HashMap};

use dispatch::candidates::{Load, UnderWay};
use store::rows::positions::{self, Seen};
use store::rows::users::{self, User};
use sync_core::id::{JobId, UserId};
use sync_core::job::{Job, State};
use sync_core::place::Place;
use sync_core::schema::DocId;
use sync_core::technician::Technician;
use sync_core::van;

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::http::Problem;

/// Technicians that are looked at for one job.
const TECHNICIANS: usize = 1_000;
/// People read at a time.
const PEOPLE: i64 = 500;
/// Documents of technicians read at a time.
const RECORDS: usize = 50;
/// Open jobs of one technician that are read.
const JOBS: usize = 64;
/// Vans of one technician that are read where a job asks for equipment.
const VANS: usize = 16;
/// Vans of all of them.
const ALL_VANS: usize = 2_000;
/// Documents of vans read at a time; they are larger.
const VAN_RECORDS: usize = 20;
/// Positions older than this say nothing any more, milliseconds.
const POSITION_MS: i64 = 24 * 3_600_000;

/// What is known when a job's candidates are ranked.
#[derive(Default)]
pub(super) struct Roster {
    /// Unix milliseconds.
    pub now: i64,
    pub people: Vec<User>,
    /// Whether there are more people than were read.
    pub more: bool,
    pub records: HashMap<UserId, Technician>,
    /// What the vans of each carry.
    pub equipment: HashMap<UserId, Vec<String>>,
    /// Those of whom not every van was read.
    pub unread_vans: BTreeSet<UserId>,
    pub positions: HashMap<UserId, Seen>,
    /// What each has to do besides this job.
    pub loads: HashMap<UserId, Load>,
    /// Those of whom not every open job was read.
    pub unread_jobs: BTreeSet<UserId>,
}

impl Roster {
    /// Reads what counts for a job.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read(app: &App, caller: &Caller, job: &Job) -> Result<Self, Problem> {
        let mut roster = Self { now: app.now(), ..Self::default() };
        roster.people(app, caller).await?;
        let ids: Vec<UserId> = roster.people.iter().map(|user| user.id).collect();
        let since = roster.now - POSITION_MS;
        let mut connection = app.read().await?;
        let (tenant, branch) = (caller.tenant(), caller.branch());
        let seen = positions::latest(&mut connection, tenant, branch, since).await?;
        drop(connection);
        roster.positions = seen.into_iter().map(|seen| (seen.user, seen)).collect();
        roster.records(app, caller, &ids).await?;
        roster.loads(app, caller, &ids, job.id).await?;
        if !job.intake.equipment.is_empty() {
            roster.equipment(app, caller, &ids).await?;
        }
        Ok(roster)
    }

    /// Active technicians whom the caller sees.
    async fn people(&mut self, app: &App, caller: &Caller) -> Result<(), Problem> {
        let mut connection = app.read().await?;
        let (tenant, branch) = (caller.tenant(), caller.branch());
        let (people, mut after) = (&mut self.people, None);
        loop {
            let role = Some(Role::Technician);
            let page =
                users::list_seen(&mut connection, tenant, branch, role, after, PEOPLE).await?;
            after = page.last().map(|user| user.id);
            let is_last = page.len() < PEOPLE as usize;
            people.extend(page.into_iter().filter(|user| user.active));
            if people.len() > TECHNICIANS {
                people.truncate(TECHNICIANS);
                self.more = true;
                return Ok(());
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// What the documents say of these people.
    async fn records(&mut self, app: &App, caller: &Caller, ids: &[UserId]) -> Result<(), Problem> {
        for some in ids.chunks(RECORDS) {
            let docs: Vec<DocId> = some.iter().map(|id| (*id).into()).collect();
            let page = app.store.documents_of(caller.tenant(), &docs).await?;
            let fold = move || -> Vec<Technician> {
                page.iter().map(|it| Technician::of(&it.document)).map(relevant).collect()
            };
            let folded = tokio::task::spawn_blocking(fold).await.map_err(Problem::internal)?;
            self.records.extend(folded.into_iter().map(|record| (record.id, record)));
        }
        Ok(())
    }

    /// What their vans carry.
    async fn equipment(
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

    /// What each has to do besides a job.
    async fn loads(
        &mut self,
        app: &App,
        caller: &Caller,
        ids: &[UserId],
        besides: JobId,
    ) -> Result<(), Problem> {
        let jobs = app.store.open_jobs_of_each(caller.tenant(), ids, self.now, JOBS).await?;
        self.unread_jobs = jobs.more;
        for (user, jobs) in jobs.of {
            let load = self.loads.entry(user).or_default();
            for job in jobs.iter().filter(|job| job.job != besides) {
                if waits(job.state) {
                    load.waiting = load.waiting.saturating_add(1);
                } else {
                    let place = job.place.and_then(on_earth);
                    load.under_way = Some(UnderWay { place, done: None });
                }
            }
        }
        Ok(())
    }
}

/// What of a technician counts here: nobody is kept out because someone wrote a long record.
pub(super) fn relevant(mut record: Technician) -> Technician {
    record.shifts.sort_by_key(|shift| (shift.starts, shift.ends));
    record.notes.clear();
    record
}

/// A place for the ranking; none for the one that receivers without a position tell.
pub(super) fn on_earth(place: Place) -> Option<dispatch::Place> {
    let (lat, lon) = place.degrees();
    dispatch::Place::new(lat, lon)
}

/// Whether the technician of an open job has not set out for it.
fn waits(state: State) -> bool {
    matches!(state, State::Offered | State::Assigned | State::Accepted)
}
