//! The server's side of a world: nodes over one database, the phones they know, and their keys.

use std::collections::BTreeMap;

use ed25519_dalek::{SigningKey, VerifyingKey};
use server::auth::Keys;
use server::auth::access::{self, Holder};
use server::auth::keys::Key;
use server::auth::token::{self, Claims, TokenError};
use store::in_memory::{Database, Node};
use sync_core::enrol::ASSERTION_SECONDS;
use sync_core::id::{ActorId, DeviceId, TenantId, UserId};

use super::keys::{PublicKey, is_signed};
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
    pub key: PublicKey,
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

/// What a phone shows to be let in.
pub enum Login<'a> {
    /// Its assertion.
    Signed(&'a str),
    /// What the assertion would say; the key with which it would be signed stands for a signature.
    Known { device: DeviceId, key: VerifyingKey, at_s: i64 },
}

/// Everything at the dealership group's data centre.
///
/// To sign and to verify costs much of a world's time, so of most logins and tokens only the claims
/// are compared, by the server's own rules, and of every few the signatures too.
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
    /// Tokens given without a signature, with the name of the key that would have signed.
    unsigned: BTreeMap<String, (String, Claims)>,
    /// What signed tokens say, with the name of the key that was seen to have signed it: the same
    /// bytes under the same key need no second look.
    proven: BTreeMap<String, (String, Claims)>,
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
            unsigned: BTreeMap::new(),
            proven: BTreeMap::new(),
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

    /// Lets a phone in and gives an access token, with its life in milliseconds.
    pub fn log_in(
        &mut self,
        index: usize,
        now: i64,
        login: Login<'_>,
    ) -> Result<(String, i64), NotIn> {
        let now_s = self.wall(index, now) / 1000;
        let id = match &login {
            Login::Signed(assertion) => {
                token::kid(assertion).ok().and_then(|kid| kid.parse().ok()).ok_or(NotIn::Unknown)?
            }
            Login::Known { device, .. } => *device,
        };
        let device = self.devices.get(&id).ok_or(NotIn::Unknown)?;
        let taken = match login {
            Login::Signed(it) => {
                access::assertion(it, id, &device.key.real, ISSUER, now_s).map(drop)
            }
            Login::Known { key, .. } if key != device.key.real => Err(TokenError::Signature),
            Login::Known { at_s, .. } => access::asserted(&assertion(id, at_s), id, ISSUER, now_s),
        };
        taken.map_err(|error| match error {
            TokenError::Expired | TokenError::Early => NotIn::Clock,
            _ => NotIn::Token,
        })?;
        let tenant = self.tenants[usize::from(device.tenant)];
        let holder = Holder { tenant, user: device.user, device: id };
        let jti: [u8; 12] = self.rng.bytes();
        let (kid, signing, _) = &self.keys[0];
        if is_signed(jti[0]) {
            let key = Key::new(kid.clone(), signing.clone(), None, now_s * 1000);
            let token = access::give(&holder, ISSUER, &key, LIFE_S, now_s, &jti);
            return Ok((token.map_err(|_| NotIn::Token)?, LIFE_S * 1000));
        }
        let claims = access::claims(&holder, ISSUER, LIFE_S, now_s, &jti);
        let token = claims.jti.clone();
        self.unsigned.insert(token.clone(), (kid.clone(), claims));
        Ok((token, LIFE_S * 1000))
    }

    /// Whose token this is, if they still may.
    pub fn believe(&mut self, index: usize, now: i64, token: &str) -> Result<Holder, NotIn> {
        let now_s = self.wall(index, now) / 1000;
        let known = self.unsigned.get(token).or_else(|| self.proven.get(token));
        let kid = match known {
            Some((kid, _)) => kid.clone(),
            None => token::kid(token).map_err(|_| NotIn::Token)?,
        };
        let key = self.verifying(&kid, now_s * 1000).ok_or(NotIn::Token)?;
        let holder = match known {
            Some((_, claims)) => access::believed(claims, ISSUER, now_s),
            None => access::proven(token, &key, ISSUER, now_s).and_then(|claims| {
                let holder = access::believed(&claims, ISSUER, now_s);
                self.proven.insert(token.to_owned(), (kid, claims));
                holder
            }),
        };
        let holder = holder.map_err(|_| NotIn::Token)?;
        let device = self.devices.get(&holder.device).ok_or(NotIn::Unknown)?;
        let same =
            self.tenants[usize::from(device.tenant)] == holder.tenant && device.user == holder.user;
        match (same, device.revoked) {
            (false, _) => Err(NotIn::Token),
            (true, true) => Err(NotIn::Revoked(holder.device)),
            (true, false) => Ok(holder),
        }
    }

    /// The key of this name, if it still verifies at this time.
    fn verifying(&self, kid: &str, wall: i64) -> Option<VerifyingKey> {
        let (kid, key, retired) = self.keys.iter().find(|(name, ..)| name == kid)?;
        Keys::holding(vec![Key::new(kid.clone(), key.clone(), *retired, wall)]).find(kid)
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

/// What the assertion of a phone says, as [`sync_core::enrol::assertion_input`] writes it.
fn assertion(device: DeviceId, at_s: i64) -> Claims {
    let id = device.to_string();
    Claims {
        iss: id.clone(),
        sub: id,
        aud: ISSUER.to_owned(),
        exp: at_s + ASSERTION_SECONDS,
        nbf: at_s,
        iat: at_s,
        jti: "unsigned".to_owned(),
        tid: None,
        did: None,
    }
}
