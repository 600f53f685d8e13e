//! A world: its people and machines, and time that moves from event to event.

mod healing;
mod link;
mod misfortune;
mod steps;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sync_core::id::{DeviceId, FactId, TenantId, UserId, VanId};
use sync_core::schema::DocId;
use sync_core::sync::{Failure as Cause, PhoneEvent};

use super::check::Checked;
use super::counts::Counts;
use super::ledger::{Ledger, Name, Promised};
use super::phone::{Handset, Image};
use super::plan::Plan;
use super::serve::Reading;
use super::site::{Device, Site};
use crate::random::Random;

/// When worlds begin, Unix milliseconds.
pub const STARTS: i64 = 1_790_000_000_000;
/// Events that may wait at one time.
const QUEUE: usize = 4000;

/// An invariant that broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {detail} ({at} ms into the world)")]
pub struct Failure {
    /// Which.
    pub invariant: &'static str,
    /// How.
    pub detail: String,
    /// When, in milliseconds of virtual time.
    pub at: i64,
}

/// The result of a world.
#[derive(Debug, Clone)]
pub struct Played {
    /// What was met.
    pub counts: Counts,
    /// A function of everything that happened, in order.
    pub trace: u64,
    /// Virtual milliseconds from healing until everything was settled.
    pub healed_in: i64,
}

/// What happens at a moment.
pub(super) enum Event {
    Step(usize),
    Arrive(Arriving),
    Read(Box<Reading>),
    Reply { phone: usize, exchange: u64, answer: Answer },
    Timeout { phone: usize, exchange: u64 },
    Wake { phone: usize, timer: u64 },
    Notification { tenant: u8, user: UserId },
    NodeUp(usize),
    DatabaseUp,
    Room,
    PhoneRoom(usize),
    Mend(usize),
    Upgraded(usize),
    Enrol(usize),
    ServerClock(usize),
}

/// A request on its way.
pub(super) struct Arriving {
    pub phone: usize,
    pub exchange: u64,
    pub node: usize,
    pub token: String,
    pub frame: Vec<u8>,
    /// It is a copy: nobody waits for its answer.
    pub copy: bool,
    /// Two of it arrive at the same moment.
    pub twice: bool,
    pub luck: Random,
}

/// An answer on its way.
pub(super) enum Answer {
    Frame { bytes: Vec<u8>, must_hold: Vec<(DocId, sync_core::id::ActorId, u64)> },
    LogIn,
    Revoked,
    Nobody,
}

/// One world, from a plan.
pub struct World {
    pub(super) plan: Plan,
    pub(super) now: i64,
    pub(super) site: Site,
    pub(super) phones: Vec<Handset>,
    pub(super) tenants: [TenantId; 2],
    /// Technicians by tenant, with the van each began with.
    pub(super) crew: [Vec<(UserId, DocId)>; 2],
    pub(super) desks: [Vec<UserId>; 2],
    pub(super) jobs: Vec<(u8, DocId)>,
    pub(super) ledger: Ledger,
    pub(super) counts: Counts,
    pub(super) failure: Option<Failure>,
    pub(super) hostile: (usize, DeviceId),
    pub(super) submissions: Vec<(DeviceId, Vec<u8>)>,
    pub(super) overheard: Vec<(usize, Vec<u8>)>,
    pub(super) budget: usize,
    /// Facts that no server may take; of some (`false`) only a server that has not judged them.
    pub(super) forged: BTreeMap<Name, bool>,
    /// Pairs of facts of which at most one may stand.
    pub(super) either: Vec<(u8, DocId, [FactId; 2])>,
    pub(super) checked: Checked,
    pub(super) backup: Option<(store::in_memory::Backup, Promised, i64)>,
    images: Vec<(usize, Image)>,
    events: BTreeMap<(i64, u64), Event>,
    numbers: u64,
    exchanges: u64,
    trace: DefaultHasher,
    healing: bool,
    rng: Random,
}

impl World {
    /// The world of a plan, before anything happens.
    pub fn new(plan: &Plan) -> Self {
        let rng = Random::new(plan.seed);
        let mut ids = rng.fork("ids");
        let tenants = [TenantId::new(STARTS, ids.bytes()), TenantId::new(STARTS, ids.bytes())];
        let site = Site::new(rng.fork("site"), plan.nodes.max(1), tenants, STARTS);
        let mut world = Self {
            plan: plan.clone(),
            now: STARTS,
            site,
            phones: Vec::new(),
            tenants,
            crew: [Vec::new(), Vec::new()],
            desks: [Vec::new(), Vec::new()],
            jobs: Vec::new(),
            ledger: Ledger::default(),
            counts: Counts::default(),
            failure: None,
            hostile: (0, DeviceId::new(STARTS, [0; 10])),
            submissions: Vec::new(),
            overheard: Vec::new(),
            budget: 600 + ids.below(8000) as usize,
            forged: BTreeMap::new(),
            either: Vec::new(),
            checked: Checked::default(),
            backup: None,
            images: Vec::new(),
            events: BTreeMap::new(),
            numbers: 0,
            exchanges: 0,
            trace: DefaultHasher::new(),
            healing: false,
            rng: rng.fork("world"),
        };
        for _ in 0..plan.dispatchers.max(1) {
            let desk = UserId::new(STARTS, ids.bytes());
            // The same people, by id, in both tenants: an id proves nothing.
            world.desks.iter_mut().for_each(|desks| desks.push(desk));
        }
        for index in 0..usize::from(plan.phones.max(1)) + 1 {
            let tenant = (index % 2) as u8;
            let user = match tenant {
                0 => UserId::new(STARTS, ids.bytes()),
                _ => world.phones[index - 1].user,
            };
            world.join(tenant, user, ids.fork(&format!("phone {index}")));
        }
        world.hostile = (world.phones.len() - 1, world.phones[world.phones.len() - 1].device());
        for tenant in 0..2_u8 {
            let crew: Vec<UserId> =
                world.phones.iter().filter(|p| p.tenant == tenant).map(|p| p.user).collect();
            for (index, user) in crew.into_iter().enumerate() {
                let van =
                    DocId::from(VanId::new(STARTS, rng.fork(&format!("van {index}")).bytes()));
                world.crew[usize::from(tenant)].push((user, van));
                world.give_van(tenant, user, van, index as u64);
            }
        }
        for index in 0..plan.steps.len() {
            world.at(STARTS + plan.steps[index].at, Event::Step(index));
        }
        world
    }

    /// Plays the plan to its end, heals everything and checks.
    ///
    /// # Errors
    /// The first invariant that broke.
    pub fn play(mut self) -> Result<Played, Failure> {
        while let Some(((at, number), event)) = self.events.pop_first() {
            self.now = self.now.max(at);
            self.happen(number, event);
            if self.events.len() > QUEUE {
                self.fail("queues are bounded", format!("{} events wait", self.events.len()));
            }
            if self.failure.is_some() {
                break;
            }
            if self.plan.steps.last().is_none_or(|last| STARTS + last.at < at) {
                break;
            }
        }
        let healed_in = if self.failure.is_none() { self.heal() } else { 0 };
        if self.failure.is_none() {
            self.check();
        }
        if self.failure.is_none() {
            self.month_after();
            self.check();
        }
        for index in 0..self.site.places.len() {
            self.stop(index);
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Played { counts: self.counts, trace: self.trace.finish(), healed_in }),
        }
    }

    pub(super) fn fail(&mut self, invariant: &'static str, detail: impl Into<String>) {
        let at = self.now - STARTS;
        self.failure.get_or_insert_with(|| Failure { invariant, detail: detail.into(), at });
    }

    pub(super) fn at(&mut self, when: i64, event: Event) {
        self.numbers += 1;
        self.events.insert((when, self.numbers), event);
    }

    pub(super) fn after(&mut self, ms: i64, event: Event) {
        self.at(self.now + ms, event);
    }

    pub(super) fn is_healing(&self) -> bool {
        self.healing
    }

    /// Adds a phone of a technician.
    fn join(&mut self, tenant: u8, user: UserId, mut rng: Random) {
        let device = DeviceId::new(STARTS, rng.bytes());
        let page = 2 + rng.below(40) as usize;
        let phone = Handset::new(tenant, user, device, page, rng, self.now);
        let known = Device { tenant, user, key: phone.public_key(), revoked: false };
        self.site.devices.insert(device, known);
        self.phones.push(phone);
    }

    fn happen(&mut self, number: u64, event: Event) {
        let tag = std::mem::discriminant(&event);
        (self.now, number, tag).hash(&mut self.trace);
        match event {
            Event::Step(index) => self.step(self.plan.steps[index]),
            Event::Arrive(arriving) => {
                arriving.frame.hash(&mut self.trace);
                self.arrive(arriving);
            }
            Event::Read(reading) => self.read(*reading),
            Event::Reply { phone, exchange, answer } => self.reply(phone, exchange, answer),
            Event::Timeout { phone, exchange } => {
                if self.phones[phone].pending == Some(exchange) {
                    self.drive(phone, PhoneEvent::Failed(Cause::Unreachable));
                }
            }
            Event::Wake { phone, timer } => {
                if self.phones[phone].timer == timer {
                    self.wake(phone);
                }
            }
            Event::Notification { tenant, user } => {
                for phone in 0..self.phones.len() {
                    let it = &self.phones[phone];
                    let his = it.tenant == tenant && it.user == user;
                    if his && (self.healing || it.awake_until > self.now) {
                        self.wake(phone);
                    }
                }
            }
            Event::NodeUp(index) => {
                if self.site.places[index].node.is_none() {
                    self.site.start(index, self.now);
                }
            }
            Event::DatabaseUp => {
                if self.site.database.is_broken() {
                    let salt = self.rng.next();
                    self.power(salt);
                }
            }
            Event::Room => self.site.database.disk(|disk| disk.limit(None)),
            Event::PhoneRoom(phone) => {
                self.phones[phone].store.journal().disk_mut().limit(None);
            }
            Event::Mend(phone) => self.phones[phone].cut = 0,
            Event::Upgraded(index) => {
                self.site.places[index].old = false;
                self.phones.iter_mut().for_each(|phone| phone.old = false);
            }
            Event::Enrol(phone) => {
                let before = self.phones[phone].device();
                self.enrol(phone);
                let it = &self.phones[phone];
                // An app that was enrolled while someone looks at it syncs at once.
                if it.device() != before && it.awake_until > self.now {
                    self.wake(phone);
                }
            }
            Event::ServerClock(index) => self.site.places[index].clock = 0,
        }
    }
}
