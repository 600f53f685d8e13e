//! The installation's secret and actor: how a store knows that it is a copy of another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use sync_core::id::ActorId;
use sync_core::sync::LocalWriter;

use super::delta::{self, damaged};
use super::{Options, State};
use crate::error::EngineError;
use crate::platform::{self, Random};
use crate::store::meta::{self, Identity, Installation};
use crate::store::{Vault, runs};

const NONCE: usize = 16;
const KEY: usize = 32;

/// What the vault keeps: which installation this is, and the device's key once it has one.
#[derive(Clone)]
pub(super) struct Secret {
    nonce: [u8; NONCE],
    key: Option<SigningKey>,
    /// The key of an enrolment that may not be stored yet: the store says which of the two holds.
    next: Option<SigningKey>,
}

impl Secret {
    fn fresh(random: &dyn Random) -> Result<Self, EngineError> {
        Ok(Self { nonce: platform::bytes(random)?, key: None, next: None })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (nonce, keys) = bytes.split_at_checked(NONCE)?;
        let (keys, rest) = keys.as_chunks::<KEY>();
        let mut keys = keys.iter().map(SigningKey::from_bytes);
        let (key, next) = (keys.next(), keys.next());
        let whole = rest.is_empty() && keys.next().is_none();
        whole.then_some(Self { nonce: nonce.try_into().ok()?, key, next })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.nonce.to_vec();
        let keys = self.key.iter().chain(&self.next);
        bytes.extend(keys.flat_map(SigningKey::to_bytes));
        bytes
    }

    /// The device's key.
    pub fn key(&self) -> Option<&SigningKey> {
        self.key.as_ref()
    }

    /// The same installation with the key of an enrolment that is about to be stored.
    pub fn with_next(&self, next: SigningKey) -> Self {
        Self { next: Some(next), ..self.clone() }
    }

    /// The same installation with the one key of the enrolment that is stored.
    pub fn settled(&self, identity: Option<&Identity>) -> Self {
        let known = identity.and_then(|identity| identity.public_key.as_deref());
        let is_known = |key: &&SigningKey| Some(public(key).as_str()) == known;
        let key = self.next.as_ref().filter(is_known).or(self.key.as_ref());
        Self { nonce: self.nonce, key: key.cloned(), next: None }
    }

    /// Keeps it in the vault.
    pub fn keep(&self, vault: &dyn Vault) -> Result<(), EngineError> {
        Ok(vault.keep(&self.to_bytes())?)
    }

    fn installation(&self) -> Installation {
        Installation(URL_SAFE_NO_PAD.encode(self.nonce))
    }
}

/// The key of a phone's enrolment from the bytes of its secret; which of two holds, the identity says.
pub(crate) fn device_key(secret: &[u8], identity: Option<&Identity>) -> Option<SigningKey> {
    Secret::parse(secret)?.settled(identity).key
}

/// The public key as an enrolment names it.
pub(super) fn public(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes())
}

impl State {
    /// Finds out whether this store belongs to this installation. A store without its secret is
    /// a copy: it gets a fresh actor, and unsent work is re-authored under it.
    pub(super) fn recognise(
        &mut self,
        vault: &dyn Vault,
        options: &Options,
    ) -> Result<(), EngineError> {
        let held = vault.load()?.as_deref().and_then(Secret::parse);
        let held = match held {
            // Power was lost while a new enrolment was stored.
            Some(secret) if secret.next.is_some() => {
                let identity: Option<Identity> = meta::get(self.store.read())?;
                let settled = secret.settled(identity.as_ref());
                settled.keep(vault)?;
                Some(settled)
            }
            held => held,
        };
        let of_store: Option<Installation> = meta::get(self.store.read())?;
        let writer: Option<meta::OwnActor> = meta::get(self.store.read())?;
        match (held, of_store, writer) {
            (Some(secret), Some(known), Some(writer)) if secret.installation() == known => {
                self.actor = writer.0;
                self.secret = Some(secret);
                Ok(())
            }
            (held, known, _) => {
                // A new store beside a secret that is already there may use it: no work of
                // another store can be confused with it, because its actor is fresh.
                let secret = match (held, known) {
                    (Some(secret), None) => secret,
                    _ => Secret::fresh(options.random.as_ref())?,
                };
                secret.keep(vault)?;
                self.secret = Some(secret);
                self.rotate(options)
            }
        }
    }

    /// Takes a fresh actor and re-authors everything that waits under it.
    pub(super) fn rotate(&mut self, options: &Options) -> Result<(), EngineError> {
        let actor = self.fresh_actor(options)?;
        let installation = self.secret.as_ref().map(Secret::installation);
        let device = self.identity.as_ref().map(|it| it.device);
        let docs = runs::docs_waiting(self.store.read())?;
        let mut next_n = self.next_n;
        let mut changed = Vec::with_capacity(docs.len());
        for doc in docs {
            let mut replica = self.cache.take(self.store.read(), doc)?;
            let own = self.actor;
            let mut writer =
                LocalWriter { next_n: &mut next_n, actor: own, fresh_actor: actor, device };
            let delta = replica.renew(&mut writer);
            changed.push((replica, delta.map_err(damaged)?));
        }
        // As in `absorb`: what is refused is stamped with the server's time, as well as it is known.
        let clock = options.clock.as_ref();
        let now = self.server_now(clock).unwrap_or_else(|| clock.wall_ms());
        self.store.save(|tx| {
            meta::put(tx, &meta::OwnActor(actor))?;
            installation.iter().try_for_each(|it| meta::put(tx, it))?;
            changed.iter().try_for_each(|(replica, delta)| delta::store(tx, replica, delta, now))
        })?;
        self.next_n = next_n;
        self.actor = actor;
        changed.into_iter().for_each(|(replica, _)| self.cache.put(replica));
        Ok(())
    }

    /// An actor nobody has used.
    pub(super) fn fresh_actor(&mut self, options: &Options) -> Result<ActorId, EngineError> {
        let (ms, tail) = self.ids.next(options.clock.wall_ms(), options.random.as_ref())?;
        Ok(ActorId::new(ms, tail))
    }
}
