//! The server's side of a world: nodes over one database, the phones they know, and their keys.

use std::collections::BTreeMap;

use ed25519_dalek::{SigningKey, VerifyingKey};
use server::auth::access::{self, Holder};
use server::auth::keys::Key;
use server::auth::{Keys, token};
use server::memory::{Database, Node};
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};

use crate::random::Random;

/// Our name in tokens.
pub const ISSUER: &str = "urn:towline:fleet";
/// Life of an access token, seconds.
const LIFE_S: i64 = 3600;

/// A phone as the office knows it.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its tenant, by number.
    pub tenant: u8,
    /// The technician.
    pub user: UserId,
    /// Its key.
    pub key: VerifyingKey,
    /// It may not sync any more.
    pub revoked: bool,
}

/// One server process, or its place while it is down.
pub struct Place {
    /// The process.
    pub node: Option<Node>,
    /// How far its wall clock is off, milliseconds.
    pub clock: i64,
    /// It runs the version before.
    pub old: bool,
}

/// Why a login or a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotIn {
    /// The server's clock and the phone's do not agree.
    Clock,
    /// The token is not believed.
    Token,
    /// The phone was revoked.
    Revoked(DeviceId),
    /// Nobody knows it.
    Unknown,
}

/// Everything at the dealership group's data centre.
pub struct Site {
    /// What the nodes share.
    pub database: Database,
    /// The nodes.
    pub places: Vec<Place>,
    /// Phones by id.
    pub devices: BTreeMap<DeviceId, Device>,
    tenants: [TenantId; 2],
    keys: Vec<(String, SigningKey, Option<i64>)>,
    cache: usize,
    rng: Random,
    /// Tokens that were verified before, with until when they may be believed unseen.
    believed: BTreeMap<(String, bool), (Holder, i64, u64)>,
    rotations: u64,
}

impl Site {
    /// Nodes over an empty database.
    pub fn new(mut rng: Random, nodes: u8, tenants: [TenantId; 2], now: i64) -> Self {
        let database = Database::new(rng.next() | 1, rng.bytes());
        let cache = 20_000 + rng.below(200_000) as usize;
        let mut site = Self {
            database,
            places: Vec::new(),
            devices: BTreeMap::new(),
            tenants,
            keys: Vec::new(),
            cache,
            rng,
            believed: BTreeMap::new(),
            rotations: 0,
        };
        for _ in 0..nodes {
            site.places.push(Place { node: None, clock: 0, old: false });
        }
        site.start_all(now);
        site.rotate(now);
        site
    }

    /// Starts every node that is down.
    pub fn start_all(&mut self, now: i64) {
        for index in 0..self.places.len() {
            if self.places[index].node.is_none() {
                self.start(index, now);
            }
        }
    }

    /// Starts a node, under an actor nobody has used.
    pub fn start(&mut self, index: usize, now: i64) {
        let actor = ActorId::new(now, self.rng.bytes());
        self.places[index].node = Some(Node::start(&self.database, actor, self.cache));
    }

    /// A fresh key signs from now on; the old ones verify for a while yet.
    pub fn rotate(&mut self, now: i64) {
        for (_, _, retired) in &mut self.keys {
            retired.get_or_insert(now);
        }
        let kid = format!("k{}", self.keys.len());
        self.keys.insert(0, (kid, SigningKey::from_bytes(&self.rng.bytes()), None));
        self.rotations += 1;
    }

    /// The key that signs now.
    pub fn signing(&self) -> (String, SigningKey) {
        let (kid, key, _) = &self.keys[0];
        (kid.clone(), key.clone())
    }

    /// Every key that ever was.
    pub fn ever(&self) -> Vec<(String, VerifyingKey)> {
        self.keys.iter().map(|(kid, key, _)| (kid.clone(), key.verifying_key())).collect()
    }

    /// Bytes of documents a node keeps in memory.
    pub fn cache(&self) -> usize {
        self.cache
    }

    /// A node's wall clock.
    pub fn wall(&self, index: usize, now: i64) -> i64 {
        now + self.places[index].clock
    }

    /// Takes an assertion and gives an access token, with the node's time.
    pub fn log_in(
        &mut self,
        index: usize,
        now: i64,
        assertion: &str,
    ) -> Result<(String, i64), NotIn> {
        let wall = self.wall(index, now);
        let id: DeviceId =
            token::kid(assertion).ok().and_then(|kid| kid.parse().ok()).ok_or(NotIn::Unknown)?;
        let device = self.devices.get(&id).ok_or(NotIn::Unknown)?;
        let taken = access::assertion(assertion, id, &device.key, ISSUER, wall / 1000);
        taken.map_err(|error| match error {
            token::TokenError::Expired | token::TokenError::Early => NotIn::Clock,
            _ => NotIn::Token,
        })?;
        let tenant = self.tenants[usize::from(device.tenant)];
        let holder = Holder { tenant, user: device.user, device: id };
        let (kid, signing, _) = &self.keys[0];
        let key = Key::new(kid.clone(), signing.clone(), None, wall);
        let jti: [u8; 12] = self.rng.bytes();
        let token = access::give(&holder, ISSUER, &key, LIFE_S, wall / 1000, &jti);
        let token = token.map_err(|_| NotIn::Token)?;
        // What was signed here just now need not be verified each time it is shown.
        if !jti[0].is_multiple_of(4) {
            self.remember(index, now, &token, holder);
        }
        Ok((token, LIFE_S * 1000))
    }

    /// Whose token this is, if they still may.
    pub fn believe(&mut self, index: usize, now: i64, token: &str) -> Result<Holder, NotIn> {
        let wall = self.wall(index, now);
        let clock = self.places[index].clock != 0;
        // The same token, a moment later, with the same keys: nothing about it has changed.
        let seen = self.believed.get(&(token.to_owned(), clock)).copied();
        let holder = match seen {
            Some((holder, until, rotations)) if now < until && rotations == self.rotations => {
                holder
            }
            _ => {
                let kid = token::kid(token).map_err(|_| NotIn::Token)?;
                let keys = self
                    .keys
                    .iter()
                    .map(|(kid, key, retired)| Key::new(kid.clone(), key.clone(), *retired, wall));
                let keys = Keys::holding(keys.collect());
                let key = keys.find(&kid).ok_or(NotIn::Token)?;
                let holder = access::believe(token, &key, ISSUER, wall / 1000);
                let holder = holder.map_err(|_| NotIn::Token)?;
                self.remember(index, now, token, holder);
                holder
            }
        };
        let device = self.devices.get(&holder.device).ok_or(NotIn::Unknown)?;
        let same =
            self.tenants[usize::from(device.tenant)] == holder.tenant && device.user == holder.user;
        match (same, device.revoked) {
            (false, _) => Err(NotIn::Token),
            (true, true) => Err(NotIn::Revoked(holder.device)),
            (true, false) => Ok(holder),
        }
    }

    fn remember(&mut self, index: usize, now: i64, token: &str, holder: Holder) {
        if self.believed.len() > 64 {
            self.believed.clear();
        }
        let clock = self.places[index].clock != 0;
        self.believed.insert((token.to_owned(), clock), (holder, now + 120_000, self.rotations));
    }

    /// Every phone a technician ever had.
    pub fn devices_of(&self, tenant: u8, user: UserId) -> Vec<DeviceId> {
        let of = self.devices.iter().filter(|(_, it)| it.tenant == tenant && it.user == user);
        of.map(|(id, _)| *id).collect()
    }

    /// A node that is up, chosen by a number.
    pub fn any_up(&self, number: u64) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.places.len()).filter(|index| self.places[*index].node.is_some()).collect();
        (!up.is_empty()).then(|| up[(number % up.len() as u64) as usize])
    }
}
