//! A world: time, links, and who does what when.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ed25519_dalek::Signer as _;
use sync_core::enrol::{assertion, assertion_input};
use sync_core::id::{DeviceId, FactId, TenantId, UserId, VanId};
use sync_core::schema::{DocId, Key};
use sync_core::sync::{Failure as Cause, Outcome, PhoneEvent};
use sync_core::wire::inflate;

use super::counts::Counts;
use super::ledger::{Ledger, Name, Promised};
use super::phone::{Handset, Image, Out};
use super::plan::{Kind, Plan, Step};
use super::serve::Reading;
use super::site::{Device, ISSUER, NotIn, Site};
use crate::random::Random;

/// When worlds begin, Unix milliseconds.
pub const STARTS: i64 = 1_790_000_000_000;
/// How long a request waits for its answer.
const PATIENCE: i64 = 30_000;
/// Everything has to be settled so long after healing.
const HEALS: i64 = 60_000;
/// Events that may wait at one time.
const QUEUE: usize = 4000;
/// The key whose presence a server of the version before does not understand.
pub fn newer() -> Key {
    Key::parse("needs_newer").expect("it is a name")
}

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

/// What came of a world.
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
    Poke { tenant: u8, user: UserId },
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
    pub(super) handed_in: Vec<(DeviceId, Vec<u8>)>,
    pub(super) overheard: Vec<(usize, Vec<u8>)>,
    pub(super) budget: usize,
    /// Facts that no server may take.
    pub(super) forged: BTreeSet<Name>,
    /// Pairs of facts of which at most one may stand.
    pub(super) either: Vec<(u8, DocId, [FactId; 2])>,
    pub(super) backup: Option<(server::memory::Backup, Promised, i64)>,
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
            handed_in: Vec::new(),
            overheard: Vec::new(),
            budget: 600 + ids.below(8000) as usize,
            forged: BTreeSet::new(),
            either: Vec::new(),
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
        (0..self.site.places.len()).for_each(|index| self.stop(index));
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
        let page = 2 + rng.below(30) as usize;
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
            Event::Poke { tenant, user } => {
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
            Event::Enrol(phone) => self.enrol(phone),
            Event::ServerClock(index) => self.site.places[index].clock = 0,
        }
    }

    fn step(&mut self, step: Step) {
        let Step { kind, who, salt, .. } = step;
        self.counts.met(kind.word());
        let mut rng = Random::new(salt);
        let phone = self.some_phone(who, salt);
        let node = usize::from(who) % self.site.places.len();
        match kind {
            Kind::Call => self.call(who, &mut rng, false),
            Kind::Twin => self.call(who, &mut rng, true),
            Kind::Assign => self.assign(&mut rng),
            Kind::Clash => self.clash(&mut rng),
            Kind::Edit => self.edit(&mut rng),
            Kind::Cancel => self.cancel(&mut rng),
            Kind::Charge => self.charge(&mut rng),
            Kind::Settle => self.settle(&mut rng),
            Kind::Load => self.load(&mut rng),
            Kind::Move => self.change_van(&mut rng),
            Kind::Work | Kind::Status | Kind::Part | Kind::Void | Kind::Seal | Kind::WalkUp => {
                self.work(phone, kind, &mut rng);
            }
            Kind::Sync => {
                let it = &mut self.phones[phone];
                it.salt = salt;
                it.exchanges = 0;
                it.awake_until = self.now + 60_000 + rng.below(600_000) as i64;
                self.wake(phone);
            }
            Kind::PhoneCrash => self.crash_phone(phone, salt),
            Kind::PhoneFull => {
                let room = rng.below(2000) as usize;
                self.phones[phone].store.journal().disk_mut().limit(Some(room));
                self.after(rng.below(20_000_000) as i64, Event::PhoneRoom(phone));
            }
            Kind::PhoneFsync => self.phones[phone].store.journal().disk_mut().fail_syncs(1),
            Kind::Image => {
                let image = self.phones[phone].image();
                self.images.push((phone, image));
            }
            Kind::Restore => self.put_back(phone, salt),
            Kind::Clone => self.clone_phone(salt),
            Kind::Wipe => self.wipe(phone, salt),
            Kind::PhoneClock => self.phones[phone].clock = jump(&mut rng),
            Kind::ServerClock => {
                self.site.places[node].clock = jump(&mut rng);
                self.after(rng.below(40_000_000) as i64, Event::ServerClock(node));
            }
            Kind::Partition => {
                let cut = 1 + rng.below(3) as u8;
                self.counts.met(match cut {
                    1 => "one-way partition up",
                    2 => "one-way partition down",
                    _ => "full partition",
                });
                self.phones[phone].cut = cut;
                self.after(rng.below(30_000_000) as i64, Event::Mend(phone));
            }
            Kind::NodeCrash => {
                self.stop(node);
                self.after(rng.below(5_000_000) as i64, Event::NodeUp(node));
            }
            Kind::Power => self.power(salt),
            Kind::Full => {
                let room = rng.below(4000) as usize;
                self.site.database.disk(|disk| disk.limit(Some(room)));
                self.after(rng.below(20_000_000) as i64, Event::Room);
            }
            Kind::Fsync => self.site.database.disk(|disk| disk.fail_syncs(1)),
            Kind::Backup => {
                let copy = self.site.database.backup();
                self.backup = Some((copy, self.ledger.promised.clone(), self.now));
            }
            Kind::RestoreServer => self.restore_server(salt),
            Kind::Upgrade => {
                self.site.places[node].old = true;
                self.phones[phone].old = true;
                self.after(rng.below(80_000_000) as i64, Event::Upgraded(node));
            }
            Kind::Rotate => self.site.rotate(self.now),
            Kind::Revoke => self.revoke(phone, &mut rng),
            Kind::Forge | Kind::Equivocate | Kind::Withhold | Kind::Overwrite | Kind::Inflate => {
                self.attack(kind, &mut rng);
            }
            Kind::Replay => self.replay(&mut rng),
        }
    }

    /// An honest phone chosen by a step; a clone of it in one of two cases.
    fn some_phone(&self, who: u8, salt: u64) -> usize {
        let base = usize::from(who) % usize::from(self.plan.phones.max(1));
        let device = self.phones[base].device();
        let twin = |index: &usize| *index != base && self.phones[*index].device() == device;
        let clone = (0..self.phones.len()).find(twin);
        clone.filter(|_| salt.is_multiple_of(2)).unwrap_or(base)
    }

    /// There is a reason to sync.
    pub(super) fn wake(&mut self, phone: usize) {
        match self.phones[phone].pending {
            None => self.drive(phone, PhoneEvent::Wake),
            // Who asks during a sync gets another one after it.
            Some(_) => self.phones[phone].again = true,
        }
    }

    pub(super) fn drive(&mut self, phone: usize, event: PhoneEvent<'_>) {
        let Self { phones, counts, site, tenants, now, .. } = self;
        let it = &mut phones[phone];
        it.pending = None;
        let (tenant, user) = (it.tenant, it.user);
        let mut leak = None;
        let mut repaired = false;
        let outs = it.drive(*now, event, counts, &mut |inbox| {
            leak = leak.take().or_else(|| super::check::leak(site, tenants, tenant, user, inbox));
            repaired |= inbox.repair && inbox.cursor != 0;
        });
        it.doubtful &= !repaired;
        let over = !outs.iter().any(|out| matches!(out, Out::Send(_)));
        if over && std::mem::take(&mut it.again) {
            it.timer += 1;
            let timer = it.timer;
            self.after(5, Event::Wake { phone, timer });
            return self.finish(leak);
        }
        self.finish(leak);
        for out in outs {
            match out {
                Out::Send(frame) => self.transmit(phone, frame, false),
                Out::Wake(ms) => {
                    let it = &mut self.phones[phone];
                    it.timer += 1;
                    let (timer, until) = (it.timer, it.awake_until);
                    let ms = i64::try_from(ms).unwrap_or(i64::MAX).min(86_400_000);
                    if self.healing || self.now + ms < until {
                        self.after(ms, Event::Wake { phone, timer });
                    }
                }
                Out::Died => {
                    self.counts.met("phone died of its disk");
                    self.check_phone(phone);
                }
            }
        }
    }

    fn finish(&mut self, leak: Option<String>) {
        if let Some(leak) = leak {
            self.fail("nothing leaks between tenants or out of a scope", leak);
        }
    }

    /// Sends a frame over a link that does what links do.
    fn transmit(&mut self, phone: usize, frame: Vec<u8>, again: bool) {
        self.exchanges += 1;
        let exchange = self.exchanges;
        let it = &mut self.phones[phone];
        it.exchanges += 1;
        let mut luck = Random::new(it.salt).fork(&it.exchanges.to_string());
        it.pending = Some(exchange);
        let cut = it.cut;
        let frame = if it.old { plain(frame) } else { frame };
        let flawless = self.healing || Random::new(it.salt).one_in(3);
        self.after(PATIENCE, Event::Timeout { phone, exchange });
        if cut & 1 != 0 {
            return;
        }
        let Some(node) = self.site.any_up(luck.next()) else {
            self.counts.met("server down");
            return self.after(50, Event::Reply { phone, exchange, answer: Answer::Nobody });
        };
        let Some(token) = self.token(phone, node, again, &mut luck) else {
            return self.after(100, Event::Reply { phone, exchange, answer: Answer::Revoked });
        };
        let late = 20 + luck.below(if self.healing { 60 } else { 3000 }) as i64;
        let fate = if flawless { 99 } else { luck.below(24) };
        let (mut copy, mut twice) = (false, false);
        let mut sent = frame;
        if self.overheard.len() < 60 {
            self.overheard.push((phone, sent.clone()));
        }
        match fate {
            0 | 1 => {
                self.counts.met("request lost");
                return;
            }
            2 => {
                self.counts.met("request duplicated at once");
                twice = true;
            }
            3 => {
                self.counts.met("request duplicated and late");
                let luck = luck.fork("copy");
                let (token, frame) = (token.clone(), sent.clone());
                let arriving =
                    Arriving { phone, exchange, node, token, frame, copy: true, twice, luck };
                let much_later = 1000 + self.rng.below(7_200_000) as i64;
                self.after(much_later, Event::Arrive(arriving));
            }
            4 => {
                self.counts.met("request cut");
                sent.truncate(luck.below(sent.len() as u64) as usize);
            }
            5 => {
                self.counts.met("captive portal");
                let bytes = b"<html><body>Please log in to the network</body></html>".to_vec();
                let answer = Answer::Frame { bytes, must_hold: Vec::new() };
                return self.after(late, Event::Reply { phone, exchange, answer });
            }
            6 => {
                // It goes through, and takes longer than anybody waits.
                copy = true;
                self.counts.met("reply late");
            }
            _ => {}
        }
        let arriving = Arriving { phone, exchange, node, token, frame: sent, copy, twice, luck };
        self.after(late, Event::Arrive(arriving));
    }

    /// A token that should do, or none if the phone may not log in.
    pub(super) fn token(
        &mut self,
        phone: usize,
        node: usize,
        again: bool,
        luck: &mut Random,
    ) -> Option<String> {
        let it = &mut self.phones[phone];
        if it.locked_out {
            return None;
        }
        if !again
            && let Some((token, until)) = &it.token
            && self.now < *until
        {
            return Some(token.clone());
        }
        let device = it.device();
        // What the phone believes the server's clock says; then what the server says it is.
        let mut at = it.wall(self.now);
        for _ in 0..2 {
            let input = assertion_input(device, ISSUER, at.div_euclid(1000), luck.bytes());
            let signed = assertion(&input, &it.key().sign(input.as_bytes()).to_bytes());
            match self.site.log_in(node, self.now, &signed) {
                Ok((token, life)) => {
                    // A phone that slept does not know how long.
                    let slept = if luck.one_in(4) { 40_000_000 } else { 0 };
                    it.token = Some((token.clone(), self.now + life - 30_000 + slept));
                    return Some(token);
                }
                Err(NotIn::Clock) => {
                    self.counts.met("login refused for the clock");
                    at = self.site.wall(node, self.now);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// An answer gets as far as the link lets it.
    pub(super) fn send_back(
        &mut self,
        phone: usize,
        exchange: u64,
        answer: Answer,
        mut luck: Random,
    ) {
        let cut = self.phones[phone].cut & 2 != 0;
        let flawless = self.healing || Random::new(self.phones[phone].salt).one_in(3);
        let late = 20 + luck.below(if self.healing { 60 } else { 3000 }) as i64;
        let answer = match (answer, luck.below(20)) {
            (_, _) if cut => return,
            (Answer::Frame { .. }, 0 | 1) if !flawless => {
                self.counts.met("reply lost after commit");
                return;
            }
            (Answer::Frame { mut bytes, must_hold }, 2) if !flawless => {
                self.counts.met("reply cut");
                bytes.truncate(luck.below(bytes.len() as u64) as usize);
                Answer::Frame { bytes, must_hold }
            }
            (answer, _) => answer,
        };
        self.after(late, Event::Reply { phone, exchange, answer });
    }

    fn reply(&mut self, phone: usize, exchange: u64, answer: Answer) {
        if self.phones[phone].pending != Some(exchange) {
            return;
        }
        match answer {
            Answer::Frame { bytes, must_hold } => {
                bytes.hash(&mut self.trace);
                let before = self.phones[phone].store.tables().position;
                self.drive(phone, PhoneEvent::Frame(&bytes));
                let moved = self.phones[phone].store.tables().position != before;
                if moved {
                    self.check_cursor(phone, &must_hold);
                }
            }
            Answer::LogIn => {
                self.counts.met("token expired or unknown");
                self.phones[phone].token = None;
                self.drive(phone, PhoneEvent::Failed(Cause::Unauthorised));
            }
            Answer::Revoked => self.drive(phone, PhoneEvent::Failed(Cause::Unauthorised)),
            Answer::Nobody => self.drive(phone, PhoneEvent::Failed(Cause::Unreachable)),
        }
    }

    /// A server process ends.
    pub(super) fn stop(&mut self, index: usize) {
        if let Some(node) = self.site.places[index].node.take() {
            let done = node.done();
            self.counts.add("document evicted from the cache", done.evicted);
            self.counts.add("document loaded from a snapshot", done.from_snapshot);
            self.counts.add("document brought forward from another node", done.brought_forward);
        }
    }

    fn crash_phone(&mut self, phone: usize, salt: u64) {
        let torn = self.phones[phone].crash(salt);
        if torn {
            self.counts.met("torn write cut off");
        }
        self.check_phone(phone);
    }

    /// An image of days ago is put back: the phone forgets, and does not know it.
    fn put_back(&mut self, phone: usize, salt: u64) {
        let Some(at) = self.images.iter().position(|(of, _)| *of == phone) else { return };
        let (_, image) = self.images.remove(at);
        self.about_to_lose();
        let (tenant, user) = (self.phones[phone].tenant, self.phones[phone].user);
        self.phones[phone] = Handset::from_image(tenant, user, &image, Random::new(salt));
        if salt.is_multiple_of(4) {
            self.counts.met("copy recognised by its missing secret");
            let recognised = self.phones[phone].recognise(self.now);
            debug_assert!(recognised.is_ok());
            self.after(3_600_000, Event::Enrol(phone));
        }
        self.forget_what_is_gone();
    }

    /// An image runs beside the phone it was taken of.
    fn clone_phone(&mut self, salt: u64) {
        if self.images.is_empty() || self.phones.len() > usize::from(self.plan.phones) + 3 {
            return;
        }
        let at = (salt % self.images.len() as u64) as usize;
        let (of, image) = self.images.remove(at);
        let (tenant, user) = (self.phones[of].tenant, self.phones[of].user);
        self.phones.push(Handset::from_image(tenant, user, &image, Random::new(salt)));
    }

    fn wipe(&mut self, phone: usize, salt: u64) {
        self.about_to_lose();
        let mut rng = Random::new(salt);
        let (tenant, user) = (self.phones[phone].tenant, self.phones[phone].user);
        let device = DeviceId::new(self.now, rng.bytes());
        let page = 2 + rng.below(30) as usize;
        let fresh = Handset::new(tenant, user, device, page, rng, self.now);
        let known = Device { tenant, user, key: fresh.public_key(), revoked: false };
        self.site.devices.insert(device, known);
        self.phones[phone] = fresh;
        self.images.retain(|(of, _)| *of != phone);
        self.forget_what_is_gone();
    }

    /// The office enrols a phone anew for the same technician.
    pub(super) fn enrol(&mut self, phone: usize) {
        let old = self.phones[phone].device();
        let revoked = self.site.devices.get(&old).is_none_or(|device| device.revoked);
        if !revoked && !self.phones[phone].locked_out {
            return;
        }
        let device = DeviceId::new(self.now, self.rng.bytes());
        let it = &mut self.phones[phone];
        it.store.journal().disk_mut().limit(None);
        if it.enrol(self.now, device).is_err() {
            let salt = self.rng.next();
            self.phones[phone].crash(salt);
            return self.after(60_000, Event::Enrol(phone));
        }
        let (tenant, user, key) = (it.tenant, it.user, it.public_key());
        self.site.devices.insert(device, Device { tenant, user, key, revoked: false });
        self.counts.met("phone enrolled anew");
    }

    fn revoke(&mut self, phone: usize, rng: &mut Random) {
        let device = self.phones[phone].device();
        if let Some(device) = self.site.devices.get_mut(&device) {
            device.revoked = true;
        }
        self.after(rng.below(100_000_000) as i64, Event::Enrol(phone));
    }

    /// The database loses power and comes back; what was promised must be there.
    pub(super) fn power(&mut self, salt: u64) {
        let mut rng = Random::new(salt);
        if self.site.database.is_broken() {
            self.counts.met("commit unknown after a failed sync");
        }
        self.site.database.crash(|| rng.next());
        self.check_promises();
    }

    fn restore_server(&mut self, salt: u64) {
        let Some((backup, promised, taken)) = self.backup.take() else { return };
        if self.now - taken > 3 * 86_400_000 {
            return;
        }
        self.about_to_lose();
        let mut rng = Random::new(salt);
        let database = server::memory::Database::restore(&backup, rng.next() | 1);
        self.site.database = database;
        (0..self.site.places.len()).for_each(|index| self.stop(index));
        self.site.start_all(self.now);
        self.ledger.promised = promised;
        self.ledger.promised.forget_verdicts();
        self.counts.met("server restored after losing work");
        self.forget_what_is_gone();
    }

    fn replay(&mut self, rng: &mut Random) {
        if self.overheard.is_empty() {
            return;
        }
        let at = rng.below(self.overheard.len() as u64) as usize;
        let (phone, frame) = self.overheard.swap_remove(at);
        let Some(node) = self.site.any_up(rng.next()) else { return };
        let Some((token, _)) = self.phones[phone].token.clone() else { return };
        let luck = rng.fork("replay");
        let arriving =
            Arriving { phone, exchange: 0, node, token, frame, copy: true, twice: false, luck };
        self.after(1, Event::Arrive(arriving));
    }

    /// Everything that is broken is mended, and everybody has coverage. Gives how long it took
    /// until nothing waited.
    fn heal(&mut self) -> i64 {
        self.now += 1000;
        self.events.clear();
        self.site.database.disk(|disk| {
            disk.limit(None);
            disk.fail_syncs(0);
        });
        let salt = self.rng.next();
        self.power(salt);
        for place in &mut self.site.places {
            (place.clock, place.old) = (0, false);
        }
        self.site.start_all(self.now);
        for phone in 0..self.phones.len() {
            let disk = self.phones[phone].store.journal().disk_mut();
            disk.limit(None);
            disk.fail_syncs(0);
            self.phones[phone].crash(phone as u64);
            let it = &mut self.phones[phone];
            (it.cut, it.clock, it.old) = (0, 0, false);
            self.enrol(phone);
        }
        self.accept_handed_in();
        self.countersign_left_over();
        self.healing = true;
        let began = self.now;
        for phone in 0..self.phones.len() {
            self.wake(phone);
        }
        let mut settled_at = None;
        while let Some(((at, number), event)) = self.events.pop_first() {
            if at > began + HEALS || self.failure.is_some() {
                break;
            }
            self.now = at;
            self.happen(number, event);
            match (self.is_settled(), settled_at) {
                (true, None) => settled_at = Some(self.now),
                (false, Some(_)) => settled_at = None,
                _ => {}
            }
        }
        match settled_at {
            Some(at) => at - began,
            None => {
                if self.failure.is_none() {
                    let wedged = self.explain();
                    self.fail("every queue empties within 60 s of healing", wedged);
                }
                HEALS
            }
        }
    }

    /// Whether nothing is on its way and every phone is content.
    fn is_settled(&self) -> bool {
        self.phones.iter().all(|phone| {
            let content = phone.ended == Some(Outcome::UpToDate);
            phone.pending.is_none() && content && !phone.store.tables().any_unsettled()
        })
    }

    fn explain(&self) -> String {
        let mut said = String::new();
        for (index, phone) in self.phones.iter().enumerate() {
            let (rows, _) = phone.store.tables().unsettled(usize::MAX);
            let content = phone.ended == Some(Outcome::UpToDate);
            if rows.is_empty() && content && phone.pending.is_none() {
                continue;
            }
            said.push_str(&format!("phone {index} {:?} {} waiting", phone.ended, rows.len()));
            for row in rows.iter().take(3) {
                let run = &row.run;
                said.push_str(&format!(
                    " [{:?} {} {}..{} {:?}]",
                    run.doc,
                    run.actor(),
                    run.first_seq(),
                    run.last_seq(),
                    row.standing
                ));
            }
            said.push_str("; ");
        }
        said
    }
}

/// A jump of a clock by up to ten years, either way.
fn jump(rng: &mut Random) -> i64 {
    const TEN_YEARS: i64 = 10 * 365 * 24 * 3600 * 1000;
    rng.between(-TEN_YEARS, TEN_YEARS)
}

/// The frame of an app that does not deflate.
fn plain(frame: Vec<u8>) -> Vec<u8> {
    if frame.len() < 3 || frame[2] != 1 {
        return frame;
    }
    match inflate(&frame[3..], sync_core::limits::FRAME_BYTES) {
        Ok(body) => [&frame[..2], &[0], &body[..]].concat(),
        Err(_) => frame,
    }
}
